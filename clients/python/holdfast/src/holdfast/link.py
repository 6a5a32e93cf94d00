"""One status endpoint: its stream of events, polls beside it, acknowledgements to it.

1. The stream (`/watch`) tells changes at once. One that brings no event for the heartbeat is dead, and so is one that brings nonsense.
2. Polls (`/status`, conditional) go beside it, one in each heartbeat while the stream is well: so a deaf instance notices. While it is
   not, one in each `poll_s`; and at once when a heartbeat names a table that did not come.
3. Every wait is spread by chance: clients of an endpoint that went do not come back in one moment.
4. Acknowledgements: the newest only, at most one a second, again within 20 s.

Not here: what the word is worth (`voice`), what several make together (`quorum`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

from .backoff import Backoff, chance
from .endpoint import Endpoint
from .http import Answer, HttpError, Question, ask, begin
from .sse import Event, Parser, TooLong
from .voice import Voice
from .wire import BODY_BYTES, Acknowledgement, BadTable, plain_tag, read_beat, read_table

ANSWER_BYTES = 4_096  # of an answer that is no table
ACKNOWLEDGE_AGAIN_S = 20.0  # below the 30 s after which an endpoint calls a consumer silent
ACKNOWLEDGE_PACE_S = 1.0
FIRST_POLL_S = 1.0  # if no event has come by then


@dataclass(frozen=True)
class Pace:
    heartbeat_s: float
    """A stream without an event for so long is dead; one poll within it."""
    poll_s: float
    """Between polls while no stream is well."""
    patience_s: float
    """For one question."""


@dataclass(frozen=True)
class Trouble:
    """What went wrong, or is well again, at one endpoint or on disk; for logs."""

    endpoint: Optional[str]
    """The endpoint's URL; None if it is of this process."""
    what: Optional[str]
    """What, in words; None: it is well again."""

    def __str__(self) -> str:
        what = self.what if self.what is not None else "is heard again"
        return what if self.endpoint is None else f"{self.endpoint}: {what}"


