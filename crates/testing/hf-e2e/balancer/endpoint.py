"""An HTTP/1.1 server that writes down every id that it carried out: `endpoint.py ADDRESS PORT ZONE FILE`.

A line for each request, before its answer: the instant in milliseconds since 1970, the method, the id. /healthz is not written down.
While there is a file FILE.late, answers to all but /healthz come half a second late.
"""

import asyncio
import os
import sys
import time

ADDRESS, PORT, ZONE, FILE = sys.argv[1:5]
journal = open(FILE, "a", buffering=1)


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target = head.split(" ", 2)[:2]
            length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
            body = (await reader.readexactly(length)).decode() if length else ""
            if target == "/healthz":
                text = b"ok"
            else:
                journal.write(f"{time.time() * 1000:.0f} {method} {body or target}\n")
                # As long as an application may take, so that some are always under way.
                await asyncio.sleep(0.5 if os.path.exists(FILE + ".late") else 0.01)
                text = ZONE.encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, ADDRESS, int(PORT), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
