"""What status endpoints tell and are told, as JSON.

1. Unknown fields are passed over: an endpoint may be newer than this library.
2. Everything that comes in is bounded; long texts are cut, too many zones are a bad table.
3. A table without zones tells nothing and is refused: no answer may empty what is known.

Not here: how it travels (`http`, `sse`, `link`), what becomes of it (`quorum`).
"""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote

BODY_BYTES = 4 << 20  # a table at most, by push or by poll
ZONES = 1_024  # zones of a table at most
ALIASES = 64  # other names of one zone at most; further ones are left out
REASON_CHARS = 1_000  # the rest is cut
NAME_BYTES = 253  # a zone's name
RUNNING_ZONES = 64  # zones whose running work one acknowledgement names, as the endpoints take it

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TAG = re.compile(r"[!#-~]{1,64}")


class State(enum.Enum):
    """Whether new work may go to a zone."""

    OPEN = "open"
    AWAY = "away"


class Kind(enum.Enum):
    """What kind of consumer asks; it decides nothing, people see it in lists."""

    WORKER = "worker"
    SCHEDULER = "scheduler"
    ROUTER = "router"
    SERVER = "server"
    AUTOSCALER = "autoscaler"
    BALANCER = "balancer"
    OTHER = "other"


class BadTable(ValueError):
    """What came is not used."""


@dataclass(frozen=True)
class ZoneStatus:
    """What is told of one zone."""

    zone: str
    state: State
    aliases: Tuple[str, ...] = ()
    """Other names of it, such as another account's name of the same zone."""
    resource: str = ""
    """What it is told of: `everything`, `pool/NAME` or `record/NAME.`"""
    source: str = ""
    """Who decides: `shift`, `break_glass`, `pin`, `control`, `autoshift`, `practice` or `health`."""
    reason: str = ""
    """Why, in words for people."""
    until_ms: Optional[int] = None
    """When that is due to end, milliseconds since 1970 UTC; None without an end of its own. A hint: what counts is the next table."""
    held: bool = False
    """Past its end and still in force."""
    revision: int = 0
    """The ledger revision that this stands on."""

    def to_json(self) -> Dict[str, Any]:
        return {
            "zone": self.zone,
            "aliases": list(self.aliases),
            "resource": self.resource,
            "state": self.state.value,
            "source": self.source,
            "reason": self.reason,
            "until_ms": self.until_ms,
            "held": self.held,
            "revision": self.revision,
        }


@dataclass(frozen=True)
class Table:
    """All zones, as one endpoint tells them."""

    tag: str
    """Names the content: the same content has the same tag on every node."""
    revision: int
    zones: Tuple[ZoneStatus, ...]


@dataclass(frozen=True)
class Consumer:
    """Who asks."""

    name: str
    """The service, such as `orders-worker`."""
    instance: str
    """This process of it."""
    kind: Kind = Kind.OTHER
    zone: Optional[str] = None
    """Where it runs, by id or alias."""


def is_name(text: str) -> bool:
    """Whether endpoints take this as a consumer's or an instance's name."""
    return _NAME.fullmatch(text) is not None


def plain_tag(text: str) -> str:
    """A tag without what HTTP puts around it: `W/"abc"` and `abc` are one."""
    text = text.strip()
    return (text[2:] if text.startswith("W/") else text).strip('"')


def read_table(data: Union[bytes, str]) -> Table:
    """Reads a table and checks it."""
    told = _object(data)
    return Table(_tag(told), _number(told, "revision", 0), read_zones(told.get("zones")))


def read_beat(data: Union[bytes, str]) -> str:
    """Reads a heartbeat: the tag of the table in force."""
    return _tag(_object(data))


def read_zones(told: Any) -> Tuple[ZoneStatus, ...]:
    """Checks zones from outside, and cuts what is long."""
    if not isinstance(told, list):
        raise BadTable("not a table of zone status: `zones` is no list")
    if not told:
        raise BadTable("a table without zones; it is not used")
    if len(told) > ZONES:
        raise BadTable(f"a table of {len(told)} zones; {ZONES} are taken at most")
    return tuple(_zone(zone) for zone in told)


