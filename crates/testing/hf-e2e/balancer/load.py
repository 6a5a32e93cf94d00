"""A steady load that does not wait for answers: `load.py RATE FILE ADDRESS:PORT[/post]...`, until a line comes on its standard input or it is closed.

1. Request n begins n/RATE seconds after the start, whatever became of those before; its latency counts from that instant, so that a stall
   is not hidden by the requests that it held back (coordinated omission).
2. Connections are kept and used again. One that ends before a byte of an answer was idle in the balancer's eyes: the request is sent once
   more on a new one, as browsers and libraries do. Endpoints count ids: had it been carried out before, it is there twice.
3. Anything else but 200 is a failure; a line of FILE each. The last line is a summary in JSON.
"""

import asyncio
import json
import sys
import time

RATE, FILE, PLACES = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
LIMIT_S = 10
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


async def one(number, due):
    global again
    place = PLACES[number % len(PLACES)]
    where, _, kind = place.partition("/")
    address, port = where.split(":")
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
                reader, writer = idle[place].pop() if is_kept else await asyncio.open_connection(address, int(port))
                if is_kept and reader.at_eof():
                    writer.close()
                    continue
                writer.write(request.encode())
                try:
                    status, body, may_keep = await answer(reader)
                except Crossed:
                    writer.close()
                    if not is_kept:
                        raise
                    again += 1
                    continue
                break
        if may_keep:
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
