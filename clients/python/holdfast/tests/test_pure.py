"""What needs no endpoint: the majority, voices, events, files, places, settings."""

from __future__ import annotations

import doctest
import json
import os
import tempfile
import unittest

from holdfast import BadEndpoint, Holdfast, Kind, Origin, Place, StartError, State, Zones, majority, pick, quorum
from holdfast import disk, wire
from holdfast.backoff import Backoff
from holdfast.endpoint import read_endpoint
from holdfast.quorum import is_certain, lay_together
from holdfast.server import health
from holdfast.sse import EVENT_BYTES, Event, Parser, TooLong
from holdfast.voice import Voice
from holdfast.wire import Acknowledgement, BadTable, Consumer, Table, ZoneStatus, read_beat, read_table

OPEN, AWAY = State.OPEN, State.AWAY


def table(states: str, revision: int = 1, tag: str = "") -> Table:
    """`a-b+`: a away, b open."""
    zones = tuple(ZoneStatus(states[at], AWAY if states[at + 1] == "-" else OPEN, revision=revision) for at in range(0, len(states), 2))
    return Table(tag or states, revision, zones)


def shown(zones: Zones) -> str:
    return "".join(zone.zone + ("-" if zone.state is AWAY else "+") for zone in zones)


class Quorum(unittest.TestCase):
    def check(self, last: str, said: "list[str | None]", want: str, needed: int = 1) -> Zones:
        before = Zones(table(last).zones, origin=Origin.ENDPOINTS)
        zones = lay_together(before, [None if one is None else table(one) for one in said], needed)
        self.assertEqual(shown(zones), want, (last, said))
        return zones

    def test_the_majority_of_those_who_speak_decides(self) -> None:
        self.check("a+", ["a-", "a-", "a-", "a+", None], "a-")
        self.check("a+", ["a-", "a-", "a+", "a+", None], "a+")
        self.check("a-", ["a-", "a-", "a+", "a+", None], "a-")
        self.check("a+", ["a-", None, None], "a-")
        self.check("a+b-", ["a-b+", "a-b-", "a+b+"], "a-b+")
        self.check("a-", [None, None, None], "a-")

    def test_fewer_than_needed_change_nothing(self) -> None:
        self.check("a+", ["a-", None, None], "a+", needed=2)
        self.check("a+", ["a-", "a-", None], "a-", needed=2)
        told = lay_together(Zones(), [table("a-"), None, None], 2).get("a")
        self.assertEqual((told and told.state, told and told.source), (OPEN, "quorum"))

    def test_a_zone_is_forgotten_only_by_more_than_half(self) -> None:
        self.check("a-b+", ["b+", None, None], "a-b+")
        self.check("a-b+", ["b+", "b+", None], "b+")

    def test_what_is_applied_is_the_table_that_says_just_that(self) -> None:
        zones = self.check("a+", ["a-b+", "a-b+", "a+b+"], "a-b+")
        self.assertEqual((zones.tag, zones.speaking, zones.asked), ("a-b+", 3, 3))
        self.assertIsNone(self.check("a+b+c+", ["a-b-c+", "a-b+c-", "a+b-c-"], "a-b-c-").tag)

    def test_an_alias_is_the_same_zone_and_an_id_goes_first(self) -> None:
        zones = Zones([ZoneStatus("a", AWAY, aliases=("x", "b")), ZoneStatus("b", OPEN)])
        self.assertEqual([zones.is_open(name) for name in ("a", "x", "b", "unknown")], [False, False, True, True])

    def test_certain_is_what_no_silent_one_can_change(self) -> None:
        self.assertTrue(is_certain([table("a-"), table("a-"), None]))
        self.assertFalse(is_certain([table("a-"), None, None]))
        self.assertFalse(is_certain([table("a-"), table("a+"), None]))
        self.assertFalse(is_certain([None]))
        self.assertTrue(is_certain([table("a-")]))

    def test_examples_in_the_text_are_true(self) -> None:
        self.assertEqual(doctest.testmod(quorum).failed, 0)
        self.assertIs(majority([], AWAY), AWAY)


class Voices(unittest.TestCase):
    def test_a_word_counts_until_it_was_not_confirmed_for_so_long(self) -> None:
        voice = Voice(25)
        self.assertIsNone(voice.speaks(0))
        voice.table(table("x+"), 0)
        self.assertIsNotNone(voice.speaks(24))
        self.assertIsNone(voice.speaks(25))
        self.assertTrue(voice.beat("x+", 10))
        self.assertIsNotNone(voice.speaks(34))
        self.assertFalse(voice.beat("y", 20))
        self.assertIsNone(voice.speaks(35))

    def test_without_stream_and_poll_it_is_silent_at_once(self) -> None:
        voice = Voice(25)
        voice.table(table("x+"), 0)
        voice.stream_lost("gone")
        self.assertIsNotNone(voice.speaks(1))
        voice.poll_failed("refused")
        self.assertIsNone(voice.speaks(1))
        self.assertEqual(voice.trouble, "refused")
        self.assertTrue(voice.beat("x+", 2, asked_at=2))
        self.assertIsNotNone(voice.speaks(3))
        self.assertIsNone(voice.trouble)

    def test_a_poll_asked_before_the_newest_push_is_passed_over(self) -> None:
        voice = Voice(25)
        voice.table(table("a+"), 5)
        voice.table(table("a-"), 6, asked_at=4)
        self.assertEqual(voice.tag, "a+")
        voice.table(table("a-"), 7, asked_at=6)
        self.assertEqual(voice.tag, "a-")


