"""The rules of RFC 9113 (and 7541) for a server, asked with frames written by hand: what h2spec does, which no package here has.

Usage: http2_rules.py ADDRESS. The balancer listens at ADDRESS:8080 (h2c by prior knowledge); the endpoint is here, at ADDRESS:9001.
Each case sends what its rule forbids (or allows) and says what must come: an error of the connection (GOAWAY with a code, or its end),
of the stream (RST_STREAM with a code, a refusal, or an error of the connection), or an answer. Afterwards a good request must be answered.

Where the h2 crate is more lenient than the RFC, the case says what it does today and why that is harmless:
- It says PROTOCOL_ERROR where COMPRESSION_ERROR, FRAME_SIZE_ERROR or FLOW_CONTROL_ERROR would be closer (LESS below). The connection ends all the same.
- It takes a first frame that is not SETTINGS, and passes over a pseudo-field in trailers. The endpoint must not see the latter.
"""

import asyncio
import struct
import sys

import hpack
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW, SETTINGS_TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CONNECT, CALM = range(12)
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
PATIENCE_S = 8
# Codes that stand for closer ones, see above.
LESS = {COMPRESSION: PROTOCOL, SIZE: PROTOCOL, FLOW: PROTOCOL}
less_specific = []


def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def fields(*more, method="GET", path="/", without=()):
    first = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.test")]
    return [pair for pair in first if pair[0] not in without] + list(more)


class Connection:
    """A client's side: writes raw frames, collects what comes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.got, self.ended, self.status = [], False, {}

    @staticmethod
    async def open(address, settings=b"", preface=PREFACE):
        connection = Connection(*await asyncio.open_connection(address, 8080))
        connection.send(preface + frame(SETTINGS, 0, 0, settings))
        return connection

    def send(self, raw):
        self.writer.write(raw)

    def headers(self, stream, pairs, flags=END_HEADERS | END_STREAM):
        # No table entries: cases are about frames, and each may be sent twice.
        block = b"".join(plain(name, value) for name, value in pairs)
        self.send(frame(HEADERS, flags, stream, block))

    async def next(self):
        head = await self.reader.readexactly(9)
        made, length = Frame.parse_frame_header(memoryview(head))
        body = await self.reader.readexactly(length)
        made.parse_body(memoryview(body))
        if isinstance(made, HeadersFrame):
            pairs = self.decoder.decode(made.data)
            status = dict(pairs).get(":status")
            if status:
                self.status[made.stream_id] = int(status)
        if isinstance(made, SettingsFrame) and "ACK" not in made.flags:
            self.send(frame(SETTINGS, ACK, 0))
        self.got.append(made)
        return made

    async def until(self, found):
        """Reads until `found` says so of a frame; None when the connection ends before."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    made = await self.next()
                    if found(made):
                        return made
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended = True
            return None

    def told(self):
        words = [f"{type(one).__name__.removesuffix('Frame')}#{one.stream_id}"
                 + (f"({one.error_code})" if hasattr(one, "error_code") else "") for one in self.got]
        return " ".join(words[-8:]) + (" ended" if self.ended else "") + (f" {self.status}" if self.status else "")

    async def connection_error(self, *codes):
        last = await self.until(lambda one: isinstance(one, GoAwayFrame))
        if last is not None and last.error_code not in codes:
            if last.error_code not in {LESS.get(code) for code in codes}:
                return f"GOAWAY {last.error_code}, not {codes}"
            less_specific.append(codes)
        # After it the connection ends, and nothing is answered.
        if last is not None and await self.until(lambda _: False) is None and not self.ended:
            return "not closed"
        return None

    async def stream_error(self, stream, *codes):
        def ends(one):
            return isinstance(one, GoAwayFrame) or (one.stream_id == stream and isinstance(one, (RstStreamFrame, HeadersFrame)))
        last = await self.until(ends)
        if last is None:
            return None
        if isinstance(last, HeadersFrame):
            return None if 400 <= self.status.get(stream, 0) < 500 else f"answered {self.status}"
        return None if last.error_code in codes else f"{type(last).__name__} {last.error_code}, not {codes}"

    async def answered(self, stream, status=200):
        def ends(one):
            return isinstance(one, GoAwayFrame) or (one.stream_id == stream and ("END_STREAM" in one.flags or isinstance(one, RstStreamFrame)))
        await self.until(ends)
        return None if self.status.get(stream) == status else f"not answered {status}"

    async def answers_ping(self):
        self.send(frame(PING, 0, 0, b"12345678"))
        pong = await self.until(lambda one: isinstance(one, PingFrame) and "ACK" in one.flags and one.opaque_data == b"12345678")
        return "no answer to PING" if pong is None else None


