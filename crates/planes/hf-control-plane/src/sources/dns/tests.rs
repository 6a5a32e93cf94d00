use std::sync::Arc;
use std::sync::Mutex;

use hf_wire::Rcode;
use hf_wire::build::Section;

use super::*;

type Zone = Arc<Mutex<BTreeMap<(String, u16), Vec<Vec<u8>>>>>;

fn wire(name: &str) -> Vec<u8> {
    WireName::from(&DnsName::new(name).unwrap()).as_wire().to_vec()
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let mut rdata: Vec<u8> =
        [priority, weight, port].iter().flat_map(|number| number.to_be_bytes()).collect();
    rdata.extend(wire(target));
    rdata
}

/// A server with these records over UDP and TCP; a name without any record does not exist. Replies over 500 bytes are cut.
async fn serve(zone: Zone) -> SocketAddr {
    let (tcp, udp) = loop {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (tcp, udp);
        }
    };
    let at = udp.local_addr().unwrap();
    let answer = move |query: &[u8]| {
        let query = parse(query, 10).unwrap();
        let question = query.question.unwrap();
        let name = DnsName::new(&question.name.to_string()).unwrap();
        let zone = zone.lock().unwrap();
        let is_there = zone.keys().any(|(known, _)| *known == name.as_str());
        let rcode = if is_there { Rcode::NO_ERROR } else { Rcode::NX_DOMAIN };
        let mut reply = Builder::response(query.head, rcode, 60_000).question(&question);
        for rdata in zone.get(&(name.as_str().to_owned(), question.rtype)).into_iter().flatten() {
            reply.push(Section::Answer, (&wire(name.as_str()), question.rtype, 1, 5), rdata).unwrap();
        }
        reply.finish()
    };
    let over_udp = answer.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (len, from) = udp.recv_from(&mut buffer).await.unwrap();
            let mut reply = over_udp(&buffer[..len]);
            if reply.len() > 500 {
                reply.truncate(12);
                reply[2] |= 2; // TC
                let question = buffer[12..len].to_vec();
                reply.extend(question);
                reply[6..12].fill(0);
            }
            udp.send_to(&reply, from).await.unwrap();
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.unwrap();
            let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut query).await.unwrap();
            let reply = answer(&query);
            stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        }
    });
    at
}

fn put(zone: &Zone, name: &str, rtype: u16, records: &[Vec<u8>]) {
    zone.lock().unwrap().insert((name.to_owned(), rtype), records.to_vec());
}

fn shown(word: Word) -> String {
    match word {
        Ok(Found { told, .. }) => {
            let one = |told: &Told| {
                let name = told.name.as_ref().map_or("", DnsName::as_str);
                format!("{} {name} {} {}", told.address, told.weight.0, told.priority)
            };
            told.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Err(problem) => problem,
    }
}

#[tokio::test]
async fn srv_records_and_their_targets_are_followed() {
    let zone = Zone::default();
    let servers = vec![serve(zone.clone()).await];
    let mut watcher = SrvWatcher::new(Resolver { servers }, DnsName::new("_web._tcp.test.").unwrap());
    assert_eq!(shown(watcher.look().await), "there is no name _web._tcp.test. in DNS");
    put(
        &zone,
        "_web._tcp.test.",
        SRV,
        &[srv(1, 0, 80, "a.test."), srv(2, 30, 81, "b.test."), srv(0, 0, 0, ".")],
    );
    put(&zone, "a.test.", A, &[vec![10, 0, 0, 1], vec![10, 0, 0, 2]]);
    put(&zone, "b.test.", AAAA, &[Ipv6Addr::LOCALHOST.octets().to_vec()]);
    let all = "10.0.0.1:80 a.test. 1 1, 10.0.0.2:80 a.test. 1 1, [::1]:81 b.test. 30 2";
    assert_eq!(shown(watcher.look().await), all);
    // A target that is gone has no addresses.
    zone.lock().unwrap().retain(|(name, _), _| name != "b.test.");
    assert_eq!(shown(watcher.look().await), "10.0.0.1:80 a.test. 1 1, 10.0.0.2:80 a.test. 1 1");
    put(&zone, "_web._tcp.test.", SRV, &[]);
    assert_eq!(shown(watcher.look().await), "_web._tcp.test. has no SRV records in DNS");
}

#[tokio::test]
async fn a_long_reply_is_fetched_over_tcp() {
    let zone = Zone::default();
    let servers = vec![serve(zone.clone()).await];
    let many: Vec<Vec<u8>> = (0..100).map(|last| vec![10, 0, 0, last]).collect();
    put(&zone, "web.test.", A, &many);
    let mut watcher = AddressWatcher::new(Resolver { servers }, DnsName::new("web.test.").unwrap(), 80);
    assert_eq!(watcher.look().await.unwrap().told.len(), 100);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_silent() {
    let zone = Zone::default();
    put(&zone, "web.test.", A, &[vec![10, 0, 0, 1]]);
    // Nobody listens there: refused at once on loopback.
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let servers = vec![dead, serve(zone).await];
    let name = DnsName::new("web.test.").unwrap();
    let mut watcher = AddressWatcher::new(Resolver { servers }, name.clone(), 80);
    assert_eq!(shown(watcher.look().await), "10.0.0.1:80 web.test. 100 0");
    let mut alone = AddressWatcher::new(Resolver { servers: vec![dead] }, name, 80);
    assert!(shown(alone.look().await).starts_with(&format!("the resolver {dead} does not answer (")));
}

#[test]
fn resolv_conf_is_read() {
    let text = "# a comment\nsearch test\nnameserver 10.0.0.2\n nameserver fe80::1%eth0\nnameserver x\nnameserver 10.0.0.3 # last\n";
    let servers: Vec<String> = name_servers(text).iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["10.0.0.2:53", "[fe80::1]:53", "10.0.0.3:53"]);
}

#[test]
fn records_that_are_not_of_the_form_are_nothing() {
    assert_eq!(read_srv(&[0; 5]), None);
    assert_eq!(read_srv(&srv(0, 0, 80, ".")), None);
    assert_eq!(read_srv(&srv(1, 2, 0, "a.test.")), None);
    assert_eq!(read_srv(&srv(1, 2, 3, "a.test.")).unwrap().port, 3);
}
