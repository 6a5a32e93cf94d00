//! A route to one address out of every zone: BIRD in az1, ExaBGP in az2 and az3, and a router that learns it from all of them.
//!
//! BIRD includes a file that the node renders, ExaBGP asks by exit code in az2 and looks for a file in az3: as `docs/files.md` has it.
//!
//! Not here: what is in the files (`hf-render`), the command that answers by exit code (`holdfast watch --once`).

use std::fmt::Write as _;
use std::path::Path;

use crate::estate::{ZONES, address};
use crate::process::{Running, holdfast, output};
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// The address that every zone announces.
pub const ANYCAST: &str = "192.0.2.10";
/// Who learns it.
pub const ROUTER: &str = "10.77.60.1";
const PYTHON: &str = "/usr/bin/python3";

/// The node file's section for what the speaker of its zone reads; none where it asks by exit code.
pub fn section(world: &World, zone: &str) -> String {
    let folder = world.place(zone);
    match zone {
        "az1" => format!(
            "[[render]]\nname = \"bird\"\nkind = \"zone-state\"\nzone = \"{zone}\"\npath = \"bird-zone.conf\"\nexists = \"always\"\n\
             text_open = \"define ZONE_OPEN = true;\"\ntext_away = \"define ZONE_OPEN = false;\"\n\
             reload = [\"/usr/sbin/birdc\", \"-s\", \"{}\", \"configure\"]\n",
            folder.join("bird.ctl").display()
        ),
        "az3" => format!(
            "[[render]]\nname = \"exabgp\"\nkind = \"zone-state\"\nzone = \"{zone}\"\npath = \"zone.away\"\n"
        ),
        _ => String::new(),
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Starts the router, in a namespace of its own, with all that it learns in the kernel's table.
pub fn start_router(world: &mut World) -> Running {
    world.network.add("router", ROUTER);
    let mut text = format!(
        "log stderr all;\nrouter id {ROUTER};\nprotocol device {{ }}\n\
         protocol kernel {{ ipv4 {{ import none; export all; }}; merge paths yes limit 8; }}\n"
    );
    for zone in ZONES {
        let _ = writeln!(
            text,
            "protocol bgp from_{zone} {{\n  local {ROUTER} as 64500;\n  neighbor {} as 64512;\n  connect delay time 1;\n  error wait time 1, 2;\n\
             \x20 ipv4 {{ import all; export none; }};\n}}",
            address(zone)
        );
    }
    let folder = world.folder().join("router");
    std::fs::create_dir_all(&folder).expect("a folder for the router");
    write(&folder.join("bird.conf"), &text);
    start_bird(world, "router", &folder)
}

fn start_bird(world: &World, name: &str, folder: &Path) -> Running {
    let mut command = world.network.command(name, "bird");
    command.arg("-f").arg("-c").arg(folder.join("bird.conf"));
    command.arg("-s").arg(folder.join("bird.ctl")).arg("-P").arg(folder.join("bird.pid"));
    Running::start(command, &folder.join("bird.log"))
}

/// Starts the speaker of a zone.
pub fn start_speaker(world: &World, zone: &str) -> Running {
    if zone == "az1" { start_bird_speaker(world, zone) } else { start_exabgp(world, zone) }
}

fn start_bird_speaker(world: &World, zone: &str) -> Running {
    let folder = world.place(zone);
    let own = address(zone);
    let included = folder.join("bird-zone.conf");
    wait_for("BIRD's file", DEADLINE, || {
        let text = std::fs::read_to_string(&included).map_err(|error| error.to_string())?;
        if text.contains("true") { Ok(()) } else { Err(text) }
    });
    let text = format!(
        "log stderr all;\nrouter id {own};\nprotocol device {{ }}\ninclude \"{}\";\nfilter announce {{ if ZONE_OPEN then accept; reject; }}\n\
         protocol static vips {{ ipv4; route {ANYCAST}/32 blackhole; }}\n\
         protocol bgp upstream {{\n  ipv4 {{ import none; export filter announce; }};\n  local {own} as 64512;\n  neighbor {ROUTER} as 64500;\n\
         \x20 connect delay time 1;\n  error wait time 1, 2;\n}}\n",
        included.display()
    );
    write(&folder.join("bird.conf"), &text);
    start_bird(world, zone, &folder)
}

fn start_exabgp(world: &World, zone: &str) -> Running {
    let (folder, own) = (world.place(zone), address(zone));
    let asked = if zone == "az2" {
        let script = folder.join("zone-is-open");
        let text = format!(
            "#!/bin/sh\n{} watch --once --last-known --zone {zone} --endpoint http://{own}:7601 --state-dir {}\n[ $? -ne 1 ]\n",
            holdfast().display(),
            folder.join("watch").display()
        );
        write(&script, &text);
        format!("--cmd \"/bin/sh {}\"", script.display())
    } else {
        format!("--disable {}", folder.join("zone.away").display())
    };
    let text = format!(
        "process zone {{\n  run {PYTHON} -m exabgp healthcheck {asked} --withdraw-on-down --no-ip-setup --no-syslog --up-metric 0 --ip {ANYCAST}/32 \
         --interval 1 --fast-interval 0.2 --rise 1 --fall 1;\n  encoder text;\n}}\n\
         neighbor {ROUTER} {{\n  router-id {own};\n  local-address {own};\n  local-as 64512;\n  peer-as 64500;\n  family {{ ipv4 unicast; }}\n  api {{ processes [ zone ]; }}\n}}\n"
    );
    let config = folder.join("exabgp.conf");
    write(&config, &text);
    let mut command = world.network.command(zone, PYTHON);
    command.args(["-m", "exabgp"]).arg(&config);
    command
        .env("exabgp.daemon.user", "root")
        .env("exabgp.api.cli", "false")
        .env("exabgp.log.destination", "stderr");
    Running::start(command, &folder.join("exabgp.log"))
}

/// The zones to which the router would send.
pub fn learned(world: &World) -> Vec<&'static str> {
    let told =
        output(world.network.command("router", "ip").args(["-4", "route", "show", &format!("{ANYCAST}/32")]));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    ZONES.into_iter().filter(|zone| words.contains(&address(zone).as_str())).collect()
}

/// Waits until the router sends to these zones, and to no other.
pub fn wait_until_learned(world: &World, zones: &[&str]) {
    wait_for(&format!("the router to have {ANYCAST} from {zones:?} alone"), DEADLINE * 2, || {
        let found = learned(world);
        if found == zones {
            return Ok(());
        }
        let log = |path: &str| std::fs::read_to_string(world.folder().join(path)).unwrap_or_default();
        let logs = ["router/bird.log", "az1/bird.log", "az2/exabgp.log", "az3/exabgp.log"].map(|path| {
            let text = log(path);
            let lines: Vec<&str> = text.lines().collect();
            format!("{path}:\n{}", lines[lines.len().saturating_sub(12)..].join("\n"))
        });
        Err(format!("{found:?}\n{}", logs.join("\n")))
    });
}