def plain(name, value):
    """A field as a literal that is never indexed, without Huffman: whatever its bytes are."""
    name, value = name.encode("latin-1"), value.encode("latin-1")
    return b"\x10" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(value, bits):
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    value, out = value - most, bytearray([most])
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


CASES = []


def case(section, what, settings=b""):
    def keep(function):
        CASES.append((section, what, settings, function))
        return function
    return keep


def connection_error(section, what, codes, *raw):
    """A case that is bytes only, after the preface."""
    @case(section, what)
    async def run(c):
        for one in raw:
            c.send(one)
        return await c.connection_error(*codes)


def stream_error(section, what, codes, pairs, more=b"", flags=END_HEADERS | END_STREAM):
    """A case that is one request on stream 1, and bytes after it."""
    @case(section, what)
    async def run(c):
        c.headers(1, pairs, flags)
        c.send(more)
        return await c.stream_error(1, *codes)


GET = b"".join(plain(*pair) for pair in fields())
POST = b"".join(plain(*pair) for pair in fields(method="POST"))

# 3.4 The preface
@case("3.4", "a preface that is none ends the connection", "raw")
async def _(address):
    reader, writer = await asyncio.open_connection(address, 8080)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(SETTINGS, 0, 0))
    got = await asyncio.wait_for(reader.read(), PATIENCE_S)
    return None if b" 200 " not in got else f"answered {got!r}"


@case("3.4", "the server's first frame is SETTINGS, and it acknowledges ours")
async def _(c):
    first = await c.until(lambda _: True)
    if not isinstance(first, SettingsFrame) or "ACK" in first.flags:
        return f"first came {first!r}"
    acked = any(isinstance(one, SettingsFrame) and "ACK" in one.flags for one in c.got[1:])
    return None if acked or await c.until(lambda one: isinstance(one, SettingsFrame) and "ACK" in one.flags) else "no ACK"


@case("3.4", "a first frame that is not SETTINGS does no harm", "raw")
async def _(address):
    c = Connection(*await asyncio.open_connection(address, 8080))
    c.send(PREFACE)
    wrong = await c.answers_ping()
    c.writer.transport.abort()
    return None if c.ended else wrong


# 4.1, 4.2 Frames
@case("4.1", "a frame of a kind that nobody knows is passed over")
async def _(c):
    c.send(frame(0xBB, 0xFF, 0, b"anything") + frame(0xBC, 0, 7, b""))
    return await c.answers_ping()


@case("4.1", "flags that mean nothing are passed over")
async def _(c):
    c.send(frame(PING, 0xFE, 0, b"abcdefgh"))
    return await c.answers_ping()


@case("4.1", "the reserved bit of a stream's number is passed over")
async def _(c):
    c.send(frame(PING, 0, 0x80000000, b"abcdefgh"))
    return await c.answers_ping()


@case("4.2", "DATA of the greatest size is taken")
async def _(c):
    c.send(frame(HEADERS, END_HEADERS, 1, POST) + frame(DATA, END_STREAM, 1, bytes(16384)))
    return await c.answered(1)


connection_error("4.2", "HEADERS above the greatest size", [SIZE], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + plain("x", "y" * 17000)))
connection_error("4.2", "DATA above the greatest size", [SIZE, FLOW], frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, END_STREAM, 1, bytes(16385)))
connection_error("4.2", "SETTINGS above the greatest size", [SIZE], frame(SETTINGS, 0, 0, bytes(6) * 3000))

