"""What several endpoints say, laid together: pure, same input, same output.

1. Each zone by itself: the state that more of the endpoints say than the other. Which of them is newer matters not.
2. An endpoint that is silent, or that does not know the zone, counts for nothing.
3. A tie keeps the last state, and so does a state that fewer say than are needed.
4. A zone that no endpoint lists is forgotten only while more than half of all endpoints speak.
5. Nobody speaks: everything stays as it is, for ever.
6. Before anything is known a zone is open: a worker that has never reached an endpoint works.

Not here: who speaks (`voice`), what was last when the process began (`disk`).
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set

from .wire import ZONES, State, Table, ZoneStatus


class Origin(enum.Enum):
    """What the zones stand on."""

    NOTHING = "nothing"
    """Nothing was ever heard: all is open."""
    DISK = "disk"
    """The file of last good state, from before this process."""
    ENDPOINTS = "endpoints"
    """Status endpoints, now or a while ago: `Zones.speaking` says how many speak now."""


class Zones:
    """What is known of all zones; it never changes, a newer one takes its place."""

    __slots__ = ("_by_id", "_aliases", "tag", "revision", "origin", "speaking", "asked")

    def __init__(
        self,
        zones: Iterable[ZoneStatus] = (),
        *,
        tag: Optional[str] = None,
        revision: Optional[int] = None,
        origin: Origin = Origin.NOTHING,
        speaking: int = 0,
        asked: int = 0,
    ) -> None:
        by_id: Dict[str, ZoneStatus] = {}
        for zone in zones:
            by_id.setdefault(zone.zone, zone)  # the first word on a zone counts
        self._by_id: Mapping[str, ZoneStatus] = {name: by_id[name] for name in sorted(by_id)}
        aliases: Dict[str, str] = {}
        for zone in self._by_id.values():
            for alias in zone.aliases:
                if alias not in by_id:
                    aliases.setdefault(alias, zone.zone)
        self._aliases = aliases
        self.tag = tag
        """Names the table that these states are all of; None while no endpoint tells just these."""
        self.revision = revision
        """The ledger revision of that table."""
        self.origin = origin
        self.speaking = speaking
        """How many endpoints speak."""
        self.asked = asked
        """How many are asked."""

    @staticmethod
    def of(zones: Mapping[str, State]) -> Zones:
        """Zones that somebody tells by hand: for tests of programs that use this library."""
        return Zones((ZoneStatus(zone, state, resource="everything") for zone, state in zones.items()), origin=Origin.ENDPOINTS)

    def get(self, name: str) -> Optional[ZoneStatus]:
        """The zone of this id or alias."""
        found = self._by_id.get(name)
        return found if found is not None else self._by_id.get(self._aliases.get(name, ""))

    def is_open(self, name: str) -> bool:
        """Whether new work may go to the zone of this id or alias; so it may too where nothing is known of it."""
        zone = self.get(name)
        return zone is None or zone.state is State.OPEN

    def __iter__(self) -> Iterator[ZoneStatus]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Zones):
            return NotImplemented
        return self.says_the_same(other) and (self.revision, self.speaking, self.asked) == (other.revision, other.speaking, other.asked)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        states = ", ".join(f"{zone.zone}: {zone.state.value}" for zone in self)
        return f"Zones({states}; {self.origin.value}, {self.speaking} of {self.asked} speak)"

    def says_the_same(self, other: Zones) -> bool:
        """Whether the two say the same of the zones, whoever tells it."""
        return self._by_id == other._by_id and self.tag == other.tag and self.origin is other.origin

    def with_voices(self, speaking: int, asked: int) -> Zones:
        return Zones(self, tag=self.tag, revision=self.revision, origin=self.origin, speaking=speaking, asked=asked)


def majority(said: Iterable[Optional[State]], last: State, needed: int = 1) -> State:
    """The state that more say than the other, if at least `needed` say it; else the last one.

    >>> majority([State.AWAY, State.AWAY, State.AWAY, State.OPEN, None], State.OPEN).value
    'away'
    >>> majority([State.AWAY, State.AWAY, State.OPEN, State.OPEN, None], State.OPEN).value
    'open'
    """
    states = list(said)
    open_, away = states.count(State.OPEN), states.count(State.AWAY)
    if open_ > away and open_ >= needed:
        return State.OPEN
    if away > open_ and away >= needed:
        return State.AWAY
    return last


def lay_together(last: Zones, tables: Sequence[Optional[Table]], needed: int = 1) -> Zones:
    """The new state of all zones. `tables` has a place for each endpoint, None for a silent one."""
    asked, spoken = len(tables), [table for table in tables if table is not None]
    if not spoken:
        return last.with_voices(0, asked)
    listed = [None if table is None else _by_id(table) for table in tables]
    # Zones that are known already come first: a table that is too long pushes none of them out.
    known = [zone.zone for zone in last]
    fresh: Set[str] = {name for zones in listed if zones is not None for name in zones}
    ids = (known + sorted(fresh.difference(known)))[:ZONES]

    zones: List[ZoneStatus] = []
    for name in ids:
        said = [zones_.get(name) if zones_ is not None else None for zones_ in listed]
        told = [zone for zone in said if zone is not None]
        before = last._by_id.get(name)
        if not told:
            if before is not None and len(spoken) * 2 <= asked:
                zones.append(before)
            continue
        state = majority((zone.state if zone else None for zone in said), before.state if before else State.OPEN, needed)
        # The words are of the newest one that says so; of two alike, the first.
        agreeing = [zone for zone in told if zone.state is state]
        if agreeing:
            zones.append(max(agreeing, key=lambda zone: zone.revision))
        elif before is not None and before.state is state:
            zones.append(before)
        else:
            zones.append(replace(told[0], state=state, source="quorum", reason="too few status endpoints say otherwise", until_ms=None, held=False))

    states = {zone.zone: zone.state for zone in zones}
    same = [table for table in spoken if {name: zone.state for name, zone in _by_id(table).items()} == states]
    best = max(same, key=lambda table: table.revision) if same else None
    return Zones(
        zones,
        tag=best.tag if best else None,
        revision=best.revision if best else last.revision,
        origin=Origin.ENDPOINTS,
        speaking=len(spoken),
        asked=asked,
    )


def is_certain(tables: Sequence[Optional[Table]]) -> bool:
    """Whether no endpoint that is still silent could change any zone."""
    listed = [_by_id(table) for table in tables if table is not None]
    ids = {name for zones in listed for name in zones}
    for name in ids:
        states = [zones[name].state for zones in listed if name in zones]
        away = states.count(State.AWAY)
        if max(away, len(states) - away) * 2 <= len(tables):
            return False
    return bool(ids)


def _by_id(table: Table) -> Dict[str, ZoneStatus]:
    zones: Dict[str, ZoneStatus] = {}
    for zone in table.zones:
        zones.setdefault(zone.zone, zone)
    return zones
