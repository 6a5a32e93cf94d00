//! A page of an HTTP server: 200 is there, 404 and 410 are not, all else is silence.
//!
//! Holdfast's own status page answers 404 for a zone that it does not know, and says `unknown` in `Holdfast-State`: that is silence.
//! The answer's body is not read: what the page says does not matter.

use bytes::Bytes;
use hf_config::node::Url;
use http::{Method, StatusCode};

use crate::wire::{Ask, Body, ask, host};
use crate::{Door, Look};

pub(crate) async fn look(url: &Url, door: &Door<'_>) -> Result<Look, String> {
    let question = Ask {
        method: Method::GET,
        to: url,
        target: url.path.clone(),
        headers: Vec::new(),
        body: Bytes::new(),
        of_the_answer: Body::Left,
    };
    let answer = ask(question, door).await?;
    let path = url.path.split('?').next().unwrap_or_default();
    let page = format!("{}://{}{path}", if url.secure { "https" } else { "http" }, host(url));
    match answer.status {
        StatusCode::OK => Ok(Look::There { what: format!("page {page}") }),
        StatusCode::NOT_FOUND if answer.state.as_deref() == Some("unknown") => {
            Err(format!("{page} does not know this zone; see its name"))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Look::Absent),
        _ => Err(format!("{page} answered {}; 200, 404 and 410 count", answer.told())),
    }
}

#[cfg(test)]
mod tests;