# 4.3 Field blocks
connection_error("4.3", "a block that cannot be decoded", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
connection_error("4.3", "a block that ends in the middle of a field", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\x00\x05ab"))
connection_error("7541 2.3.3", "an index that no table has", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\xc6"))
connection_error("7541 6.1", "index 0", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\x80"))
connection_error("7541 6.3", "a table larger than allowed", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03" + GET))
connection_error("7541 5.2", "Huffman padding of more than 7 bits", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\x00\x01x\x82\xff\xff"))
connection_error("7541 5.2", "Huffman's end of string inside one", [COMPRESSION], frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b"\x00\x01x\x84\xff\xff\xff\xff"))
connection_error("4.3", "another stream's HEADERS within a block", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(HEADERS, END_HEADERS | END_STREAM, 3, GET))
connection_error("4.3", "PRIORITY within a block", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(PRIORITY, 0, 1, bytes(5)))
connection_error("4.3", "PING within a block", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(PING, 0, 0, bytes(8)))
connection_error("4.3", "an unknown frame within a block", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(0xBB, 0, 0))

# 5.1 States of a stream
connection_error("5.1", "DATA on an idle stream", [PROTOCOL, CLOSED], frame(DATA, END_STREAM, 1, b"x"))
connection_error("5.1", "RST_STREAM on an idle stream", [PROTOCOL], frame(RST, 0, 1, struct.pack(">I", CANCEL)))
connection_error("5.1", "WINDOW_UPDATE on an idle stream", [PROTOCOL], frame(WINDOW, 0, 1, struct.pack(">I", 100)))
connection_error("5.1", "CONTINUATION on an idle stream", [PROTOCOL], frame(CONTINUATION, END_HEADERS, 1, GET))


@case("5.1", "DATA after the client's end of a stream")
async def _(c):
    c.headers(1, fields(path="/slow"))
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    return await c.stream_error(1, CLOSED, PROTOCOL)


@case("5.1", "HEADERS after the client's end of a stream")
async def _(c):
    c.headers(1, fields(path="/slow"))
    c.headers(1, fields(path="/slow"))
    return await c.stream_error(1, CLOSED, PROTOCOL)


@case("5.1", "DATA after the client's RST_STREAM")
async def _(c):
    c.headers(1, fields(method="POST", path="/slow"), END_HEADERS)
    c.send(frame(RST, 0, 1, struct.pack(">I", CANCEL)) + frame(DATA, END_STREAM, 1, b"x"))
    c.headers(3, fields())
    # Nothing is answered on the stream that is gone; the connection may go on.
    refused = await c.answered(3)
    return "answered a stream that was taken back" if 1 in c.status else (refused if not c.ended and not any(isinstance(one, GoAwayFrame) for one in c.got) else None)


@case("5.1", "WINDOW_UPDATE and RST_STREAM on a closed stream do no harm")
async def _(c):
    c.headers(1, fields())
    first = await c.answered(1)
    c.send(frame(WINDOW, 0, 1, struct.pack(">I", 100)))
    return first or await c.answers_ping()


connection_error("5.1.1", "a stream of even number", [PROTOCOL], frame(HEADERS, END_HEADERS | END_STREAM, 2, GET))


@case("5.1.1", "a stream's number that is less than the last")
async def _(c):
    c.headers(5, fields())
    c.headers(3, fields())
    return await c.connection_error(PROTOCOL, CLOSED)


@case("5.1.2", "more streams than allowed are refused, and those before answered")
async def _(c):
    await c.until(lambda one: isinstance(one, SettingsFrame) and "ACK" not in one.flags)
    most = c.got[-1].settings.get(SettingsFrame.MAX_CONCURRENT_STREAMS)
    if not most:
        return "the server does not say how many streams it takes"
    for at in range(most + 1):
        c.headers(1 + 2 * at, fields(path="/slow"))
    last = 1 + 2 * most
    if wrong := await c.stream_error(last, REFUSED, PROTOCOL):
        return wrong
    return await c.answered(1)


connection_error("5.3.1", "PRIORITY of a wrong size is an error", [SIZE], frame(HEADERS, END_HEADERS, 1, POST), frame(PRIORITY, 0, 1, bytes(4)), frame(DATA, 0, 0, b""))


@case("5.5", "unknown frames among those of a stream are passed over")
async def _(c):
    c.send(frame(HEADERS, END_HEADERS, 1, POST) + frame(0xBD, 0, 1, b"z") + frame(DATA, END_STREAM, 1, b"x"))
    return await c.answered(1)


# 6 Each kind of frame
connection_error("6.1", "DATA on stream 0", [PROTOCOL], frame(DATA, 0, 0, b"x"))
connection_error("6.1", "DATA with more padding than there is", [PROTOCOL], frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, PADDED, 1, b"\x06abcde"))


@case("6.1", "padding is no part of a body")
async def _(c):
    c.headers(1, fields(("content-length", "3"), method="POST", path="/echo"), END_HEADERS)
    c.send(frame(DATA, PADDED | END_STREAM, 1, b"\x04abc\0\0\0\0"))
    wrong = await c.answered(1)
    body = b"".join(bytes(one.data) for one in c.got if one.stream_id == 1 and hasattr(one, "flow_controlled_length") )
    return wrong or (None if body == b"abc" else f"the body came back as {body!r}")


connection_error("6.2", "HEADERS on stream 0", [PROTOCOL], frame(HEADERS, END_HEADERS | END_STREAM, 0, GET))
connection_error("6.2", "HEADERS with more padding than there is", [PROTOCOL], frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\xff" + GET[:40]))


@case("6.2", "HEADERS with padding and priority are taken")
async def _(c):
    c.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITIZED, 1, b"\x03" + struct.pack(">IB", 0, 9) + GET + bytes(3)))
    return await c.answered(1)


connection_error("6.3", "PRIORITY on stream 0", [PROTOCOL], frame(PRIORITY, 0, 0, bytes(5)))
connection_error("6.4", "RST_STREAM on stream 0", [PROTOCOL], frame(RST, 0, 0, bytes(4)))
connection_error("6.4", "RST_STREAM of a wrong size", [SIZE], frame(HEADERS, END_HEADERS, 1, POST), frame(RST, 0, 1, bytes(3)))
connection_error("6.5", "SETTINGS' ACK with something in it", [SIZE], frame(SETTINGS, ACK, 0, bytes(6)))
connection_error("6.5", "SETTINGS on a stream", [PROTOCOL], frame(SETTINGS, 0, 1))
connection_error("6.5", "SETTINGS of a wrong size", [SIZE], frame(SETTINGS, 0, 0, bytes(5)))
connection_error("6.5.2", "ENABLE_PUSH that is neither 0 nor 1", [PROTOCOL], frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 2)))
connection_error("6.5.2", "a window above 2^31-1", [FLOW], frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)))
connection_error("6.5.2", "MAX_FRAME_SIZE below 2^14", [PROTOCOL], frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 16383)))
connection_error("6.5.2", "MAX_FRAME_SIZE above 2^24-1", [PROTOCOL], frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1 << 24)))


