//! The one text that stands for a request under its signature.
//!
//! The query's pairs are as they came, in order. Headers may hold bytes that are not text; white space in them counts as one blank.

/// How a service reads the path under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Percent-encoded once more: clients encode for the request line and again for the signature. All services but S3.
    EncodedAgain,
    /// As on the request line. S3.
    AsItIs,
}

/// What of a request its signature covers.
#[derive(Clone, Debug)]
pub struct Covered<'a> {
    /// In capitals.
    pub method: &'a str,
    /// As on the request line, without the query.
    pub path: &'a str,
    /// How that is read.
    pub path_form: Path,
    /// As on the request line, without `?`.
    pub query: &'a str,
    /// Names in lower case and in order, each once, with its values as they came.
    pub headers: Vec<(&'a str, Vec<&'a [u8]>)>,
    /// [`crate::digest`] of the body.
    pub body_digest: &'a str,
}

impl Covered<'_> {
    /// All of it, one line for each part.
    pub fn text(&self) -> Vec<u8> {
        let path = match self.path_form {
            Path::EncodedAgain => encoded(self.path, "/"),
            Path::AsItIs => self.path.to_owned(),
        };
        let path = if path.is_empty() { "/" } else { &path };
        let mut text = format!("{}\n{path}\n{}\n", self.method, query(self.query)).into_bytes();
        for (name, values) in &self.headers {
            text.extend_from_slice(name.as_bytes());
            for (at, value) in values.iter().enumerate() {
                text.push(if at == 0 { b':' } else { b',' });
                trimmed(value, &mut text);
            }
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(self.names().as_bytes());
        text.push(b'\n');
        text.extend_from_slice(self.body_digest.as_bytes());
        text
    }

    /// The covered headers, as `SignedHeaders` lists them.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        names.join(";")
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986) and those in `kept`.
pub fn encoded(text: &str, kept: &str) -> String {
    let mut into = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
    into
}

fn query(query: &str) -> String {
    if query.is_empty() {
        return String::new();
    }
    let mut pairs: Vec<(&str, &str)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Without white space at the ends, and with one blank for each inside.
fn trimmed(value: &[u8], into: &mut Vec<u8>) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            into.push(b' ');
        }
        into.extend_from_slice(word);
    }
}
