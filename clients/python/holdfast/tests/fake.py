"""A status endpoint inside the test: the wire of zone status, and the ways in which it goes wrong."""

from __future__ import annotations

import http.server
import json
import threading
import time
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import parse_qs, urlsplit

DEADLINE_S = 20.0


def wait_until(what: str, condition: Any) -> Any:
    """Asks until it gives something true."""
    end = time.monotonic() + DEADLINE_S
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE_S} s for {what}")
        threading.Event().wait(0.01)


class FakeStatus:
    """Tells zones. `is_deaf`: its streams stay open and bring nothing; `is_broken`: it answers 503; both may be set at any time."""

    def __init__(self, zones: Mapping[str, str], *, revision: int = 1, beat_s: float = 0.05) -> None:
        self.changed = threading.Condition()
        self.beat_s = beat_s
        self.is_deaf = self.is_broken = False
        self.pushes_tables = True
        self.retry_ms: Optional[int] = None
        self.words: List[Dict[str, Any]] = []
        self.requests: List[str] = []
        self.watchers = 0
        self.status: Optional[int] = None
        self._stops = False
        self._generation = 0
        self._zones: Dict[str, str] = {}
        self._revision = 0
        self.tell(zones, revision)
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                fake._get(self)

            def do_POST(self) -> None:
                fake._post(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # clients go as they like

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def tell(self, zones: Mapping[str, str], revision: Optional[int] = None) -> None:
        with self.changed:
            self._zones = dict(zones)
            self._revision = self._revision + 1 if revision is None else revision
            self.changed.notify_all()

    def drop_watchers(self) -> None:
        with self.changed:
            self._generation += 1
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self._stops = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> FakeStatus:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @property
    def tag(self) -> str:
        return f"{hash(tuple(sorted(self._zones.items()))) & (2**64 - 1):016x}"

    def table(self) -> Dict[str, Any]:
        zones = [
            {"zone": zone, "aliases": [f"other-{zone}"], "resource": "everything", "state": state, "source": "shift", "reason": "test", "until_ms": None, "held": False, "revision": self._revision}
            for zone, state in self._zones.items()
        ]
        return {"tag": self.tag, "revision": self._revision, "snapshot": 1, "made_at_ms": 1, "zones": zones}

    def _answer(self, to: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        if status != 304:
            to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body if status != 304 else b"")

    def _post(self, to: http.server.BaseHTTPRequestHandler) -> None:
        word = json.loads(to.rfile.read(int(to.headers["Content-Length"])))
        with self.changed:
            self.words.append({"path": to.path, **word})
        self._answer(to, 204 if not self.is_broken else 503)

    def _get(self, to: http.server.BaseHTTPRequestHandler) -> None:
        path = urlsplit(to.path).path
        with self.changed:
            self.requests.append(to.path)
        if self.is_broken or self.status is not None:
            return self._answer(to, self.status or 503, b"broken on purpose", Location="http://elsewhere/")
        if path == "/watch":
            return self._watch(to)
        if path != "/status":
            return self._answer(to, 404)
        with self.changed:
            table, tag = self.table(), self.tag
        if to.headers.get("If-None-Match") == f'"{tag}"':
            return self._answer(to, 304, ETag=f'"{tag}"')
        return self._answer(to, 200, json.dumps(table).encode(), ETag=f'"{tag}"', Content_Type="application/json")

    def _watch(self, to: http.server.BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Type", "text/event-stream")
        to.send_header("Connection", "close")
        to.end_headers()
        to.close_connection = True
        known = to.headers.get("Last-Event-ID")
        with self.changed:
            generation = self._generation
            self.watchers += 1
        if self.retry_ms is not None:
            to.wfile.write(f"retry: {self.retry_ms}\n\n".encode())
        try:
            while True:
                with self.changed:
                    if self._stops or self._generation != generation:
                        return
                    tag, table = self.tag, self.table()
                if not self.is_deaf:
                    event = "beat" if tag == known or not self.pushes_tables else "table"
                    to.wfile.write(f"event: {event}\nid: {tag}\ndata: {json.dumps(table)}\n\n".encode())
                    to.wfile.flush()
                    known = tag
                with self.changed:
                    self.changed.wait_for(lambda: self._stops or self._generation != generation or (self.tag != known and not self.is_deaf), self.beat_s)
        except OSError:
            pass
        finally:
            with self.changed:
                self.watchers -= 1

    def who(self) -> List[Dict[str, List[str]]]:
        with self.changed:
            return [parse_qs(urlsplit(path).query) for path in self.requests]
