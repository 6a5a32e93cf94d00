"""As much HTTP/1.1 as zone status wants, over asyncio: one question, one connection, everything bounded.

1. No proxies, no redirects, no cookies, no compression: an evacuation depends on nothing beside.
2. The head of an answer is 32 KiB at most; the body is as much as the caller takes.
3. Time is the caller's: every call stands in a `wait_for`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import AsyncIterator, Dict, Optional

from .endpoint import Endpoint

HEAD_BYTES = 32 << 10
SHOWN = 200


class HttpError(Exception):
    """A question had no good answer."""

    def __init__(self, text: str, retry_after_s: Optional[float] = None, status: Optional[int] = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.status = status


@dataclass(frozen=True)
class Question:
    path: str
    method: str = "GET"
    headers: Dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Dict[str, str]
    body: bytes

    def refused(self) -> HttpError:
        # On one line, and nothing that a terminal would obey.
        text = "".join(one if one.isprintable() else " " for one in self.body.decode("utf-8", "replace").strip()[:SHOWN])
        place = self.headers.get("location")
        if place is not None:
            shown = f" to {place[:SHOWN]}; redirects are not followed, name that URL"
        else:
            shown = f": {text}" if text else ""
        after = self.headers.get("retry-after", "").strip()
        # The form with a date is for people's browsers; ours are seconds.
        retry_after = float(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
        return HttpError(f"answered {self.status}{shown}", retry_after, self.status)

    def refused_by_status(self) -> HttpError:
        """The same of who should be a status endpoint: one says what it knows of the zone with each answer, also where it knows nothing."""
        error = self.refused()
        if self.status == 404 and "holdfast-state" not in self.headers:
            return HttpError(f"{error}; is the URL a status endpoint's, such as http://NODE:7601?", error.retry_after_s, 404)
        return error


class Exchange:
    """A question that was asked, whose answer's head is here; its body is still to come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int, headers: Dict[str, str]) -> None:
        self._reader, self._writer = reader, writer
        self.status, self.headers = status, headers

    def close(self) -> None:
        # Nothing of ours waits to be written: it may end at once, also for one who does not listen.
        self._writer.transport.abort()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        headers = self.headers
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while True:
                size = await _chunk_size(self._reader)
                if size == 0:
                    return
                while size > 0:
                    piece = await self._reader.read(min(size, 64 << 10))
                    if not piece:
                        raise HttpError("the answer ended within its body")
                    size -= len(piece)
                    yield piece
                if await self._reader.readexactly(2) != b"\r\n":
                    raise HttpError("the answer is not HTTP: a chunk does not end")
        elif "content-length" in headers:
            left = _length(headers["content-length"])
            while left > 0:
                piece = await self._reader.read(min(left, 64 << 10))
                if not piece:
                    raise HttpError("the answer ended within its body")
                left -= len(piece)
                yield piece
        else:
            while True:
                piece = await self._reader.read(64 << 10)
                if not piece:
                    return
                yield piece

    async def whole(self, bytes_max: int) -> Answer:
        body = bytearray()
        if self.status not in (204, 304):
            async for piece in self.pieces():
                body += piece
                if len(body) > bytes_max:
                    raise HttpError(f"answered with more than {bytes_max} bytes")
        return Answer(self.status, self.headers, bytes(body))


async def begin(endpoint: Endpoint, tls: Optional[ssl.SSLContext], question: Question) -> Exchange:
    """Connects, asks, and takes the head of the answer."""
    try:
        reader, writer = await asyncio.open_connection(endpoint.name, endpoint.port, ssl=tls if endpoint.is_tls else None, limit=HEAD_BYTES)
    except (OSError, ssl.SSLError, UnicodeError) as error:
        raise HttpError(f"cannot connect: {error}") from error
    try:
        headers = {"host": endpoint.authority, "user-agent": "holdfast-python", **question.headers}
        if question.body or question.method == "POST":
            headers["content-length"] = str(len(question.body))
        lines = [f"{question.method} {endpoint.prefix}{question.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\nconnection: close\r\n\r\n" + question.body)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        while head.split(b" ", 2)[1:2] == [b"100"]:
            head = await reader.readuntil(b"\r\n\r\n")
        status, fields = _head(head)
        return Exchange(reader, writer, status, fields)
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError) as error:
        writer.transport.abort()
        raise HttpError(f"no HTTP answer: {error}") from error
    except BaseException:
        writer.transport.abort()
        raise


async def ask(endpoint: Endpoint, tls: Optional[ssl.SSLContext], question: Question, bytes_max: int, patience_s: float) -> Answer:
    """Asks and takes the whole answer."""

    async def work() -> Answer:
        exchange = await begin(endpoint, tls, question)
        with contextlib.closing(exchange):
            return await exchange.whole(bytes_max)

    try:
        return await asyncio.wait_for(work(), patience_s)
    except asyncio.TimeoutError:
        raise HttpError(f"no answer within {patience_s:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise HttpError(f"the connection broke: {error}") from error


def _head(head: bytes) -> "tuple[int, Dict[str, str]]":
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or len(words[1]) != 3 or not (words[1].isascii() and words[1].isdigit()):
        raise HttpError(f"the answer is not HTTP/1: {first[:60]!r}")
    fields: Dict[str, str] = {}
    for line in lines:
        name, cut, value = line.partition(":")
        if cut:
            fields[name.strip().lower()] = value.strip()
    return int(words[1]), fields


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise HttpError(f"the answer is not HTTP: its length is {text[:20]!r}")
    return int(text)


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = await reader.readuntil(b"\n")
    size = line.split(b";", 1)[0].strip()
    if not size or len(size) > 8 or any(byte not in b"0123456789abcdefABCDEF" for byte in size):
        raise HttpError(f"the answer is not HTTP: the size of a chunk is {size[:20]!r}")
    return int(size, 16)
