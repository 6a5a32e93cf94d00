//! The hosted zones that all servers read: one written by hand with all there is, one drawn from a seed.

use std::fmt::Write as _;

/// A zone's name, its master file, and names worth asking for.
pub struct Zone {
    pub name: &'static str,
    pub text: String,
    pub names: Vec<String>,
}

/// Type numbers that are asked for at each name.
pub const TYPES: [u16; 23] =
    [1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 35, 39, 43, 44, 46, 48, 52, 64, 65, 99, 257, 1000, 65_280];

const BY_HAND: &str = "\
$TTL 300
@ SOA ns1 hostmaster 2026010101 3600 600 86400 120
@ NS ns1
@ NS ns2.sub
@ MX 10 mail
@ MX 20 mail.elsewhere.test.
@ TXT \"v=spf1 -all\"
@ CAA 0 issue \"ca.test\"
@ HTTPS 0 www
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2.sub A 192.0.2.2
mail A 192.0.2.3
www A 192.0.2.10
www A 192.0.2.11
www AAAA 2001:db8::10
www HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.10
svc SVCB 1 target port=8443
target A 192.0.2.12
_sip._tcp SRV 10 60 5060 www
_sip._tcp SRV 20 0 5060 mail
_443._tcp.www TLSA 3 1 1 0d6fce3f2c2a9d2f3b7f6f3c4b2a1908f7e6d5c4b3a291807f6e5d4c3b2a1908
phone NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@alpha.test!\" .
shell SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
ptr PTR www
unknown TYPE65280 \\# 4 0a0b0c0d
text TXT \"one\" \"two words\" \"\"
hinfo HINFO \"cpu\" \"os\"
deep.empty.non.terminal A 192.0.2.20
alias CNAME www
alias2 CNAME alias
alias3 CNAME alias2
alias-out CNAME www.elsewhere.test.
alias-gone CNAME nowhere
alias-child CNAME host.child
alias-wild CNAME anything.wild
alias-old CNAME host.old
loop1 CNAME loop2
loop2 CNAME loop1
*.wild A 192.0.2.30
*.wild MX 10 mail
*.wild TXT \"wild\"
there.wild A 192.0.2.31
below.there.wild A 192.0.2.32
*.cwild CNAME www
*.owild CNAME www.elsewhere.test.
x.*.odd A 192.0.2.33
*.*.stars TXT \"two stars\"
child NS ns.child
child NS ns.elsewhere.test.
ns.child A 192.0.2.40
ns.child AAAA 2001:db8::40
glueless NS ns1
glueless NS ns.elsewhere.test.
signed NS ns.child
signed DS 12345 13 2 0d6fce3f2c2a9d2f3b7f6f3c4b2a1908f7e6d5c4b3a291807f6e5d4c3b2a1908
deep.under.cut.ent NS ns1
old DNAME new
old A 192.0.2.50
host.new A 192.0.2.51
alias.new CNAME host.new
far DNAME elsewhere.test.
big TXT \"0123456789012345678901234567890123456789012345678901234567890123456789\"
";

const ASKED: &str = "@ ns1 mail WwW www.www svc _sip._tcp _tcp _443._tcp.www phone shell ptr unknown text hinfo big \
deep.empty.non.terminal empty.non.terminal terminal x.terminal non.terminal nowhere a.b.c.nowhere \
alias alias2 alias3 alias-out alias-gone alias-child alias-wild alias-old loop1 x.alias \
wild *.wild x.wild y.x.wild there.wild x.there.wild below.there.wild x.cwild x.y.cwild x.owild odd y.odd x.*.odd y.*.odd stars x.stars *.stars x.*.stars \
child x.child y.x.child ns.child glueless x.glueless signed x.signed ent cut.ent under.cut.ent deep.under.cut.ent x.deep.under.cut.ent \
old host.old x.host.old alias.old none.old host.new new far x.far \
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.far";

/// The zone that has all there is.
pub fn by_hand() -> Zone {
    let name = "alpha.test.";
    let mut text = BY_HAND.to_owned();
    for n in 0..40 {
        let _ = writeln!(text, "many A 198.51.100.{n}\nlong TXT \"{n:02}{}\"", "x".repeat(50));
        let _ = writeln!(text, "mid A 198.51.101.{}", n % 26);
    }
    let mut names: Vec<String> = ASKED.split_whitespace().map(|label| within(label, name)).collect();
    names.extend(["many", "mid", "long"].map(|label| within(label, name)));
    Zone { name, text, names }
}

fn within(label: &str, zone: &str) -> String {
    if label == "@" { zone.to_owned() } else { format!("{label}.{zone}") }
}

/// A zone drawn from a seed, and names in it and around it.
pub fn drawn(seed: u64) -> Zone {
    let name = "drawn.test.";
    let mut draw = Draw(seed | 1);
    let mut text = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 30\n@ NS ns\nns A 192.0.2.1\n".to_owned();
    let mut names = vec![name.to_owned()];
    for n in 0..60 {
        // The first label says what is there, so that nothing stands beside a CNAME or below a cut.
        let depth = draw.below(3);
        let above: String = (0..depth).map(|_| format!(".{}", ["a", "b", "*", "c"][draw.below(4)])).collect();
        let _ = match draw.below(9) {
            0 => writeln!(text, "c{n}{above} CNAME c{}", draw.below(60)),
            1 => writeln!(text, "c{n}{above} CNAME x.c{}{above}", draw.below(60)),
            2 => writeln!(text, "d{n}{above} NS ns.d{n}{above}\nns.d{n}{above} A 192.0.2.{n}"),
            3 => writeln!(text, "o{n}{above} DNAME {}", ["a", "b", "a.b"][draw.below(3)]),
            4 => writeln!(text, "*.w{n}{above} A 192.0.2.{n}"),
            5 => writeln!(text, "*.w{n}{above} CNAME c{}", draw.below(60)),
            6 => writeln!(text, "h{n}{above} MX {n} h{}.a", draw.below(60)),
            _ => writeln!(text, "h{n}{above} A 192.0.2.{n}\nh{n}{above} TXT \"{n}\""),
        };
        for kind in ["c", "d", "o", "w", "h"] {
            names.push(format!("{kind}{n}{above}.{name}"));
            if draw.below(2) == 0 {
                names.push(format!("x.{kind}{n}{above}.{name}"));
            }
        }
        names.push(format!("{}.{name}", above.trim_start_matches('.')).trim_start_matches('.').to_owned());
    }
    Zone { name, text, names }
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}
