"""Connections and requests of all kinds come and go, and the node's memory stays where it is: `churn.py ADDRESS PROCESS SECONDS RATE OPEN`.

1. Endpoints stand at ADDRESS:9001 and 9002 (HTTP/1.1) and 9003 (echo); the balancer's pools are at 8080, 8443 (TLS) and 8081 (tcp).
2. RATE turns begin in a second, of each kind in its turn; with 0 as many as eight clients at a time make. A turn is one connection or a few with what
   is asked on them. Ten seconds after one another a zone leaves and comes back.
3. OPEN idle connections are there before and while (`hold.py`, a process of its own: each may open so many files).
4. The first third is warm-up. Then the most that is resident in the next quarter of the rest is compared with the most of the last one.
5. It ends with 0 when every turn went as it should and memory grew by less than 5 % and 2 MiB.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.events

ADDRESS, PROCESS, SECONDS, RATE, OPEN = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
# Long: it may have what others leave of the machine.
LIMIT_S = 120
# Between two looks at the memory.
SAMPLE_S = 0.1
LARGE = b"x" * (256 << 10)
BODY = b"y" * 40_000
turns, requests, connections = {}, 0, 0
wrong = []
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
tls.set_alpn_protocols(["http/1.1"])
tls2 = ssl.create_default_context()
tls2.check_hostname, tls2.verify_mode = False, ssl.CERT_NONE
tls2.set_alpn_protocols(["h2"])


# The endpoints.

async def read_message(reader, head):
    low = head.lower()
    if "transfer-encoding: chunked" in low:
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            piece = await reader.readexactly(size + 2)
            if size == 0:
                return body
            body += piece[:-2]
    lengths = [line.split(":")[1] for line in low.split("\r\n") if line.startswith("content-length:")]
    return await reader.readexactly(int(lengths[0])) if lengths else b""


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1]
            body = await read_message(reader, head)
            if path.startswith("/reset"):
                writer.transport.abort()
                return
            if path.startswith("/upgrade"):
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
                while await reader.read(1 << 16):
                    writer.write(b"\x81\x02ok")
                writer.close()
                return
            if path.startswith("/slow"):
                await asyncio.sleep(0.05)
            status = "500 No" if path.startswith("/500") else "200 OK"
            answer = LARGE if path.startswith("/large") else body or b"ok"
            if path.startswith("/chunked"):
                writer.write(f"HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n{len(answer):x}\r\n".encode() + answer + b"\r\n0\r\n\r\n")
            else:
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def echo(reader, writer):
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


# The clients.

async def connect(port, context=None):
    global connections
    connections += 1
    return await asyncio.open_connection(ADDRESS, port, ssl=context)


def request(path, more="", body=b"", method="GET"):
    global requests
    requests += 1
    length = f"content-length: {len(body)}\r\n" if body else ""
    return f"{method} {path}?{requests} HTTP/1.1\r\nhost: churn.test\r\nx-number: {requests}\r\n{length}{more}\r\n".encode() + body


async def answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    return int(head.split(" ")[1]), await read_message(reader, head)


def check(got, want):
    if got != want:
        raise AssertionError(f"{str(got)[:200]} instead of {str(want)[:60]}")


async def one_each(port=8080, context=None):
    reader, writer = await connect(port, context)
    writer.write(request("/", "connection: close\r\n"))
    check(await answer(reader), (200, b"ok"))
    check(await reader.read(), b"")
    writer.close()


async def kept(port=8080, context=None):
    """A connection that is used again, by many requests one after the other and by some at once."""
    reader, writer = await connect(port, context)
    for path in ["/", "/chunked", "/slow", "/500"] * 4:
        writer.write(request(path))
        check(await answer(reader), (500 if path == "/500" else 200, b"ok"))
    writer.write(b"".join(request("/") for _ in range(5)))
    for _ in range(5):
        check(await answer(reader), (200, b"ok"))
    writer.close()


async def bodies():
    reader, writer = await connect(8080)
    writer.write(request("/", body=BODY, method="POST"))
    check(await answer(reader), (200, BODY))
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(BODY), BODY) for _ in range(3)) + b"0\r\n\r\n"
    writer.write(request("/", "transfer-encoding: chunked\r\n", method="PUT") + pieces)
    check(await answer(reader), (200, BODY * 3))
    writer.write(request("/large"))
    check(await answer(reader), (200, LARGE))
    writer.close()


async def refused():
    reader, writer = await connect(8080)
    writer.write(request("/", "transfer-encoding: chunked\r\ncontent-length: 3\r\n"))
    check((await answer(reader))[0], 400)
    writer.close()


async def broken_endpoint():
    """The endpoint resets: idempotent requests are sent to the other zone, which resets, too."""
    reader, writer = await connect(8080)
    writer.write(request("/reset"))
    check((await answer(reader))[0], 502)
    writer.write(request("/reset", body=b"once", method="POST"))
    check((await answer(reader))[0], 502)
    writer.close()


async def torn():
    """Clients that go in the middle of a head, of a body, of their wait, of an answer."""
    for begin in [b"GET / HT", request("/", "content-length: 70000\r\n", method="POST") + b"abc", request("/slow"), request("/large")]:
        _, writer = await connect(8080)
        writer.write(begin)
        await writer.drain()
        writer.transport.abort()


async def half_closed():
    reader, writer = await connect(8080)
    writer.write(request("/slow"))
    writer.write_eof()
    check(await answer(reader), (200, b"ok"))
    check(await reader.read(), b"")
    writer.close()


async def slow_reader(port=8080, context=None):
    """Takes a long answer in small pieces."""
    global connections
    connections += 1
    # A small buffer, so that most of the answer waits in the balancer.
    with contextlib.closing(socket.socket()) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (ADDRESS, port))
        reader, writer = await asyncio.open_connection(sock=plain.dup(), ssl=context, server_hostname="churn.test" if context else None, limit=4096)
        writer.write(request("/large", "connection: close\r\n"))
        head = await reader.readuntil(b"\r\n\r\n")
        check(head.split(b" ")[1], b"200")
        got = 0
        while piece := await reader.read(8192):
            got += len(piece)
            await asyncio.sleep(0.01)
        check(got, len(LARGE))
        writer.close()


async def deaf():
    """Asks for more than any buffer holds, reads nothing and goes."""
    _, writer = await connect(8080)
    writer.transport.pause_reading()
    writer.write(b"".join(request("/large") for _ in range(40)))
    await asyncio.sleep(0.2)
    writer.transport.abort()


async def upgraded():
    reader, writer = await connect(8080)
    writer.write(request("/upgrade", "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"))
    head = await reader.readuntil(b"\r\n\r\n")
    check(head.split(b" ")[1], b"101")
    for _ in range(5):
        writer.write(b"\x81\x82\0\0\0\0hi")
        check(await reader.readexactly(4), b"\x81\x02ok")
    writer.close()


async def session():
    reader, writer = await connect(8081)
    for _ in range(3):
        writer.write(BODY)
        check(await reader.readexactly(len(BODY)), BODY)
    writer.write_eof()
    check(await reader.read(), b"")
    writer.close()


async def streams(port=8080, context=None):
    """HTTP/2: many streams, every seventh taken back."""
    global requests
    reader, writer = await connect(port, context)
    http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    http2.initiate_connection()
    open_streams, got = set(), {}
    for number in range(21):
        requests += 1
        stream = http2.get_next_available_stream_id()
        path = ["/", "/large", "/chunked"][number % 3]
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "churn.test"), (":path", f"{path}?{requests}"), ("x-number", str(requests))]
        http2.send_headers(stream, fields, end_stream=True)
        if number % 7 == 6:
            http2.reset_stream(stream, 8)
        else:
            open_streams.add(stream)
            got[stream] = 0
    writer.write(http2.data_to_send())
    while open_streams:
        data = await reader.read(1 << 16)
        if not data:
            raise AssertionError(f"ended with {len(open_streams)} streams open")
        for event in http2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                got[event.stream_id] = got.get(event.stream_id, 0) + len(event.data)
            elif isinstance(event, h2.events.StreamEnded):
                open_streams.discard(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                raise AssertionError(f"stream {event.stream_id} was reset with {event.error_code}")
        writer.write(http2.data_to_send())
    check(sorted(set(got.values())), [2, len(LARGE)])
    writer.close()


KINDS = {
    "new connection": one_each,
    "kept connection": kept,
    "bodies": bodies,
    "refused": refused,
    "resetting endpoint": broken_endpoint,
    "torn": torn,
    "half-closed": half_closed,
    "slow reader": slow_reader,
    "reads nothing": deaf,
    "upgraded": upgraded,
    "tcp session": session,
    "HTTP/2": streams,
    "TLS, slow reader": lambda: slow_reader(8443, tls),
    "TLS": lambda: one_each(8443, tls),
    "TLS, kept": lambda: kept(8443, tls),
    "TLS, HTTP/2": lambda: streams(8443, tls2),
}


async def turn(kind):
    turns[kind] = turns.get(kind, 0) + 1
    try:
        async with asyncio.timeout(LIMIT_S):
            await KINDS[kind]()
    except (OSError, TimeoutError, AssertionError, asyncio.IncompleteReadError) as error:
        wrong.append(f"{kind}: {error!r}")


shifted, returned, not_done = 0, 0, []


async def shifts(ending):
    """A zone leaves for three of every ten seconds, and is back at the end."""
    global shifted, returned
    program = os.environ["HOLDFAST"]

    async def run(*words):
        command = await asyncio.create_subprocess_exec(program, *words, "-o", "json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, error = await command.communicate()
        if command.returncode:
            raise AssertionError(f"{words}: {error.decode()}")
        return json.loads(out)

    async def take_back():
        """Until none is in force, and says whether one was: a command that ran into its deadline may have done what it was to do, or do it yet."""
        was_there = False
        while True:
            try:
                in_force = (await run("shift", "list", "--state", "active"))["shifts"]
                if not in_force:
                    return was_there
                was_there = True
                for shift in in_force:
                    await run("shift", "cancel", shift["id"])
            except AssertionError as error:
                not_done.append(str(error))
                await asyncio.sleep(1)

    while not ending.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), 7)
            return
        is_known = False
        try:
            shift = await run("shift", "start", "az2", "--for", "1m", "--reason", "churn")
            is_known = True
            await asyncio.sleep(3)
            await run("shift", "cancel", shift["id"])
        except AssertionError as error:
            not_done.append(str(error))
        shifted += is_known
        was_there = await take_back()
        shifted += was_there and not is_known
        returned += was_there or is_known


class Held:
    """Connections that stay open."""

    def __init__(self):
        self.last = "0"
        self.is_there = asyncio.Event()

    async def start(self):
        script = os.path.join(os.path.dirname(__file__), "hold.py")
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(sys.executable, script, ADDRESS, "8080", OPEN, stdin=pipe, stdout=pipe)
        self.following = asyncio.create_task(self.follow())

    async def follow(self):
        while line := await self.process.stdout.readline():
            self.last = line.decode().strip()
            if not self.last.isdigit():
                print(self.last)
            elif self.last == OPEN:
                self.is_there.set()
        if await self.process.wait():
            wrong.append(f"held connections: {self.last}")
        self.is_there.set()

    async def end(self):
        self.process.stdin.close()
        await self.following


def resident_kib():
    with open(f"/proc/{PROCESS}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


async def sample(begun, samples):
    """Apart from the turns: one of them may take long."""
    while True:
        samples.append((time.monotonic() - begun, resident_kib()))
        await asyncio.sleep(SAMPLE_S)


async def main():
    for port, kind in [(9001, serve), (9002, serve), (9003, echo)]:
        await asyncio.start_server(kind, ADDRESS, port, backlog=1024)
    held = Held()
    empty = resident_kib()
    await held.start()
    await held.is_there.wait()
    print(f"resident {empty} KiB at first, {resident_kib()} KiB with {held.last} open connections", flush=True)
    ending = asyncio.Event()
    shifting = asyncio.create_task(shifts(ending))
    begun, number, samples, told = time.monotonic(), 0, [], 0
    sampling = asyncio.create_task(sample(begun, samples))
    kinds, under_way = list(KINDS), set()
    elapsed = 0
    while elapsed < SECONDS and len(wrong) < 20:
        if RATE:
            await asyncio.sleep(max(0, begun + number / RATE - time.monotonic()))
        elif len(under_way) >= 8:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(turn(kinds[number % len(kinds)]))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        number += 1
        elapsed = time.monotonic() - begun
        if elapsed - told > 60:
            told = elapsed
            print(f"after {elapsed:.0f} s: {number} turns, {requests} requests, {held.last} held, {resident_kib()} KiB", flush=True)
    sampling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sampling
    if under_way:
        await asyncio.wait(under_way)
    ending.set()
    try:
        await asyncio.wait_for(shifting, LIMIT_S)
    except TimeoutError:
        wrong.append("the zone did not come back at the end")
    await held.end()
    if not shifted or not returned:
        wrong.extend([f"a zone left {shifted} times and came back {returned} times"] + not_done[:5])
    print(f"{shifted} shifts and {returned} returns; {len(not_done)} commands not done in time")
    print(", ".join(f"{kind} {count}" for kind, count in turns.items()))
    quarter = elapsed / 6
    first = max((kib for at, kib in samples if 2 * quarter <= at < 3 * quarter), default=0)
    last = max((kib for at, kib in samples if at >= elapsed - quarter), default=0)
    if not first or not last:
        wrong.append(f"{len(samples)} looks at the memory are too few")
    for line in wrong[:20]:
        print(line)
    print(f"{number} turns in {elapsed:.0f} s: {connections} connections, {requests} requests; resident {first} KiB after warm-up, {last} KiB at the end, {(last - first) * 100 / max(first, 1):+.1f} %", flush=True)
    # At once: endpoints of ours that still wait are nobody's loss.
    os._exit(1 if wrong or last > first * 1.05 + 2048 else 0)


asyncio.run(main())
