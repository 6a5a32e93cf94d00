"""Node's and Python's own servers behind the balancer: `server_checks.py ADDRESS`; 0 when all is well.

Pools, by port: 8080 Node and 8081 Python, whose connections the balancer lets go long before the servers do; 8082 and 8083 the same programs
with servers that close theirs first, again and again, while requests are on their way.
"""

import asyncio
import sys

ADDRESS = sys.argv[1]
failed = 0


def tell(what, good, more=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {what} {more if not good else ''}", flush=True)


async def read_answer(reader):
    """Status, fields, body, trailers, and how many chunks it came in."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    status, body, trailers, chunks = int(lines[0].split(" ")[1]), b"", {}, 0
    if status == 100:
        return status, fields, body, trailers, 0
    if fields.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
            chunks += 1
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            name, value = line.decode().strip().lower().split(": ", 1)
            trailers[name] = value
    else:
        body = await reader.readexactly(int(fields["content-length"]))
    return status, fields, body, trailers, chunks


async def ask(port, text, body=b""):
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(text.encode() + body)
    answer = await read_answer(reader)
    writer.close()
    return answer


async def messages(port, server):
    chunked = b"".join(f"{piece} ".encode() * piece for piece in range(100))
    status, fields, body, _, chunks = await ask(port, "GET /chunked HTTP/1.1\r\nhost: a\r\n\r\n")
    tell(f"{server}: an answer in chunks", (status, body) == (200, chunked) and chunks > 1 and fields["x-server"] == server, (status, len(body), chunks))
    status, fields, body, _, _ = await old(port)
    tell(f"{server}: the same for HTTP/1.0, without chunks, to the end", (status, body) == (200, chunked) and "transfer-encoding" not in fields, (status, len(body)))
    sent = b"".join(b"%x\r\n%s\r\n" % (size, b"z" * size) for size in (1, 1000, 70000)) + b"0\r\n\r\n"
    status, _, body, _, _ = await ask(port, "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", sent)
    tell(f"{server}: a request in chunks", (status, body) == (200, b"z" * 71001), (status, len(body)))

    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(b"POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 50000\r\n\r\n")
    status, *_ = await asyncio.wait_for(read_answer(reader), 5)
    tell(f"{server}: 100 Continue before the body is sent", status == 100, status)
    writer.write(b"w" * 50000)
    status, fields, body, _, _ = await read_answer(reader)
    tell(f"{server}: and the whole body then", (status, body, fields["x-expect"]) == (200, b"w" * 50000, "none"), (status, len(body), fields))
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    status, _, body, _, _ = await read_answer(reader)
    tell(f"{server}: the connection goes on after it", (status, body) == (200, b"ok"), status)
    writer.close()

    reader, writer = await asyncio.open_connection(ADDRESS, port)
    for _ in range(5):
        writer.write(b"GET /close HTTP/1.1\r\nhost: a\r\n\r\n")
        status, fields, body, _, _ = await read_answer(reader)
        if (status, body) != (200, b"bye") or "connection" in fields:
            tell(f"{server}: an endpoint that closes", False, (status, fields))
    tell(f"{server}: an endpoint that closes each connection keeps no client from keeping its own", True)
    writer.close()


async def old(port):
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(b"GET /chunked HTTP/1.0\r\nhost: a\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    body = await reader.read()
    writer.close()
    return int(head.split(" ")[1]), dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line), body, {}, 0


async def trailers(port):
    status, fields, body, got, _ = await ask(port, "GET /trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
    tell("node: trailers of an answer", (status, body, got) == (200, b"body", {"x-sum": "4"}), (status, fields, body, got))
    sent = b"3\r\nabc\r\n0\r\nx-sent: by-us\r\n\r\n"
    status, _, body, got, _ = await ask(port, "POST /echo HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntrailer: x-sent\r\ntransfer-encoding: chunked\r\n\r\n", sent)
    tell("node: trailers of a request", (status, body, got) == (200, b"abc", {"x-came": "by-us"}), (status, body, got))


async def races(port, server, method, gaps_ms, count):
    """Requests after pauses around the time at which the endpoint closes its idle connection; on as many connections as gaps."""
    bad = []

    async def client(gap_ms):
        reader, writer = await asyncio.open_connection(ADDRESS, port)
        for number in range(count):
            body = b"" if method == "GET" else b"once"
            writer.write(f"{method} /echo?{gap_ms}-{number} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            status, _, got, _, _ = await read_answer(reader)
            if status != 200:
                bad.append((gap_ms, number, status, got))
            await asyncio.sleep(gap_ms / 1000)
        writer.close()

    await asyncio.gather(*(client(gap) for gap in gaps_ms))
    tell(f"{server}: {len(gaps_ms) * count} times {method} around the end of kept connections", not bad, bad[:3])


async def main():
    for port, server in [(8080, "node"), (8081, "python")]:
        await messages(port, server)
        # The balancer closes first: nothing crosses, not even what may be sent once only.
        await races(port, server, "POST", [600, 700, 800, 900, 1000, 1100], 4)
    await trailers(8080)
    for port, server in [(8082, "node"), (8083, "python")]:
        # The server closes after 200 ms: a request that crosses that is sent again.
        await races(port, server, "GET", [190, 195, 198, 199, 200, 201, 202, 205, 210, 1190, 1200], 12)
    sys.exit(failed > 0)


asyncio.run(main())
