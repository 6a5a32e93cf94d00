//! Requests as the stock clients have sent them: `testdata/`.
//!
//! Made with aws-cli 1.46.3 and boto3 1.44 against a listener on this machine; each file has the request line, the headers that are
//! signed, the signature, an empty line and the body. The secret stands in the tests that verify them.

use crate::request::Request;

macro_rules! recorded {
    ($($name:literal)*) => {
        const FILES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../testdata/", $name, ".request"))),)*];
    };
}

recorded! {
    "boto3-delete-practice"
    "boto3-list-managed-resources"
    "boto3-list-routing-controls"
    "boto3-tag-with-token"
    "create-safety-rule"
    "describe-control-panel"
    "get-managed-resource"
    "get-routing-control-state"
    "list-zonal-shifts"
    "start-zonal-shift"
    "untag-resource"
    "update-routing-control-states"
}

/// One of them, owned, so that tests can change it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn all() -> Vec<(&'static str, Recorded)> {
    FILES.iter().map(|(name, bytes)| (*name, read(bytes))).collect()
}

pub(crate) fn named(name: &str) -> Recorded {
    all().into_iter().find(|(found, _)| *found == name).expect("a file of that name").1
}

fn read(bytes: &[u8]) -> Recorded {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line");
    let head = std::str::from_utf8(&bytes[..end]).expect("a head that is text");
    let (line, headers) = head.split_once('\n').expect("headers");
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = headers.lines().map(|line| line.split_once(": ").expect("a name and a value"));
    Recorded {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
        body: bytes[end + 2..].to_vec(),
    }
}

impl Recorded {
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect(),
            body: &self.body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name).expect("the header");
        std::str::from_utf8(value).expect("text")
    }

    pub(crate) fn without_header(&self, name: &str) -> Recorded {
        let mut changed = self.clone();
        changed.headers.retain(|(found, _)| found != name);
        changed
    }

    /// With one more header, whether there is one of that name or not.
    pub(crate) fn with_more(&self, name: &str, value: &str) -> Recorded {
        let mut changed = self.clone();
        changed.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        changed
    }

    pub(crate) fn with_header(&self, name: &str, value: &str) -> Recorded {
        self.without_header(name).with_more(name, value)
    }
}
