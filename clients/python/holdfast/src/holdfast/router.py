"""For routers of work: pick a worker, a cell or an endpoint outside of closed zones.

1. Only places in open zones are picked, by weight; a weight of 0 is picked only when no other place in an open zone is left.
2. No place is in an open zone: all of them are picked from, as if all zones were open. Work that goes to a zone that may be broken is
   better than work that goes nowhere.
3. There is no place at all: None is picked. That is the only case.

Not here: whether a place is well; that is for health checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, List, Optional, Sequence, Tuple, TypeVar

from .backoff import chance
from .quorum import Zones

if TYPE_CHECKING:
    from .client import Holdfast

T = TypeVar("T")


@dataclass(frozen=True)
class Place(Generic[T]):
    """A place that work may go to."""

    to: T
    """What is picked: an address, a channel, a number."""
    zone: str
    """Its zone, by id or alias."""
    weight: int = 1
    """Its part of the work beside the others."""


class Router(Generic[T]):
    """Picks places outside of closed zones. Safe to use from any thread."""

    def __init__(self, holdfast: Holdfast, places: Sequence[Place[T]]) -> None:
        self._holdfast = holdfast
        self.places: Tuple[Place[T], ...] = tuple(places)
        """All places, usable or not."""

    def pick(self) -> Optional[T]:
        """One place, by chance and weight; None only if there is no place at all."""
        return self.pick_by(chance.getrandbits(64))

    def pick_by(self, draw: int) -> Optional[T]:
        """The place that this number picks: the same number picks the same place until a zone closes or opens."""
        place = pick(self.places, self._holdfast.zones(), draw)
        return None if place is None else place.to

    def usable(self) -> List[T]:
        """All places that may be picked now."""
        return [place.to for place in usable(self.places, self._holdfast.zones())]


def usable(places: Sequence[Place[T]], zones: Zones) -> List[Place[T]]:
    """The places that may be picked: pure."""
    left = [place for place in places if zones.is_open(place.zone)] or list(places)
    return [place for place in left if place.weight > 0] or left


def pick(places: Sequence[Place[T]], zones: Zones, draw: int) -> Optional[Place[T]]:
    """The place that a draw picks: pure. A draw is any 64 bits."""
    left = usable(places, zones)
    at = ((draw & (2**64 - 1)) * sum(max(place.weight, 1) for place in left)) >> 64
    for place in left:
        if at < max(place.weight, 1):
            return place
        at -= max(place.weight, 1)
    return None