class Wire(unittest.TestCase):
    def test_a_table_is_read_with_fields_that_are_new_to_us(self) -> None:
        told = read_table('{"tag":"\\"00ff\\"","revision":7,"new":{},"zones":[{"zone":"a","aliases":["x",3],"state":"away","until_ms":9,"colour":"red"}]}')
        self.assertEqual((told.tag, told.revision, told.zones[0].state, told.zones[0].aliases, told.zones[0].until_ms), ("00ff", 7, AWAY, ("x",), 9))

    def test_what_cannot_be_a_table_is_refused(self) -> None:
        for text, want in [
            ("<html>", "is the URL a status endpoint's"),
            ("[]", "no JSON object"),
            ("{}", "`tag` is no text"),
            ('{"tag":"t"}', "`zones` is no list"),
            ('{"tag":"t","zones":[]}', "without zones"),
            ('{"tag":"t","zones":[{"zone":"a","state":"closed"}]}', "neither `open` nor `away`"),
            ('{"tag":"t","zones":[{"zone":"","state":"open"}]}', "1 to 253"),
            ('{"tag":"t","revision":-1,"zones":[{"zone":"a","state":"open"}]}', "`revision` is no number"),
            ('{"tag":"t","zones":[' + ",".join(['{"zone":"a","state":"open"}'] * (wire.ZONES + 1)) + "]}", "taken at most"),
            ("[" * 100_000, "not a table"),
            (b"\xff\xfe\xff", "not a table"),
        ]:
            with self.assertRaises(BadTable, msg=str(text)[:60]) as caught:
                read_table(text)
            self.assertIn(want, str(caught.exception))

    def test_a_tag_that_no_header_can_carry_is_refused(self) -> None:
        self.assertEqual([read_beat(json.dumps({"tag": tag})) for tag in ('"00ff"', 'W/"!~"', "a" * 64)], ["00ff", "!~", "a" * 64])
        for tag in ("", '"', "a b", "a\r\nb: c", "a\nb", "\x00", "ä", "→", 'a"b', "a" * 65):
            told = json.dumps({"tag": tag, "zones": [{"zone": "a", "state": "open"}]})
            for read in (read_beat, read_table):
                with self.assertRaisesRegex(BadTable, "`tag` is not", msg=tag):
                    read(told)

    def test_who_asks_stands_in_the_query(self) -> None:
        self.assertEqual(wire.query(None, None), "")
        who = Consumer("orders-worker", "i.1", Kind.WORKER, "a b")
        self.assertEqual(wire.query("pool/web", who), "?resource=pool/web&consumer=orders-worker&instance=i.1&kind=worker&zone=a%20b")

    def test_an_acknowledgement_leaves_out_what_is_not_so(self) -> None:
        word = Acknowledgement(Consumer("c", "i"), "t", 3)
        self.assertEqual(word.to_json(), b'{"consumer":"c","instance":"i","kind":"other","tag":"t","revision":3}')


class Events(unittest.TestCase):
    TEXT = b"\xef\xbb\xbfretry: 1500\r\n\r\n: comment\nevent: table\rid: 1\rdata: a\r\ndata:b\r\n\r\nevent:beat\ndata: {}\n\nunknown: x\n\n"
    WANT = [Event(retry_ms=1500), Event("table", "a\nb"), Event("beat", "{}")]

    def test_events_are_the_same_however_they_are_cut(self) -> None:
        self.assertEqual(Parser().feed(self.TEXT), self.WANT)
        for size in range(1, 9):
            parser = Parser()
            cut = [event for at in range(0, len(self.TEXT), size) for event in parser.feed(self.TEXT[at : at + size])]
            self.assertEqual(cut, self.WANT, size)

    def test_what_is_too_long_is_an_error(self) -> None:
        for piece in (b"x" * 65_536, b"data: " + b"x" * 1_000 + b"\n", b"\ndata:x"[1:] + b"\n"):
            parser = Parser()
            with self.assertRaises(TooLong):
                for _ in range(EVENT_BYTES // len(piece) + 2):
                    parser.feed(piece)


class Disk(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "new", "state")

    def test_what_is_saved_is_loaded(self) -> None:
        self.assertIsNone(disk.load(self.path, "everything"))
        zones = Zones([ZoneStatus("ä", AWAY, aliases=("x",), until_ms=5, held=True)], tag="t", revision=9, origin=Origin.ENDPOINTS)
        disk.save(self.path, "everything", zones)
        loaded = disk.load(self.path, "everything")
        assert loaded is not None
        self.assertEqual((loaded.get("x"), loaded.tag, loaded.revision, loaded.origin), (zones.get("ä"), "t", 9, Origin.DISK))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["state"])

    def test_a_bad_file_says_what_is_wrong(self) -> None:
        disk.save(self.path, "everything", Zones.of({"a": AWAY}))
        with open(self.path, "rb") as file:
            good = file.read()
        other = json.dumps({"resource": "everything", "zones": []}).encode()
        for data, want in [
            (b"", "cut off"),
            (good[:-3], "digest is another"),
            (b"x 1 2\n{}", "not written by this library"),
            (good.replace(b"zones 1", b"zones 2", 1), "its version is `2`"),
            (b"holdfast-zones 1 " + disk.digest(other).encode() + b"\n" + other, "without zones"),
            (b"x" * (disk.FILE_BYTES + 1), "more than"),
        ]:
            with open(self.path, "wb") as file:
                file.write(data)
            with self.assertRaises(disk.DiskError, msg=want) as caught:
                disk.load(self.path, "everything")
            self.assertIn(want, str(caught.exception))
        with self.assertRaises(disk.DiskError):
            disk.load(os.path.dirname(self.path), "everything")
        disk.save(self.path, "pool/web", Zones.of({"a": AWAY}))
        with self.assertRaisesRegex(disk.DiskError, "it is of `pool/web`"):
            disk.load(self.path, "everything")

    def test_the_digest_is_the_rust_client_s(self) -> None:
        self.assertEqual([disk.digest(b""), disk.digest(b"a")], ["cbf29ce484222325", "af63dc4c8601ec8c"])