@case("6.5.2", "a setting that nobody knows is passed over")
async def _(c):
    c.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 0xFF, 1)))
    return await c.answers_ping()


@case("6.5.3", "each SETTINGS is acknowledged")
async def _(c):
    c.send(frame(SETTINGS, 0, 0) * 2)
    for _ in range(3):
        if not await c.until(lambda one: isinstance(one, SettingsFrame) and "ACK" in one.flags):
            return "fewer ACKs than SETTINGS"
    return None


connection_error("6.6", "PUSH_PROMISE from a client", [PROTOCOL], frame(HEADERS, END_HEADERS, 1, POST), frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + GET))


@case("6.7", "PING is answered with its own bytes")
async def _(c):
    return await c.answers_ping()


@case("6.7", "PING's ACK is not answered")
async def _(c):
    c.send(frame(PING, ACK, 0, b"unasked!"))
    wrong = await c.answers_ping()
    return wrong or ("answered" if any(isinstance(one, PingFrame) and one.opaque_data == b"unasked!" for one in c.got) else None)


connection_error("6.7", "PING on a stream", [PROTOCOL], frame(PING, 0, 1, bytes(8)))
connection_error("6.7", "PING of a wrong size", [SIZE], frame(PING, 0, 0, bytes(6)))
connection_error("6.8", "GOAWAY on a stream", [PROTOCOL], frame(GOAWAY, 0, 1, bytes(8)))


@case("6.8", "what is under way is answered after the client's GOAWAY")
async def _(c):
    c.headers(1, fields(path="/slow"))
    c.send(frame(GOAWAY, 0, 0, bytes(8)))
    return await c.answered(1)


connection_error("6.9", "WINDOW_UPDATE by 0 on the connection", [PROTOCOL], frame(WINDOW, 0, 0, bytes(4)))
connection_error("6.9", "WINDOW_UPDATE of a wrong size", [SIZE], frame(WINDOW, 0, 0, bytes(3)))
connection_error("6.9.1", "the connection's window above 2^31-1", [FLOW], frame(WINDOW, 0, 0, struct.pack(">I", (1 << 31) - 1)), frame(WINDOW, 0, 0, struct.pack(">I", (1 << 31) - 1)))
stream_error("6.9", "WINDOW_UPDATE by 0 on a stream", [PROTOCOL], fields(method="POST"), frame(WINDOW, 0, 1, bytes(4)), END_HEADERS)
stream_error("6.9.1", "a stream's window above 2^31-1", [FLOW], fields(method="POST"), frame(WINDOW, 0, 1, struct.pack(">I", (1 << 31) - 1)) * 2, END_HEADERS)


