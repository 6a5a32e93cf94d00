//! Whom a node tells what happened: `[[notify]]`. With the control role of everything, without it of break-glass shifts that no ledger knows.

use std::path::PathBuf;
use std::time::Duration;

use super::Reload;

/// One receiver of notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// What logs, metrics and the file of its place in the journal call it, unique in the node.
    pub name: String,
    /// Which way.
    pub way: NotifyWay,
    /// Of what it is told. Default: those for which [`NoticeKind::is_default`].
    pub kinds: Vec<NoticeKind>,
}

/// Which way notices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyWay {
    /// A POST by the Standard Webhooks specification.
    Webhook {
        /// Where to.
        url: Url,
        /// The file with the secret that signs, `whsec_` and 24 to 64 bytes in base64. Default: unsigned.
        secret_file: Option<PathBuf>,
        /// The authority of its certificate, a PEM file. Default: the public ones that browsers trust.
        ca: Option<PathBuf>,
    },
    /// A message of NATS.
    Nats {
        /// Which server: `nats://` or `tls://`.
        server: Url,
        /// What notices are published under; the kind is appended, as in `holdfast.shift.started`. Default `holdfast`.
        subject: String,
        /// The file with `user:password` or a token, one line. Default: nobody.
        credentials_file: Option<PathBuf>,
        /// The authority of its certificate, a PEM file. Default: the public ones.
        ca: Option<PathBuf>,
    },
    /// A program that gets a mail (RFC 5322) to read.
    Mail {
        /// The program and how long it may take. Default `/usr/sbin/sendmail -t -i`.
        command: Reload,
        /// Who is written to.
        to: Vec<String>,
        /// Who writes. Default: `holdfast@` and the node's id.
        from: Option<String>,
    },
}

impl NotifyWay {
    /// How long one delivery may take in all.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The files that it names.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let files = match self {
            NotifyWay::Webhook { secret_file, ca, .. } => [secret_file.as_mut(), ca.as_mut()],
            NotifyWay::Nats { credentials_file, ca, .. } => [credentials_file.as_mut(), ca.as_mut()],
            NotifyWay::Mail { .. } => [None, None],
        };
        files.into_iter().flatten()
    }

    /// One word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            NotifyWay::Webhook { .. } => "webhook",
            NotifyWay::Nats { .. } => "nats",
            NotifyWay::Mail { .. } => "mail",
        }
    }
}

/// Where a receiver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS is spoken.
    pub secure: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query; `/` at least.
    pub path: String,
}

impl Url {
    /// Reads one of these schemes, such as `("http", 80)` and `("https", 443)`.
    pub fn parse(text: &str, plain: (&str, u16), secure: (&str, u16)) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        let is_secure = scheme == secure.0;
        if !is_secure && scheme != plain.0 {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let bytes_are_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !bytes_are_plain || authority.contains('@') || text.len() > 2_048 {
            return None;
        }
        let default = if is_secure { secure.1 } else { plain.1 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().ok().filter(|port| *port > 0)?)
            }
            _ => (authority, default),
        };
        let host = if let Some(rest) = host.strip_prefix('[') {
            let inner = rest.strip_suffix(']')?;
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            inner
        } else {
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (!host.is_empty() && host.bytes().all(is_host)).then_some(host)?
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Url { secure: is_secure, host: host.to_owned(), port, path })
    }

    /// Host and port as a `Host` header or an address to connect to has them.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Of what notices tell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NoticeKind { $($(#[$doc])* $name,)* }

        impl NoticeKind {
            /// All of them.
            pub const ALL: &'static [NoticeKind] = &[$(NoticeKind::$name,)*];

            /// As written in files and messages; stable.
            pub fn as_str(self) -> &'static str {
                match self { $(NoticeKind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A shift of people began.
    ShiftStarted = "shift.started",
    /// It has a new end.
    ShiftExtended = "shift.extended",
    /// Its end is near.
    ShiftExpiring = "shift.expiring",
    /// It is over.
    ShiftEnded = "shift.ended",
    /// An autoshift began.
    AutoshiftStarted = "autoshift.started",
    /// It goes on, since the evidence lasts.
    AutoshiftExtended = "autoshift.extended",
    /// It is over.
    AutoshiftEnded = "autoshift.ended",
    /// It would have begun, and is set to advise only.
    AutoshiftAdvised = "autoshift.advised",
    /// A practice run began.
    PracticeStarted = "practice.started",
    /// It is over; `outcome` says how it went.
    PracticeEnded = "practice.ended",
    /// A weekly practice run did not begin, and why.
    PracticeRefused = "practice.refused",
    /// A pin was set or changed.
    PinSet = "pin.set",
    /// Its end is near.
    PinExpiring = "pin.expiring",
    /// It is over.
    PinEnded = "pin.ended",
    /// A zone is being deployed to.
    DeploymentStarted = "deployment.started",
    /// It no longer is.
    DeploymentEnded = "deployment.ended",
    /// A routing control was turned.
    ControlTurned = "control.turned",
    /// A break-glass act was written into the ledger.
    BreakGlassRecorded = "break-glass.recorded",
    /// Another estate is in force.
    EstateApplied = "estate.applied",
    /// The ledger refused a change.
    ChangeRefused = "change.refused",
    /// A request was turned away before it came to the ledger: who sent it may not, is not known, or wrote what cannot be read.
    RequestRefused = "request.refused",
}

impl NoticeKind {
    /// What a node without the control role tells: the start and the end of a break-glass shift that no ledger has recorded.
    pub const OF_ACTS: [NoticeKind; 2] = [NoticeKind::ShiftStarted, NoticeKind::ShiftEnded];

    /// What is told unless chosen: all but [`NoticeKind::RequestRefused`], which anybody can cause who can knock, and what autoshifts say
    /// every ten minutes.
    pub fn is_default(self) -> bool {
        !matches!(self, NoticeKind::RequestRefused | NoticeKind::AutoshiftExtended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let read = |text| Url::parse(text, ("http", 80), ("https", 443));
        let url = |secure, host: &str, port, path: &str| {
            Some(Url { secure, host: host.to_owned(), port, path: path.to_owned() })
        };
        assert_eq!(read("https://hooks.example/a?b=c"), url(true, "hooks.example", 443, "/a?b=c"));
        assert_eq!(read("http://10.1.1.1:8080"), url(false, "10.1.1.1", 8080, "/"));
        assert_eq!(read("http://[2001:db8::1]:81?x"), url(false, "2001:db8::1", 81, "/?x"));
        assert_eq!(
            read("https://[2001:db8::1]").map(|url| url.authority()).as_deref(),
            Some("[2001:db8::1]:443")
        );
        for bad in [
            "",
            "https://",
            "ftp://a",
            "https://user@a",
            "https://a b",
            "https://a#b",
            "https://[::1",
            "https://[x]",
            "http://a:0",
            "http://a:99999",
            "http://2001:db8::1",
            "https:///path",
            "http://ä",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_of_kinds_differ() {
        let names: std::collections::BTreeSet<_> = NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), NoticeKind::ALL.len());
    }
}
