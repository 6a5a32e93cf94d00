//! What comes in: bodies, parameters, preconditions. Bounded in size and time; every error says where.

use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use hf_api::code;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::refusal::Refused;

/// A JSON body of at most 64 KiB that arrives within ten seconds.
pub struct Small<T>(pub T);

/// A JSON body of at most 17 MiB that arrives within thirty seconds: an estate.
pub struct Large<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Small<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        read(request, 64 << 10, Duration::from_secs(10)).await.map(Small)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Large<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        read(request, 17 << 20, Duration::from_secs(30)).await.map(Large)
    }
}

async fn read<T: DeserializeOwned>(
    request: Request,
    bytes_max: usize,
    patience: Duration,
) -> Result<T, Refused> {
    let body = Limited::new(request.into_body(), bytes_max).collect();
    let body = timeout(patience, body).await.map_err(|_| {
        let message = format!("the body did not arrive within {} s", patience.as_secs());
        Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            code::SLOW_BODY,
            message,
            "send it faster, or look at the network",
        )
    })?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("the body has more than {bytes_max} bytes");
            return Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                code::TOO_LARGE,
                message,
                "send a smaller one",
            );
        }
        Refused::bad(format!("the body broke off: {error}"), "send it again")
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| {
        let what =
            if error.is_data() { "the body is not what this route takes" } else { "the body is not JSON" };
        Refused::bad(format!("{what}: {error}"), "`/openapi.json` describes each route's body")
    })
}

/// Parameters after the `?`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let found: Result<_, QueryRejection> = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(found) = found.map_err(|error| {
            Refused::bad(error.body_text(), "`/openapi.json` describes each route's parameters")
        })?;
        Ok(Query(found))
    }
}

/// A name in the path.
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let found: Result<_, PathRejection> = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(found) =
            found.map_err(|error| Refused::bad(error.body_text(), "write names in plain letters"))?;
        Ok(Name(found))
    }
}

/// Several names in the path, in its order.
pub struct Names<const N: usize>(pub [String; N]);

impl<S: Send + Sync, const N: usize> FromRequestParts<S> for Names<N> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let plain = |text: String| Refused::bad(text, "write names in plain letters");
        let found: Result<_, PathRejection> =
            axum::extract::Path::<Vec<String>>::from_request_parts(parts, state).await;
        let axum::extract::Path(found) = found.map_err(|error| plain(error.body_text()))?;
        found.try_into().map(Names).map_err(|_| plain("the path has another number of names".to_owned()))
    }
}

/// The revision that `If-Match` names: `"17"` or `17`; `*` matches all.
pub struct IfMatch(pub Option<u64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        if_match(&parts.headers).map(IfMatch)
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refused> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    number.parse().map(Some).map_err(|_| {
        Refused::bad(
            format!("If-Match is not a revision: {}", value.to_str().unwrap_or("not text")),
            "give the ETag of an earlier answer, such as \"17\"",
        )
    })
}
