//! A virtual address that keepalived moves: it tracks the state file of its zone, or asks by exit code.
//!
//! Not here: what is in the file (`hf-render`), the command that is asked (`holdfast watch --once`).

use crate::estate::address;
use crate::process::{Running, holdfast, output};
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// The address.
pub const VIRTUAL: &str = "10.77.50.1";

/// `check` is a section called `zone`, `track` the word for its kind.
fn keepalived_conf(zone: &str, priority: u8, check: &str, track: &str) -> String {
    format!(
        "global_defs {{\n  router_id {zone}\n  script_user root\n}}\n{check}\
         vrrp_instance virtual {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n  priority {priority}\n  advert_int 0.2\n  version 3\n\
         virtual_ipaddress {{ {VIRTUAL}/8 dev eth0 }}\n  {track} {{ zone }}\n}}\n"
    )
}

/// Whether a zone has it.
pub fn has_address(world: &World, zone: &str) -> bool {
    let told = output(world.network.command(zone, "ip").args(["-4", "addr", "show", "dev", "eth0"]));
    String::from_utf8_lossy(&told.stdout).contains(&format!("{VIRTUAL}/"))
}

/// Waits until it is in one zone and not in the other.
pub fn wait_for_address(world: &World, holder: &str, other: &str) {
    wait_for(&format!("{holder} alone to have {VIRTUAL}"), DEADLINE, || {
        match (has_address(world, holder), has_address(world, other)) {
            (true, false) => Ok(()),
            held => {
                let log = |zone| {
                    std::fs::read_to_string(world.place(zone).join("keepalived.log")).unwrap_or_default()
                };
                Err(format!("{held:?}; {}\n{}", log(holder), log(other)))
            }
        }
    });
}

/// The node file's section for the file that keepalived tracks in its zone.
pub fn section(zone: &str) -> String {
    format!(
        "[[render]]\nname = \"keepalived\"\nkind = \"zone-state\"\nzone = \"{zone}\"\npath = \"zone.state\"\nexists = \"always\"\n"
    )
}

/// Starts keepalived in a zone, with a check of `docs/clients.md`: no address there while the command says that the zone is away.
pub fn start_by_exit_code(world: &World, zone: &str, priority: u8) -> Running {
    let script = world.place(zone).join("zone-is-open");
    let text = format!(
        "#!/bin/sh\n{} watch --once --last-known --zone {zone} --endpoint http://{}:7601 --state-dir {}\n[ $? -ne 1 ]\n",
        holdfast().display(),
        address(zone),
        world.place(zone).join("watch").display()
    );
    std::fs::write(&script, text).expect("a file of the test's own");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("a file of the test's own");
    let check = format!("vrrp_script zone {{\n  script \"{}\"\n  interval 1\n}}\n", script.display());
    start_with(world, zone, &keepalived_conf(zone, priority, &check, "track_script"))
}

/// Starts keepalived in a zone, once its file is there.
///
/// # Panics
///
/// When the file does not come.
pub fn start(world: &World, zone: &str, priority: u8) -> Running {
    let folder = world.place(zone);
    wait_for("the zone's file", DEADLINE, || {
        let text = std::fs::read_to_string(folder.join("zone.state")).map_err(|error| error.to_string())?;
        if text == "0\n" { Ok(()) } else { Err(text) }
    });
    let state = folder.join("zone.state");
    let check = format!("track_file zone {{\n  file \"{}\"\n  weight -100\n}}\n", state.display());
    start_with(world, zone, &keepalived_conf(zone, priority, &check, "track_file"))
}

fn start_with(world: &World, zone: &str, text: &str) -> Running {
    let folder = world.place(zone);
    let config = folder.join("keepalived.conf");
    std::fs::write(&config, text).expect("a file of the test's own");
    let mut command = world.network.command(zone, "keepalived");
    command.args(["-n", "-l", "-D", "-P", "-f"]).arg(&config);
    for (option, name) in [("-p", "keepalived.pid"), ("-r", "vrrp.pid"), ("-c", "checkers.pid")] {
        command.arg(option).arg(folder.join(name));
    }
    Running::start(command, &folder.join("keepalived.log"))
}
