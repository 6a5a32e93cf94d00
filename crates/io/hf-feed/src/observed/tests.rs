use super::*;

fn second(requests: &[u32]) -> Second {
    let endpoint = |(at, requests): (usize, &u32)| {
        let address = SocketAddr::from(([10, 0, (at >> 8) as u8, at as u8], 80));
        let mut made = EndpointSecond { requests: *requests, faults: 1, ..EndpointSecond::none(address) };
        made.latency.count(900);
        made
    };
    let zone = ZoneSecond {
        pool: PoolName::new("web").unwrap(),
        zone: ZoneId::new("use1-az1").unwrap(),
        clients: [ClientCount { key: u64::MAX, requests: 2, faults: 1 }, ClientCount::default()],
        endpoints: requests.iter().enumerate().map(endpoint).collect(),
    };
    Second { number: 1_700_000_000, zones: vec![zone], left_out: 0 }
}

fn measured(network: &str, samples: u32) -> MeasuredLatency {
    MeasuredLatency { network: Cidr::new(network).unwrap(), micros: 9_000, samples, at: Timestamp(5) }
}

#[test]
fn a_second_comes_back_as_it_was() {
    let told = second(&[7, 0, 9]);
    assert_eq!(decode_second(&encode_second(&told)), Ok(told));
}

/// An outage is no more work than a quiet second: what is not there is one byte, as a small count is.
#[test]
fn a_second_is_as_long_in_trouble_as_in_peace() {
    let (mut trouble, mut peace) = (second(&[100; 50]), second(&[100; 50]));
    for endpoint in &mut peace.zones[0].endpoints {
        (0..100).for_each(|_| endpoint.latency.count(1_000));
    }
    for (at, endpoint) in trouble.zones[0].endpoints.iter_mut().enumerate() {
        endpoint.faults = 100;
        (0..100).for_each(|turn| endpoint.latency.count(1_000 * (turn + 1) * (at as u32 + 1)));
    }
    let (trouble, peace) = (encode_second(&trouble).len(), encode_second(&peace).len());
    assert!(trouble.abs_diff(peace) * 100 < peace, "{trouble} and {peace} bytes");
}

#[test]
fn of_too_many_endpoints_those_with_traffic_travel_within_a_frame() {
    let mut requests = vec![0; ENDPOINTS_MAX + 10];
    requests[5] = u32::MAX;
    requests[ENDPOINTS_MAX + 9] = 3;
    let mut told = second(&requests);
    for endpoint in &mut told.zones[0].endpoints {
        endpoint.latency = LatencyCounts(Box::new([u32::MAX; BUCKETS]));
        endpoint.address = SocketAddr::from(([0xffff; 8], u16::MAX));
    }
    let bytes = encode_second(&told);
    assert!(bytes.len() < crate::frame::Kind::Second.len_max(), "{} bytes", bytes.len());
    let back = decode_second(&bytes).unwrap();
    assert_eq!((back.len(), back.left_out), (ENDPOINTS_MAX, 10));
    let busy = back.zones[0].endpoints.iter().filter(|endpoint| endpoint.requests > 0).count();
    assert_eq!(busy, 2);
}

#[test]
fn latencies_come_back_and_the_heaviest_of_too_many() {
    let told = vec![measured("192.0.2.0/24", 3), measured("2001:db8::/48", 1)];
    assert_eq!(decode_latencies(&encode_latencies(&told)), Ok(told));
    let network = |at: usize| format!("10.{}.{}.0/24", at >> 8, at & 0xff);
    let many: Vec<_> =
        (0..NETWORKS_MAX + 2).map(|at| measured(&network(at), 2 - u32::from(at < 2))).collect();
    let bytes = encode_latencies(&many);
    assert!(bytes.len() < crate::frame::Kind::Latencies.len_max(), "{} bytes", bytes.len());
    assert_eq!(decode_latencies(&bytes), Ok(many[2..].to_vec()));
}

#[test]
fn foreign_bytes_are_an_error_and_a_newer_version_is_told_apart() {
    let (second, latencies) =
        (encode_second(&second(&[1])), encode_latencies(&[measured("192.0.2.0/24", 1)]));
    (0..second.len())
        .for_each(|len| assert!(matches!(decode_second(&second[..len]), Err(ReportError::Bad(_)))));
    (0..latencies.len())
        .for_each(|len| assert!(matches!(decode_latencies(&latencies[..len]), Err(ReportError::Bad(_)))));
    let newer = |mut bytes: Vec<u8>| {
        bytes[0] = 9;
        bytes
    };
    assert_eq!(decode_second(&newer(second)), Err(ReportError::Version(9)));
    assert_eq!(decode_latencies(&newer(latencies)), Err(ReportError::Version(9)));
    let wide = MeasuredLatency { network: Cidr::new("10.0.0.0/8").unwrap(), ..measured("10.0.0.0/24", 1) };
    assert!(matches!(decode_latencies(&encode_latencies(&[wide])), Err(ReportError::Bad(_))));
}

/// As with reports: with another form the fuzzer would begin from bytes that mean nothing. `UPDATE_EXPECT=1` writes the files anew.
#[test]
fn the_fuzzer_begins_with_a_second_and_with_latencies() {
    let seeds = [
        ("second", 8, encode_second(&second(&[1, 2]))),
        ("latencies", 9, encode_latencies(&[measured("192.0.2.0/24", 3), measured("2001:db8::/48", 1)])),
    ];
    for (name, kind, payload) in seeds {
        let path = format!("{}/../../../fuzz/corpus/feed/{name}", env!("CARGO_MANIFEST_DIR"));
        // The first byte names the kind of frame to the fuzz target `feed`.
        let bytes = [vec![kind], payload].concat();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(
            std::fs::read(&path).unwrap() == bytes,
            "the form of {name} changed; run with UPDATE_EXPECT=1"
        );
    }
}
