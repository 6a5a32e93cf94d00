"""Puts orders into the PostgreSQL queue of `postgres_worker.py`, until it is told to stop (SIGTERM); says how many."""

from __future__ import annotations

import argparse
import json
import signal
import threading

import pg8000.dbapi


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--postgres", required=True, help="the database's address")
    options.add_argument("--user", default="postgres")
    options.add_argument("--database", default="postgres")
    options.add_argument("--per-second", type=float, default=20)
    given = options.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    connection = pg8000.dbapi.connect(given.user, host=given.postgres, database=given.database)
    cursor, sent = connection.cursor(), 0
    while not stop.wait(1 / given.per_second):
        cursor.execute("INSERT INTO orders DEFAULT VALUES")
        connection.commit()
        sent += 1
    connection.close()
    print(json.dumps({"event": "sent", "orders": sent}), flush=True)


main()
