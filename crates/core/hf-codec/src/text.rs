//! Names and other small values as JSON strings, checked when read.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;

use hf_config::estate::EndpointId;
use hf_control::{Date, Resource, Scope, Window};
use hf_model::{
    ClusterId, ControlId, ControlName, ControlPath, Digest, DnsName, EstateId, NodeId, Operator, PanelId,
    PoolName, RequestId, RuleId, ShiftId, ZoneId,
};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is written as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AsText<T>(pub(crate) T);

/// How a value is read from text.
pub(crate) trait Text: fmt::Display + Sized {
    fn read(text: &str) -> Result<Self, String>;
}

macro_rules! parsed {
    ($($name:ident),* $(,)?) => {
        $(impl Text for $name {
            fn read(text: &str) -> Result<Self, String> {
                text.parse::<$name>().map_err(|error| error.to_string())
            }
        })*
    };
}

parsed! {
    ZoneId, PoolName, NodeId, ShiftId, RequestId, Scope, Resource,
    ControlName, ControlPath, ClusterId, PanelId, ControlId, RuleId, EstateId, Window, Date, SocketAddr,
    EndpointId,
}

impl Text for DnsName {
    fn read(text: &str) -> Result<Self, String> {
        let name = DnsName::new(text).map_err(|error| error.to_string())?;
        if name.as_str() == text { Ok(name) } else { Err("a DNS name is in lower case here".to_owned()) }
    }
}

impl Text for Operator {
    fn read(text: &str) -> Result<Self, String> {
        let operator = Operator::new(text);
        if operator.as_str() == text {
            return Ok(operator);
        }
        Err("an operator's name has at most 128 characters and no control characters".to_owned())
    }
}

impl Text for Digest {
    fn read(text: &str) -> Result<Self, String> {
        let error = || "a digest has 64 hexadecimal digits in lower case".to_owned();
        let mut bytes = [0; 32];
        crate::bitmap::read_hex(text, &mut bytes).ok_or_else(error)?;
        Ok(Digest(bytes))
    }
}

impl<T: Text> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Text> Deserialize<'de> for AsText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = AsText<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AsText<T>, E> {
        T::read(text).map(AsText).map_err(E::custom)
    }
}
