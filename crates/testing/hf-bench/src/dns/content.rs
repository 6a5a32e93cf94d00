//! What the servers serve: as master files, and as our estate.

use std::fmt::Write as _;
use std::path::Path;

use crate::Told;

/// Between two checks of an endpoint: gdnsd takes no less.
pub const CHECK_EVERY_S: u32 = 2;
/// Steered names beside the large zone, where a shift is watched.
pub const MOVING_NAMES: u32 = 100;
/// Their hosted zone: its name is as long as that of the large one, so that queries of both are.
pub const MOVING_ZONE: &str = "way.test";
/// 32 bytes: this bench's keys are nobody's secret.
const SEAL: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// What a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `h0000000.small.test` and up, A and AAAA, in the estate.
    Small(u32),
    /// The same, in a hosted zone that is signed.
    Signed(u32),
    /// `h0000000.big.test` and up, A and AAAA, in a file of the node.
    Big(u32),
    /// `h0000000.policy.test` and up, A, each a pool of nine endpoints in three zones.
    Policy(u32),
    /// The same with endpoints of this machine, each checked at this port.
    Checked(u32, u16),
    /// What [`Content::Big`] is, and [`MOVING_NAMES`] steered names.
    Moving(u32),
}

impl Content {
    /// The hosted zone, without the last dot.
    pub fn zone(self) -> &'static str {
        match self {
            Content::Small(_) | Content::Signed(_) => "small.test",
            Content::Big(_) | Content::Moving(_) => "big.test",
            Content::Policy(_) | Content::Checked(..) => "policy.test",
        }
    }

    /// How many names it has.
    pub fn names(self) -> u32 {
        match self {
            Content::Small(names)
            | Content::Signed(names)
            | Content::Big(names)
            | Content::Policy(names)
            | Content::Checked(names, _)
            | Content::Moving(names) => names,
        }
    }

    /// Whether our node finds it in a master file.
    fn has_file(self) -> bool {
        !matches!(self, Content::Policy(_) | Content::Checked(..))
    }

    /// Roles of our node.
    pub fn roles(self) -> &'static str {
        match self {
            Content::Checked(..) => "\"control\", \"checker\", \"dns\"",
            _ => "\"control\", \"dns\"",
        }
    }

    /// UDP workers of our node: a shift is watched on more than one.
    pub fn workers(self) -> u32 {
        if matches!(self, Content::Moving(_)) { 2 } else { 1 }
    }

    /// The hosted zone as a master file, with IPv4 addresses that begin so.
    pub fn master_file(self, first: u8) -> String {
        let zone = self.zone();
        let mut text = format!(
            "$ORIGIN {zone}.\n$TTL 300\n@ IN SOA ns.{zone}. hostmaster.{zone}. 1 7200 900 1209600 60\n@ IN NS ns.{zone}.\nns IN A 192.0.2.53\n"
        );
        for number in 0..self.names() {
            let [_, a, b, c] = number.to_be_bytes();
            // Written without allocation: there may be millions.
            let _ = match self {
                Content::Policy(_) | Content::Checked(..) => {
                    writeln!(text, "h{number:07} 5 DYNA weighted!p{number}")
                }
                _ => writeln!(
                    text,
                    "h{number:07} IN A {first}.{a}.{b}.{c}\nh{number:07} IN AAAA 2001:db8::{a:x}:{b:x}{c:02x}"
                ),
            };
        }
        text
    }

    /// Writes what our node reads beside its own file.
    pub fn write_into(self, folder: &Path) -> Told<()> {
        write(&folder.join("estate.toml"), &estate(self))?;
        if self.has_file() {
            write(&folder.join(format!("{}.zone", self.zone())), &self.master_file(10))?;
        }
        if matches!(self, Content::Signed(_)) {
            private(&folder.join("seal.key"), SEAL)?;
        }
        Ok(())
    }

    /// The endpoints of a steered name: zone from 1, place in it from 1, address, weight.
    pub fn endpoints(self, name: u32) -> impl Iterator<Item = (u32, u32, String, u32)> {
        (1..=3).flat_map(move |az| {
            (1..=3).map(move |host| {
                let address = match self {
                    // All of 127.0.0.0/8 is this machine.
                    Content::Checked(..) => format!("127.{az}.{name}.{host}"),
                    Content::Moving(_) => format!("172.{}.{name}.{host}", 15 + az),
                    _ => format!("10.{az}.{name}.{host}"),
                };
                (az, host, address, 10 * host)
            })
        })
    }
}

fn estate(content: Content) -> String {
    let zone = content.zone();
    let mut text = "[[region]]\nid = \"home\"\n".to_owned();
    for az in 1..=3 {
        let _ = write!(text, "[[zone]]\nid = \"az{az}\"\nregion = \"home\"\n");
    }
    let _ = write!(text, "[[hosted_zone]]\nname = \"{zone}.\"\n");
    match content {
        Content::Small(_) => {
            let _ = writeln!(text, "file = \"{zone}.zone\"");
        }
        Content::Signed(_) => {
            let _ =
                writeln!(text, "file = \"{zone}.zone\"\ndnssec = {{ algorithm = \"ecdsa-p256-sha256\" }}");
        }
        Content::Big(_) => text.push_str("source = \"node\"\n"),
        Content::Policy(names) => steered(&mut text, content, names, zone, 80),
        Content::Checked(names, port) => {
            let _ = write!(
                text,
                "[[health_check]]\nname = \"open\"\nkind = \"tcp\"\ninterval = \"{CHECK_EVERY_S}s\"\n"
            );
            steered(&mut text, content, names, zone, port);
        }
        Content::Moving(_) => {
            let _ = write!(text, "source = \"node\"\n[[hosted_zone]]\nname = \"{MOVING_ZONE}.\"\n");
            steered(&mut text, content, MOVING_NAMES, MOVING_ZONE, 80);
        }
    }
    text
}

/// Pools and records of steered names.
fn steered(text: &mut String, content: Content, names: u32, zone: &str, port: u16) {
    let check = if matches!(content, Content::Checked(..)) { "health_check = \"open\"\n" } else { "" };
    for name in 0..names {
        let _ = write!(text, "[[pool]]\nname = \"p{name}\"\n{check}endpoints = [\n");
        for (az, _, address, weight) in content.endpoints(name) {
            let _ = writeln!(
                text,
                "  {{ address = \"{address}:{port}\", zone = \"az{az}\", weight = {weight} }},"
            );
        }
        let _ = write!(
            text,
            "]\n[[record]]\nname = \"h{name:07}.{zone}.\"\ntype = \"A\"\nttl = \"5s\"\nanswer = {{ pool = \"p{name}\" }}\nchoose = [\"open\", \"weighted\", \"take 3\"]\n"
        );
    }
}

/// Writes a file.
pub fn write(path: &Path, text: &str) -> Told<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file that only its owner may read: our node takes no other as a secret.
fn private(path: &Path, text: &str) -> Told<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