def _zone(told: Any) -> ZoneStatus:
    if not isinstance(told, dict):
        raise BadTable("not a table of zone status: a zone is no object")
    name = _text(told, "zone", None)
    size = len(name.encode("utf-8", "replace"))
    if not 1 <= size <= NAME_BYTES:
        raise BadTable(f"a zone's name of {size} bytes; there are 1 to {NAME_BYTES}")
    try:
        state = State(_text(told, "state", None))
    except ValueError:
        raise BadTable(f"not a table of zone status: zone {name} is neither `open` nor `away`") from None
    aliases: List[Any] = told["aliases"] if isinstance(told.get("aliases"), list) else []
    until = told.get("until_ms")
    return ZoneStatus(
        zone=name,
        state=state,
        aliases=tuple(alias for alias in aliases[:ALIASES] if isinstance(alias, str) and 1 <= len(alias.encode("utf-8", "replace")) <= NAME_BYTES),
        resource=_text(told, "resource", ""),
        source=_text(told, "source", ""),
        reason=_text(told, "reason", "")[:REASON_CHARS],
        until_ms=until if _is_number(until) else None,
        held=told.get("held") is True,
        revision=_number(told, "revision", 0),
    )


def _object(data: Union[bytes, str]) -> Dict[str, Any]:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadTable(f"not a table of zone status: {error}; is the URL a status endpoint's, such as http://NODE:7601?") from None
    if not isinstance(told, dict):
        raise BadTable("not a table of zone status: no JSON object; is the URL a status endpoint's, such as http://NODE:7601?")
    return told


def _text(told: Mapping[str, Any], name: str, default: Optional[str]) -> str:
    value = told.get(name, default)
    if not isinstance(value, str):
        raise BadTable(f"not a table of zone status: `{name}` is no text")
    return value


def _tag(told: Mapping[str, Any]) -> str:
    tag = plain_tag(_text(told, "tag", None))
    # It goes into headers of later requests: nothing may come in by it that ends a line, or cannot be sent.
    if _TAG.fullmatch(tag) is None:
        raise BadTable("not a table of zone status: `tag` is not 1 to 64 visible ASCII characters without quotation marks")
    return tag


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64


def _number(told: Mapping[str, Any], name: str, default: int) -> int:
    value = told.get(name, default)
    if not _is_number(value):
        raise BadTable(f"not a table of zone status: `{name}` is no number")
    return int(value)


@dataclass(frozen=True)
class Acknowledgement:
    """What was applied, and what still runs where."""

    consumer: Consumer
    tag: Optional[str] = None
    revision: Optional[int] = None
    running: Mapping[str, int] = field(default_factory=dict)
    gone: bool = False

    def to_json(self) -> bytes:
        told: Dict[str, Any] = {"consumer": self.consumer.name, "instance": self.consumer.instance, "kind": self.consumer.kind.value}
        if self.consumer.zone is not None:
            told["zone"] = self.consumer.zone
        if self.tag is not None:
            told["tag"] = self.tag
        if self.revision is not None:
            told["revision"] = self.revision
        if self.running:
            told["running"] = dict(self.running)
        if self.gone:
            told["gone"] = True
        return json.dumps(told, separators=(",", ":")).encode()


def query(resource: Optional[str], consumer: Optional[Consumer]) -> str:
    """`?resource=…&consumer=…`, or nothing."""
    pairs: List[Tuple[str, str]] = []
    if resource is not None:
        pairs.append(("resource", resource))
    if consumer is not None:
        pairs += [("consumer", consumer.name), ("instance", consumer.instance), ("kind", consumer.kind.value)]
        if consumer.zone is not None:
            pairs.append(("zone", consumer.zone))
    return "?" + "&".join(f"{name}={quote(value, safe='/')}" for name, value in pairs) if pairs else ""
