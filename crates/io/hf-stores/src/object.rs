//! Objects of an S3-compatible store, looked for with `ListObjectsV2`.
//!
//! 1. A listing, not `HEAD`: a listing of nothing is the store's word that nothing is there, in a bucket that is. The answer to a `HEAD` has no
//!    body, so a missing bucket, an object that is not there and a right that is missing look alike.
//! 2. Two listings of one key: of all that begins with the key, whose first is the key itself if that is there (keys come in order); if it
//!    is not, of all that begins with the key and `/`. So `az1` is not taken for `az10`, nor for `az1-old`.
//! 3. All but a listing is silence, in the store's own words.

use bytes::Bytes;
use hf_config::estate::AwsService;
use hf_config::node::Url;
use hf_sigv4::{Unsigned, encoded};
use http::{Method, StatusCode};

use crate::answers::{Asked, first_key, xml_refusal};
use crate::wire::{Ask, Body, ask, host, signed};
use crate::{Door, Look};

/// The bucket of a store.
pub(crate) struct Bucket<'a> {
    pub(crate) service: &'a AwsService,
    pub(crate) bucket: &'a str,
    /// Whether it stands in the path, not in the host's name.
    pub(crate) path_style: bool,
}

impl Bucket<'_> {
    /// Looks for the object of this very key, or any whose key goes on behind it with `/`.
    pub(crate) async fn look(&self, key: &str, door: &Door<'_>) -> Result<Look, String> {
        let there =
            |key: &str| Look::There { what: format!("object s3://{}/{}", self.bucket, crate::shown(key)) };
        let is_folder = key.is_empty() || key.ends_with('/');
        match self.first(key, door).await? {
            None => Ok(Look::Absent),
            Some(found) if is_folder || found == key || found[key.len()..].starts_with('/') => {
                Ok(there(&found))
            }
            Some(_) => {
                let found = self.first(&format!("{key}/"), door).await?;
                Ok(found.map_or(Look::Absent, |found| there(&found)))
            }
        }
    }

    /// The first key that begins so.
    async fn first(&self, prefix: &str, door: &Door<'_>) -> Result<Option<String>, String> {
        let (to, path) = addressed(&self.service.endpoint, self.bucket, self.path_style);
        let query = format!("encoding-type=url&list-type=2&max-keys=1&prefix={}", encoded(prefix, ""));
        let request = Unsigned {
            method: "GET",
            path: &path,
            query: &query,
            host: &host(&to),
            headers: &[],
            body: b"",
            region: &self.service.region,
            service: "s3",
        };
        let question = Ask {
            method: Method::GET,
            to: &to,
            target: format!("{path}?{query}"),
            headers: signed(&request, door).await?,
            body: Bytes::new(),
            of_the_answer: Body::Read,
        };
        let answer = ask(question, door).await?;
        if answer.status == StatusCode::OK {
            let asked = Asked { bucket: self.bucket, prefix };
            return first_key(&answer.body, asked).map_err(|why| {
                format!("{} answered with {why}; see whether it is the store, and its address", host(&to))
            });
        }
        let said = xml_refusal(&answer.body);
        let colon = if said.is_empty() { "" } else { ": " };
        Err(format!("{} answered {}{colon}{said}; {}", host(&to), answer.told(), mend(answer.status)))
    }
}

fn mend(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            "let its credentials list the bucket (s3:ListBucket), and see the clock here"
        }
        StatusCode::NOT_FOUND => "see the bucket's name and the endpoint",
        _ if status.is_redirection() => "write the bucket's own region and endpoint",
        _ if status.is_client_error() => "see region, bucket and credentials",
        _ => "see the store's log",
    }
}

/// Whom to ask, and the path.
fn addressed(endpoint: &Url, bucket: &str, path_style: bool) -> (Url, String) {
    let base = endpoint.path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let mut to = endpoint.clone();
    if path_style {
        (to, format!("{base}/{}", encoded(bucket, "")))
    } else {
        to.host = format!("{bucket}.{}", to.host);
        (to, format!("{base}/"))
    }
}

#[cfg(test)]
mod tests;
