//! What is written down for the world of the table: addresses, health checks and pools of the estate, certificates.
//!
//! Not here: who reads it (`world`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::cell::{ENDPOINTS, Fault};
use crate::estate::ZONES;
use crate::process::must;

/// An endpoint's address; the same in all pools.
pub fn endpoint(zone: &str, number: u32) -> String {
    let place = ZONES.iter().position(|known| *known == zone).expect("one of the zones");
    format!("10.77.{}.{}", place + 1, 11 + number)
}

/// Where the endpoint of a fault's pool with this address listens.
pub fn socket(fault: Fault, address: &str) -> String {
    format!("{address}:{}", fault.port())
}

/// Every endpoint: its zone, its number there, its address.
pub fn all() -> impl Iterator<Item = (&'static str, u32, String)> {
    ZONES
        .into_iter()
        .flat_map(|zone| (0..ENDPOINTS).map(move |number| (zone, number, endpoint(zone, number))))
}

/// An authority, and two certificates for the same name: one that is good, and one that expired a day ago.
pub fn make_certificates(folder: &Path) {
    let script = "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=test authority' 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj '/CN=services.test' 2>/dev/null
        printf 'subjectAltName=DNS:services.test\\nextendedKeyUsage=serverAuth\\n' >names
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile names -out good 2>/dev/null
        faketime -f -3d openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out expired 2>/dev/null
        cat good key.pem >good.pem
        cat expired key.pem >expired.pem";
    must(Command::new("bash").args(["-c", script]).current_dir(folder));
}

/// Where balancers listen for a pool.
pub fn listen(fault: Fault) -> u16 {
    8_101 + fault.place()
}

/// The health checks, in the estate file. Those that are not patient wait so long for an answer.
pub fn checks(timeout: Duration) -> String {
    CHECKS.replace("TIMEOUT", &format!("{}ms", timeout.as_millis()))
}

const CHECKS: &str = "
[[health_check]]
name = \"page\"
kind = \"http\"
path = \"/health\"
expect = { status = \"200\", body = \"ok\" }
interval = \"1s\"
timeout = \"TIMEOUT\"
confirm_interval = \"200ms\"
rise = 2
fall = 2

[[health_check]]
name = \"page-patient\"
kind = \"http\"
path = \"/health\"
expect = { status = \"200\", body = \"ok\" }
interval = \"2s\"
timeout = \"1900ms\"
rise = 1
fall = 3

[[health_check]]
name = \"port\"
kind = \"tcp\"
send = \"GET /health HTTP/1.1\\r\\nhost: check\\r\\n\\r\\n\"
expect = \"200\"
interval = \"1s\"
timeout = \"TIMEOUT\"
confirm_interval = \"200ms\"
rise = 2
fall = 2

[[health_check]]
name = \"enciphered\"
kind = \"https\"
path = \"/health\"
tls = { server_name = \"services.test\", ca_file = \"services-ca.pem\" }
expect = { status = \"200\", body = \"ok\" }
interval = \"1s\"
timeout = \"TIMEOUT\"
confirm_interval = \"200ms\"
rise = 2
fall = 2
";

/// A fault's pool, in the estate file.
pub fn pool(fault: Fault) -> String {
    let check = match fault {
        Fault::Reset => "port",
        // Losses are not to be seen by checks here: that is the detector's part.
        Fault::Loss | Fault::Half => "page-patient",
        Fault::Tls => "enciphered",
        _ => "page",
    };
    let mut text =
        format!("\n[[pool]]\nname = \"{}\"\nhealth_check = \"{check}\"\nmin_zones = 1\n", fault.pool());
    if fault.has_requests() {
        text.push_str(&format!("listen = \"0.0.0.0:{}\"\n", listen(fault)));
    }
    if fault == Fault::Dns {
        let places: Vec<String> =
            all().map(|(zone, number, _)| format!("\"{zone}-{number}.svc.test.\" = \"{zone}\"")).collect();
        text.push_str(&format!(
            "source = {{ srv = \"_dns._tcp.svc.test.\", refresh = \"1s\", zones = {{ {} }} }}\n",
            places.join(", ")
        ));
        return text;
    }
    text.push_str("endpoints = [\n");
    for (zone, _, address) in all() {
        text.push_str(&format!("  {{ address = \"{}\", zone = \"{zone}\" }},\n", socket(fault, &address)));
    }
    text.push_str("]\n");
    text
}
