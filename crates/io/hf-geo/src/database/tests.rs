//! Against a small database that is written here, after the published description of the MaxMind DB format, version 2.0.

use super::*;

/// A value of the data section.
enum Value {
    Text(&'static str),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    Map(Vec<(&'static str, Value)>),
    List(Vec<Value>),
}

fn control(kind: u8, len: usize, out: &mut Vec<u8>) {
    let (size, more) = if len < 29 { (len, None) } else { (29, Some(len - 29)) };
    let size = u8::try_from(size).unwrap();
    if kind < 8 {
        out.push(kind << 5 | size);
    } else {
        out.extend([size, kind - 7]);
    }
    out.extend(more.map(|more| u8::try_from(more).unwrap()));
}

fn write(value: &Value, out: &mut Vec<u8>) {
    let number = |kind: u8, bytes: &[u8], out: &mut Vec<u8>| {
        let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        control(kind, bytes.len(), out);
        out.extend(bytes);
    };
    match value {
        Value::Text(text) => {
            control(2, text.len(), out);
            out.extend(text.as_bytes());
        }
        Value::Double(double) => {
            control(3, 8, out);
            out.extend(double.to_be_bytes());
        }
        Value::U16(value) => number(5, &value.to_be_bytes(), out),
        Value::U32(value) => number(6, &value.to_be_bytes(), out),
        Value::U64(value) => number(9, &value.to_be_bytes(), out),
        Value::Map(fields) => {
            control(7, fields.len(), out);
            for (name, value) in fields {
                write(&Value::Text(name), out);
                write(value, out);
            }
        }
        Value::List(values) => {
            control(11, values.len(), out);
            for value in values {
                write(value, out);
            }
        }
    }
}

/// A database of IPv4 with one record for each network.
fn made(networks: &[(&str, Value)]) -> Vec<u8> {
    // Each node has two places: an unset one, another node, or data.
    #[derive(Clone, Copy)]
    enum To {
        Nothing,
        Node(u32),
        Data(u32),
    }
    let mut nodes = vec![[To::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let network = hf_model::Cidr::new(network).unwrap();
        let std::net::IpAddr::V4(base) = network.base() else { panic!("an IPv4 network") };
        let (offset, mut at) = (u32::try_from(data.len()).unwrap(), 0);
        write(value, &mut data);
        for bit in 0..network.bits() {
            let side = (base.to_bits() >> (31 - bit) & 1) as usize;
            if bit + 1 == network.bits() {
                nodes[at][side] = To::Data(offset);
            } else if let To::Node(next) = nodes[at][side] {
                at = next as usize;
            } else {
                nodes.push([To::Nothing; 2]);
                let next = u32::try_from(nodes.len() - 1).unwrap();
                nodes[at][side] = To::Node(next);
                at = next as usize;
            }
        }
    }
    let count = u32::try_from(nodes.len()).unwrap();
    let mut bytes = Vec::new();
    for to in nodes.iter().flatten() {
        let record = match to {
            To::Nothing => count,
            To::Node(next) => *next,
            To::Data(offset) => count + 16 + offset,
        };
        bytes.extend(&record.to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_700_000_000)),
        ("database_type", Value::Text("Test-City")),
        ("description", Value::Map(vec![("en", Value::Text("made by a test"))])),
        ("ip_version", Value::U16(4)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::U32(count)),
        ("record_size", Value::U16(24)),
    ]);
    write(&metadata, &mut bytes);
    bytes
}

fn coded(code: &'static str) -> Value {
    Value::Map(vec![("iso_code", Value::Text(code))])
}

fn world() -> Vec<u8> {
    let london = Value::Map(vec![
        ("continent", Value::Map(vec![("code", Value::Text("EU"))])),
        ("country", coded("GB")),
        (
            "location",
            Value::Map(vec![("latitude", Value::Double(51.5074)), ("longitude", Value::Double(-0.1278))]),
        ),
        ("subdivisions", Value::List(vec![coded("ENG"), coded("LND")])),
    ]);
    let ship = Value::Map(vec![("registered_country", coded("no"))]);
    made(&[("192.0.2.0/24", london), ("198.51.100.128/25", ship)])
}

fn found(bytes: &[u8], address: &str) -> GeoFound {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("geo.mmdb");
    std::fs::write(&path, bytes).unwrap();
    let database = Database::empty();
    database.load(&path).unwrap();
    database.find(address.parse().unwrap())
}

#[test]
fn places_are_found_with_the_bits_that_decided() {
    let london = found(&world(), "192.0.2.77");
    let expected = GeoFound {
        continent: Some(*b"EU"),
        country: Some(*b"GB"),
        subdivision: Some(*b"ENG"),
        location: Some(Location { latitude_millideg: 51_507, longitude_millideg: -128 }),
        prefix_bits: 24,
    };
    assert_eq!(london, expected);
    let ship = found(&world(), "198.51.100.200");
    assert_eq!((ship.country, ship.continent, ship.prefix_bits), (Some(*b"NO"), None, 25));
    let nowhere = found(&world(), "198.51.100.1");
    assert_eq!((nowhere.country, nowhere.prefix_bits), (None, 25));
    assert_eq!(found(&world(), "2001:db8::1"), GeoFound::default());
    assert_eq!(Database::empty().find("192.0.2.1".parse().unwrap()), GeoFound::default());
}

#[test]
fn a_bad_file_keeps_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("geo.mmdb");
    std::fs::write(&path, world()).unwrap();
    let database = Database::empty();
    database.load(&path).unwrap();
    assert!(database.words().unwrap().starts_with("Test-City, "));
    for (bytes, what) in [
        (&b"no database"[..], "is not a geography database"),
        (&world()[..200], "is not a geography database"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = database.load(&path).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert_eq!(database.find("192.0.2.1".parse().unwrap()).country, Some(*b"GB"));
    }
    std::fs::remove_file(&path).unwrap();
    let error = database.load(&path).unwrap_err().to_string();
    assert!(error.contains("check `geo_database` in the node file"), "{error}");
}
