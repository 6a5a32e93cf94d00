"""For consumers of a queue: a gate in front of the next message.

1. `pass_` waits while the zone is away; what it gives counts as in hand until it is let go, and is told as `running`.
2. Counted, then looked again: a message that slipped through in the same moment is counted, and its holder is told to give it back.
3. What is in hand when the zone closes is finished or given back, as the program likes: `must_give_back` says when.
4. No state of its own: the gate is what is known of its zone, also while no endpoint speaks.

Not here: the queue. Giving back is the queue's own act (`NAK`, `ROLLBACK`, a visibility time of 0).
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Type

if TYPE_CHECKING:
    from .client import Holdfast


class Gate:
    """Lets through while its zone is open. Safe to use from any thread.

    with gate.pass_() as in_hand:          # waits while the zone is away
        message = queue.receive(timeout=1)
        if message and in_hand.is_to_give_back(): queue.give_back(message)
    """

    def __init__(self, holdfast: Holdfast, zone: str) -> None:
        self.holdfast = holdfast
        self.zone = zone
        """The zone, as it was named."""
        # From now on "nothing" is an answer: who has a gate says what it has in hand.
        holdfast.count(zone, lambda count: count)

    def is_open(self) -> bool:
        """Whether new work may be taken."""
        return self.holdfast.is_open(self.zone)

    def pass_(self, timeout_s: Optional[float] = None) -> Optional[InHand]:
        """Waits until new work may be taken, and counts one piece of it. None when the time is over; always something without one.

        After `Holdfast.close` a gate that is closed stays so: RuntimeError then, where there is no time-out.
        """
        while True:
            in_hand = self.try_pass()
            if in_hand is not None:
                return in_hand
            if not self.opened(timeout_s):
                if timeout_s is None:
                    raise RuntimeError(f"the client was closed while zone {self.zone} was away; this gate opens no more")
                return None

    def try_pass(self) -> Optional[InHand]:
        """Counts one piece of work if new work may be taken now."""
        if not self.is_open():
            return None
        # Counted, then looked again: between look and count a zone could close, and what was taken then would be seen by nobody.
        in_hand = InHand(self)
        if self.is_open():
            return in_hand
        in_hand.let_go()
        return None

    def closed(self, timeout_s: Optional[float] = None) -> bool:
        """Waits until the zone is away, the moment to stop a subscription; whether it is."""
        return self.holdfast.wait_for(lambda zones: not zones.is_open(self.zone), timeout_s)

    def opened(self, timeout_s: Optional[float] = None) -> bool:
        """Waits until the zone is open, the moment to subscribe again; whether it is."""
        return self.holdfast.wait_for(lambda zones: zones.is_open(self.zone), timeout_s)


class InHand:
    """One piece of work in hand; counted until `let_go`, the end of its `with`, or until nothing refers to it any more."""

    _is_counted = False

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        gate.holdfast.count(gate.zone, lambda count: count + 1)
        self._is_counted = True

    def must_give_back(self, timeout_s: Optional[float] = None) -> bool:
        """Waits until what is in hand is to be given back, until the zone closes; whether it is. It may be asked as often as you like."""
        return self._gate.closed(timeout_s)

    def is_to_give_back(self) -> bool:
        """Whether it is to be given back now."""
        return not self._gate.is_open()

    def let_go(self) -> None:
        """It is done, or given back."""
        if self._is_counted:
            self._is_counted = False
            self._gate.holdfast.count(self._gate.zone, lambda count: max(count - 1, 0))

    def __del__(self) -> None:
        # Who forgot it would have it counted for ever. At the program's end nobody is told, and a thread that is no more may have the lock.
        if not sys.is_finalizing():
            self.let_go()

    def __enter__(self) -> InHand:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.let_go()
