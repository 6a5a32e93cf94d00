//! Small texts: lengths of time, scopes, names, networks, names on the wire.
//!
//! What is read is printed as it reads, and reads as the same again; whatever is refused is refused in few words, since the
//! words may repeat the text.

use std::fmt::{Debug, Display};

use hf_control::Scope;
use hf_model::{
    Cidr, DnsName, NodeId, Operator, PoolName, RequestId, ShiftId, WireName, ZoneId, format_duration,
    parse_duration,
};

/// More than any of these errors has to say.
const ERROR_CHARS_MAX: usize = 600;

pub(crate) fn check(data: &[u8]) {
    wire_name(data);
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    if let Some(length) = read(parse_duration(text)) {
        assert_eq!(parse_duration(&format_duration(length)), Ok(length), "{text:?}");
    }
    same::<Scope, _>(text, str::parse);
    same(text, Cidr::new);
    same(text, ZoneId::new);
    same(text, PoolName::new);
    same(text, NodeId::new);
    same(text, ShiftId::new);
    same(text, RequestId::new);
    let by = Operator::new(text);
    assert_eq!(Operator::new(by.as_str()), by);
    assert!(!by.as_str().contains(char::is_control));
    if let Some(name) = same(text, DnsName::new) {
        dns_name(&name);
    }
}

/// What came, if it reads; else its error, which is short and on one line.
fn read<T, E: Display>(outcome: Result<T, E>) -> Option<T> {
    outcome
        .inspect_err(|error| {
            let error = error.to_string();
            assert!(error.chars().count() <= ERROR_CHARS_MAX, "long: {error}");
            assert!(!error.contains(char::is_control), "control characters: {error:?}");
        })
        .ok()
}

fn same<T: PartialEq + Debug + Display, E: Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    let value = read(parse(text))?;
    let again = read(parse(&value.to_string()));
    assert_eq!(again.as_ref(), Some(&value), "printed and read again it is another");
    Some(value)
}

fn dns_name(name: &DnsName) {
    let wire = WireName::from(name);
    assert_eq!(WireName::from_wire(wire.as_wire()).as_ref(), Ok(&wire), "{name} fits no message");
    assert_eq!(wire.folded(), wire, "{name} is in lower case");
    assert_eq!(wire.labels().count(), name.labels().count(), "{name}");
    if let Some(parent) = name.parent() {
        assert!(name.is_at_or_below(&parent) && !parent.is_at_or_below(name), "{name}");
        let label = name.labels().next().unwrap_or_default();
        assert_eq!(parent.child(label).as_ref(), Ok(name));
    }
}

fn wire_name(data: &[u8]) {
    let Ok(name) = WireName::from_wire(data) else { return };
    assert_eq!(name.as_wire(), data);
    let bytes: usize = name.labels().map(|label| label.len() + 1).sum();
    assert_eq!(bytes + 1, data.len(), "{name}");
    assert!(!name.to_string().contains(char::is_control), "{name:?}");
}
