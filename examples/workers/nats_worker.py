"""A worker of a NATS JetStream queue that leaves its zone when the zone is closed, and comes back when it is open.

1. It asks for one message at a time, and only while its zone is open.
2. When the zone closes, the work in hand is cancelled and its message given back (NAK): a worker in another zone gets it at once. So is a
   message that was on its way in that moment, or when the worker is told to stop.
3. A message is acknowledged when it is done. JetStream's promise is at least once: what is done is done once, unless this process dies
   between the work and its acknowledgement.

Everything that it does is a line of JSON on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time

import nats
import nats.errors
from holdfast import AsyncHoldfast, Kind, State, ZoneStatus, own_zone
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

STREAM, SUBJECT, GROUP = "ORDERS", "orders.new", "workers"
ASK_S = 1.0  # a request for a message lasts so long at the server
LOOK_S = 0.25  # so often the loop looks up from an empty queue


def say(event: str, **more: object) -> None:
    # One write for a whole line: the client's own thread says things too.
    sys.stdout.write(json.dumps({"at_ms": time.time_ns() // 1_000_000, "event": event, **more}) + "\n")
    sys.stdout.flush()


class Queue:
    """A pull consumer of JetStream, one request for one message at a time."""

    @classmethod
    async def open(cls, connection: nats.NATS) -> Queue:
        stream = connection.jetstream()
        await stream.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT], retention=RetentionPolicy.WORK_QUEUE))
        await stream.add_consumer(STREAM, ConsumerConfig(durable_name=GROUP, ack_policy="explicit", ack_wait=30))
        queue = cls()
        queue._connection, queue._inbox, queue._asked_until = connection, connection.new_inbox(), 0.0
        queue._arrivals = await connection.subscribe(queue._inbox)
        return queue

    async def receive(self, wait_s: float) -> nats.aio.msg.Msg | None:
        """Asks for a message, and gives it if it comes soon; else it may come to a later `receive` or `arrived`."""
        now = time.monotonic()
        if now >= self._asked_until:
            ask = json.dumps({"batch": 1, "expires": int(ASK_S * 1e9)}).encode()
            await self._connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{GROUP}", ask, reply=self._inbox)
            self._asked_until = now + ASK_S
        return await self.arrived(wait_s)

    async def arrived(self, wait_s: float) -> nats.aio.msg.Msg | None:
        """A message that was asked for, without asking for one."""
        with contextlib.suppress(nats.errors.TimeoutError):
            message = await self._arrivals.next_msg(timeout=wait_s)
            self._asked_until = 0.0
            if not (message.headers and "Status" in message.headers):  # such as 408: the request's time is over
                return message
        return None

    def is_asked(self) -> bool:
        """Whether a request is open: a message may still come to it."""
        return time.monotonic() < self._asked_until


async def give_stray_back(queue: Queue) -> None:
    """Gives back what comes to an earlier request."""
    stray = await queue.arrived(LOOK_S)
    if stray is not None:
        await stray.nak()
        say("given back", message=int(stray.data), begun=False)


async def handle(number: int, work_s: float) -> None:
    """The work itself: nothing of it may remain when it is cancelled."""
    await asyncio.sleep(work_s)


async def consume(holdfast: AsyncHoldfast, zone: str, queue: Queue, work_s: float, stop: asyncio.Event) -> None:
    gate = holdfast.gate(zone)
    while not stop.is_set():
        in_hand = gate.try_pass()
        if in_hand is None:
            await give_stray_back(queue)
            continue
        with in_hand:
            message = await queue.receive(LOOK_S)
            if message is None:
                continue
            number = int(message.data)
            if in_hand.is_to_give_back():
                await message.nak()
                say("given back", message=number, begun=False)
                continue
            say("taken", message=number, delivery=message.metadata.num_delivered)
            work = asyncio.ensure_future(handle(number, work_s))
            await gate.while_open(work)
            if work.cancelled():
                await message.nak()
                say("given back", message=number, begun=True)
            else:
                await message.ack_sync(timeout=10)
                say("done", message=number)
    # A message that came to this request later would wait there for its acknowledgement, which nobody gives.
    while queue.is_asked():
        await give_stray_back(queue)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--nats", required=True, help="such as nats://10.0.0.1:4222")
    options.add_argument("--status", action="append", required=True, help="a status endpoint, such as http://10.1.0.10:7601; one, three or five of them")
    options.add_argument("--state-file", required=True, help="keeps the last good state")
    options.add_argument("--work-ms", type=int, default=50, help="how long a message takes")
    given = options.parse_args()
    zone, stop = own_zone().zone, asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def tell(found: ZoneStatus) -> None:
        say("closed" if found.state is State.AWAY else "open", zone=found.zone, source=found.source, reason=found.reason)

    connection = await nats.connect(given.nats, max_reconnect_attempts=-1, reconnect_time_wait=0.5)
    async with AsyncHoldfast(
        given.status,
        consumer="orders-nats",
        kind=Kind.WORKER,
        zone=zone,
        state_file=given.state_file,
        on_close=tell,
        on_open=tell,
        on_trouble=lambda trouble: say("trouble", text=str(trouble)),
    ) as holdfast:
        await holdfast.known(3)
        say("ready", zone=zone)
        await consume(holdfast, zone, await Queue.open(connection), given.work_ms / 1000, stop)
    await connection.close()


asyncio.run(main())
