"""The messages of external-dns and cert-manager, replayed against a node: what they list, create, change, delete, and what they are refused.

1. The programs are Go and come in no package that a Debian 12 or PyPI has; what they send, and in which order, was read in their sources of August 2026.
2. `go_client.py` lays the messages out as the library does that both use.
3. The first thing that is not as it should be ends this with exit status 1.

Zone: `acme.test`, with enough records for several messages of a transfer. The key `kubernetes` may change `*.apps.acme.test` and transfer; the key
`acme` may change TXT at `*.acme.test`; the estate steers `web.apps.acme.test`.

    replay.py external-dns|cert-manager --server 10.1.1.1 --secret BASE64 --ca ca.pem
"""

import argparse
import time

from go_client import GoClient, Reply, insert, remove

ZONE = "acme.test"
# The registry's word for who owns a record, as external-dns writes it.
HERITAGE = '"heritage=external-dns,external-dns/owner=k8s,external-dns/resource=ingress/default/{}"'
# A transfer shows what updates brought within a fifth of a second; this is for a slow machine.
DEADLINE_S = 20
# Changes of one message unless `--rfc2136-batch-change-size` says otherwise.
BATCH = 50


def must(reply, rcode="NOERROR", error=None):
    """Holds a reply against what it should be."""
    found = (reply.rcode, reply.error) if isinstance(reply, Reply) else ("a transfer", None)
    assert found == (rcode, error), f"{found} instead of {(rcode, error)}"


def registry_name(name, rtype):
    """Where the TXT record lies that says who owns `name` and type: the type and a hyphen before the first label."""
    return f"{rtype.lower()}-{name}"


class ExternalDns:
    """`--provider=rfc2136 --rfc2136-axfr --registry=txt --txt-owner-id=k8s`; an endpoint is (name, TTL, type, targets)."""

    def __init__(self, client):
        self.client = client
        self.asking = GoClient(client.server, network="udp")

    def list(self):
        """What it knows of names below its part of the zone."""
        records = self.client.transfer(ZONE)
        assert not isinstance(records, Reply), records
        return sorted(set(records[1:-1]))

    def owned(self):
        """The records that updates brought."""
        return [one for one in self.list() if one[0].endswith(".apps." + ZONE) and one[0] != f"web.apps.{ZONE}"]

    def must_own(self, wanted):
        """Waits until a transfer shows just these records of updates."""
        end = time.monotonic() + DEADLINE_S
        while (found := self.owned()) != wanted:
            assert time.monotonic() < end, f"{found} instead of {wanted}"

    @staticmethod
    def with_registry(endpoints, resource="site"):
        """All endpoints, then their TXT records; those have no TTL of their own."""
        texts = [(registry_name(n, t), 0, "TXT", [HERITAGE.format(resource)]) for n, _, t, _ in endpoints]
        return endpoints + texts

    def send(self, parts):
        """One message for each fifty endpoints, as they come."""
        replies = []
        for at in range(0, len(parts), BATCH):
            changes = [change for part in parts[at : at + BATCH] for change in part]
            replies.append(self.client.update(ZONE, *changes))
        return replies

    @staticmethod
    def adding(endpoint):
        name, ttl, rtype, targets = endpoint
        return [insert(name, ttl, rtype, target) for target in targets]

    @staticmethod
    def removing(endpoint):
        name, _, rtype, targets = endpoint
        return [remove(name, rtype, target) for target in targets]

    def create(self, endpoints):
        return self.send([self.adding(one) for one in self.with_registry(endpoints)])

    def change(self, old, new, resources=("site", "site")):
        """Old and new side by side in one message: exactly the old records go, the new ones come."""
        pairs = zip(self.with_registry(old, resources[0]), self.with_registry(new, resources[1]), strict=True)
        return self.send([self.removing(before) + self.adding(after) for before, after in pairs])

    def delete(self, endpoints, resource="site"):
        return self.send([self.removing(one) for one in self.with_registry(endpoints, resource)])


def shown(endpoints, resource="site"):
    """As a transfer shows endpoints and their TXT records."""
    every = ExternalDns.with_registry(endpoints, resource)
    return sorted((n, ttl, t, target.rstrip(".") + "." if t == "CNAME" else target) for n, ttl, t, ts in every for target in ts)


