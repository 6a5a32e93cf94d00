"""What a client is to do, checked once before anything runs."""

from __future__ import annotations

import os
import re
import secrets
import socket
import ssl
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from .endpoint import Endpoint, read_endpoint
from .link import Pace
from .wire import NAME_BYTES, Consumer, Kind, is_name

ENDPOINTS = 9
RESOURCE_BYTES = 300


class StartError(ValueError):
    """A setting that cannot work: nothing was started."""


@dataclass(frozen=True)
class Checked:
    endpoints: Tuple[Endpoint, ...]
    tls: Optional[ssl.SSLContext]
    pace: Pace
    consumer: Optional[Consumer]


def check(
    endpoints: Sequence[str],
    *,
    resource: Optional[str],
    consumer: Optional[str],
    kind: Kind,
    instance: Optional[str],
    zone: Optional[str],
    heartbeat_s: float,
    poll_s: Optional[float],
    patience_s: float,
    needed: int,
    authority: Optional[str],
) -> Checked:
    if isinstance(endpoints, str):
        endpoints = [endpoints]
    if not endpoints:
        raise StartError("no status endpoint is given; name one, three or five, such as http://10.0.0.1:7601")
    if len(endpoints) > ENDPOINTS:
        raise StartError(f"{len(endpoints)} status endpoints are given; {ENDPOINTS} are asked at most, three or five are enough")
    read: List[Endpoint] = []
    for url in endpoints:
        endpoint = read_endpoint(url)
        if endpoint in read:
            raise StartError(f"status endpoint {endpoint} is given twice; each has one vote")
        read.append(endpoint)
    if needed > len(read):
        raise StartError(f"{needed} endpoints are to agree, {len(read)} are asked; nothing could ever change: lower the first")
    _length("the resource", resource, RESOURCE_BYTES)
    _length("the zone", zone, NAME_BYTES)
    poll = heartbeat_s / 5 if poll_s is None else poll_s
    _range("the heartbeat", heartbeat_s, 0.1, 600)
    _range("the time between polls", poll, 0.02, heartbeat_s)
    _range("the patience for an answer", patience_s, 0.02, 60)
    who = None
    if consumer is not None:
        who = Consumer(consumer, default_instance() if instance is None else instance, kind, zone)
        for what, given in (("the consumer", who.name), ("the instance", who.instance)):
            if not is_name(given):
                raise StartError(f"{what} `{given[:80]}`: 1 to 64 letters, digits, `.`, `_` and `-`")
    return Checked(tuple(read), _tls(authority, any(endpoint.is_tls for endpoint in read)), Pace(heartbeat_s, poll, patience_s), who)


def _tls(authority: Optional[str], is_wanted: bool) -> Optional[ssl.SSLContext]:
    if authority is None and not is_wanted:
        return None
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise StartError(f"cannot use the authorities in {authority}: {error}; give a file of PEM certificates") from error


def _length(what: str, text: Optional[str], most: int) -> None:
    size = None if text is None else len(text.encode("utf-8", "replace"))
    if size is not None and not 1 <= size <= most:
        raise StartError(f"{what} has {size} bytes; it has 1 to {most}")


def _range(what: str, given: float, least: float, most: float) -> None:
    if not least <= given <= most:
        raise StartError(f"{what} is {given:g} s; it is {least:g} s to {most:g} s")


def machine_name() -> str:
    """The machine's name, as far as it may stand in an instance's."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:40] or "host"


def default_instance() -> str:
    return f"{machine_name()}-{os.getpid()}-{secrets.token_hex(4)}"
