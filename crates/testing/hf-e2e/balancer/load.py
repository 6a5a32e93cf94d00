"""A steady load that does not wait for answers: `load.py RATE FILE ADDRESS:PORT[/post]...`, until a line comes on its standard input or it is closed.

1. Request n begins n/RATE seconds after the start, whatever became of those before; its latency counts from that instant, so that a stall
   is not hidden by the requests that it held back (coordinated omission).
2. Connections are kept and used again. One that ends before a byte of an answer was idle in the balancer's eyes: the request is sent once
   more on a new one, as browsers and libraries do. Endpoints count ids: had it been carried out before, it is there twice.
3. A connection that is refused, or ends before a byte of an answer, sends its request to the next place of its kind, where FALL_OVER is set:
   so do clients that know several addresses.
4. Connections come from the addresses of SOURCES in turn, where it is set: a service has more than one client.
5. Anything else but 200 is a failure. FILE has a summary in JSON.
"""

import asyncio
import itertools
import json
import os
import sys
import time

RATE, FILE, PLACES = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
LIMIT_S = 10
FALL_OVER = "FALL_OVER" in os.environ
SOURCES = itertools.cycle([(source, 0) for source in os.environ.get("SOURCES", "").split()] or [None])
idle = {place: [] for place in PLACES}
latencies_ms, failures, posted, again = [], [], [], 0


class Crossed(Exception):
    """The connection ended before a byte of an answer."""


async def answer(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if not end.partial:
            raise Crossed from None
        raise
    except ConnectionResetError:
        raise Crossed from None
    low = head.decode("latin-1").lower()
    length = int(low.split("content-length:")[1].split("\r\n")[0])
    body = await reader.readexactly(length)
    return int(low.split(" ")[1]), body, "connection: close" not in low


async def connect(place):
    address, port = place.partition("/")[0].split(":")
    return await asyncio.open_connection(address, int(port), local_addr=next(SOURCES))


async def one(number, due):
    global again
    at = number
    place = PLACES[at % len(PLACES)]
    kind = place.partition("/")[2]
    name = f"id-{number}"
    if kind == "post":
        posted.append(name)
        request = f"POST / HTTP/1.1\r\nhost: www.shop.test\r\ncontent-length: {len(name)}\r\n\r\n{name}"
    else:
        request = f"GET /{name} HTTP/1.1\r\nhost: www.shop.test\r\n\r\n"
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                is_kept = bool(idle[place])
                try:
                    reader, writer = idle[place].pop() if is_kept else await connect(place)
                except ConnectionRefusedError:
                    if not FALL_OVER:
                        raise
                    again += 1
                    at += 1
                    while PLACES[at % len(PLACES)].partition("/")[2] != kind:
                        at += 1
                    place = PLACES[at % len(PLACES)]
                    continue
                if is_kept and reader.at_eof():
                    writer.close()
                    continue
                writer.write(request.encode())
                try:
                    status, body, may_keep = await answer(reader)
                except Crossed:
                    writer.close()
                    if not is_kept and not FALL_OVER:
                        raise
                    again += 1
                    continue
                break
        if may_keep and "SOURCES" not in os.environ:
            idle[place].append((reader, writer))
        else:
            writer.close()
        if status != 200:
            failures.append(f"{number} {place}: {status} {body!r}")
    except (OSError, TimeoutError, Crossed, asyncio.IncompleteReadError) as error:
        failures.append(f"{number} {place}: {error!r}")
    latencies_ms.append((time.monotonic() - due) * 1000)


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_reader(sys.stdin, stop.set)
    begun, number, tasks = time.monotonic(), 0, set()
    while not stop.is_set():
        due = begun + number / RATE
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    while tasks:
        await asyncio.wait(set(tasks))
    latencies_ms.sort()
    at = lambda share: round(latencies_ms[min(len(latencies_ms) - 1, int(len(latencies_ms) * share))], 1)
    with open(FILE, "w") as out:
        out.write(json.dumps({
            "requests": number, "seconds": round(time.monotonic() - begun, 1), "failures": failures, "posted": posted, "again": again,
            "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "max_ms": at(1),
        }))


asyncio.run(main())