def external_dns(options):
    client = GoClient(options.server, "kubernetes", options.secret)
    program = ExternalDns(client)
    before = program.list()
    assert client.messages > 1, "the zone is to need several messages"
    assert (f"web.apps.{ZONE}", 5, "A", "192.0.2.1") in before, "a steered name is listed, so it is not made anew"
    program.must_own([])

    # Without `--rfc2136-min-ttl` and without an annotation the TTL is 0.
    endpoints = [
        (f"shop.apps.{ZONE}", 0, "A", ["192.0.2.10", "192.0.2.11"]),
        (f"shop.apps.{ZONE}", 0, "AAAA", ["2001:db8::10"]),
        (f"alias.apps.{ZONE}", 300, "CNAME", ["lb.example.net"]),
        (f"*.any.apps.{ZONE}", 60, "A", ["192.0.2.12"]),
    ]
    (told,) = program.create(endpoints)
    must(told)
    program.must_own(shown(endpoints))
    # A list that failed counts as an empty one: it makes all of them again.
    (told,) = program.create(endpoints)
    must(told)
    program.must_own(shown(endpoints))

    # Other targets; another TTL for the same one; an owner's word that differs; and what is the same before and after.
    changed = [
        (f"shop.apps.{ZONE}", 0, "A", ["192.0.2.11", "192.0.2.13"]),
        (f"shop.apps.{ZONE}", 120, "AAAA", ["2001:db8::10"]),
        (f"alias.apps.{ZONE}", 300, "CNAME", ["other.example.net"]),
        (f"*.any.apps.{ZONE}", 60, "A", ["192.0.2.12"]),
    ]
    (told,) = program.change(endpoints, changed, ("site", "moved"))
    must(told)
    program.must_own(shown(changed, "moved"))

    # Deleted what was there before the last change: what is not there is no fault, nothing else goes.
    (told,) = program.delete(endpoints[:1], "site")
    must(told)
    left = [one for one in shown(changed, "moved") if one[3] != "192.0.2.11"]
    program.must_own(left)

    # From A to CNAME: it creates before it deletes, so the first round leaves the CNAME out (RFC 2136 3.4.2.2) and the next one brings it.
    turned = [(f"turned.apps.{ZONE}", 0, "A", ["192.0.2.14"])]
    into = [(f"turned.apps.{ZONE}", 0, "CNAME", ["lb.example.net"])]
    for replies in (program.create(turned), program.create(into), program.delete(turned)):
        for told in replies:
            must(told)
    left = program.asking.query(f"turned.apps.{ZONE}.", "ANY")
    assert left.rcode() == 3, left
    (told,) = program.send([program.adding(into[0])])
    must(told)
    found = program.asking.query(f"turned.apps.{ZONE}.", "CNAME").answer
    assert [data.to_text() for one in found for data in one] == ["lb.example.net."], found

    for replies in (program.delete(into), program.delete(changed, "moved"), program.delete(changed, "moved")):
        for told in replies:
            must(told)
    program.must_own([])
    assert drop_serial(program.list()) == drop_serial(before)

    # Hundred and twenty names: five messages, as the TXT records are endpoints too.
    many = [(f"n{at}.apps.{ZONE}", 0, "A", [f"198.51.100.{at}", f"203.0.113.{at}"]) for at in range(120)]
    told = program.create(many)
    assert len(told) == 5, len(told)
    for one in told:
        must(one)
    program.must_own(shown(many))

    # What it may not: nothing of such a message is done, and the others are.
    mine = (f"mine.apps.{ZONE}", 0, "A", ["192.0.2.20"])
    for what, endpoint in [
        ("the estate's", (f"web.apps.{ZONE}", 0, "A", ["192.0.2.21"])),
        ("not in its rule", (f"www.{ZONE}", 0, "A", ["192.0.2.21"])),
        ("not in its rule", (f"apps.{ZONE}", 0, "A", ["192.0.2.21"])),
    ]:
        (told,) = program.create([mine, endpoint])
        assert told.rcode == "REFUSED", (what, told)
    (told,) = program.delete([mine, (f"web.apps.{ZONE}", 0, "A", ["192.0.2.1"])])
    must(told, "REFUSED")
    program.must_own(shown(many))
    assert f"web.apps.{ZONE}" in [one[0] for one in program.list()]
    must_not_be(program)
    # A name in none of `--rfc2136-zone` goes to the root.
    must(client.update(".", insert("elsewhere.test", 0, "A", "192.0.2.22")), "NOTAUTH")
    must(client.update(ZONE, insert("elsewhere.test", 0, "A", "192.0.2.22")), "NOTZONE")

    # Who it is not.
    change = insert(f"mine.apps.{ZONE}", 0, "A", "192.0.2.20")
    for other, rcode, error in who_it_is_not(options.server, "kubernetes", options.secret):
        must(other.update(ZONE, change), rcode, error)
        must(other.transfer(ZONE), rcode, error)
    other = GoClient(options.server, "acme", options.secret)
    must(other.update(ZONE, change), "REFUSED")
    must(other.transfer(ZONE), "REFUSED")
    must_not_be(program)
    program.must_own(shown(many))

    # `--rfc2136-use-tls`.
    tls = ExternalDns(GoClient(options.server, "kubernetes", options.secret, network="tls", port=853, ca=options.ca))
    for told in tls.delete(many):
        must(told)
    tls.must_own([])
    assert drop_serial(tls.list()) == drop_serial(before)
    (told,) = tls.create(endpoints)
    must(told)
    tls.must_own(shown(endpoints))


def drop_serial(records):
    """All but the SOA, which every update steps."""
    return [one for one in records if one[2] != "SOA"]


