//! What the demo says when it is ready: where everything is, and commands to paste into another terminal.
//!
//! 1. No line is longer than 80 columns: what wraps on the screen cannot be copied whole.
//! 2. What is long stands in a file of the world's folder instead, `env`, which a shell sources (mode 0600: the token is in it).
//!    With it `holdfast` is the running program, and its runbook is the demo's own.
//! 3. What the stock AWS clients need stands in both: throw-away keys of this run, and endpoints that are not AWS's.
//!
//! Not here: the panel that shows it (`panel`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::credentials::Credentials;
use crate::world::{NAME, World};
use crate::{DemoError, crowd, write_private};

/// Writes `env` and `runbook.toml` into the world's folder and gives the text.
pub fn write(
    world: &World,
    folder: &Path,
    program: &Path,
    credentials: &Credentials,
    ready_ms: u64,
) -> Result<String, DemoError> {
    let env = folder.join("env");
    let on_path = std::env::var_os("PATH").and_then(|path| found(&path));
    let is_found = on_path.is_some_and(|found| same_file(&found, program));
    // Only the key: endpoints and token are in `env`, and what is in a shell goes first.
    write_private(&folder.join("runbook.toml"), "operator = \"operator\"\nkey = \"operator.key\"\n")?;
    write_private(&env, &env_text(world, folder, (!is_found).then_some(program), credentials))?;
    Ok(text(world, &env, &command(program), credentials, ready_ms))
}

/// The `holdfast` that a shell with this PATH would run.
fn found(path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join("holdfast")).find(|file| file.is_file())
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// `holdfast` once `env` was sourced; a program of another name is called by its path.
fn command(program: &Path) -> String {
    if program.file_name().is_some_and(|name| name == "holdfast") {
        "holdfast".to_owned()
    } else {
        quoted(program)
    }
}

/// For AWS's clients: a line for each variable.
fn aws_lines(world: &World, credentials: &Credentials) -> String {
    let endpoint = format!("http://{}", world.control_api());
    let mut text = String::new();
    for service in ["ARC_ZONAL_SHIFT", "ROUTE53_RECOVERY_CLUSTER", "ROUTE53_RECOVERY_CONTROL_CONFIG"] {
        let _ = writeln!(text, "export AWS_ENDPOINT_URL_{service}={endpoint}");
    }
    let region = world.places()[0].region;
    let _ = write!(
        text,
        "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_DEFAULT_REGION={region}\n",
        credentials.access_key_id, credentials.secret_access_key
    );
    text
}

fn env_text(world: &World, folder: &Path, add_to_path: Option<&Path>, credentials: &Credentials) -> String {
    let endpoints: Vec<String> = std::iter::once(world.control_api())
        .chain(world.places().iter().map(|place| world.api(place)))
        .map(|address| format!("http://{address}"))
        .collect();
    let mut text = format!(
        "# For a shell, while this demo runs: source it, and `holdfast` speaks to the demo's nodes.\n\
         export HOLDFAST_ENDPOINTS={} HOLDFAST_TOKEN={}\n\
         export HOLDFAST_RUNBOOK={} # the key for break-glass\n",
        endpoints.join(","),
        credentials.token,
        quoted(&folder.join("runbook.toml")),
    );
    let _ = write!(
        text,
        "# For the aws command and SDKs, with keys of this run; aws of Debian 12 knows no such variables, give it --endpoint-url.\n{}",
        aws_lines(world, credentials)
    );
    if let Some(folder) = add_to_path.and_then(Path::parent) {
        let _ = writeln!(text, "export PATH={}:\"$PATH\" # the program that runs the demo", quoted(folder));
    }
    text
}

