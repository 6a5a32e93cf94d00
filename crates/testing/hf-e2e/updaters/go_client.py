"""A DNS client that lays out its messages as the Go library does that external-dns, cert-manager and lego share (github.com/miekg/dns).

1. Names are written whole, never compressed; a message has an id drawn anew and no flag but the operation's.
2. The signature stands last, with a fudge of 300 s. A refusal's signature error is told, every good reply must be signed and verify.
3. Over UDP a reply has at most 512 bytes, unless EDNS says more.
4. Every message of a transfer is verified by itself, so each must be signed: that library skips over none.
5. Over TLS: version 1.3, with the protocol `dot`.

Not here: what is sent, and when (`replay.py`). Written from what those programs send; no code of theirs is in it.
"""

import random
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

FUDGE_S = 300
DEADLINE_S = 20
UPDATE = 5
SOA, AXFR, TSIG = 6, 252, 250
IN, NONE, ANY = 1, 254, 255


def wire_name(text):
    """A name in wire form; the last dot may be missing, as in the programs' options."""
    return dns.name.from_text(text).to_wire()


def record(name, ttl, rtype, text, rclass=IN):
    """One record, whole."""
    data = dns.rdata.from_text("IN", rtype, text, origin=dns.name.root, relativize=False).to_wire()
    head = struct.pack("!HHIH", dns.rdatatype.from_text(rtype), rclass, ttl, len(data))
    return wire_name(name) + head + data


def insert(name, ttl, rtype, text):
    """Adds a record (RFC 2136 2.5.1)."""
    return record(name, ttl, rtype, text)


def remove(name, rtype, text):
    """Deletes exactly this record (2.5.4)."""
    return record(name, 0, rtype, text, NONE)


@dataclass
class Reply:
    """What came back."""

    rcode: str
    # The signature's error (BADKEY, BADSIG, BADTIME), where there is one.
    error: str | None = None
    message: dns.message.Message | None = None


