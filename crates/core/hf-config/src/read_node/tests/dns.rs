//! `[dns]`: how a node answers, what cannot be, and what an estate asks of it.

use super::*;

const DNS_NODE: &str = "node = { id = \"n\", data_dir = \"d\", roles = [\"dns\"] }\n";

/// A DNS node with `section` as its `[dns]`: how it answers, or what is wrong.
fn check_dns(section: &str, expected: Expect) {
    let found = match read_node("node.toml", &format!("{DNS_NODE}[dns]\n{section}")) {
        Ok(node) => format!("{:#?}\n", node.dns),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn how_dns_answers() {
    check_dns(
        r#"
tls = { listen = ["127.0.0.1:853"], certificate = "c.pem", key = "k.pem" }
zone_dir = "zones"
geo_database = "geo.mmdb"
latency_file = "latency"
tsig_keys = [{ name = "Xfer.", secret_file = "x" }, { name = "old.", algorithm = "hmac-sha1", secret_file = "o" }]
seal_file = "seal"
nsid = ""
cookie_secret_file = "cookie"
rate_limit = { per_second = 10 }
explain_networks = ["10.0.0.0/8"]
workers = 3
xdp = { interface = "eth0" }
dnstap = { to = "file", path = "tap" }
udp_payload_max = 4096
"#,
        expect![[r#"
            DnsConfig {
                listen: [
                    127.0.0.1:5300,
                ],
                tls: Some(
                    DnsTls {
                        listen: [
                            127.0.0.1:853,
                        ],
                        certificate: "c.pem",
                        key: "k.pem",
                    },
                ),
                zone_dir: Some(
                    "zones",
                ),
                geo_database: Some(
                    "geo.mmdb",
                ),
                latency_file: Some(
                    "latency",
                ),
                tsig_keys: [
                    TsigKeyFile {
                        name: xfer.,
                        algorithm: HmacSha256,
                        secret_file: "x",
                    },
                    TsigKeyFile {
                        name: old.,
                        algorithm: HmacSha1,
                        secret_file: "o",
                    },
                ],
                seal_file: Some(
                    "seal",
                ),
                nsid: Some(
                    "",
                ),
                cookie_secret_file: Some(
                    "cookie",
                ),
                rate_limit: Some(
                    RateLimit {
                        per_second: 10,
                        slip: 2,
                        v4_bits: 24,
                        v6_bits: 56,
                    },
                ),
                explain_networks: [
                    Cidr {
                        base: 10.0.0.0,
                        bits: 8,
                    },
                ],
                workers: Some(
                    3,
                ),
                xdp: Some(
                    Xdp {
                        interface: "eth0",
                        queues: [
                            0,
                        ],
                        mode: Native,
                    },
                ),
                dnstap: Some(
                    File(
                        "tap",
                    ),
                ),
                udp_payload_max: 4096,
            }
        "#]],
    );
}

#[test]
fn how_dns_cannot_answer() {
    check_dns(
        r#"
listen = []
tls = { certificate = "", keys = 1 }
zone_dir = 1
tsig_keys = [{ name = "x." }, { name = "x.", algorithm = "md5", secret_file = "" }, { name = "x", secret_file = "f" }, 5]
nsid = 1
rate_limit = { per_second = 0, slip = 11, v4_bits = 33, v6_bits = 0, window = 1 }
explain_networks = ["10.0.0.1/8", "any"]
workers = 0
xdp = { interface = "a/b", queues = [], mode = "fast" }
dnstap = { to = "syslog" }
udp_payload_max = 511
cookies = false
"#,
        expect![[r#"
            node.toml:4:10: at least one address to listen on; add it
            node.toml:5:7: the section dns.tls needs `key`; add it
            node.toml:5:7: the section dns.tls needs `listen`; add it
            node.toml:5:23: a path is not empty; write one
            node.toml:5:27: the section dns.tls has no `keys`; write `key` or remove it
            node.toml:6:12: `zone_dir` is a string in quotes, this is a whole number; change it
            node.toml:7:14: a TSIG key needs `secret_file`; add it
            node.toml:7:40: TSIG key `x.` is listed twice; remove one of the two
            node.toml:7:58: no algorithm for TSIG is called "md5"; there are `hmac-sha256`, `hmac-sha384`, `hmac-sha512`, `hmac-sha1`
            node.toml:7:79: a path is not empty; write one
            node.toml:7:94: a DNS name here is absolute: end it with '.'
            node.toml:7:120: `tsig_keys` is a table, this is a whole number; change it
            node.toml:8:8: `nsid` is a string in quotes, this is a whole number; change it
            node.toml:9:29: `per_second` is 1 to 65535, this is 0; change it
            node.toml:9:39: `slip` is 0 to 10, this is 11; change it
            node.toml:9:53: `v4_bits` is 1 to 32, this is 33; change it
            node.toml:9:67: `v6_bits` is 1 to 128, this is 0; change it
            node.toml:9:70: the rate limit has no `window`; remove it, there are `per_second`, `slip`, `v4_bits`, `v6_bits`
            node.toml:10:21: the address of a network has no bits behind its prefix; write 10.0.0.0/8
            node.toml:10:35: "any" is not a network; write an address, '/' and a number of bits, such as 10.1.0.0/16
            node.toml:11:11: `workers` is 1 to 256, this is 0; change it
            node.toml:12:21: an interface's name has 1 to 15 bytes, no white space and no '/'; write such as "eth0"
            node.toml:12:37: at least one receive queue; write [0]
            node.toml:12:48: "fast" is no mode of XDP; write native or generic
            node.toml:13:10: the section dns.dnstap needs `path`; add it
            node.toml:13:17: "syslog" takes no dnstap; write socket or file
            node.toml:14:19: `udp_payload_max` is 512 to 4096, this is 511; change it
            node.toml:15:1: the section dns has no `cookies`; remove it, there are `listen`, `tls`, `zone_dir`, `geo_database`, `latency_file`, `seal_file`, `cookie_secret_file`, `tsig_keys`, `nsid`, `rate_limit`, `explain_networks`, `workers`, `xdp`, `dnstap`, `udp_payload_max`
        "#]],
    );
    check_dns(
        "listen = \"127.0.0.1:853\"\ntls = { listen = \"127.0.0.1:853\", certificate = \"c\", key = \"k\" }",
        expect![[r#"
            node.toml:4:18: 127.0.0.1:853 meets the listener 127.0.0.1:853 of this node; choose another port
        "#]],
    );
    check_dns(
        "xdp = { interface = \"eth0\", queues = [0, 0] }\nrate_limit = {}\ndnstap = 1",
        expect![[r#"
        node.toml:3:42: queue 0 is listed twice; remove one of the two
        node.toml:4:14: the rate limit needs `per_second`; add it
        node.toml:5:10: `dnstap` is a table, this is a whole number; change it
    "#]],
    );
}

#[test]
fn what_the_estate_asks_of_a_dns_node() {
    let estate = |more: &str| {
        let toml = format!("{}\n{more}", include_str!("../../read_estate/tests/design.toml"));
        let zone = include_str!("../../read_estate/tests/example.test.zone");
        let files = std::collections::BTreeMap::from([("example.test.zone".to_owned(), zone.to_owned())]);
        crate::read_estate("estate.toml", &crate::estate::EstateBundle { toml, files }).unwrap()
    };
    let asking = estate(
        "[[hosted_zone]]\nname = \"n.test.\"\nsource = \"node\"\ndnssec = {}\n\
         transfers = [{ key = \"a.\" }]\nnotify = [{ address = \"192.0.2.1:53\", key = \"b.\" }]\n\
         [[hosted_zone]]\nname = \"s.test.\"\nprimaries = [{ address = \"192.0.2.1:53\", key = \"a.\" }]\n\
         [[hosted_zone]]\nname = \"u.test.\"\nupdates = [{ key = \"c.\", names = [\"u.test.\"] }]\n\
         [[record]]\nname = \"g.u.test.\"\ntype = \"A\"\nchoose = [\"open\", \"geo\"]\nanswers = [{ pool = \"web\", geo = [\"*\"] }]\n",
    );
    let check = |text: &str, estate: &Estate, expected: Expect| {
        let found = check_node_in("node.toml", text, estate)
            .map_or_else(|problems| problems.to_string(), |()| "good".to_owned());
        expected.assert_eq(&format!("{found}\n"));
    };
    check(
        DNS_NODE,
        &asking,
        expect![[r#"
        node.toml:1:8: g.u.test. is chosen by area, and without a database nobody is anywhere; add `geo_database`
        node.toml:1:8: the hosted zone n.test. is in each node's own file; add `zone_dir`
        node.toml:1:8: the hosted zone n.test. is signed, and its keys are sealed; add `seal_file`, the same on every node
        node.toml:1:8: the hosted zone n.test. names the TSIG key a., which this node does not have; add it to `tsig_keys`
        node.toml:1:8: the hosted zone n.test. names the TSIG key b., which this node does not have; add it to `tsig_keys`
        node.toml:1:8: the hosted zone u.test. names the TSIG key c., which this node does not have; add it to `tsig_keys`
    "#]],
    );
    let whole = "[dns]\nzone_dir = \"z\"\nseal_file = \"s\"\ngeo_database = \"g\"\n\
                 tsig_keys = [{ name = \"a.\", secret_file = \"a\" }, { name = \"b.\", secret_file = \"b\" }, { name = \"c.\", secret_file = \"c\" }]";
    check(&format!("{DNS_NODE}{whole}"), &asking, expect![["good\n"]]);
    check(&DNS_NODE.replace("dns", "status"), &asking, expect![["good\n"]]);
    check(DNS_NODE, &estate(""), expect![["good\n"]]);
}
