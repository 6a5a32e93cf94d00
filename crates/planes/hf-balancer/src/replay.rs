//! A request kept so that it can be sent once more.
//!
//! Who writes HTTP/1.1 only reads the request, so it is at hand afterwards. HTTP/2 takes it away: then the fields are noted as a list. A second map would cost more than the whole choice of an endpoint, and nearly every copy is thrown away.

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use hyper::ext::Protocol;

use crate::body::RequestBody;

/// A request once more.
#[derive(Debug)]
pub enum Replay {
    /// The request is where it was: who sent it has only read it.
    There,
    /// What was noted of one that was given away. Boxed: what is not needed shall not be carried through every wait.
    Noted(Box<Noted>),
}

/// What makes the same request.
#[derive(Debug)]
pub struct Noted {
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
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Some(Replay::Noted(Box::new(Noted { method, uri, fields, body, protocol })))
    }

    /// Puts the request back to where it was.
    pub fn restore(self, to: &mut Request<RequestBody>) {
        let Noted { method, uri, fields, body, protocol } = match self {
            Replay::There => return,
            Replay::Noted(noted) => *noted,
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        if let Some(protocol) = protocol {
            request.extensions_mut().insert(protocol);
        }
        let headers = request.headers_mut();
        headers.reserve(fields.len());
        for (name, value) in fields {
            headers.append(name, value);
        }
        *to = request;
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
        let mut again = Request::new(RequestBody::Empty);
        Replay::of(&request).unwrap().restore(&mut again);
        assert_eq!((again.method(), again.uri()), (request.method(), request.uri()));
        assert_eq!(again.headers(), request.headers());
        assert!(matches!(again.body(), RequestBody::Whole(body) if body == "body"));
    }
}
