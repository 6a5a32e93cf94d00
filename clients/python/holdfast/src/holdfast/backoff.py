"""How long to wait before trying again.

1. Any time from nothing to a bound that doubles: many clients of one endpoint that went do not come back in one moment.
2. What the server asks for (`Retry-After`, SSE `retry`) is waited for at least, and spread beyond; five minutes of it at most.
"""

from __future__ import annotations

import random
from typing import Optional

FIRST_S = 2.0
LAST_S = 30.0
HINT_S = 300.0

# Not the program's own generator: a program that seeds it would make all its processes draw alike.
chance = random.SystemRandom()


class Backoff:
    """The waits after failures in a row."""

    def __init__(self) -> None:
        self._bound_s = FIRST_S

    def reset(self) -> None:
        """It went well."""
        self._bound_s = FIRST_S

    def next(self, hint_s: Optional[float] = None) -> float:
        """It failed; the server asked for `hint_s`."""
        wait = chance.uniform(0, self._bound_s)
        self._bound_s = min(self._bound_s * 2, LAST_S)
        if hint_s is None:
            return max(wait, 0.02)
        hint = min(max(hint_s, 0.0), HINT_S)
        return hint + max(chance.uniform(0, hint / 2), wait / 4)
