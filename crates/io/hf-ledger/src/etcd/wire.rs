//! The part of etcd's API that we speak, version 3.4 and later: transactions, watches, login.
//!
//! Field numbers are those of etcd's `rpc.proto` and `kv.proto`; what we never use is left out, which protobuf allows. Everything that
//! is read or written goes through `KV/Txn`: one message to know, and a transaction that only reads is as cheap as a read.
//!
//! Not here: what the keys mean (`keys`), connections (`channel`).

use prost::{Message, Oneof};

/// What every answer begins with.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    /// etcd's own revision: of the answer's moment.
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

/// One key.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// etcd's revision at its last change.
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    #[prost(bytes = "vec", tag = "5")]
    pub value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The first key that is not wanted; empty for one key only.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub limit: i64,
    /// As of this revision of etcd; 0 for now.
    #[prost(int64, tag = "4")]
    pub revision: i64,
    #[prost(bool, tag = "8")]
    pub keys_only: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    pub more: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct DeleteRangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Written {}

#[derive(Clone, PartialEq, Message)]
pub struct RequestOp {
    #[prost(oneof = "Op", tags = "1, 2, 3")]
    pub op: Option<Op>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Op {
    #[prost(message, tag = "1")]
    Range(RangeRequest),
    #[prost(message, tag = "2")]
    Put(PutRequest),
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeRequest),
}

#[derive(Clone, PartialEq, Message)]
pub struct ResponseOp {
    #[prost(oneof = "Answer", tags = "1, 2, 3")]
    pub answer: Option<Answer>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Answer {
    #[prost(message, tag = "1")]
    Range(RangeResponse),
    #[prost(message, tag = "2")]
    Put(Written),
    #[prost(message, tag = "3")]
    DeleteRange(Written),
}

/// Equality, the only comparison that we need: of a key's value, or of the revision of its last change (0: there is no such key).
#[derive(Clone, PartialEq, Message)]
pub struct Compare {
    /// 0 equal, 1 greater.
    #[prost(int32, tag = "1")]
    pub result: i32,
    /// 2 last change, 3 value.
    #[prost(int32, tag = "2")]
    pub target: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub key: Vec<u8>,
    #[prost(oneof = "Compared", tags = "6, 7")]
    pub compared: Option<Compared>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Compared {
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    #[prost(bytes, tag = "7")]
    Value(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
pub struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<RequestOp>,
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<RequestOp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TxnResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<ResponseOp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    pub create: Option<WatchCreate>,
}

#[derive(Clone, PartialEq, Message)]
pub struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The first key that is not wanted.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub start_revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct WatchResponse {
    #[prost(bool, tag = "4")]
    pub canceled: bool,
    /// Above 0 when what was asked for is compacted already.
    #[prost(int64, tag = "5")]
    pub compact_revision: i64,
    #[prost(string, tag = "6")]
    pub cancel_reason: String,
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// 0 put, 1 delete.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    pub token: String,
}

impl TxnRequest {
    /// Reads only.
    pub fn read(ops: Vec<RequestOp>) -> Self {
        TxnRequest { success: ops, ..TxnRequest::default() }
    }

    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        let mut ops = self.success.iter().chain(&self.failure);
        ops.any(|op| !matches!(op.op, Some(Op::Range(_))))
    }
}

impl TxnResponse {
    /// etcd's revision at this answer.
    pub fn revision(&self) -> i64 {
        self.header.as_ref().map_or(0, |header| header.revision)
    }

    /// What the `at`th operation read; empty when it was no read.
    pub fn range(&mut self, at: usize) -> RangeResponse {
        match self.responses.get_mut(at).and_then(|response| response.answer.take()) {
            Some(Answer::Range(range)) => range,
            _ => RangeResponse::default(),
        }
    }

    /// The one key that the `at`th operation read.
    pub fn one(&mut self, at: usize) -> Option<KeyValue> {
        self.range(at).kvs.into_iter().next()
    }
}

/// One key.
pub fn get(key: impl Into<Vec<u8>>) -> RequestOp {
    range(RangeRequest { key: key.into(), ..RangeRequest::default() })
}

/// Several keys.
pub fn range(request: RangeRequest) -> RequestOp {
    RequestOp { op: Some(Op::Range(request)) }
}

/// Writes one key.
pub fn put(key: impl Into<Vec<u8>>, value: Vec<u8>) -> RequestOp {
    RequestOp { op: Some(Op::Put(PutRequest { key: key.into(), value })) }
}

/// Takes out the keys from `key` up to, and without, `range_end`.
pub fn delete(key: impl Into<Vec<u8>>, range_end: Vec<u8>) -> RequestOp {
    RequestOp { op: Some(Op::DeleteRange(DeleteRangeRequest { key: key.into(), range_end })) }
}

/// The key has this value.
pub fn has_value(key: impl Into<Vec<u8>>, value: Vec<u8>) -> Compare {
    Compare { result: 0, target: 3, key: key.into(), compared: Some(Compared::Value(value)) }
}

/// The key was last changed at this revision of etcd; 0: it does not exist.
pub fn unchanged_since(key: impl Into<Vec<u8>>, revision: i64) -> Compare {
    Compare { result: 0, target: 2, key: key.into(), compared: Some(Compared::ModRevision(revision)) }
}

/// The key exists.
pub fn exists(key: impl Into<Vec<u8>>) -> Compare {
    Compare { result: 1, target: 2, key: key.into(), compared: Some(Compared::ModRevision(0)) }
}

/// The first key after all that begin with `prefix`.
pub fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0] // etcd's word for: to the end of all keys
}