def must_not_be(program):
    """Nothing of what was refused is answered."""
    message = program.asking.query(f"mine.apps.{ZONE}.", "A")
    assert message.rcode() == 3, message
    message = program.asking.query(f"{registry_name(f'mine.apps.{ZONE}', 'A')}.", "TXT")
    assert message.rcode() == 3, message


def who_it_is_not(server, key_name, secret):
    """Clients that are refused, and how each is told."""
    wrong = "d3Jvbmcgc2VjcmV0IGluZGVlZCwgb2Yg" + "dGhpcnR5LXR3bw=="
    return [
        (GoClient(server, key_name, wrong), "NOTAUTH", "BADSIG"),
        (GoClient(server, "nobody", secret), "NOTAUTH", "BADKEY"),
        # One name, one algorithm; cert-manager's is HMAC-MD5 unless it is told another.
        (GoClient(server, key_name, secret, "hmac-sha1."), "NOTAUTH", "BADKEY"),
        (GoClient(server, key_name, secret, "hmac-md5.sig-alg.reg.int."), "NOTAUTH", "BADKEY"),
        (GoClient(server, key_name, secret, skew_s=-600), "NOTAUTH", "BADTIME"),
        (GoClient(server, key_name, secret, skew_s=600), "NOTAUTH", "BADTIME"),
        (GoClient(server), "REFUSED", None),
    ]


def texts(client, name):
    """The TXT records of a name, as the self-check looks for them."""
    message = client.query(name, "TXT")
    assert message.rcode() in (0, 3), message
    return sorted(b"".join(data.strings).decode() for found in message.answer for data in found if found.rdtype == 16)


def zone_of(client, name):
    """The zone of a name: upwards until an answer has a SOA record; NXDOMAIN on the way is as good as no data."""
    labels = name.rstrip(".").split(".")
    for at in range(len(labels)):
        message = client.query(".".join(labels[at:]) + ".", "SOA")
        assert message.rcode() in (0, 3), message
        for found in message.answer:
            assert found.rdtype != 5, message
            if found.rdtype == 6:
                return found.name.to_text()
    raise AssertionError(f"no zone has {name}")


def cert_manager(options):
    asking = GoClient(options.server, network="udp")
    for network in ("udp", "tcp"):
        # With and without the last dot: `tsigKeyName` may be written either way.
        client = GoClient(options.server, "acme." if network == "udp" else "acme", options.secret, network=network)
        # A name that has no zone of its own, and one below a steered name.
        for host in (f"www.{ZONE}", f"web.apps.{ZONE}", ZONE):
            challenge = f"_acme-challenge.{host}."
            zone = zone_of(asking, challenge)
            assert zone == f"{ZONE}.", zone
            assert asking.query(challenge, "CNAME").answer == []
            servers = asking.query(zone, "NS").answer
            assert [data.to_text() for found in servers for data in found] == [f"ns.{ZONE}."], servers
            assert texts(asking, challenge) == []

            # A name and its wildcard are one challenge each, at one name.
            values = ["LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM", "_b2x-3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmto-"]
            for value in values:
                must(client.update(zone, insert(challenge, 60, "TXT", f'"{value}"')))
                # Presented once more, after a controller began anew.
                must(client.update(zone, insert(challenge, 60, "TXT", f'"{value}"')))
            assert texts(asking, challenge) == sorted(values), texts(asking, challenge)
            must(client.update(zone, remove(challenge, "TXT", f'"{values[0]}"')))
            assert texts(asking, challenge) == values[1:]
            must(client.update(zone, remove(challenge, "TXT", f'"{values[1]}"')))
            must(client.update(zone, remove(challenge, "TXT", f'"{values[1]}"')))
            assert texts(asking, challenge) == []

        change = insert(f"_acme-challenge.www.{ZONE}.", 60, "TXT", '"no"')
        for other, rcode, error in who_it_is_not(options.server, "acme", options.secret):
            other.network = network
            must(other.update(f"{ZONE}.", change), rcode, error)
        must(client.update(f"{ZONE}.", insert(f"mine.{ZONE}.", 60, "A", "192.0.2.20")), "REFUSED")
        # The estate declares this one; and a zone that is not ours.
        must(client.update(f"{ZONE}.", insert(f"_acme-challenge.taken.{ZONE}.", 60, "TXT", '"no"')), "REFUSED")
        must(client.update("elsewhere.test.", insert("_acme-challenge.elsewhere.test.", 60, "TXT", '"no"')), "NOTAUTH")
        assert texts(asking, f"_acme-challenge.www.{ZONE}.") == []
        assert texts(asking, f"_acme-challenge.taken.{ZONE}.") == ["declared"]


def main():
    programs = {"external-dns": external_dns, "cert-manager": cert_manager}
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=programs)
    parser.add_argument("--server", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--ca", required=True)
    options = parser.parse_args()
    programs[options.program](options)


if __name__ == "__main__":
    main()
