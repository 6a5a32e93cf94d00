"""The client against endpoints inside the test: push, poll, quorum, disk, acknowledgements, gates, in threads and in asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import signal
import tempfile
import threading
import unittest
import unittest.mock
from typing import Any, Dict, List
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper

from holdfast import AsyncHoldfast, Holdfast, Kind, Origin, RefuseAsgi, RefuseWsgi, State, Trouble, ZoneStatus
from holdfast.link import Link

from .fake import DEADLINE_S, FakeStatus, wait_until

# A heartbeat that no busy machine misses; polls that come soon where there is no stream.
FAST: Dict[str, Any] = {"heartbeat_s": 60.0, "poll_s": 0.05, "patience_s": DEADLINE_S}


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


class Case(unittest.TestCase):
    def setUp(self) -> None:
        # A busy machine may take longer than two seconds for a good-bye, and this is not about that.
        patience = unittest.mock.patch("holdfast.client.GOOD_BYE_S", DEADLINE_S)
        patience.start()
        self.addCleanup(patience.stop)

    def fake(self, zones: Dict[str, str], **more: Any) -> FakeStatus:
        fake = FakeStatus(zones, **more)
        self.addCleanup(fake.close)
        return fake

    def client(self, *fakes: FakeStatus, **more: Any) -> Holdfast:
        holdfast = Holdfast([fake.url for fake in fakes], **{**FAST, **more}).start()
        self.addCleanup(holdfast.close)
        self.assertTrue(holdfast.known(DEADLINE_S))
        return holdfast

    def becomes(self, holdfast: Holdfast, zone: str, is_open: bool) -> None:
        self.assertTrue(holdfast.wait_for(lambda zones: zones.is_open(zone) is is_open, DEADLINE_S), (zone, holdfast.zones(), holdfast.endpoints()))


class Threads(Case):
    def test_a_push_closes_and_opens(self) -> None:
        fake = self.fake({"a": "open", "b": "away"})
        told: "List[tuple[str, State]]" = []
        note = lambda zone: told.append((zone.zone, zone.state))  # noqa: E731
        holdfast = self.client(fake, on_close=note, on_open=note, poll_s=60)
        self.assertEqual([holdfast.is_open(zone) for zone in ("a", "other-b", "nowhere")], [True, False, True])
        wait_until("the call for b", lambda: told)
        fake.tell({"a": "away", "b": "open"})
        self.becomes(holdfast, "a", False)
        wait_until("three calls", lambda: len(told) == 3)
        self.assertEqual(told, [("b", State.AWAY), ("a", State.AWAY), ("b", State.OPEN)])

    def test_an_instance_that_is_deaf_to_push_acts_by_pull_within_the_heartbeat(self) -> None:
        fake = self.fake({"a": "open"})
        fake.is_deaf = True
        holdfast = self.client(fake, heartbeat_s=0.5)
        wait_until("a watcher", lambda: fake.watchers)
        fake.tell({"a": "away"})
        self.becomes(holdfast, "a", False)
        self.assertTrue(any(path.startswith("/status") for path in fake.requests))

    def test_a_beat_that_names_another_table_is_followed_by_a_poll(self) -> None:
        fake = self.fake({"a": "open"}, beat_s=0.02)
        holdfast = self.client(fake, poll_s=60)
        wait_until("a push", lambda: holdfast.endpoints()[0].is_pushed)
        fake.pushes_tables = False
        fake.tell({"a": "away"})
        self.becomes(holdfast, "a", False)

    def test_three_of_five_decide_one_silent_counts_for_nothing_and_a_tie_keeps(self) -> None:
        fakes = [self.fake({"a": "open"}) for _ in range(5)]
        holdfast = self.client(*fakes)
        wait_until("all five", lambda: holdfast.zones().speaking == 5)
        fakes[4].close()
        wait_until("four", lambda: holdfast.zones().speaking == 4)
        for fake in fakes[:2]:
            fake.tell({"a": "away"})
        wait_until("two that say so", lambda: all(link.voice.tag == fakes[0].tag for link in holdfast._links[:2]))
        self.assertTrue(holdfast.is_open("a"), "a tie keeps the last state")
        fakes[2].tell({"a": "away"})
        self.becomes(holdfast, "a", False)
        fakes[2].tell({"a": "open"})
        wait_until("it says open", lambda: holdfast._links[2].voice.tag == fakes[2].tag)
        self.assertFalse(holdfast.is_open("a"), "a tie keeps the last state")

    def test_what_is_known_stays_when_nobody_speaks_and_after_a_restart(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state")
            fake = self.fake({"a": "away"})
            first = self.client(fake, state_file=path)
            fake.close()
            wait_until("silence", lambda: first.zones().speaking == 0)
            self.assertFalse(first.is_open("a"))
            first.close()
            closed: List[ZoneStatus] = []
            with Holdfast([fake.url], state_file=path, on_close=closed.append, **FAST) as second:
                self.assertFalse(second.is_open("a"))
                self.assertIs(second.zones().origin, Origin.DISK)
                wait_until("the callback", lambda: closed)
                self.assertFalse(second.known(0.05))

    def test_a_bad_file_is_told_and_written_anew(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state")
            with open(path, "w") as file:
                file.write("nonsense")
            troubles: List[Trouble] = []
            self.client(self.fake({"a": "open"}), state_file=path, on_trouble=troubles.append)
            self.assertIn("is not used", str(troubles[0]))
            wait_until("a new file", lambda: read(path).startswith("holdfast-zones 1 "))

    def test_it_comes_back_to_an_endpoint_that_drops_it_and_resumes(self) -> None:
        fake = self.fake({"a": "open"})
        fake.retry_ms = 20
        holdfast = self.client(fake)
        wait_until("a watcher", lambda: fake.watchers == 1)
        fake.drop_watchers()
        wait_until("another stream", lambda: sum(path.startswith("/watch") for path in fake.requests) >= 2 and fake.watchers == 1)
        self.assertTrue(holdfast.is_open("a"))

    def test_answers_that_are_no_table_change_nothing_and_are_told(self) -> None:
        fake, troubles = self.fake({"a": "away"}), []  # type: FakeStatus, List[Trouble]
        holdfast = self.client(fake, on_trouble=troubles.append)
        for status, want in [(500, "answered 500"), (302, "redirects are not followed"), (200, "not a table")]:
            fake.status = status
            fake.drop_watchers()
            wait_until(want, lambda: any(want in str(trouble) or "not with events" in str(trouble) for trouble in troubles))
            self.assertFalse(holdfast.is_open("a"))
            troubles.clear()
        fake.status = None
        wait_until("it is well", lambda: any(trouble.what is None for trouble in troubles))

    def test_what_is_applied_and_runs_is_acknowledged_and_a_good_bye_is_said(self) -> None:
        fake = self.fake({"a": "open"}, revision=7)
        holdfast = self.client(fake, consumer="orders", instance="one", kind=Kind.WORKER, zone="other-a")
        gate = holdfast.gate("other-a")
        wait_until("the first word", lambda: fake.words)
        with gate.pass_():
            fake.tell({"a": "away"}, 7)
            word = wait_until("a word", lambda: next((word for word in fake.words if word.get("running") == {"a": 1}), None))
            self.assertEqual({name: word[name] for name in ("consumer", "instance", "kind", "zone", "revision", "tag")}, {"consumer": "orders", "instance": "one", "kind": "worker", "zone": "other-a", "revision": 7, "tag": fake.tag})
        wait_until("nothing runs", lambda: fake.words[-1].get("running") == {"a": 0})
        fake.tell({"a": "open"}, 8)
        self.becomes(holdfast, "a", True)
        self.assertIn({"consumer": ["orders"], "instance": ["one"], "kind": ["worker"], "zone": ["other-a"]}, fake.who())
        in_hand = gate.pass_()  # a word may be on its way: the good-bye does not overtake it
        holdfast.close()
        del in_hand
        self.assertEqual([word.get("gone") for word in fake.words if word.get("gone")], [True])
        self.assertIs(fake.words[-1].get("gone"), True)

    def test_a_program_may_acknowledge_by_hand(self) -> None:
        fake = self.fake({"a": "open"})
        holdfast = self.client(fake, consumer="orders", acknowledge_by_hand=True)
        fake.tell({"a": "away"})
        self.becomes(holdfast, "a", False)
        self.assertEqual(fake.words, [])
        holdfast.applied(holdfast.zones())
        wait_until("the word", lambda: fake.words and fake.words[-1]["tag"] == fake.tag)

    def test_a_gate_holds_and_says_what_is_to_be_given_back(self) -> None:
        fake = self.fake({"a": "open"})
        holdfast = self.client(fake)
        gate = holdfast.gate("a")
        in_hand = gate.pass_()
        assert in_hand is not None
        self.assertFalse(in_hand.is_to_give_back() or in_hand.must_give_back(0.01))
        fake.tell({"a": "away"})
        self.assertTrue(in_hand.must_give_back(DEADLINE_S) and in_hand.is_to_give_back())
        in_hand.let_go()
        in_hand.let_go()
        self.assertIsNone(gate.try_pass())
        self.assertIsNone(gate.pass_(timeout_s=0.01))
        self.assertEqual(holdfast._running, {"a": 0})
        passed = threading.Event()
        threading.Thread(target=lambda: (gate.pass_(), passed.set()), daemon=True).start()
        fake.tell({"a": "open"})
        self.assertTrue(passed.wait(DEADLINE_S))

    def test_what_is_dropped_without_a_word_is_not_counted_for_ever(self) -> None:
        holdfast = self.client(self.fake({"a": "open"}))
        in_hand = holdfast.gate("a").pass_()
        self.assertEqual(holdfast._running, {"a": 1})
        del in_hand
        gc.collect()
        self.assertEqual(holdfast._running, {"a": 0})
        with unittest.mock.patch.object(holdfast, "count", side_effect=KeyError), self.assertRaises(KeyError):
            holdfast.gate("a").pass_()
        gc.collect()
        self.assertEqual(holdfast._running, {"a": 0}, "what was never counted is not taken off")

    def test_a_closed_client_has_ended_though_a_cancellation_was_swallowed(self) -> None:
        async def poll(_: Link) -> None:
            for _again in range(3):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.get_running_loop().create_future()

        with unittest.mock.patch.object(Link, "poll", poll):
            holdfast = self.client(self.fake({"a": "open"}))
            holdfast.close()
        self.assertEqual([thread.name for thread in holdfast._threads if thread.is_alive()], [])

    def test_a_closed_client_holds_nobody_for_ever(self) -> None:
        fake = self.fake({"a": "away"})
        holdfast = self.client(fake)
        threading.Timer(0.05, holdfast.close).start()
        with self.assertRaisesRegex(RuntimeError, "closed while zone a was away"):
            holdfast.gate("a").pass_()
        self.assertEqual([zone.zone for zone in holdfast.changes()], ["a"])

    def test_a_callback_that_raises_makes_nobody_deaf(self) -> None:
        fake, troubles, calls = self.fake({"a": "open"}), [], []  # type: FakeStatus, List[Trouble], List[str]

        def broken(zone: ZoneStatus) -> None:
            calls.append(zone.zone)
            raise KeyError("mistake")

        holdfast = self.client(fake, on_close=broken, on_open=broken, on_trouble=troubles.append)
        fake.tell({"a": "away"})
        wait_until("the first call", lambda: len(calls) == 1)
        fake.tell({"a": "open"})
        wait_until("the second", lambda: len(calls) == 2)
        self.assertTrue(holdfast.is_open("a"))
        self.assertIn("KeyError('mistake')", str(troubles[0]))

    def test_a_mistake_of_the_client_makes_it_begin_again(self) -> None:
        fake, troubles = self.fake({"a": "open"}), []  # type: FakeStatus, List[Trouble]
        holdfast = self.client(fake, consumer="orders", on_trouble=troubles.append)
        wait_until("the first word", lambda: fake.words)
        holdfast._links[0].voice = None  # type: ignore[assignment]
        holdfast._loop.call_soon_threadsafe(holdfast._wake.set)  # type: ignore[union-attr]
        wait_until("the word of it", lambda: any("begins again" in str(trouble) for trouble in troubles))
        wait_until("a word of what was applied before", lambda: len(fake.words) > 1)
        fake.tell({"a": "away"})
        self.becomes(holdfast, "a", False)
        wait_until("a word of what is new", lambda: fake.words[-1]["tag"] == fake.tag)

    def test_a_forked_child_is_told_that_it_knows_nothing(self) -> None:
        holdfast = self.client(self.fake({"a": "open"}))
        in_hand = holdfast.gate("a").pass_()
        assert in_hand is not None
        is_held, is_forked = threading.Event(), threading.Event()

        def hold() -> None:
            with holdfast._changed:
                is_held.set()
                is_forked.wait(DEADLINE_S)

        threading.Thread(target=hold, daemon=True).start()
        self.assertTrue(is_held.wait(DEADLINE_S))
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(int(DEADLINE_S))
                in_hand.let_go()  # waits for no thread that is not there
                holdfast.is_open("a")
            except RuntimeError:
                os._exit(7)
            os._exit(0)
        is_forked.set()
        self.assertEqual(os.WEXITSTATUS(os.waitpid(child, 0)[1]), 7)

    def test_servers_refuse_and_fail_their_own_check(self) -> None:
        fake = self.fake({"a": "open"})
        holdfast = self.client(fake)

        def app(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            return [b"served"]

        wsgi = RefuseWsgi(app, holdfast, "a", health_path="/health", passes=["/admin/*"])

        def ask(path: str) -> "tuple[str, Any, bytes]":
            head: List[Any] = []
            body = b"".join(wsgi({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, lambda *told: head.extend(told)))
            return head[0], dict(head[1]).get("Retry-After"), body

        self.assertEqual(ask("/")[2], b"served")
        answer = wsgi({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *told: None)
        self.assertEqual(holdfast._running, {"a": 1})
        answer.close()  # type: ignore[attr-defined]
        self.assertEqual(holdfast._running, {"a": 0})
        self.assertEqual(ask("/health"), ("200 OK", None, b"zone a is open\n"))
        fake.tell({"a": "away"})
        self.becomes(holdfast, "a", False)
        for path in ("/", "/health"):
            self.assertEqual(ask(path)[:2], ("503 Service Unavailable", "30"))
        self.assertEqual(ask("/admin/x")[2], b"served")

        async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "served"})

        async def asked(scope: Any) -> List[Any]:
            sent: List[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> Any:
                return {"type": "websocket.connect"}

            await RefuseAsgi(asgi_app, holdfast, "a", health_path="/health")(scope, receive, send)
            return sent

        start, body = asyncio.run(asked({"type": "http", "path": "/", "method": "GET"}))
        self.assertEqual((start["status"], dict(start["headers"])[b"retry-after"]), (503, b"30"))
        self.assertIn(b"is away", body["body"])
        self.assertEqual(asyncio.run(asked({"type": "websocket", "path": "/"}))[0]["code"], 1013)
        self.assertEqual(asyncio.run(asked({"type": "lifespan"})), [{"type": "served"}])

    def test_a_file_is_sent_by_the_server_and_counted_until_it_is_out(self) -> None:
        fake = self.fake({"a": "open"})
        holdfast = self.client(fake)
        counts: List[Any] = []

        class File(io.BytesIO):
            times_closed = 0

            def close(self) -> None:
                self.times_closed += 1
                counts.append(("file closed", dict(holdfast._running)))
                super().close()

        class Server(SimpleHandler):
            def sendfile(self) -> bool:
                counts.append(("sent by the server", dict(holdfast._running)))
                return False  # and so it reads the file itself

        class Slotted:
            """A wrapper that takes no other `close`."""

            __slots__ = ("_file",)

            def __init__(self, file: Any) -> None:
                self._file = file

            def __iter__(self) -> Any:
                return iter(self._file)

            def close(self) -> None:
                self._file.close()

        for wrapper, is_known in ((FileWrapper, True), (Slotted, False)):
            file, out, log = File(b"a file"), io.BytesIO(), io.StringIO()

            def app(environ: Any, start_response: Any, file: Any = file) -> Any:
                start_response("200 OK", [("Content-Length", "6")])
                return environ["wsgi.file_wrapper"](file)

            server = Server(io.BytesIO(), out, log, {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.0"})
            server.wsgi_file_wrapper = wrapper
            counts.clear()
            server.run(RefuseWsgi(app, holdfast, "a"))
            self.assertTrue(out.getvalue().endswith(b"\r\n\r\na file"), log.getvalue())
            sent = [("sent by the server", {"a": 1})] if is_known else []
            self.assertEqual((counts, file.times_closed), ([*sent, ("file closed", {"a": 1})], 1))
            self.assertEqual(holdfast._running, {"a": 0})


class Asyncio(Case):
    def test_the_same_from_a_loop(self) -> None:
        fake = self.fake({"a": "open"})

        async def talk() -> None:
            async with AsyncHoldfast([fake.url], consumer="orders", **FAST) as holdfast:
                self.assertTrue(await holdfast.known(DEADLINE_S))
                gate = holdfast.gate("a")
                changes = holdfast.changes()
                with await gate.pass_() as in_hand:
                    never = asyncio.get_running_loop().create_future()
                    work = asyncio.ensure_future(gate.while_open(never))
                    fake.tell({"a": "away"})
                    self.assertIsNone(await asyncio.wait_for(work, DEADLINE_S))
                    self.assertTrue(never.cancelled() and in_hand.is_to_give_back())
                change = await asyncio.wait_for(changes.__anext__(), DEADLINE_S)
                self.assertEqual((change.zone, change.state), ("a", State.AWAY))
                waits = asyncio.ensure_future(gate.pass_())
                fake.tell({"a": "open"})
                with await asyncio.wait_for(waits, DEADLINE_S):
                    self.assertEqual(await gate.while_open(asyncio.sleep(0, "done")), "done")
            self.assertIs(fake.words[-1].get("gone"), True)
            fake.tell({"a": "away"})
            with self.assertRaises(RuntimeError):
                await gate.closed()

        asyncio.run(talk())


if __name__ == "__main__":
    unittest.main()
