"""Puts numbered orders into the NATS JetStream queue of `nats_worker.py`, until it is told to stop (SIGTERM); says how many."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

import nats
from nats.js.api import RetentionPolicy, StreamConfig

STREAM, SUBJECT = "ORDERS", "orders.new"


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nats", required=True, help="such as nats://10.0.0.1:4222")
    options.add_argument("--per-second", type=float, default=20)
    given = options.parse_args()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    connection = await nats.connect(given.nats, max_reconnect_attempts=-1, reconnect_time_wait=0.5)
    stream, sent = connection.jetstream(), 0
    await stream.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT], retention=RetentionPolicy.WORK_QUEUE))
    while not stop.is_set():
        # The id lets JetStream see that a message that was sent again is the same.
        await stream.publish(SUBJECT, str(sent).encode(), headers={"Nats-Msg-Id": str(sent)})
        sent += 1
        try:
            await asyncio.wait_for(stop.wait(), 1 / given.per_second)
        except asyncio.TimeoutError:
            pass
    await connection.close()
    print(json.dumps({"event": "sent", "orders": sent}), flush=True)


asyncio.run(main())
