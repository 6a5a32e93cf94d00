"""Answers that are broken, endless or slow: each ends with a word on why, within its bound."""

from __future__ import annotations

import asyncio
import os
import ssl
import unittest
from typing import List

from holdfast.endpoint import Endpoint
from holdfast.http import Answer, HttpError, Question, ask

TESTDATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata")


async def answer(pieces: List[bytes], *, then_waits: bool = False, bytes_max: int = 1_000, patience_s: float = 20.0) -> bytes:
    """Asks a server that says just this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if then_waits:
                await reader.read()
        except OSError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint = Endpoint(False, "127.0.0.1", server.sockets[0].getsockname()[1], "")
    try:
        return (await ask(endpoint, None, Question("/status"), bytes_max, patience_s)).body
    finally:
        server.close()


class Http(unittest.TestCase):
    def test_an_answer_that_refuses_is_shown_on_one_line_with_its_mend(self) -> None:
        for status, headers, body, want in [
            (500, {}, b" <h1>\n\x1b[31mno ", "answered 500: <h1>  [31mno"),
            (302, {"location": "https://x/"}, b"", "answered 302 to https://x/; redirects are not followed, name that URL"),
            (404, {}, b"no route", "answered 404: no route; is the URL a status endpoint's, such as http://NODE:7601?"),
            (404, {"holdfast-state": "unknown"}, b"no pool", "answered 404: no pool"),
        ]:
            self.assertEqual(str(Answer(status, headers, body).refused_by_status()), want)

    def well(self, *pieces: bytes) -> bytes:
        return asyncio.run(answer(list(pieces)))

    def fails(self, want: str, *pieces: bytes, **more: object) -> None:
        with self.assertRaises(HttpError) as caught:
            asyncio.run(answer(list(pieces), **more))  # type: ignore[arg-type]
        self.assertIn(want, str(caught.exception))

    def test_bodies_of_each_kind(self) -> None:
        self.assertEqual(self.well(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), b"ab")
        self.assertEqual(self.well(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b"1;x=y\r\nc\r\n0\r\n\r\n"), b"abc")
        self.assertEqual(self.well(b"HTTP/1.0 200 OK\r\n\r\nto the end"), b"to the end")
        self.assertEqual(self.well(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), b"")

    def test_what_is_no_http(self) -> None:
        self.fails("not HTTP/1", b"SSH-2.0-x\r\n\r\n")
        self.fails("no HTTP answer", b"HTTP/1.1 200")
        self.fails("no HTTP answer")
        self.fails("its length is", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
        self.fails("the size of a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
        self.fails("a chunk does not end", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n")
        self.fails("ended within its body", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    def test_what_is_too_long(self) -> None:
        self.fails("no HTTP answer", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000)
        self.fails("more than 1000 bytes", b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 200_000)
        self.fails("more than 1000 bytes", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 200_000)
        self.fails("the connection broke", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 200_000)

    def test_who_does_not_answer(self) -> None:
        self.fails("no answer within 0.1 s", then_waits=True, patience_s=0.1)
        self.fails("no answer within 0.1 s", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na", then_waits=True, patience_s=0.1)

    def test_tls_believes_the_authority_that_it_was_given_and_no_other(self) -> None:
        async def talk(client: ssl.SSLContext) -> bytes:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
                writer.close()

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(TESTDATA, "server.pem"), os.path.join(TESTDATA, "server.key"))
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's word on a client that did not believe it
            try:
                return (await ask(Endpoint(True, "127.0.0.1", server.sockets[0].getsockname()[1], ""), client, Question("/status"), 100, 20)).body
            finally:
                server.close()

        self.assertEqual(asyncio.run(talk(ssl.create_default_context(cafile=os.path.join(TESTDATA, "server.pem")))), b"ok")
        with self.assertRaisesRegex(HttpError, "cannot connect"):
            asyncio.run(talk(ssl.create_default_context()))


if __name__ == "__main__":
    unittest.main()
