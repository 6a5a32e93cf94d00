"""For servers: fail one's own health check, and refuse new work, while the own zone is away.

1. The health answer is 503 while the zone is away, so that balancers that know nothing of Holdfast take the server out.
2. New work is refused with 503 and `Retry-After`; what is under way goes on. Refuse only what the caller may send elsewhere.
3. The middlewares count requests until they are answered whole, and have the count told as `running`.
4. `Retry-After` is the time to the act's due end, 1 s to 5 min; 30 s where it has no end. The end is a hint, not a promise.

Not here: an HTTP server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, Iterator, List, MutableMapping, Optional, Protocol, Tuple

from .quorum import Zones
from .wire import State

if TYPE_CHECKING:
    from .client import Holdfast

RETRY_DEFAULT_S = 30  # where an act has no end of its own
RETRY_MAX_S = 300  # who waits longer should ask again anyway


@dataclass(frozen=True)
class Reply:
    """What a server answers."""

    status: int
    """200 or 503."""
    retry_after_s: Optional[int]
    """The header `Retry-After`, in seconds; only with 503."""
    body: str
    """One line for people."""

    def headers(self) -> List[Tuple[str, str]]:
        found = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(self.body.encode()))), ("Cache-Control", "no-store")]
        return found if self.retry_after_s is None else [*found, ("Retry-After", str(self.retry_after_s))]


def health(zones: Zones, zone: str, now_ms: Optional[int] = None) -> Reply:
    """The answer to a health check of a server in that zone."""
    found = zones.get(zone)
    if found is None or found.state is State.OPEN:
        return Reply(200, None, f"zone {zone} is open\n")
    retry = RETRY_DEFAULT_S
    if found.until_ms is not None and not found.held:
        left = -(-(found.until_ms - (int(time.time() * 1000) if now_ms is None else now_ms)) // 1000)
        # Held past its end, or with a clock that is off: no moment is known.
        retry = left if left > 0 else RETRY_DEFAULT_S
    source = "".join(one if one.isprintable() else " " for one in found.source[:60])
    return Reply(503, min(retry, RETRY_MAX_S), f"zone {zone} is away ({source}); try another zone\n")


class _Known(Protocol):
    def health(self, zone: str) -> Reply: ...

    def count(self, zone: str, change: Callable[[int], int]) -> None: ...


class _InHand:
    """Counts one request until `close`, which may come more than once, or until nothing refers to it any more."""

    def __init__(self, holdfast: _Known, zone: str) -> None:
        self._holdfast, self._zone, self._is_counted = holdfast, zone, True
        holdfast.count(zone, lambda count: count + 1)

    def close(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._holdfast.count(self._zone, lambda count: count - 1)

    def __del__(self) -> None:
        self.close()


class _Closing:
    """What a server calls when an answer is out: the application's own `close`, then the end of the count."""

    def __init__(self, close: Optional[Callable[[], object]], in_hand: _InHand) -> None:
        self._close, self._in_hand = close, in_hand

    def __call__(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._in_hand.close()


class _Answer:
    """What a WSGI application answers, counted until the server closes it."""

    def __init__(self, answer: Iterable[bytes], in_hand: _InHand) -> None:
        self._answer = answer
        self.close = _Closing(getattr(answer, "close", None), in_hand)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def __len__(self) -> int:
        return len(self._answer)  # type: ignore[arg-type]  # a TypeError where it has none, as without us


def _counted(answer: Iterable[bytes], environ: Environ, in_hand: _InHand) -> Iterable[bytes]:
    """The answer, whose `close` ends the count.

    A file in the server's own `wsgi.file_wrapper` stays what it is, since servers know it by its class and send it without reading it (PEP 3333,
    "Optional Platform-Specific File Handling"): its `close` is replaced. Where it takes no other one it goes through `_Answer`, which every server reads.
    """
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(answer, wrapper):
        try:
            answer.close = _Closing(getattr(answer, "close", None), in_hand)  # type: ignore[attr-defined]
            return answer
        except (AttributeError, TypeError):
            pass
    return _Answer(answer, in_hand)


Environ = Dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]


class RefuseWsgi:
    """WSGI middleware: new requests get 503 while the zone is away. `health_path` is answered here, in open zones too.

    `passes` names paths that are served all the same, such as those of your own people; a path ends with `*` for all that begin so.
    """

    def __init__(self, app: Wsgi, holdfast: _Known, zone: str, *, health_path: Optional[str] = None, passes: Iterable[str] = ()) -> None:
        self._app, self._holdfast, self._zone = app, holdfast, zone
        self._health_path, self._passes = health_path, tuple(passes)
        holdfast.count(zone, lambda count: count)  # from now on "nothing" is an answer

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_health = path == self._health_path
        if not is_health and _passes(path, self._passes):
            return self._app(environ, start_response)
        reply = self._holdfast.health(self._zone)
        if reply.status == 200 and not is_health:
            in_hand = _InHand(self._holdfast, self._zone)
            try:
                return _counted(self._app(environ, start_response), environ, in_hand)
            except BaseException:
                in_hand.close()
                raise
        start_response("200 OK" if reply.status == 200 else "503 Service Unavailable", reply.headers())
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [reply.body.encode()]


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class RefuseAsgi:
    """ASGI middleware, as `RefuseWsgi`; new WebSockets are refused too, those that are open go on."""

    def __init__(self, app: Asgi, holdfast: _Known, zone: str, *, health_path: Optional[str] = None, passes: Iterable[str] = ()) -> None:
        self._app, self._holdfast, self._zone = app, holdfast, zone
        self._health_path, self._passes = health_path, tuple(passes)
        holdfast.count(zone, lambda count: count)  # from now on "nothing" is an answer

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        kind, path = scope["type"], scope.get("path", "")
        is_health = kind == "http" and path == self._health_path
        if kind not in ("http", "websocket") or (not is_health and _passes(path, self._passes)):
            return await self._app(scope, receive, send)
        reply = self._holdfast.health(self._zone)
        if reply.status == 200 and not is_health:
            in_hand = _InHand(self._holdfast, self._zone)
            try:
                return await self._app(scope, receive, send)
            finally:
                in_hand.close()
        if kind == "websocket":
            await receive()  # the hello; a close before it is accepted is HTTP's 403, which every server has
            return await send({"type": "websocket.close", "code": 1013, "reason": reply.body.strip()[:120]})
        headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else reply.body.encode()})


def _passes(path: str, passes: Tuple[str, ...]) -> bool:
    return any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in passes)
