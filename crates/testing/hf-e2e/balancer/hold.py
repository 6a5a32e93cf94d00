"""Holds idle connections open: `hold.py ADDRESS PORT COUNT`.

Each asks once as it is opened, and again every five minutes; every tenth of those is closed instead, and another one opened. They come from twenty
addresses, as one has not so many ports. A line says how many are open; when standard input ends, the last one says what became of them.
"""

import select
import socket
import sys
import time

ADDRESS, PORT, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ROUND_S = 300
LIMIT_S = 120
# <linux/in.h>: the port is chosen with the connection, so that one may serve many addresses.
IP_BIND_ADDRESS_NO_PORT = 24
wrong, asked, opened = [], 0, 0


def ask(connection):
    global asked
    asked += 1
    connection.sendall(b"GET /held?%d HTTP/1.1\r\nhost: churn.test\r\n\r\n" % asked)
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError(f"ended after {answer!r}")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"was told {answer!r}")


def connect(number):
    global opened
    opened += 1
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((f"127.80.{number % 20}.1", 0))
    connection.settimeout(LIMIT_S)
    connection.connect((ADDRESS, PORT))
    ask(connection)
    return connection


def is_over(wait_s):
    return bool(select.select([sys.stdin], [], [], None if wait_s == float("inf") else max(0, wait_s))[0])


held = []
try:
    while len(held) < COUNT and not is_over(0):
        held.append(connect(len(held)))
        if len(held) % 100 == 0 or len(held) == COUNT:
            print(len(held), flush=True)
    if COUNT == 0:
        print(0, flush=True)
        is_over(float("inf"))
        sys.exit(0)
    turn = 0
    # What was late is not made up for: many at once would be a load of another kind.
    while not is_over(ROUND_S / max(1, COUNT)):
        number = turn % len(held)
        if turn % 10 == 9:
            held[number].close()
            held[number] = connect(turn)
        else:
            ask(held[number])
        turn += 1
except OSError as error:
    wrong.append(f"connection {opened}, request {asked}: {error!r}")
for line in wrong:
    print(line)
print(f"{len(held)} held, {opened} opened, {asked} requests on them", flush=True)
sys.exit(1 if wrong else 0)
