"""WebSocket with the client and server of `websockets` through the balancer: messages, fragments, pings, close codes, a shift.

Usage: websocket_talk.py ADDRESS. The balancer (zone az1, a drain of 3 s) listens at ADDRESS:8080; servers are here: ADDRESS:9001 in az1,
ADDRESS:9002 in az2. `holdfast` is in HOLDFAST, and finds the node by its environment. (The Autobahn suite needs Python 2, which no
system of ours has.)
"""

import asyncio
import json
import os
import sys
import time

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

ADDRESS = sys.argv[1]
FAILED = []


def expect(what, got, wanted):
    print("ok    " if got == wanted else "FAILED", what, "" if got == wanted else f"got {got!r:.300}, wanted {wanted!r:.300}")
    if got != wanted:
        FAILED.append(what)


def server(zone):
    async def talk(socket):
        async for message in socket:
            if message == "zone":
                await socket.send(zone)
            elif isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await socket.close(int(code), reason)
            elif message == "fragments":
                await socket.send(part for part in ["one ", "two ", "three"])
            elif message == "ping":
                await (await socket.ping(b"from the server"))
                await socket.send("pong came")
            elif message == "path":
                await socket.send(socket.request.path + " " + str(socket.request.headers.get("X-Forwarded-For")))
            else:
                await socket.send(message)
    return talk


def refuse(connection, request):
    if request.path == "/refused":
        return connection.respond(403, "not for you\n")
    return None


async def holdfast(*arguments):
    process = await asyncio.create_subprocess_exec(os.environ["HOLDFAST"], *arguments, stdout=asyncio.subprocess.PIPE)
    told, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, arguments
    return told


def to(path="/", **options):
    return connect(f"ws://{ADDRESS}:8080{path}", open_timeout=10, max_size=32 << 20, **options)


async def ask(socket, message):
    await socket.send(message)
    return await asyncio.wait_for(socket.recv(), 20)


async def closed(socket):
    """The code and reason that the client is told."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 20)
    except ConnectionClosed as end:
        return (end.rcvd.code, end.rcvd.reason) if end.rcvd else None


async def talks():
    async with to("/some?path", subprotocols=None) as socket:
        expect("the own zone answers", await ask(socket, "zone"), "az1")
        expect("path and client are passed", await ask(socket, "path"), "/some?path 127.0.0.1")
        for size in [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20]:
            text, raw = "x" * size, os.urandom(size)
            expect(f"{size} characters come back", await ask(socket, text) == text, True)
            expect(f"{size} bytes come back", await ask(socket, raw) == raw, True)
        await socket.send(part for part in ["frag", "", "ments ", "ü"])
        expect("fragments of the client", await socket.recv(), "fragments ü")
        await socket.send(part for part in [bytes(70_000)] * 30)
        expect("large fragments", len(await socket.recv()), 2_100_000)
        expect("fragments of the server", await ask(socket, "fragments"), "one two three")
        expect("the client's ping", await asyncio.wait_for(await socket.ping(b"hello"), 10) >= 0, True)
        expect("the server's ping", await ask(socket, "ping"), "pong came")
        for at in range(2_000):
            await socket.send(str(at))
        expect("2000 messages in order", [await socket.recv() for _ in range(2_000)], [str(at) for at in range(2_000)])
    for code, reason in [(1000, "done"), (1001, ""), (1003, "ü" * 60), (1011, "x" * 123), (3000, "a library's"), (4999, "an application's")]:
        async with to() as socket:
            await socket.send(f"close {code} {reason}")
            expect(f"close {code} from the server", await closed(socket), (code, reason))
    async with to(compression=None) as socket:
        expect("without compression", await ask(socket, "y" * 300_000) == "y" * 300_000, True)
    try:
        async with to("/refused"):
            expect("a refusal", "open", 403)
    except InvalidStatus as refused:
        expect("a refusal", (refused.response.status_code, refused.response.body), (403, b"not for you\n"))
    sockets = [await to() for _ in range(200)]
    expect("200 at once", await asyncio.gather(*[ask(socket, str(at)) for at, socket in enumerate(sockets)]), [str(at) for at in range(200)])
    for socket in sockets:
        socket.transport.abort()


async def shift():
    quiet, busy = await to(), await to()
    expect("both begin in az1", [await ask(quiet, "zone"), await ask(busy, "zone")], ["az1", "az1"])
    begun = time.monotonic()
    started = json.loads(await holdfast("shift", "start", "az1", "--for", "5m", "--reason", "WebSockets leave", "-o", "json"))
    async with to() as socket:
        expect("a new one goes elsewhere", await ask(socket, "zone"), "az2")
    expect("an open one goes on within its grace", await ask(busy, "still here"), "still here")
    count, told = 0, None
    while told is None:
        try:
            # Frames in several pieces all the time: the word of the end must not come within one.
            await busy.send(part for part in ["a" * 5000, "b" * 5000])
            message = await asyncio.wait_for(busy.recv(), 20)
            count += message == "a" * 5000 + "b" * 5000
        except ConnectionClosedError as end:
            told = end.rcvd and end.rcvd.code
            break
    expect("the busy one is told 1012 between messages", told, 1012)
    expect("after its grace", 2.5 < time.monotonic() - begun < 10 and count > 10, True)
    expect("the quiet one is told 1012", (await closed(quiet) or (None,))[0], 1012)
    await holdfast("shift", "cancel", started["id"])
    deadline, zone = time.monotonic() + 20, None
    while zone != "az1" and time.monotonic() < deadline:
        async with to() as socket:
            zone = await ask(socket, "zone")
    expect("the zone is back", zone, "az1")


async def main():
    options = {"process_request": refuse, "max_size": 32 << 20}
    async with serve(server("az1"), ADDRESS, 9001, **options), serve(server("az2"), ADDRESS, 9002, **options):
        await talks()
        await shift()


asyncio.run(main())
sys.exit(1 if FAILED else 0)
