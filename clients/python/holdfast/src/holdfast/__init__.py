"""Tells a program which zones are closed, so that it stops taking work in them: workers of queues, schedulers, routers, autoscalers, servers.

It asks one, three or five status endpoints of Holdfast at once (`http://NODE:7601`), believes the majority of those who speak, keeps the last
good state on disk, and goes on with what it knows when nobody can be reached.

    from holdfast import Holdfast, Kind, own_zone

    zone = own_zone().zone
    with Holdfast(
        ["http://10.1.0.10:7601", "http://10.2.0.10:7601", "http://10.3.0.10:7601"],
        consumer="orders-worker", kind=Kind.WORKER, zone=zone, state_file="/var/lib/orders/holdfast.state",
    ) as holdfast:
        holdfast.known(5)
        gate = holdfast.gate(zone)
        while True:
            with gate.pass_() as in_hand:  # waits while the zone is away
                ...                        # take a message and work on it; `in_hand.is_to_give_back()` says when to give it back

What it promises:

1. The majority decides, zone by zone. A silent endpoint counts for nothing, a tie keeps the last state.
2. Before anything is known, everything is open: a worker that never reached an endpoint, and has no state file, works.
3. What is known stays when nobody can be reached, for ever. Ends of shifts are hints, never obeyed by this clock.
4. A deaf instance notices: beside the stream of events one conditional poll goes out within each heartbeat (25 s), and a stream that is
   silent for as long is dead. Without a stream it polls every 5 s.
5. The newest state wins: nothing is queued. A program that was slow is told where things are, not how they came to be.
6. Everything is bounded: bytes of a table, zones, names, endpoints, time for a question.

`AsyncHoldfast` is the same for asyncio. The standard library is all that it needs.
"""

from .aio import AsyncGate, AsyncHoldfast
from .client import EndpointStatus, Holdfast
from .disk import replace_file
from .endpoint import BadEndpoint
from .gate import Gate, InHand
from .link import Trouble
from .quorum import Origin, Zones, majority
from .router import Place, Router, pick
from .server import RefuseAsgi, RefuseWsgi, Reply
from .settings import StartError, machine_name
from .wire import Kind, State, ZoneStatus
from .zone import NoZone, OwnZone, ZoneSource, own_zone

__version__ = "0.1.0"

__all__ = [
    "AsyncGate",
    "AsyncHoldfast",
    "BadEndpoint",
    "EndpointStatus",
    "Gate",
    "Holdfast",
    "InHand",
    "Kind",
    "NoZone",
    "Origin",
    "OwnZone",
    "Place",
    "RefuseAsgi",
    "RefuseWsgi",
    "Reply",
    "Router",
    "StartError",
    "State",
    "Trouble",
    "ZoneSource",
    "ZoneStatus",
    "Zones",
    "machine_name",
    "majority",
    "own_zone",
    "pick",
    "replace_file",
]