/// For a shell; plain where nothing needs quotes.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@%".contains(c)) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn text(world: &World, env: &Path, holdfast: &str, credentials: &Credentials, ready_ms: u64) -> String {
    let first = &world.places()[0];
    let other = world.places()[1].zone;
    let dns = world.dns(first);
    let mut text = format!(
        "A world of {zones} zones is ready after {ready_ms} ms. In another terminal:\n\n\
         source {env}\n\
         {holdfast} status\n\
         {holdfast} shift start {other} --for 10m --reason \"trying it\"\n\
         {holdfast} explain {NAME} A --from {client}\n\
         {holdfast} shift start {other} --for 10m --reason \"no control\" --break-glass\n\
         dig @{dns_ip} -p {dns_port} {NAME} A +short\n\
         curl http://{balancer}/\n\
         curl -i http://{status}/status/{zone}\n\n\
         The same by runbooks made for AWS ARC; `source` above has set these too:\n\n\
         {aws}\
         aws arc-zonal-shift list-managed-resources\n\
         aws arc-zonal-shift start-zonal-shift --resource-identifier pool/edge \\\n  \
           --away-from {other} --expires-in 10m --comment \"trying it\"\n\
         aws route53-recovery-cluster list-routing-controls\n\n",
        aws = aws_lines(world, credentials),
        zones = world.places().len(),
        env = quoted(env),
        client = world.client(first, 1),
        dns_ip = dns.ip(),
        dns_port = dns.port(),
        balancer = world.balancer(first),
        status = world.status(first),
        zone = first.zone,
    );
    let row = |cells: [&str; 5]| {
        let [zone, cells @ ..] = cells;
        format!("{zone:<10}{}\n", cells.map(|cell| format!("{cell:<17}")).concat().trim_end())
    };
    text.push_str(&row(["zone", "balancer (HTTP)", "DNS", "status", "API"]));
    for place in world.places() {
        let addresses = [world.balancer(place), world.dns(place), world.status(place), world.api(place)];
        let [balancer, dns, status, api] = addresses.map(|address| address.to_string());
        text.push_str(&row([place.zone, &balancer, &dns, &status, &api]));
    }
    text.push_str(&row(["control", "", "", "", &world.control_api().to_string()]));
    text.push('\n');
    text.push_str(&row(["zone", "application", "", "feed", "clients are at"]));
    for place in world.places() {
        let instances = world.instances(place);
        let (from, to) = (instances[0], instances[instances.len() - 1]);
        let application = format!("{}-{}:{}", from.ip(), last_byte(to.ip()), to.port());
        let last_client = world.client(place, crowd::CLIENTS - 1);
        let clients = format!("{}-{}", world.client(place, 0), last_byte(last_client));
        let line =
            format!("{:<10}{application:<34}{:<17}{clients}\n", place.zone, world.feed(place).to_string());
        text.push_str(&line);
    }
    text.push_str(&row(["control", "", "", &world.control_feed().to_string(), ""]));
    text
}

fn last_byte(address: std::net::IpAddr) -> String {
    address.to_string().rsplit('.').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials {
            token: "secret".to_owned(),
            access_key_id: format!("HFAK{}", "A".repeat(16)),
            secret_access_key: "s".repeat(40),
        }
    }

    #[test]
    fn every_line_fits_a_terminal_and_every_listener_is_named() {
        let world = World::new(9);
        let text =
            text(&world, Path::new("/tmp/holdfast-demo-abcdef/env"), "holdfast", &credentials(), 12_345);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for place in world.places() {
            let listeners = [
                world.balancer(place),
                world.dns(place),
                world.status(place),
                world.api(place),
                world.feed(place),
            ];
            for address in listeners {
                assert!(text.contains(&address.to_string()), "{address}\n{text}");
            }
        }
        for want in ["127.9.1.10-12:8000", "127.9.6.100-103", "127.9.10.5:7600", "127.9.10.6:7602"] {
            assert!(text.contains(want), "{want}\n{text}");
        }
    }

    #[test]
    fn what_a_shell_sources_stands_up_to_odd_paths() {
        let world = World::new(0);
        let (folder, program) = (Path::new("/tmp/it's here"), Path::new("/opt/x/holdfast"));
        let text = env_text(&world, folder, Some(program), &credentials());
        assert!(text.contains("HOLDFAST_ENDPOINTS=http://127.0.10.5:7600,http://127.0.1.5:7600,"), "{text}");
        assert!(text.contains(" HOLDFAST_TOKEN=secret\n"), "{text}");
        assert!(text.contains(r"HOLDFAST_RUNBOOK='/tmp/it'\''s here/runbook.toml' #"), "{text}");
        assert!(text.contains("export PATH=/opt/x:\"$PATH\""), "{text}");
        for variable in ["ARC_ZONAL_SHIFT", "ROUTE53_RECOVERY_CLUSTER", "ROUTE53_RECOVERY_CONTROL_CONFIG"] {
            let line = format!("\nexport AWS_ENDPOINT_URL_{variable}=http://127.0.10.5:7600\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains("\nexport AWS_ACCESS_KEY_ID=HFAKAAAA"), "{text}");
        assert!(text.contains("\nexport AWS_DEFAULT_REGION=us-east-1\n"), "{text}");
        assert!(!env_text(&world, folder, None, &credentials()).contains("PATH="), "it is found already");
        assert_eq!(command(Path::new("/opt/holdfast-1.2")), "/opt/holdfast-1.2");
    }
}
