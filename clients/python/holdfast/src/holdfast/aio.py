"""The same client for asyncio: what waits is awaited, all else is as in `Holdfast`.

The client's own thread goes on asking while the program's loop is busy; here only waits are carried over to that loop.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, Sequence, Type, TypeVar

from .client import Holdfast, Told
from .gate import Gate, InHand
from .quorum import Origin, Zones
from .router import Place, Router
from .server import Reply
from .wire import ZoneStatus

R = TypeVar("R")


class AsyncHoldfast:
    """Knows which zones are closed.

    async with AsyncHoldfast(["http://10.1.0.10:7601", …], consumer="orders-worker", kind=Kind.WORKER, zone=zone) as holdfast: …

    Takes what `Holdfast` takes. Callbacks are called in a thread of the client, not on the loop.
    """

    def __init__(self, endpoints: Sequence[str], **settings: Any) -> None:
        self.client = Holdfast(endpoints, **settings)
        """The client itself, for everything that does not wait."""

    async def __aenter__(self) -> AsyncHoldfast:
        # It reads a small file, perhaps from a slow disk.
        await asyncio.get_running_loop().run_in_executor(None, self.client.start)
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Holdfast.close`."""
        await asyncio.get_running_loop().run_in_executor(None, self.client.close)

    def zones(self) -> Zones:
        return self.client.zones()

    def is_open(self, zone: str) -> bool:
        return self.client.is_open(zone)

    def health(self, zone: str) -> Reply:
        return self.client.health(zone)

    def count(self, zone: str, change: Callable[[int], int]) -> None:
        """Counts what runs in a zone, as `Holdfast.count`."""
        self.client.count(zone, change)

    def refusal(self, zone: str) -> Optional[Reply]:
        return self.client.refusal(zone)

    def router(self, places: Sequence[Place[R]]) -> Router[R]:
        return self.client.router(places)

    def gate(self, zone: str) -> AsyncGate:
        return AsyncGate(self, zone)

    async def known(self, timeout_s: float) -> bool:
        """As `Holdfast.known`."""
        try:
            await asyncio.wait_for(self.wait_for(lambda zones: zones.origin is Origin.ENDPOINTS and zones.speaking > 0), timeout_s)
        except asyncio.TimeoutError:
            return False
        return True

    async def wait_for(self, is_so: Callable[[Zones], bool]) -> None:
        """Waits until it is so. RuntimeError when the client was closed before: nothing will change any more."""
        if is_so(self.client.zones()):
            return
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        end = self.client.listen(lambda: _set(loop, changed))
        try:
            while not is_so(self.client.zones()):
                if self.client._is_closed:
                    raise RuntimeError("the client was closed; what is awaited will not come")
                await changed.wait()
                changed.clear()
        finally:
            end()

    async def changes(self) -> AsyncIterator[ZoneStatus]:
        """Zones that close and open from now on, one after another; those that are away now come first. Ends with the client."""
        told, seen = Told(), None
        while True:
            last = seen
            try:
                await self.wait_for(lambda zones: zones is not last)
            except RuntimeError:
                return
            seen = self.client.zones()
            for zone in told.differences(seen):
                yield zone


class AsyncGate:
    """Lets through while its zone is open.

    with await gate.pass_() as in_hand:     # waits while the zone is away
        message = await queue.receive()
        done = await gate.while_open(work(message))
    """

    def __init__(self, holdfast: AsyncHoldfast, zone: str) -> None:
        self._holdfast = holdfast
        self._gate = Gate(holdfast.client, zone)
        self.zone = zone

    def is_open(self) -> bool:
        return self._gate.is_open()

    async def pass_(self) -> InHand:
        """Waits until new work may be taken, and counts one piece of it."""
        while True:
            in_hand = self.try_pass()
            if in_hand is not None:
                return in_hand
            await self.opened()

    def try_pass(self) -> Optional[InHand]:
        """Counts one piece of work if new work may be taken now."""
        return self._gate.try_pass()

    async def closed(self) -> None:
        """Waits until the zone is away: the moment to stop a subscription, and to give back what is in hand."""
        await self._holdfast.wait_for(lambda zones: not zones.is_open(self.zone))

    async def opened(self) -> None:
        """Waits until the zone is open: the moment to subscribe again."""
        await self._holdfast.wait_for(lambda zones: zones.is_open(self.zone))

    async def while_open(self, work: Awaitable[R]) -> Optional[R]:
        """Does `work` while the zone is open; None if it closed before the work was done. The work is cancelled then, and has ended when
        this returns; a result that came in that same moment is given."""
        task = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(self.closed())
        try:
            await asyncio.wait([task, closed], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            task.cancel()
            closed.cancel()


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(event.set)
    except RuntimeError:
        pass  # that loop has ended, and whoever waited with it
