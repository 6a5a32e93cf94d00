//! The estate and node files of the tests' world: three zones of one region, two nginx endpoints in each.

/// The zones.
pub const ZONES: [&str; 3] = ["az1", "az2", "az3"];
/// The name that clients ask for.
pub const NAME: &str = "www.shop.test";

/// A zone's only address.
pub fn address(zone: &str) -> String {
    match ZONES.iter().position(|known| *known == zone) {
        Some(at) => format!("10.77.{}.1", at + 1),
        None => CONTROL.to_owned(),
    }
}

/// The control node's address.
pub const CONTROL: &str = "10.77.100.1";
/// The clients' address.
pub const CLIENT: &str = "10.77.200.1";

/// The estate file.
pub fn estate() -> String {
    let mut text = String::from("[[region]]\nid = \"test\"\n");
    for zone in ZONES {
        text.push_str(&format!(
            "\n[[zone]]\nid = \"{zone}\"\nregion = \"test\"\naliases = [\"other-{zone}\"]\n"
        ));
    }
    text.push_str(
        "\n[[health_check]]\nname = \"web\"\nkind = \"http\"\npath = \"/healthz\"\nexpect = { status = \"200\", body = \"ok\" }\n\
         interval = \"500ms\"\ntimeout = \"250ms\"\nconfirm_interval = \"200ms\"\nrise = 2\nfall = 2\n",
    );
    text.push_str(
        "\n[[pool]]\nname = \"web\"\nprotocol = \"http\"\nlisten = \"0.0.0.0:8080\"\nhealth_check = \"web\"\nmin_zones = 1\nendpoints = [\n",
    );
    for zone in ZONES {
        for port in [8001, 8002] {
            text.push_str(&format!("  {{ address = \"{}:{port}\", zone = \"{zone}\" }},\n", address(zone)));
        }
    }
    text.push_str("]\n\n[[pool]]\nname = \"edge\"\nprotocol = \"tcp\"\nhealth_check = \"web\"\nmin_zones = 1\nendpoints = [\n");
    for zone in ZONES {
        text.push_str(&format!("  {{ address = \"{}:8080\", zone = \"{zone}\" }},\n", address(zone)));
    }
    text.push_str(&format!(
        "]\n\n[[hosted_zone]]\nname = \"shop.test.\"\n\n[[record]]\nname = \"{NAME}.\"\ntype = \"A\"\nttl = \"1s\"\n\
         answer = {{ pool = \"edge\" }}\nchoose = [\"open\", \"weighted\", \"take 2\"]\n"
    ));
    text
}

/// The control node's file.
pub fn control_node() -> String {
    format!(
        "[node]\nid = \"control\"\ndata_dir = \"data\"\nroles = [\"control\"]\nestate = \"../estate.toml\"\nbeat = \"200ms\"\n\n\
         [feed]\nlisten = \"{CONTROL}:7602\"\n\n{}",
        tls("control")
    )
}

/// A zone node's file: everything but control.
pub fn zone_node(zone: &str, key: &str) -> String {
    let own = address(zone);
    let peers: Vec<String> = ZONES
        .iter()
        .filter(|other| **other < zone)
        .map(|other| address(other))
        .chain([CONTROL.to_owned()])
        .map(|address| format!("\"{address}:7602\""))
        .collect();
    format!(
        "[node]\nid = \"{zone}\"\nzone = \"{zone}\"\ndata_dir = \"data\"\nroles = [\"checker\", \"dns\", \"balancer\", \"status\"]\n\
         peers = [{}]\nbeat = \"200ms\"\n\n[api]\nlisten = \"{own}:7600\"\nplain = true\n\n[status]\nlisten = \"{own}:7601\"\n\n[feed]\nlisten = \"{own}:7602\"\n\n\
         [dns]\nlisten = \"{own}:53\"\n\n[balancer]\naddress = \"{own}\"\ndrain = \"2s\"\n\n{}\n[[break_glass_key]]\nname = \"operator\"\npublic_key = \"{key}\"\n",
        peers.join(", "),
        tls(zone)
    )
}

fn tls(node: &str) -> String {
    format!(
        "[tls]\nca = \"../certs/ca.pem\"\ncertificate = \"../certs/{node}.pem\"\nkey = \"../certs/{node}.key\"\n"
    )
}

/// Where a zone's nginx answers at every address that the zone has.
pub const ANY_ADDRESS_PORT: u16 = 8004;

/// A zone's nginx: two endpoints, one more for addresses that come and go, an access log with instants, nothing of the checks in it.
pub fn nginx(zone: &str, folder: &str) -> String {
    let own = address(zone);
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx-error.log;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  log_format times '$msec $status $request_uri';\n  access_log {folder}/access.log times;\n\
         client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;\n\
         server {{\n    listen {own}:8001;\n    listen {own}:8002;\n    listen 0.0.0.0:{ANY_ADDRESS_PORT};\n    location = /healthz {{ access_log off; return 200 'ok'; }}\n    location / {{ return 200 '{zone}\\n'; }}\n  }}\n}}\n"
    )
}