@case("6.9.1", "no more than the client's window is sent", struct.pack(">HI", 4, 1))
async def _(c):
    c.headers(1, fields(path="/ten"))
    for wanted in range(1, 11):
        one = await c.until(lambda one: type(one).__name__ == "DataFrame" and one.data)
        if one is None or len(one.data) != 1:
            return f"byte {wanted} came as {one!r}"
        c.send(frame(WINDOW, 0, 1, struct.pack(">I", 1)))
    if "END_STREAM" not in one.flags:
        await c.until(lambda one: "END_STREAM" in one.flags)
    return None if c.status == {1: 200} else "not answered"


@case("6.9.2", "a window that SETTINGS makes negative is obeyed")
async def _(c):
    c.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 3)))
    c.headers(1, fields(path="/ten"))
    await c.until(lambda one: type(one).__name__ == "DataFrame" and one.data)
    # Three are out: the window is now minus one, then 7.
    c.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2)) + frame(WINDOW, 0, 1, struct.pack(">I", 8)))
    return await c.answered(1)


connection_error("6.9.2", "SETTINGS that push a stream's window above 2^31-1", [FLOW],
                 frame(HEADERS, END_HEADERS, 1, POST), frame(WINDOW, 0, 1, struct.pack(">I", (1 << 31) - 1 - 65535)), frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65536 + 10)))
connection_error("6.10", "CONTINUATION after the block's end", [PROTOCOL, CLOSED], frame(HEADERS, END_HEADERS, 1, POST), frame(CONTINUATION, END_HEADERS, 1, b""))
connection_error("6.10", "CONTINUATION on stream 0", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(CONTINUATION, END_HEADERS, 0, b""))
connection_error("6.10", "CONTINUATION of another stream", [PROTOCOL], frame(HEADERS, END_STREAM, 1, GET), frame(CONTINUATION, END_HEADERS, 3, b""))
connection_error("6.10", "CONTINUATION after DATA", [PROTOCOL], frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 0, 1, b"x"), frame(CONTINUATION, END_HEADERS, 1, b""))


@case("6.10", "a block in several frames is taken")
async def _(c):
    c.send(frame(HEADERS, END_STREAM, 1, GET[:9]) + frame(CONTINUATION, 0, 1, GET[9:20]) + frame(CONTINUATION, 0, 1) + frame(CONTINUATION, END_HEADERS, 1, GET[20:]))
    return await c.answered(1)


# 8 What a request is
@case("8.1", "a second HEADERS without an end is an error of the stream")
async def _(c):
    c.headers(1, fields(method="POST"), END_HEADERS)
    c.send(frame(HEADERS, END_HEADERS, 1, plain("x", "y")))
    return await c.stream_error(1, PROTOCOL)


@case("8.1", "trailers are taken")
async def _(c):
    c.headers(1, fields(method="POST"), END_HEADERS)
    c.send(frame(DATA, 0, 1, b"x") + frame(HEADERS, END_HEADERS | END_STREAM, 1, plain("x-sum", "y")))
    return await c.answered(1)


@case("8.1", "a pseudo-field in trailers does not reach the endpoint")
async def _(c):
    c.headers(1, fields(method="POST"), END_HEADERS)
    c.send(frame(DATA, 0, 1, b"x") + frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(":method", "GET") + plain("x-sum", "y")))
    return await c.answered(1)


for name in ["X-Test", "Host", "x test", "x\ttest", "x:test", "", "x\0test", "x\rtest", "x\ntest", "x\x7ftest"]:
    stream_error("8.2.1", f"the field name {name!r}", [PROTOCOL], fields((name, "ok")))
for value in ["a\0b", "a\rb", "a\nb", "a\r\nx-smuggled: yes"]:
    stream_error("8.2.1", f"the field value {value!r}", [PROTOCOL], fields(("x-test", value)))
for name, value in [("connection", "keep-alive"), ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("transfer-encoding", "chunked"), ("upgrade", "websocket"), ("te", "trailers, deflate")]:
    stream_error("8.2.2", f"{name} is of HTTP/1.1", [PROTOCOL], fields((name, value)))


