//! Answers by where clients are, from a node that reads its own database.

use super::*;

/// A database in the MaxMind DB format (version 2.0) that knows of one /24 in which country it is.
fn database(network: [u8; 3], country: [u8; 2]) -> Vec<u8> {
    const NODES: u8 = 24;
    let mut bytes = Vec::new();
    for bit in 0..NODES {
        let next = if bit + 1 == NODES { NODES + 16 } else { bit + 1 };
        let is_right = network[usize::from(bit / 8)] >> (7 - bit % 8) & 1 == 1;
        let (left, right) = if is_right { (NODES, next) } else { (next, NODES) };
        bytes.extend([0, 0, left, 0, 0, right]);
    }
    bytes.extend([0; 16]);
    let text = |text: &str| [&[0x40 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    bytes.extend([&[0xe1][..], &text("country"), &[0xe1], &text("iso_code"), &[0x42], &country].concat());
    bytes.extend(b"\xab\xcd\xefMaxMind.com\xe9");
    for (name, value) in [
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa0]),
        ("build_epoch", vec![0x01, 0x02, 1]),
        ("database_type", text("Test")),
        ("description", [vec![0xe1], text("en"), text("made by a test")].concat()),
        ("ip_version", vec![0xa1, 4]),
        ("languages", [vec![0x01, 0x04], text("en")].concat()),
        ("node_count", vec![0xc1, NODES]),
        ("record_size", vec![0xa1, 24]),
    ] {
        bytes.extend([text(name), value].concat());
    }
    bytes
}

/// The addresses of near.example.test. for clients of a /24, and how many bits of it the answer depends on.
async fn ask_for(address: SocketAddr, network: [u8; 3]) -> (String, u8) {
    let name = WireName::from(&hf_model::DnsName::new("near.example.test.").unwrap());
    let mut query = address_query(7, &name, Family::V4);
    // The OPT record is the last of it, and has no options yet.
    query.truncate(query.len() - 2);
    query.extend([0, 11, 0, 8, 0, 7, 0, 1, 24, 0]);
    query.extend(network);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    socket.send(&query).await.unwrap();
    let mut buffer = [0; 2_000];
    let len = within(socket.recv(&mut buffer)).await.unwrap();
    let answered = read_answer(&buffer[..len], 7, &name).unwrap();
    let mut windows = buffer[..len].windows(7);
    let at = windows.position(|option| option == [0, 8, 0, 7, 0, 1, 24]).expect("the subnet comes back");
    let addresses: Vec<String> = answered.addresses.iter().map(|(ip, _)| ip.to_string()).collect();
    (addresses.join(" "), buffer[at + 7])
}

