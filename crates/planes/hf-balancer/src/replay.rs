//! A request kept so that it can be sent once more.
//!
//! The fields are kept as a list: a second map would cost more than the whole choice of an endpoint, and nearly every copy is thrown away.

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use hyper::ext::Protocol;

use crate::body::RequestBody;

/// A request once more.
#[derive(Debug)]
pub struct Replay {
    method: Method,
    uri: Uri,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: RequestBody,
    /// Of an extended CONNECT.
    protocol: Option<Protocol>,
}

impl Replay {
    /// Of `request`, if its body can be sent again.
    pub fn of(request: &Request<RequestBody>) -> Option<Replay> {
        let body = request.body().again()?;
        let mut fields = Vec::with_capacity(request.headers().len());
        fields.extend(request.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        let protocol = request.extensions().get::<Protocol>().cloned();
        Some(Replay { method: request.method().clone(), uri: request.uri().clone(), fields, body, protocol })
    }

    /// The request.
    pub fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        if let Some(protocol) = self.protocol {
            request.extensions_mut().insert(protocol);
        }
        let headers = request.headers_mut();
        headers.reserve(self.fields.len());
        for (name, value) in self.fields {
            headers.append(name, value);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_replay_is_the_same_request() {
        let mut request = Request::new(RequestBody::Whole(Bytes::from_static(b"body")));
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = Uri::from_static("/a?b");
        for value in ["1", "2"] {
            request.headers_mut().append("x-twice", HeaderValue::from_static(value));
        }
        let again = Replay::of(&request).unwrap().into_request();
        assert_eq!((again.method(), again.uri()), (request.method(), request.uri()));
        assert_eq!(again.headers(), request.headers());
        assert!(matches!(again.body(), RequestBody::Whole(body) if body == "body"));
    }
}