class Link:
    """Runs on the client's own loop only."""

    def __init__(
        self,
        endpoint: Endpoint,
        tls: Optional[ssl.SSLContext],
        query: str,
        pace: Pace,
        changed: Callable[[], None],
        tell: Callable[[Trouble], None],
    ) -> None:
        self.endpoint, self._tls, self._query, self._pace = endpoint, tls, query, pace
        self._changed, self._tell = changed, tell
        self.voice = Voice(pace.heartbeat_s)
        self._poll_now = asyncio.Event()
        self.word_waits = asyncio.Event()
        self._word: Optional[asyncio.Future[None]] = None  # that is on its way
        self._retry_s: Optional[float] = None  # what the last stream asked for

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[Voice]:
        """Around a change of this endpoint's voice: tells a trouble that is new or gone."""
        before = self.voice.trouble
        yield self.voice
        self._changed()
        if before != self.voice.trouble:
            self._tell(Trouble(str(self.endpoint), self.voice.trouble))

    async def listen(self) -> None:
        """Keeps a stream of events, for ever."""
        backoff = Backoff()
        while True:
            hint = None
            try:
                await self._stream(backoff)
                why = "the stream ended"
            except (HttpError, BadTable, TooLong) as error:
                why = str(error)
                hint = error.retry_after_s if isinstance(error, HttpError) else None
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                why = f"the stream broke: {error}"
            with self._speaking() as voice:
                voice.stream_lost(why)
            self._poll_now.set()
            await asyncio.sleep(backoff.next(hint if hint is not None else self._retry_s))

    async def _stream(self, backoff: Backoff) -> None:
        pace = self._pace
        headers = {"accept": "text/event-stream"}
        if self.voice.tag is not None:
            headers["last-event-id"] = self.voice.tag
        question = Question(f"/watch{self._query}", headers=headers)
        try:
            exchange = await asyncio.wait_for(begin(self.endpoint, self._tls, question), pace.patience_s)
        except asyncio.TimeoutError:
            raise HttpError(f"no answer within {pace.patience_s:g} s") from None
        with contextlib.closing(exchange):
            if exchange.status != 200:
                answer = Answer(exchange.status, exchange.headers, b"")
                with contextlib.suppress(HttpError, OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, asyncio.LimitOverrunError):
                    answer = await asyncio.wait_for(exchange.whole(ANSWER_BYTES), pace.patience_s)
                raise answer.refused_by_status()
            kind = exchange.headers.get("content-type", "")
            if not kind.startswith("text/event-stream"):
                raise HttpError(f"/watch answered with `{kind[:60]}`, not with events; polls go on")
            parser, pieces = Parser(), exchange.pieces()
            deadline = self._now() + pace.heartbeat_s
            while True:
                try:
                    piece = await asyncio.wait_for(pieces.__anext__(), max(deadline - self._now(), 0.001))
                except StopAsyncIteration:
                    return
                except asyncio.TimeoutError:
                    raise HttpError(f"no event for {pace.heartbeat_s:g} s; the stream counts as dead") from None
                for event in parser.feed(piece):
                    if self._take(event):
                        backoff.reset()
                        deadline = self._now() + pace.heartbeat_s

    def _take(self, event: Event) -> bool:
        """Whether it was a sign that the stream is well."""
        if event.retry_ms is not None:
            self._retry_s = event.retry_ms / 1000
        if event.name in ("", "message", "table") and event.data:
            table = read_table(event.data)
            with self._speaking() as voice:
                voice.table(table, self._now())
            return True
        if event.name == "beat":
            tag = read_beat(event.data)
            with self._speaking() as voice:
                is_known = voice.beat(tag, self._now())
            if not is_known:
                self._poll_now.set()
            return True
        if event.name == "dropped":
            raise HttpError(f"dropped by the endpoint: {event.data[:200]}")
        # Of a later day, or nothing but a `retry`: no word on zones.
        return False

    async def poll(self) -> None:
        """Polls, for ever."""
        wait = min(FIRST_POLL_S, self._pace.poll_s)
        while True:
            try:
                await asyncio.wait_for(self._poll_now.wait(), wait)
                if not self.voice.is_stream_well:
                    await asyncio.sleep(chance.uniform(0, self._pace.poll_s / 2))
            except asyncio.TimeoutError:
                pass
            self._poll_now.clear()
            hint = await self.poll_once()
            whole = self._pace.heartbeat_s if self.voice.is_stream_well else self._pace.poll_s
            # Within the whole, never beyond: a deaf instance is to notice in time. A little off it for the answer.
            wait = max(whole * chance.uniform(0.6, 0.9), hint or 0.0)

    async def poll_once(self) -> Optional[float]:
        """Asks for the table, if it is another one than what is known. When to come again, if the endpoint says so."""
        asked_at = self._now()
        try:
            await self._ask_table(asked_at)
        except (HttpError, BadTable) as error:
            with self._speaking() as voice:
                voice.poll_failed(str(error))
            return min(error.retry_after_s, self._pace.heartbeat_s) if isinstance(error, HttpError) and error.retry_after_s is not None else None
        return None

    async def _ask_table(self, asked_at: float) -> None:
        headers = {"accept": "application/json"}
        known = self.voice.tag
        if known is not None:
            headers["if-none-match"] = f'"{known}"'
        answer = await ask(self.endpoint, self._tls, Question(f"/status{self._query}", headers=headers), BODY_BYTES, self._pace.patience_s)
        if answer.status == 200:
            table = read_table(answer.body)
            with self._speaking() as voice:
                voice.table(table, self._now(), asked_at)
        elif answer.status == 304:
            with self._speaking() as voice:
                voice.beat(plain_tag(answer.headers.get("etag", known or "")), self._now(), asked_at)
        else:
            raise answer.refused_by_status()

    async def acknowledge(self, newest: Callable[[], Optional[Acknowledgement]]) -> None:
        """Says what was applied and what still runs, for ever."""
        backoff = Backoff()
        told: Optional[str] = None
        wait: Optional[float] = None
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.word_waits.wait(), wait)
            self.word_waits.clear()
            word = newest()
            if word is None:
                continue
            trouble, wait = None, ACKNOWLEDGE_AGAIN_S
            try:
                self._word = asyncio.ensure_future(self.say(word))
                self._word.add_done_callback(lambda said: said.cancelled() or said.exception())
                # What is on its way arrives, also when this ends: a good-bye must not overtake it.
                await asyncio.shield(self._word)
                backoff.reset()
            except HttpError as error:
                # That it cannot be reached is told by its voice already; here it is what it thinks of us.
                trouble = str(error) if error.status is not None else None
                wait = max(backoff.next(error.retry_after_s), ACKNOWLEDGE_PACE_S)
            if trouble is not None and trouble != told:
                self._tell(Trouble(str(self.endpoint), f"takes no acknowledgement: {trouble}"))
            told = trouble
            await asyncio.sleep(ACKNOWLEDGE_PACE_S)

    async def good_bye(self, word: Acknowledgement) -> None:
        """The last word, after the one that is on its way."""
        if self._word is not None:
            await asyncio.wait([self._word])
        await self.say(word)

    async def say(self, word: Acknowledgement) -> None:
        """One acknowledgement."""
        question = Question("/acknowledge", "POST", {"content-type": "application/json"}, word.to_json())
        answer = await ask(self.endpoint, self._tls, question, ANSWER_BYTES, self._pace.patience_s)
        if not 200 <= answer.status < 300:
            raise answer.refused_by_status()