@case("8.2.2", "TE with trailers is taken")
async def _(c):
    c.headers(1, fields(("te", "trailers")))
    return await c.answered(1)


stream_error("8.3", "a pseudo-field that nobody knows", [PROTOCOL], [(":test", "x"), *fields()])
stream_error("8.3", "a pseudo-field of answers", [PROTOCOL], [(":status", "200"), *fields()])
stream_error("8.3", "a pseudo-field after others", [PROTOCOL], [*fields(without=[":path"]), ("x", "y"), (":path", "/")])
for name in [":method", ":scheme", ":path"]:
    stream_error("8.3.1", f"no {name}", [PROTOCOL], fields(without=[name]))
    stream_error("8.3.1", f"{name} twice", [PROTOCOL], [*fields(), next(pair for pair in fields() if pair[0] == name)])
stream_error("8.3.1", ":authority twice", [PROTOCOL], [*fields(), (":authority", "b.test")])
stream_error("8.3.1", "an empty :path", [PROTOCOL], [*fields(without=[":path"]), (":path", "")])
stream_error("8.3.1", ":path that is no path", [PROTOCOL], fields(path="x"))
stream_error("8.3.1", ":path with a blank", [PROTOCOL], fields(path="/a b"))
stream_error("8.3.1", ":path with another request in it", [PROTOCOL], fields(path="/ HTTP/1.1\r\nhost: b\r\n\r\nGET /hidden"))
stream_error("8.3.1", ":method with another request in it", [PROTOCOL], fields(method="GET / HTTP/1.1\r\nhost: b\r\n\r\nGET"))
stream_error("8.3.1", ":authority with somebody's name", [PROTOCOL], [*fields(without=[":authority"]), (":authority", "me@a.test")])
stream_error("8.3.1", ":authority and Host that differ", [PROTOCOL], fields(("host", "b.test")))
stream_error("8.3.1", "two Hosts", [PROTOCOL], fields(("host", "a.test"), ("host", "b.test")))
stream_error("8.1.1", "a length above the body's", [PROTOCOL], fields(("content-length", "5"), method="POST"), frame(DATA, END_STREAM, 1, b"abc"), END_HEADERS)
stream_error("8.1.1", "a length below the body's", [PROTOCOL], fields(("content-length", "1"), method="POST"), frame(DATA, END_STREAM, 1, b"abc"), END_HEADERS)
stream_error("8.1.1", "a length of several frames", [PROTOCOL], fields(("content-length", "5"), method="POST"), frame(DATA, 0, 1, b"abc") + frame(DATA, END_STREAM, 1, b"def"), END_HEADERS)
stream_error("8.1.1", "a length and no body", [PROTOCOL], fields(("content-length", "5"), method="POST"))
stream_error("8.1.1", "two lengths", [PROTOCOL], fields(("content-length", "3"), ("content-length", "4"), method="POST"), frame(DATA, END_STREAM, 1, b"abc"), END_HEADERS)
stream_error("8.1.1", "a length that is no number", [PROTOCOL], fields(("content-length", "+3"), method="POST"), frame(DATA, END_STREAM, 1, b"abc"), END_HEADERS)
stream_error("8.5", "CONNECT to elsewhere", [PROTOCOL], [(":method", "CONNECT"), (":authority", "b.test:443")])


# 10.5 Abuse
@case("10.5", "endless CONTINUATION ends the connection")
async def _(c):
    c.send(frame(HEADERS, END_STREAM, 1, GET))
    try:
        for _ in range(4_000):
            c.send(frame(CONTINUATION, 0, 1, plain("x", "y" * 1000)))
            await c.writer.drain()
    except ConnectionError:
        return None
    return await c.connection_error(CALM, COMPRESSION, PROTOCOL, INTERNAL)


@case("10.5", "endless empty CONTINUATION ends the connection")
async def _(c):
    c.send(frame(HEADERS, END_STREAM, 1, GET))
    try:
        for _ in range(200):
            c.send(frame(CONTINUATION, 0, 1) * 1000)
            await c.writer.drain()
    except ConnectionError:
        return None
    return await c.connection_error(CALM, COMPRESSION, PROTOCOL, INTERNAL)


@case("10.5", "requests taken back as fast as they are sent end the connection")
async def _(c):
    try:
        for at in range(20_000):
            c.headers(1 + 2 * at, fields(path="/slow"))
            c.send(frame(RST, 0, 1 + 2 * at, struct.pack(">I", CANCEL)))
            if at % 100 == 0:
                await c.writer.drain()
    except ConnectionError:
        return None
    return await c.connection_error(CALM, PROTOCOL, INTERNAL)


