"""Server-Sent Events, as bytes come in: pure.

1. Lines end in LF, CR LF or CR; an event ends with an empty line; a comment (`:`) says nothing.
2. An event is bounded, and so is a line; what is longer is an error, never a bigger buffer.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional

from .wire import BODY_BYTES

EVENT_BYTES = BODY_BYTES + 4_096  # a table, and the words around it
_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Event:
    name: str = ""
    data: str = ""
    retry_ms: Optional[int] = None


class TooLong(ValueError):
    """An event that is too long; the connection is given up."""


class Parser:
    """Takes bytes, gives events."""

    def __init__(self) -> None:
        self._line: List[bytes] = []
        self._size = 0  # of the line and the event so far
        self._after_cr = False  # the last byte was CR: an LF after it belongs to it
        self._is_first_line = True
        self._clear()

    def _clear(self) -> None:
        self._name, self._data, self._retry_ms, self._is_begun = "", [], None, False  # type: str, List[str], Optional[int], bool
        self._size = 0

    def feed(self, piece: bytes) -> List[Event]:
        """Takes what has come, gives the events that ended in it."""
        events: List[Event] = []
        at = 0
        while at < len(piece):
            if self._after_cr:
                self._after_cr = False
                if piece[at] == 0x0A:
                    at += 1
                    continue
            end = _END.search(piece, at)
            part = piece[at : end.start() if end else len(piece)]
            self._size += len(part) + 1
            if self._size > EVENT_BYTES:
                raise TooLong(f"an event of more than {EVENT_BYTES} bytes; the connection is given up")
            self._line.append(part)
            if end is None:
                self._size -= 1
                break
            self._after_cr = piece[end.start()] == 0x0D
            at = end.end()
            line, self._line = b"".join(self._line).decode("utf-8", "replace"), []
            event = self._take(line)
            if event is not None:
                events.append(event)
        return events

    def _take(self, line: str) -> Optional[Event]:
        if self._is_first_line:
            self._is_first_line = False
            line = line[1:] if line.startswith("\ufeff") else line
        if not line:
            event = Event(self._name, "\n".join(self._data), self._retry_ms) if self._is_begun else None
            self._clear()
            return event
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "retry":
            self._retry_ms = int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
        elif name != "id":
            return None  # comments, and fields of a later day
        self._is_begun = True
        return None
