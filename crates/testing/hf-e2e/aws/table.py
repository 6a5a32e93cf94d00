"""One PASS or FAIL for each call, printed as it happens and counted at the end. Threads share it."""

import threading
import time
import traceback
from collections import Counter


class Table:
    def __init__(self):
        self._lock = threading.Lock()
        self.rows = []

    def add(self, client, name, why=None, seconds=0.0):
        """A row; `why` says what is wrong."""
        with self._lock:
            self.rows.append((client, name, why))
            mark = "PASS" if why is None else "FAIL"
            print(f"{mark}  {client:<12} {name:<66} {seconds:5.1f} s", flush=True)
            if why is not None:
                print(f"      {why}", flush=True)

    def show(self):
        """The counts by client; whether all passed."""
        counts = Counter((client, why is None) for client, _, why in self.rows)
        print(f"\n{'client':<14}{'pass':>6}{'fail':>6}")
        for client in sorted({client for client, _, _ in self.rows}):
            print(f"{client:<14}{counts[client, True]:>6}{counts[client, False]:>6}")
        failed = [row for row in self.rows if row[2] is not None]
        for client, name, why in failed:
            print(f"\nFAIL {client}: {name}\n     {why}")
        return bool(self.rows) and not failed


class Sheet:
    """The rows of one client."""

    def __init__(self, table, driver):
        self.table, self.driver = table, driver

    def step(self, name, act):
        """Does `act`; an exception is its FAIL. Gives what it gives."""
        begun = time.monotonic()
        try:
            found, why = act(), None
        except Exception as error:  # whatever breaks a call is that call's failure, and the list goes on
            found, why = None, "".join(traceback.format_exception_only(error)).strip()
        self.table.add(self.driver.name, name, why, time.monotonic() - begun)
        return found

    def done(self, service, operation, check=None, title="", http=200, by=None, **members):
        """A call that must be done; gives its body."""

        def act():
            told = (by or self.driver).call(service, operation, **members)
            assert told.error is None, f"{told.error}: {told.message}"
            assert told.status in (None, http), f"HTTP {told.status}, wanted {http}"
            assert told.exit in (None, 0), f"exit {told.exit}"
            if check:
                check(told.body)
            return told.body

        return self.step(f"{operation} {title}".strip(), act) or {}

    def refused(
        self, service, operation, error, http, title="", words=(), has=None, reason=None, by=None, **members
    ):
        """A call that must be refused so: name, HTTP status, words of the message, further members; in one try."""

        def act():
            told = (by or self.driver).call(service, operation, **members)
            assert told.error == error, f"{told.error}: {told.message} {told.body}; wanted {error}"
            assert told.status in (None, http), f"HTTP {told.status}, wanted {http}"
            assert told.exit in (None, getattr(self.driver, "refused", None)), f"exit {told.exit}"
            assert told.tries == 1, f"{told.tries} tries"
            wanted = dict(has or {})
            if reason:
                wanted["reason"] = reason
            for word in [*words, *([reason] if reason and service != CLUSTER_SERVICE else [])]:
                assert word in told.message, f"{told.message!r} lacks {word!r}"
            if told.status is not None:
                for member, value in wanted.items():
                    found = told.members.get(member)
                    assert found == value, f"{member} is {found!r}, wanted {value!r}"
            return told

        reason_shown = f" {reason}" if reason else ""
        return self.step(f"{operation} {title} -> {error}{reason_shown}".replace("  ", " "), act)

    def once(self, *call, **members):
        """The same with boto3 alone: what the server alone decides, the `aws` programs show in no other way."""
        if self.driver.name == "boto3":
            self.refused(*call, **members)


CLUSTER_SERVICE = "route53-recovery-cluster"
