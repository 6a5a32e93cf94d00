"""What one endpoint said last, and whether that still counts: told the time, asks nobody.

1. A word counts for `silence_s` after it was last confirmed: by a table, by a heartbeat with its tag, by a poll.
2. A heartbeat with another tag confirms nothing: the push of a table was lost, a poll must fetch it.
3. The stream gone and a poll failed since: silent at once.
4. A poll that was asked before the newest push tells the older news, and is passed over.

Not here: how words come (`link`), what they make together (`quorum`).
"""

from __future__ import annotations

from typing import Optional

from .wire import Table


class Voice:
    """One endpoint's last word. `asked_at` is None for what was pushed, else when the poll was sent."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._table: Optional[Table] = None
        self._heard_at: Optional[float] = None
        self._pushed_at: Optional[float] = None
        self.is_stream_well = False
        self._is_poll_failed = False
        # Something was tried to its end since this was last asked: the endpoint has spoken, or cannot for now.
        self.is_tried = False
        # What went wrong last, until something goes well.
        self.trouble: Optional[str] = None

    def table(self, table: Table, now: float, asked_at: Optional[float] = None) -> None:
        """It told a table."""
        if asked_at is None:
            self._pushed_at = now
            self.is_stream_well = True
        elif self._pushed_at is not None and self._pushed_at >= asked_at:
            return
        self._table = table
        self._confirmed(now)

    def beat(self, tag: str, now: float, asked_at: Optional[float] = None) -> bool:
        """It said that the table of this tag stands; whether that is the one that is known."""
        if asked_at is None:
            self.is_stream_well = True
        is_known = self._table is not None and self._table.tag == tag
        if is_known:
            self._confirmed(now)
        return is_known

    def _confirmed(self, now: float) -> None:
        self._heard_at = now
        self._is_poll_failed = False
        self.is_tried = True
        self.trouble = None

    def stream_lost(self, why: str) -> None:
        """The stream ended, or could not be had."""
        self.is_stream_well = False
        self.trouble = why

    def poll_failed(self, why: str) -> None:
        self._is_poll_failed = True
        self.is_tried = True
        if not self.is_stream_well:
            self.trouble = why

    @property
    def tag(self) -> Optional[str]:
        """The tag of what it told last, whether or not that still counts."""
        return self._table.tag if self._table else None

    def speaks(self, now: float) -> Optional[Table]:
        """What it says, unless it is silent."""
        until = self.until()
        return self._table if until is not None and now < until else None

    def until(self) -> Optional[float]:
        """When it is silent if nothing more comes; None if it is."""
        if self._heard_at is None or (self._is_poll_failed and not self.is_stream_well):
            return None
        return self._heard_at + self._silence_s
