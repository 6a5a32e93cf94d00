"""A worker of a PostgreSQL queue (`SKIP LOCKED`) that leaves its zone when the zone is closed, and comes back when it is open.

1. It takes one row at a time, in a transaction, and only while its zone is open.
2. When the zone closes, the transaction in hand is rolled back: the row is free at once for a worker in another zone, and nothing of the
   work remains.
3. What is done and the row's end are one transaction: exactly once, also if this process dies.

Everything that it does is a line of JSON on standard output.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time

import pg8000.dbapi
from holdfast import Gate, Holdfast, Kind, State, ZoneStatus, own_zone

TAKE = "SELECT id FROM orders WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
LOOK_S = 0.1  # so often an empty queue is looked at


def say(event: str, **more: object) -> None:
    # One write for a whole line: the client's own thread says things too.
    sys.stdout.write(json.dumps({"at_ms": time.time_ns() // 1_000_000, "event": event, **more}) + "\n")
    sys.stdout.flush()


def consume(gate: Gate, zone: str, connection: pg8000.dbapi.Connection, work_s: float, stop: threading.Event) -> None:
    cursor = connection.cursor()
    while not stop.is_set():
        in_hand = gate.pass_(timeout_s=1)  # waits while the zone is away, and looks up to see whether it is to stop
        if in_hand is None:
            continue
        with in_hand:
            cursor.execute(TAKE)  # begins the transaction
            row = cursor.fetchone()
            if row is None:
                connection.rollback()
                in_hand.must_give_back(LOOK_S)
                continue
            number = row[0]
            if in_hand.is_to_give_back():
                connection.rollback()
                say("given back", message=number, begun=False)
                continue
            say("taken", message=number)
            cursor.execute("INSERT INTO handled (order_id, zone) VALUES (%s, %s)", (number, zone))  # the work: what it does is in the transaction
            if in_hand.must_give_back(work_s):  # as long as the work takes; work of steps asks `is_to_give_back` between them
                connection.rollback()
                say("given back", message=number, begun=True)
            else:
                cursor.execute("UPDATE orders SET done = true WHERE id = %s", (number,))
                connection.commit()
                say("done", message=number)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--postgres", required=True, help="the database's address")
    options.add_argument("--user", default="postgres")
    options.add_argument("--database", default="postgres")
    options.add_argument("--status", action="append", required=True, help="a status endpoint, such as http://10.1.0.10:7601; one, three or five of them")
    options.add_argument("--state-file", required=True, help="keeps the last good state")
    options.add_argument("--work-ms", type=int, default=50, help="how long an order takes")
    given = options.parse_args()
    zone, stop = own_zone().zone, threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def tell(found: ZoneStatus) -> None:
        say("closed" if found.state is State.AWAY else "open", zone=found.zone, source=found.source, reason=found.reason)

    connection = pg8000.dbapi.connect(given.user, host=given.postgres, database=given.database, tcp_keepalive=True)
    with Holdfast(
        given.status,
        consumer="orders-postgres",
        kind=Kind.WORKER,
        zone=zone,
        state_file=given.state_file,
        on_close=tell,
        on_open=tell,
        on_trouble=lambda trouble: say("trouble", text=str(trouble)),
    ) as holdfast:
        holdfast.known(3)
        say("ready", zone=zone)
        consume(holdfast.gate(zone), zone, connection, given.work_ms / 1000, stop)
    connection.close()


main()