async fn until_asked(address: SocketAddr, network: [u8; 3], wanted: &str) -> u8 {
    within(async {
        loop {
            let (addresses, bits) = ask_for(address, network).await;
            if addresses == wanted {
                return bits;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_follow_the_geography_of_the_clients_subnet_and_of_the_file() {
    const LONDON: [u8; 3] = [192, 0, 2];
    const ELSEWHERE: [u8; 3] = [198, 51, 100];
    let world = World::new().await;
    let mut pools = String::new();
    for (pool, ip) in [("gb", "127.0.0.11"), ("rest", "127.0.0.12")] {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(application(listener, "x"));
        let _ = write!(
            pools,
            "[[pool]]\nname = \"{pool}\"\nprotocol = \"http\"\nhealth_check = \"up\"\n\
             endpoints = [{{ address = \"{address}\", zone = \"a\" }}]\n"
        );
    }
    world.write_estate(&format!(
        "{pools}[[record]]\nname = \"near.example.test.\"\ntype = \"A\"\nchoose = [\"open\", \"geo\", \"take 1\"]\n\
         answers = [{{ pool = \"gb\", geo = [\"GB\"] }}, {{ pool = \"rest\", geo = [\"*\"] }}]\n"
    ));
    let file = world.dir.path().join("geo.mmdb");
    let mut config = in_world("n", &[Role::Control, Role::Checker, Role::Dns], &[]);
    config.dns.geo_database = Some("geo.mmdb".into());
    config.dns.latency_file = Some("latency".into());
    let started = start(config.clone(), world.dir.path(), Clock::system(), LostLedger::Refuse).await;
    let problems = started.unwrap_err().to_string();
    assert!(problems.contains("check `geo_database`"), "{problems}");
    assert!(problems.contains("check `latency_file`"), "{problems}");

    std::fs::write(&file, database(LONDON, *b"GB")).unwrap();
    std::fs::write(world.dir.path().join("latency"), "# none yet\n").unwrap();
    let node = world.start(&config).await;
    let dns = node.addresses().dns[0];
    until_all_healthy(&node).await;
    assert_eq!(until_asked(dns, LONDON, "127.0.0.11").await, 24);
    assert!(until_asked(dns, ELSEWHERE, "127.0.0.12").await < 24, "no more bits than the database looked at");

    // Who explains goes by the same.
    let client = world.client(&node, "n");
    for (subnet, answer) in [("192.0.2.0/24", "127.0.0.11"), ("198.51.100.0/24", "127.0.0.12")] {
        let explain =
            client.explain_name_for("near.example.test.", "A", "203.0.113.1", subnet).await.unwrap();
        assert!(explain.answer[0].ends_with(answer), "{subnet}: {:?}", explain.answer);
        assert!(
            explain.question.ends_with(&format!("from 203.0.113.1 for {subnet}")),
            "{}",
            explain.question
        );
    }
    let listed = client.hosted_zones().await.unwrap();
    assert!(listed.hosted_zones[0].serial.is_some(), "{listed:?}");

    // A bad file changes nothing and is told; a good one counts without a start.
    std::fs::write(&file, "no database").unwrap();
    until_report(&node, "n", |report| {
        report.node_problem.as_ref().is_some_and(|problem| problem.contains("geo.mmdb"))
    })
    .await;
    assert_eq!(until_asked(dns, LONDON, "127.0.0.11").await, 24);
    std::fs::write(&file, database(ELSEWHERE, *b"GB")).unwrap();
    until_asked(dns, ELSEWHERE, "127.0.0.11").await;
    until_asked(dns, LONDON, "127.0.0.12").await;
    until_report(&node, "n", |report| report.node_problem.is_none()).await;
    node.stop().await.unwrap();

    // A node that has something to serve starts with bad files and secrets, and says so until they are good.
    std::fs::write(&file, "no database").unwrap();
    std::fs::write(world.dir.path().join("latency"), "neither").unwrap();
    config.dns.seal_file = Some("seal".into());
    config.dns.cookie_secret_file = Some("cookie".into());
    config.dns.tsig_keys.push(hf_config::node::TsigKeyFile {
        name: hf_model::DnsName::new("key.").unwrap(),
        algorithm: hf_config::node::TsigAlgorithm::HmacSha256,
        secret_file: "tsig".into(),
    });
    config.dns.tls = Some(hf_config::node::DnsTls {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        certificate: "dot.crt".into(),
        key: "dot.key".into(),
    });
    let node = world.start(&config).await;
    let dns = node.addresses().dns[0];
    until_asked(dns, LONDON, "127.0.0.12").await;
    until_report(&node, "n", |report| {
        let problem = report.node_problem.as_deref().unwrap_or_default();
        ["geo.mmdb", "latency:1:", "seal", "cookie", "tsig", "dot.crt"]
            .iter()
            .all(|file| problem.contains(file))
    })
    .await;
    std::fs::write(&file, database(LONDON, *b"GB")).unwrap();
    until_asked(dns, LONDON, "127.0.0.11").await;
    until_report(&node, "n", |report| {
        let problem = report.node_problem.as_deref().unwrap_or_default();
        !problem.contains("geo.mmdb") && problem.contains("latency:1:")
    })
    .await;
    node.stop().await.unwrap();
}