class Places(unittest.TestCase):
    def test_work_is_spread_by_weight_outside_of_closed_zones(self) -> None:
        places = [Place("x", "a"), Place("y", "b", 3), Place("z", "c", 0)]

        def count(away: str) -> "list[int]":
            zones = Zones.of({zone: AWAY if zone in away else OPEN for zone in "abc"})
            picked = [pick(places, zones, at * 2**64 // 400) for at in range(400)]
            return [sum(place is not None and place.to == name for place in picked) for name in "xyz"]

        self.assertEqual([count(""), count("b"), count("ab"), count("abc")], [[100, 300, 0], [400, 0, 0], [0, 0, 400], [100, 300, 0]])
        self.assertIsNone(pick([], Zones(), 5))


class Server(unittest.TestCase):
    def test_a_server_in_a_zone_that_is_away_says_when_to_come_again(self) -> None:
        for until_ms, held, want in [(10_001, False, 1), (70_000, False, 60), (9_000_000, False, 300), (9_000, False, 30), (70_000, True, 30), (None, False, 30)]:
            zones = Zones([ZoneStatus("a", AWAY, aliases=("x",), until_ms=until_ms, held=held)])
            reply = health(zones, "x", 10_000)
            self.assertEqual((reply.status, reply.retry_after_s), (503, want))
        self.assertEqual(health(Zones(), "a").status, 200)


class Settings(unittest.TestCase):
    def test_what_cannot_work_does_not_start(self) -> None:
        good = "http://10.0.0.1:7601"
        Holdfast([good], consumer="a")
        Holdfast(good)
        for endpoints, settings, want in [
            ([], {}, "no status endpoint"),
            ([good, "http://10.0.0.1"], {}, "given twice"),
            ([f"http://n{at}" for at in range(10)], {}, "at most"),
            ([good], {"needed": 2}, "nothing could ever change"),
            ([good], {"consumer": "a b"}, "the consumer `a b`"),
            ([good], {"consumer": "a", "instance": ""}, "the instance"),
            ([good], {"heartbeat_s": 0}, "the heartbeat is 0 s"),
            ([good], {"poll_s": 60}, "between polls"),
            ([good], {"zone": ""}, "the zone has 0 bytes"),
            ([good], {"authority": "/nowhere.pem"}, "/nowhere.pem"),
        ]:
            with self.assertRaises(StartError, msg=want) as caught:
                Holdfast(endpoints, **settings)  # type: ignore[arg-type]
            self.assertIn(want, str(caught.exception))

    def test_endpoints_are_urls(self) -> None:
        shown = [str(read_endpoint(url)) for url in ("http://a", "https://a:1/x/", " http://[::1]:2 ", "http://10.0.0.1")]
        self.assertEqual(shown, ["http://a:7601", "https://a:1/x", "http://[::1]:2", "http://10.0.0.1:7601"])
        for url in ("10.0.0.1", "ftp://a", "http://", "http://a:x", "http://a:0", "http://a:70000", "http://u@a", "http://a?b", "http://a b", "http://[::1", "http://ä", "http://a\r\nx: y"):
            with self.assertRaises(BadEndpoint, msg=url):
                read_endpoint(url)

    def test_waits_are_spread_and_a_hint_is_waited_for(self) -> None:
        backoff = Backoff()
        for bound in (2, 4, 8, 16, 30, 30):
            self.assertLessEqual(backoff.next(), bound)
        for _ in range(50):
            self.assertTrue(40 <= backoff.next(40) <= 60)
            self.assertLess(backoff.next(1e9), 460)


if __name__ == "__main__":
    unittest.main()
