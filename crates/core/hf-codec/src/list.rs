//! Lists with a bound of their own inside other formats.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// At most `N` elements: more are not written, and reading stops at the first beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AtMost<T, const N: usize>(pub(crate) Vec<T>);

impl<T, const N: usize> AtMost<T, N> {
    /// The bodies of these.
    pub(crate) fn of<'a, D: 'a>(values: impl IntoIterator<Item = &'a D>, body: impl Fn(&'a D) -> T) -> Self {
        AtMost(values.into_iter().map(body).collect())
    }

    /// What these are bodies of.
    pub(crate) fn read<D, C: FromIterator<D>>(self, value: impl Fn(T) -> D) -> C {
        self.0.into_iter().map(value).collect()
    }
}

impl<T: Serialize, const N: usize> Serialize for AtMost<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() > N {
            return Err(S::Error::custom(format_args!(
                "a list here has at most {N} elements, this one {}",
                self.0.len()
            )));
        }
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|element| seq.serialize_element(element))?;
        seq.end()
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for AtMost<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for ListVisitor<T, N> {
    type Value = AtMost<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {N} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            if elements.len() == N {
                return Err(serde::de::Error::invalid_length(N + 1, &self));
            }
            elements.push(element);
        }
        Ok(AtMost(elements))
    }
}
