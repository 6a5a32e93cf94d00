"""Endpoints that can be made faulty while they run: `faulty.py FOLDER FAULT@ADDRESS:PORT...`.

While there is a file FOLDER/broken/FAULT@ADDRESS, that endpoint has the fault, if it is one of a server: reset, slow-first-byte, slow-body,
errors-in-part (not /health), wrong-body, half (of the connections, where the file says so; else all are reset), tls (its certificate has expired).

Three live on what surrounds them, and fail as it does, file or not:
1. disk: writes to FOLDER/disk/ADDRESS before each answer, and answers 503 when it cannot.
2. clock: has a credential that is good from and until what FOLDER/credential says in seconds since 1970, and answers 503 outside of that by its own clock.
3. tls: serves with FOLDER/tls/good.pem, or expired.pem.
The others (black-hole, loss, dns) are well, whatever is between them and whoever asks.
"""

import asyncio
import os
import random
import socket
import ssl
import struct
import sys
import time

FOLDER, ENDPOINTS = sys.argv[1], sys.argv[2:]
LATE_S = 2


class Endpoint:
    def __init__(self, text):
        self.fault, self.at = text.split("@")
        self.address, port = self.at.split(":")
        self.port = int(port)
        self.file = f"{FOLDER}/broken/{self.fault}@{self.address}"
        self.connections = 0
        self.tls = None

    def is_broken(self):
        return os.path.exists(self.file)

    def cuts(self):
        """Whether this connection is reset."""
        self.connections += 1
        if self.fault not in ("reset", "half") or not self.is_broken():
            return False
        with open(self.file) as file:
            return file.read() != "every second" or self.connections % 2 == 0

    def status(self, is_check):
        if self.fault == "errors-in-part" and not is_check and self.is_broken() and random.random() < 0.4:
            return 500
        if self.fault == "disk":
            return 200 if can_write(f"{FOLDER}/disk/{self.address}/{self.port}") else 503
        if self.fault == "clock":
            with open(f"{FOLDER}/credential") as file:
                begins, ends = (float(word) for word in file.read().split())
            return 200 if begins <= time.time() <= ends else 503
        return 200

    async def serve(self, reader, writer):
        if self.cuts():
            return reset(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                is_check = head.split(" ", 2)[1] == "/health"
                broken = self.is_broken()
                if broken and self.fault == "reset":
                    return reset(writer)
                if broken and self.fault == "slow-first-byte":
                    await asyncio.sleep(LATE_S)
                text = b"ok" if is_check else self.at.encode()
                if broken and self.fault == "wrong-body":
                    text = b"welcome to the default page"
                status = self.status(is_check)
                writer.write(b"HTTP/1.1 %d It\r\ncontent-length: %d\r\n\r\n" % (status, len(text)))
                if broken and self.fault == "slow-body":
                    writer.write(text[:1])
                    await writer.drain()
                    await asyncio.sleep(LATE_S)
                    text = text[1:]
                writer.write(text)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def start(self):
        if self.fault == "tls":
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            await self.renew()
        await asyncio.start_server(self.serve, self.address, self.port, ssl=self.tls, backlog=256)

    async def renew(self):
        self.tls.load_cert_chain(f"{FOLDER}/tls/{'expired' if self.is_broken() else 'good'}.pem")


def can_write(path):
    try:
        with open(path, "wb") as file:
            file.write(b"x" * 8192)
            file.flush()
            os.fsync(file.fileno())
        return True
    except OSError:
        return False
    finally:
        try:
            os.unlink(path)
        except OSError:
            pass


def reset(writer):
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main():
    endpoints = [Endpoint(text) for text in ENDPOINTS]
    for endpoint in endpoints:
        await endpoint.start()
    print("ready", flush=True)
    enciphered = [endpoint for endpoint in endpoints if endpoint.tls]
    while True:
        for endpoint in enciphered:
            await endpoint.renew()
        await asyncio.sleep(0.1)


asyncio.run(main())