@dataclass
class GoClient:
    """One name server, one key."""

    server: str
    key_name: str = ""
    secret: str = ""
    algorithm: str = "hmac-sha256."
    network: str = "tcp"
    port: int = 53
    # The authority of the server's certificate, over TLS.
    ca: str | None = None
    # How wrong the clock is.
    skew_s: int = 0
    messages: int = field(default=0, init=False)

    def update(self, zone, *changes):
        """An UPDATE without prerequisites, of these changes in this order."""
        number = random.randrange(65_536)
        head = struct.pack("!HHHHHH", number, UPDATE << 11, 1, 0, len(changes), 0)
        body = head + wire_name(zone) + struct.pack("!HH", SOA, IN) + b"".join(changes)
        signed, mac = self._sign(body, number)
        return self._told(self._exchange(signed), mac, number)

    def query(self, name, rtype, recursion_desired=True):
        """A query with EDNS of 4,096 bytes, not signed."""
        number = random.randrange(65_536)
        flags = 0x0100 if recursion_desired else 0
        body = struct.pack("!HHHHHH", number, flags, 1, 0, 0, 1) + wire_name(name)
        body += struct.pack("!HH", dns.rdatatype.from_text(rtype), IN) + b"\0" + struct.pack("!HHIH", 41, 4_096, 0, 0)
        message = dns.message.from_wire(self._exchange(body, 4_096))
        assert message.id == number, "a reply to something else"
        return message

    def transfer(self, zone):
        """All records of a zone as (name, TTL, type, data), or a Reply that refuses them."""
        number = random.randrange(65_536)
        body = struct.pack("!HHHHHH", number, 0, 1, 0, 0, 0) + wire_name(zone) + struct.pack("!HH", AXFR, IN)
        signed, mac = self._sign(body, number)
        self.messages, context, records = 0, None, []
        with self._connect() as stream:
            self._send(stream, signed)
            while True:
                raw = self._receive(stream)
                if self.messages == 0 and raw[3] & 15:
                    return self._told(raw, mac, number)
                message = dns.message.from_wire(
                    raw, keyring=self._keyring(), request_mac=mac, multi=True, tsig_ctx=context, xfr=True
                )
                assert message.had_tsig, f"message {self.messages} of the transfer is not signed"
                assert message.id == number, "a message of something else"
                context, mac = message.tsig_ctx, b""
                self.messages += 1
                # In the order in which they stand: the SOA is the first and the last.
                records += in_order(raw)
                if len(records) > 1 and records[-1][2] == "SOA":
                    break
        assert records[0][2] == "SOA" and records[0] == records[-1], (records[0], records[-1])
        return records

    def _keyring(self):
        name = dns.name.from_text(self.key_name)
        return {name: dns.tsig.Key(name, self.secret, self.algorithm)}

    def _sign(self, body, number):
        if not self.key_name:
            return body, b""
        (key,) = self._keyring().values()
        empty = dns.rdtypes.ANY.TSIG.TSIG(
            dns.rdataclass.ANY, dns.rdatatype.TSIG, key.algorithm, 0, FUDGE_S, b"", number, 0, b""
        )
        data, _ = dns.tsig.sign(body, key, empty, int(time.time()) + self.skew_s)
        told = data.to_wire()
        additional = struct.unpack("!H", body[10:12])[0] + 1
        end = key.name.to_wire() + struct.pack("!HHIH", TSIG, ANY, 0, len(told)) + told
        return body[:10] + struct.pack("!H", additional) + body[12:] + end, data.mac

    def _told(self, raw, mac, number):
        assert raw[:2] == struct.pack("!H", number) and raw[2] & 0x80, "no reply to this message"
        rcode = dns.rcode.to_text(raw[3] & 15)
        if not self.key_name:
            return Reply(rcode, message=dns.message.from_wire(raw))
        try:
            message = dns.message.from_wire(raw, keyring=self._keyring(), request_mac=mac)
        except dns.tsig.PeerBadKey:
            return Reply(rcode, "BADKEY")
        except dns.tsig.PeerBadSignature:
            return Reply(rcode, "BADSIG")
        except dns.tsig.PeerBadTime:
            return Reply(rcode, "BADTIME")
        assert message.had_tsig, f"the reply {rcode} is not signed"
        return Reply(rcode, message=message)

    def _exchange(self, body, size=512):
        if self.network == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
                channel.settimeout(DEADLINE_S)
                channel.connect((self.server, self.port))
                channel.send(body)
                told = channel.recv(65_535)
                assert len(told) <= size, f"{len(told)} bytes over UDP, and {size} are read"
                return told
        with self._connect() as stream:
            self._send(stream, body)
            return self._receive(stream)

    def _connect(self):
        stream = socket.create_connection((self.server, self.port), DEADLINE_S)
        if self.network != "tls":
            return stream
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["dot"])
        wrapped = context.wrap_socket(stream, server_hostname=self.server)
        assert wrapped.selected_alpn_protocol() == "dot", wrapped.selected_alpn_protocol()
        return wrapped

    @staticmethod
    def _send(stream, body):
        stream.sendall(struct.pack("!H", len(body)) + body)

    @staticmethod
    def _receive(stream):
        def whole(count):
            data = b""
            while len(data) < count:
                more = stream.recv(count - len(data))
                assert more, "the server hung up"
                data += more
            return data

        return whole(struct.unpack("!H", whole(2))[0])


def in_order(raw):
    """The answers of a message as they stand in it; `dns.message` gathers them into sets."""
    one_each = dns.message.from_wire(raw, one_rr_per_rrset=True, ignore_trailing=True, keyring=False)
    records = []
    for one in one_each.answer:
        (data,) = one
        name = one.name.to_text(omit_final_dot=True)
        records.append((name, one.ttl, dns.rdatatype.to_text(one.rdtype), data.to_text()))
    return records
