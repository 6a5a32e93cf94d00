//! etcd without us: the messages of one guarded put, and who leads.
//!
//! Field numbers are those of etcd's `rpc.proto`; what is never used is left out, which protobuf allows.

use prost::{Message, Oneof};

use crate::Told;
use crate::kept::Member;

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(uint64, tag = "2")]
    member_id: u64,
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Compare {
    /// 0: equal.
    #[prost(int32, tag = "1")]
    result: i32,
    /// 2: the revision of the last change.
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    #[prost(oneof = "Compared", tags = "6")]
    compared: Option<Compared>,
}

/// Named even when it is zero: etcd wants to be told what to compare with.
#[derive(Clone, PartialEq, Oneof)]
enum Compared {
    #[prost(int64, tag = "6")]
    ModRevision(i64),
}

#[derive(Clone, PartialEq, Message)]
struct Put {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Op {
    #[prost(message, optional, tag = "2")]
    put: Option<Put>,
}

#[derive(Clone, PartialEq, Message)]
struct Txn {
    #[prost(message, repeated, tag = "1")]
    compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<Op>,
}

#[derive(Clone, PartialEq, Message)]
struct Done {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(bool, tag = "2")]
    succeeded: bool,
}

#[derive(Clone, PartialEq, Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// A key that is written if it is as we left it.
#[derive(Clone, Debug)]
pub struct Guarded {
    key: Vec<u8>,
    value: Vec<u8>,
    mod_revision: i64,
}

impl Guarded {
    /// A key that is not there yet; each write puts `bytes` bytes.
    pub fn new(key: &str, bytes: usize) -> Guarded {
        Guarded { key: key.as_bytes().to_vec(), value: vec![b'x'; bytes], mod_revision: 0 }
    }

    /// One transaction: a comparison and a put.
    pub async fn write(&mut self, member: &mut Member) -> Told<()> {
        let compared = Some(Compared::ModRevision(self.mod_revision));
        let compare = Compare { result: 0, target: 2, key: self.key.clone(), compared };
        let put = Put { key: self.key.clone(), value: self.value.clone() };
        let txn = Txn { compare: vec![compare], success: vec![Op { put: Some(put) }] };
        let done: Done = member.call("/etcdserverpb.KV/Txn", &txn).await?;
        if !done.succeeded {
            return Err("a guarded put found another value than the one before".to_owned());
        }
        self.mod_revision = done.header.map_or(0, |header| header.revision);
        Ok(())
    }
}

/// A put that nothing guards.
pub async fn put(member: &mut Member, key: &str) -> Told<()> {
    let put = Put { key: key.as_bytes().to_vec(), value: b"x".to_vec() };
    let txn = Txn { compare: Vec::new(), success: vec![Op { put: Some(put) }] };
    member.call::<Done>("/etcdserverpb.KV/Txn", &txn).await.map(|_| ())
}

/// Whether this member leads; an error while it knows no leader.
pub async fn leads(member: &mut Member) -> Told<bool> {
    let status: Status = member.call("/etcdserverpb.Maintenance/Status", &StatusRequest {}).await?;
    let own = status.header.map_or(0, |header| header.member_id);
    if status.leader == 0 { Err("no leader".to_owned()) } else { Ok(status.leader == own) }
}
