"""The client: one thread that speaks with the endpoints, and what a program holds of it.

1. One thread with a loop of its own asks and decides, so that it goes on whatever the program's threads or loops do. It lays together what
   the endpoints' voices say whenever one speaks or falls silent, and publishes what is new.
2. The first endpoint that speaks after none did does not decide alone at once: the others have `SETTLE_S` to speak, unless it is certain
   before.
3. Callbacks are told differences, by a thread of their own: a slow one sees the newest state, never a queue of old ones.
4. The state file follows what is decided, by a third; a write that fails is told and tried again, nothing waits for it.
5. Threads do not live on in a forked child: start the client after the fork. A child that asks an older one is told so, not lied to.

Not here: endpoints (`link`), the majority (`quorum`), the same for asyncio (`aio`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Type

from . import disk
from .gate import Gate
from .link import Link, Trouble
from .quorum import Origin, Zones, is_certain, lay_together
from .router import Place, Router, T
from .server import Reply, health
from .settings import StartError, check
from .wire import RUNNING_ZONES, Acknowledgement, Kind, State, ZoneStatus, query

SETTLE_S = 2.0  # the first endpoint that speaks waits for the others
SAVE_AGAIN_S = 30.0
AGAIN_S = 1.0
GOOD_BYE_S = 2.0
CANCEL_AGAIN_S = 0.1

OnZone = Callable[[ZoneStatus], object]


@dataclass(frozen=True)
class EndpointStatus:
    """How one endpoint is doing."""

    url: str
    speaks: bool
    """Whether its word counts now."""
    is_pushed: bool
    """Whether its stream of events is well; else it is polled."""
    trouble: Optional[str]
    """What went wrong last, while it is not well."""


class Holdfast:
    """Knows which zones are closed. Safe to use from any thread; `AsyncHoldfast` is the same for asyncio.

    with Holdfast(["http://10.1.0.10:7601", …], consumer="orders-worker", kind=Kind.WORKER, zone=zone) as holdfast: …
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        resource: Optional[str] = None,
        consumer: Optional[str] = None,
        kind: Kind = Kind.OTHER,
        instance: Optional[str] = None,
        zone: Optional[str] = None,
        state_file: Optional[str] = None,
        on_close: Optional[OnZone] = None,
        on_open: Optional[OnZone] = None,
        on_trouble: Optional[Callable[[Trouble], object]] = None,
        heartbeat_s: float = 25.0,
        poll_s: Optional[float] = None,
        patience_s: float = 3.0,
        needed: int = 1,
        authority: Optional[str] = None,
        acknowledge_by_hand: bool = False,
    ) -> None:
        """Checks the settings; nothing runs before `start`, or `with`.

        endpoints: one, three or five URLs, each in another place. resource: one pool (`pool/web`) or name (`record/www.example.test.`)
        instead of everything. consumer, kind, instance: who asks; operators see it in `holdfast status`; without a consumer nothing is
        acknowledged; the instance is by default the machine's name, the process id and random digits. zone: where this process runs, by
        id or alias; `own_zone` finds it out. state_file: keeps the last good state there. on_close, on_open: called with a `ZoneStatus`
        when a zone is to be left or may be used again, at the start also for each that is away; on_trouble: with a `Trouble`, for logs.
        heartbeat_s: 0.1 to 600; a stream without an event for so long is dead, an endpoint without a word silent; endpoints say something
        every 10 s. poll_s: between polls while there is no stream; default a fifth of the heartbeat. patience_s: for one question.
        needed: how many endpoints must say a state before it counts, beside the majority of those who speak. authority: PEM file of the
        authorities that are trusted for `https://`, and no others. acknowledge_by_hand: you call `applied` when it is done; without it a
        table is acknowledged when the callbacks have returned.

        Raises `StartError` (or `BadEndpoint`), both of them ValueErrors, for a setting that cannot work.
        """
        self._checked = check(
            endpoints,
            resource=resource,
            consumer=consumer,
            kind=kind,
            instance=instance,
            zone=zone,
            heartbeat_s=heartbeat_s,
            poll_s=poll_s,
            patience_s=patience_s,
            needed=needed,
            authority=authority,
        )
        self._resource, self._zone, self._needed = resource, zone, needed
        self._state_file = None if state_file is None else os.fspath(state_file)
        self._on_close, self._on_open, self._on_trouble = on_close, on_open, on_trouble
        self._by_hand = acknowledge_by_hand
        # Guards all below; every change of the published zones is notified.
        self._changed = threading.Condition()
        self._zones = Zones(asked=len(self._checked.endpoints))
        self._listeners: List[Callable[[], None]] = []
        self._running: Dict[str, int] = {}
        self._applied: Optional[Tuple[str, int]] = None
        self._is_word_told = True
        self._is_closed = False
        self._pid: Optional[int] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._links: List[Link] = []
        self._wake: Optional[asyncio.Event] = None
        self._stop: Optional[asyncio.Event] = None
        self._threads: List[threading.Thread] = []

    # What a program asks.

    def zones(self) -> Zones:
        """What is known now."""
        if self._pid is not None and self._pid != os.getpid():
            raise RuntimeError("this Holdfast was started before the fork and knows nothing new here; start one in the child")
        return self._zones

    def is_open(self, zone: str) -> bool:
        """Whether new work may go to the zone of this id or alias; so it may too while nothing is known of it."""
        return self.zones().is_open(zone)

    @property
    def own_zone(self) -> Optional[str]:
        """The zone that this client was told it runs in."""
        return self._zone

    def known(self, timeout_s: float) -> bool:
        """Waits until endpoints have spoken, at most so long; whether they have.

        Worth a few seconds before the first message is taken, where no state file says what was known.
        """
        return self.wait_for(lambda zones: zones.origin is Origin.ENDPOINTS and zones.speaking > 0, timeout_s)

    def wait_for(self, is_so: Callable[[Zones], bool], timeout_s: Optional[float] = None) -> bool:
        """Waits until it is so, at most so long; whether it is. After `close` nothing changes any more, and it is false at once."""
        self.zones()
        with self._changed:
            return self._changed.wait_for(lambda: is_so(self._zones) or self._is_closed, timeout_s) and is_so(self._zones)

    def changes(self, timeout_s: Optional[float] = None) -> Iterator[ZoneStatus]:
        """Zones that close and open from now on, one after another; those that are away now come first. Ends with the client, or when
        nothing has changed for `timeout_s`. A state that was undone before it was taken from here is left out."""
        told, seen = Told(), None
        while True:
            with self._changed:
                last = seen
                is_new = self._changed.wait_for(lambda: self._zones is not last or self._is_closed, timeout_s)
                if not is_new or self._zones is seen:
                    return
                seen = self._zones
            yield from told.differences(seen)

    def endpoints(self) -> List[EndpointStatus]:
        """How each endpoint is doing."""
        loop = self._loop
        now = loop.time() if loop is not None else 0.0
        links = list(self._links)
        return [EndpointStatus(str(link.endpoint), link.voice.speaks(now) is not None, link.voice.is_stream_well, link.voice.trouble) for link in links]

    # What stands on it.

    def gate(self, zone: str) -> Gate:
        """The gate of a zone, by id or alias, for a consumer of a queue; it is open while nothing is known of the zone."""
        return Gate(self, zone)

    def router(self, places: Sequence[Place[T]]) -> Router[T]:
        """A router of work to these places."""
        return Router(self, places)

    def health(self, zone: str) -> Reply:
        """The answer to this server's own health check."""
        return health(self.zones(), zone)

    def refusal(self, zone: str) -> Optional[Reply]:
        """The answer to new work, if it is to be refused."""
        reply = self.health(zone)
        return None if reply.status == 200 else reply

    # What a program tells.

    def set_running(self, zone: str, count: int) -> None:
        """Says what still runs in a zone, for acknowledgements; a `Gate` counts by itself."""
        self.count(zone, lambda _: max(count, 0))

    def count(self, zone: str, change: Callable[[int], int]) -> None:
        """Counts what runs in a zone; beyond 64 zones, further ones are not counted.

        Told within a second while the zone is away, which is when people wait for it; else with the next word, 20 s later at most.
        """
        if self._pid not in (None, os.getpid()):
            return  # in a forked child nobody is told, and a thread that is not there may have the lock
        with self._changed:
            if zone not in self._running and len(self._running) >= RUNNING_ZONES:
                return
            self._running[zone] = change(self._running.get(zone, 0))
            if not self._zones.is_open(zone):
                self._say()

    def applied(self, zones: Zones) -> None:
        """Says that this is applied, for a client that is acknowledged by hand. Zones that no endpoint tells just so are not acknowledged."""
        if zones.origin is not Origin.ENDPOINTS or zones.tag is None or zones.revision is None:
            return
        with self._changed:
            if self._applied != (zones.tag, zones.revision):
                self._applied = (zones.tag, zones.revision)
                self._say()

    # Its life.

    def start(self) -> Holdfast:
        """Reads the state file and begins. What is wrong with that file is told to `on_trouble`, and the start is from nothing."""
        if self._pid is not None:
            raise RuntimeError("this Holdfast was started already; make another one")
        self._pid = os.getpid()
        if self._state_file is not None:
            try:
                loaded = disk.load(self._state_file, self._resource or "everything")
            except disk.DiskError as error:
                self._tell(Trouble(None, str(error)))
                loaded = None
            if loaded is not None:
                self._zones = loaded.with_voices(0, len(self._checked.endpoints))
        ready = threading.Event()
        work: List[Tuple[str, Callable[[], object]]] = [("holdfast", lambda: self._run(ready)), ("holdfast-tell", self._tell_changes)]
        if self._state_file is not None:
            work.append(("holdfast-save", self._save))
        for name, run in work:
            thread = threading.Thread(target=run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        ready.wait()
        return self

    def close(self) -> None:
        """Stops, and says good-bye to the endpoints, so that nobody counts this process as silent; about two seconds at most. What is known
        stays as it is. It may be called again."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
            self._notify()
        if was_closed or self._pid != os.getpid():
            return
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(stop.set)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(GOOD_BYE_S + 1)

    def __enter__(self) -> Holdfast:
        return self.start()

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    # Inside.

    def listen(self, call: Callable[[], None]) -> Callable[[], None]:
        """Calls `call`, which must not block, at every change, from any thread; gives what ends that."""
        with self._changed:
            self._listeners.append(call)

        def end() -> None:
            with self._changed, contextlib.suppress(ValueError):
                self._listeners.remove(call)

        return end

    def _notify(self) -> None:
        self._changed.notify_all()
        for call in list(self._listeners):
            call()

    def _tell(self, trouble: Trouble) -> None:
        if self._on_trouble is not None:
            # A program's mistake in its log must not end what speaks with the endpoints.
            with contextlib.suppress(Exception):
                self._on_trouble(trouble)

    def _say(self) -> None:
        """There is a new word for acknowledgements; with the lock held. Says so once until it was taken."""
        if self._is_word_told and self._loop is not None and not self._is_closed:
            self._is_word_told = False
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._words_wait)

    def _words_wait(self) -> None:
        for link in self._links:
            link.word_waits.set()

    def _word(self) -> Optional[Acknowledgement]:
        """What is to be acknowledged now; nothing before anything was applied."""
        consumer = self._checked.consumer
        with self._changed:
            self._is_word_told = True
            if consumer is None or self._applied is None:
                return None
            running: Dict[str, int] = {}
            for name, count in self._running.items():
                zone = self._zones.get(name)
                at = name if zone is None else zone.zone
                running[at] = running.get(at, 0) + count
            return Acknowledgement(consumer, *self._applied, running=running)

    def _run(self, ready: threading.Event) -> None:
        while True:
            try:
                asyncio.run(self._main(ready))
            except Exception as error:  # a mistake of ours must not leave the program deaf
                self._tell(Trouble(None, f"the client failed and begins again ({error!r}); please report it"))
            ready.set()
            with self._changed:
                self._loop = None
                self._notify()
                if self._changed.wait_for(lambda: self._is_closed, AGAIN_S):
                    return

    async def _main(self, ready: threading.Event) -> None:
        checked = self._checked
        loop = asyncio.get_running_loop()
        stop, wake = asyncio.Event(), asyncio.Event()
        words = query(self._resource, checked.consumer)
        self._wake, self._stop = wake, stop
        self._links = [Link(endpoint, checked.tls, words, checked.pace, wake.set, self._tell) for endpoint in checked.endpoints]
        with self._changed:
            self._loop = loop
            # After a failure: a word that was told to the loop before was never taken, and what is applied is to be said again.
            self._is_word_told = True
        self._words_wait()
        ready.set()
        tasks = [asyncio.ensure_future(self._decide(wake))]
        for link in self._links:
            tasks += [asyncio.ensure_future(link.listen()), asyncio.ensure_future(link.poll())]
            if checked.consumer is not None:
                tasks.append(asyncio.ensure_future(link.acknowledge(self._word)))
        stopped = asyncio.ensure_future(stop.wait())
        # None of them ends by itself: one that does is a mistake of ours.
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        # Again and again: `wait_for` of Python 3.9 to 3.11 swallows a cancellation that comes together with what it waits for.
        left: Set[asyncio.Future[Any]] = {stopped, *tasks}
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
        await asyncio.gather(stopped, *tasks, return_exceptions=True)
        for task in done:
            if task is not stopped:
                task.result()
        if checked.consumer is not None:
            tag, revision = self._applied or (None, None)
            good_bye = Acknowledgement(checked.consumer, tag, revision, gone=True)
            # An endpoint that cannot be told will find out by itself.
            await asyncio.wait([asyncio.ensure_future(_good_bye(link, good_bye)) for link in self._links], timeout=GOOD_BYE_S)

    async def _decide(self, wake: asyncio.Event) -> None:
        """Lays together, for ever."""
        loop = asyncio.get_running_loop()
        settles_at: Optional[float] = None
        is_settled = False
        while True:
            wake.clear()
            now = loop.time()
            voices = [link.voice for link in self._links]
            tables = [voice.speaks(now) for voice in voices]
            if all(table is None for table in tables):
                is_settled, settles_at = False, None
            elif not is_settled:
                if settles_at is None:
                    settles_at = now + SETTLE_S
                    # What failed long ago says nothing of now.
                    for voice, table in zip(voices, tables):
                        voice.is_tried = table is not None
                is_settled = all(voice.is_tried for voice in voices) or is_certain(tables) or now >= settles_at
            if is_settled or settles_at is None:
                self._publish(lay_together(self._zones, tables, self._needed))
            wakes = [until for until in (voice.until() for voice in voices) if until is not None and until > now]
            if settles_at is not None and not is_settled:
                wakes.append(settles_at)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(wake.wait(), max(min(wakes) - now, 0.001) if wakes else None)

    def _publish(self, zones: Zones) -> None:
        with self._changed:
            if zones != self._zones and not self._is_closed:
                self._zones = zones
                self._notify()

    def _tell_changes(self) -> None:
        told, seen = Told(), None
        while True:
            with self._changed:
                last = seen
                self._changed.wait_for(lambda: self._zones is not last or self._is_closed)
                if self._is_closed:
                    return
                seen = self._zones
            for zone in told.differences(seen):
                call = self._on_close if zone.state is State.AWAY else self._on_open
                if call is None:
                    continue
                try:
                    call(zone)
                except Exception as error:  # a mistake in one callback must not make the program deaf to the next evacuation
                    self._tell(Trouble(None, f"the callback for zone {zone.zone} ({zone.state.value}) raised {error!r}; it counts as told"))
            if not self._by_hand:
                self.applied(seen)

    def _save(self) -> None:
        path, saved, failed = self._state_file or "", None, False
        while True:
            with self._changed:
                before, again = saved, failed
                self._changed.wait_for(lambda: self._is_closed or not _is_saved(before, self._zones), SAVE_AGAIN_S)
                newest, is_closed = self._zones, self._is_closed
            if not _is_saved(saved, newest):
                try:
                    disk.save(path, self._resource or "everything", newest)
                    saved, failed = newest, False
                except disk.DiskError as error:
                    failed = True
                    if not again:
                        self._tell(Trouble(None, str(error)))
            if is_closed:
                return
            if failed:
                with self._changed:
                    if self._changed.wait_for(lambda: self._is_closed, SAVE_AGAIN_S):
                        return


def _is_saved(saved: Optional[Zones], zones: Zones) -> bool:
    return zones.origin is not Origin.ENDPOINTS or (saved is not None and saved.says_the_same(zones))


async def _good_bye(link: Link, word: Acknowledgement) -> None:
    with contextlib.suppress(Exception):
        await link.good_bye(word)


class Told:
    """What was told of zones: those that are away."""

    def __init__(self) -> None:
        self._away: Dict[str, ZoneStatus] = {}

    def differences(self, zones: Zones) -> List[ZoneStatus]:
        """What is to be told to get from what was told to this: zones that close first, they are urgent."""
        away = {zone.zone: zone for zone in zones if zone.state is State.AWAY}
        differences = [zone for name, zone in away.items() if name not in self._away]
        for name, was in self._away.items():
            if name not in away:
                now = zones.get(name)
                gone = "no status endpoint lists the zone any more"
                differences.append(now if now is not None else replace(was, state=State.OPEN, reason=gone, until_ms=None, held=False))
        self._away = away
        return differences


__all__ = ["EndpointStatus", "Holdfast", "StartError"]