@case("10.5", "requests made wrong as fast as they are sent end the connection")
async def _(c):
    try:
        for at in range(20_000):
            c.headers(1 + 2 * at, fields(method="POST", path="/slow"), END_HEADERS)
            c.send(frame(WINDOW, 0, 1 + 2 * at, bytes(4)))
            if at % 100 == 0:
                await c.writer.drain()
    except ConnectionError:
        return None
    return await c.connection_error(CALM, PROTOCOL, INTERNAL)


@case("10.5", "a field list above the bound is refused")
async def _(c):
    block = GET + b"".join(plain("x", "y" * 1000) for _ in range(100))
    parts = [block[at:at + 16000] for at in range(0, len(block), 16000)]
    c.send(frame(HEADERS, END_STREAM, 1, parts[0]))
    for part in parts[1:-1]:
        c.send(frame(CONTINUATION, 0, 1, part))
    c.send(frame(CONTINUATION, END_HEADERS, 1, parts[-1]))
    return await c.stream_error(1, PROTOCOL, CALM, COMPRESSION, REFUSED)


@case("10.5.1", "a small block that unfolds into a huge list is refused")
async def _(c):
    big = b"\x40" + integer(1, 7) + b"x" + integer(3900, 7) + b"y" * 3900
    c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + big + b"\xbe" * 12000))
    return await c.stream_error(1, PROTOCOL, CALM, COMPRESSION, REFUSED)


@case("10.5", "PINGs whose answers nobody reads are bounded")
async def _(c):
    try:
        async with asyncio.timeout(3):
            for _ in range(2_000):
                c.send(frame(PING, 0, 0, bytes(8)) * 1000)
                await c.writer.drain()
    except (TimeoutError, ConnectionError):
        # It stopped reading us, or it ended us: either is a bound.
        c.writer.transport.abort()
        return None
    return None if await c.until(lambda one: isinstance(one, PingFrame)) or c.ended else "no answer"


async def endpoint(reader, writer):
    """An HTTP/1.1 server: /slow answers late, /ten with ten bytes, /echo with what came."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            low, body = head.lower(), b""
            if "transfer-encoding: chunked" in low:
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                    if line.startswith(b":"):
                        SMUGGLED.append(line)
            elif "content-length: " in low:
                body = await reader.readexactly(int(low.split("content-length: ")[1].split("\r\n")[0]))
            target = head.split(" ")[1]
            if "/hidden" in head or "smuggled" in low:
                SMUGGLED.append(head)
            if target == "/slow":
                await asyncio.sleep(0.7)
            text = {"/ten": b"0123456789", "/echo": body}.get(target, b"ok")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


SMUGGLED = []


async def one(address, section, what, settings, run):
    c = None
    try:
        async with asyncio.timeout(3 * PATIENCE_S):
            if settings == "raw":
                wrong = await run(address)
            else:
                c = await Connection.open(address, settings)
                wrong = await run(c)
    except TimeoutError:
        wrong = "nothing came in time"
    except Exception as error:  # a case must not end the others
        wrong = repr(error)
    told = c.told() if c else ""
    if c:
        c.writer.transport.abort()
    # Whatever was sent: the next client is served.
    again = await Connection.open(address)
    again.headers(1, fields())
    try:
        wrong = wrong or await again.answered(1)
    except TimeoutError:
        wrong = "afterwards a good request is not answered"
    again.writer.transport.abort()
    return (section, what, wrong, told)


async def main(address):
    servers = [await asyncio.start_server(endpoint, address, 9001), await asyncio.start_server(endpoint, address, 9002)]
    rows = []
    for case in CASES:
        rows.append(await one(address, *case))
    failed = [row for row in rows if row[2]]
    for section, what, wrong, told in failed:
        print(f"FAILED  {section:<11} {what}: {wrong}; came: {told}")
    print(f"{len(rows) - len(failed)} of {len(rows)} rules hold, {len(less_specific)} of them with PROTOCOL_ERROR where a closer code would do")
    if SMUGGLED:
        print("an endpoint saw:", SMUGGLED)
    assert all(server.is_serving() for server in servers)
    sys.exit(1 if failed or SMUGGLED else 0)


asyncio.run(main(sys.argv[1]))
