//! Bad files, taken ports, full disks, damaged files, hostile requests: a clear error each, and nobody else is disturbed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use serde_json::Value;

/// A node with all roles on addresses of its own in 127.0.0.0/8.
struct Lone {
    folder: tempfile::TempDir,
    address: String,
}

const ESTATE: &str = r#"
[[region]]
id = "home"
[[zone]]
id = "az1"
region = "home"
[[zone]]
id = "az2"
region = "home"
[[pool]]
name = "web"
protocol = "http"
listen = "0.0.0.0:8080"
endpoints = [
  { address = "127.0.0.1:9", zone = "az1" },
  { address = "127.0.0.1:19", zone = "az2" },
]
[[hosted_zone]]
name = "home.test."
[[record]]
name = "www.home.test."
type = "A"
answer = { pool = "web" }
choose = ["open", "shuffle"]
"#;

impl Lone {
    /// Different numbers use different addresses, so that tests may run beside one another.
    fn new(number: u8) -> Lone {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.77.{number}.{}", 1 + std::process::id() % 250);
        let node = format!(
            "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"checker\", \"dns\", \"balancer\", \"status\"]\nestate = \"estate.toml\"\n\n\
             [api]\nlisten = \"{address}:7600\"\n[status]\nlisten = \"{address}:7601\"\n[feed]\nlisten = \"{address}:7602\"\n[dns]\nlisten = \"{address}:5300\"\n[balancer]\naddress = \"{address}\"\n"
        );
        std::fs::write(folder.path().join("node.toml"), node).expect("the node file");
        std::fs::write(folder.path().join("estate.toml"), ESTATE).expect("the estate file");
        Lone { folder, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(self.path("node.toml"));
        command
    }

    fn start(&self) -> Running {
        let run = Running::start(self.command(), &self.path("log"));
        self.wait_for_status("an estate", |status| status["revision"].as_u64() > Some(0));
        run
    }

    fn status(&self) -> Result<Value, String> {
        let url = format!("http://{}:7600/v1/status", self.address);
        let answer = output(Command::new("curl").args(["-s", "--max-time", "2", &url]));
        serde_json::from_slice(&answer.stdout).map_err(|_| {
            format!("no status; the log:\n{}", std::fs::read_to_string(self.path("log")).unwrap_or_default())
        })
    }

    fn wait_for_status(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        wait_for(what, DEADLINE, || {
            let status = self.status()?;
            if is_so(&status) { Ok(()) } else { Err(status.to_string()) }
        });
    }

    /// The snapshot on disk that holds the shift `to be kept`: a killed process leaves what it had saved.
    fn saved_snapshot(&self) -> PathBuf {
        wait_for("the shift on disk", DEADLINE, || {
            let holds_it = |path: &PathBuf| {
                let bytes = std::fs::read(path).unwrap_or_default();
                bytes.windows(10).any(|window| window == b"to be kept")
            };
            let saved = files(&self.path("data/snapshots"));
            let found = saved.into_iter().filter(|path| path.extension().is_none_or(|end| end != "new"));
            found.filter(holds_it).max().ok_or_else(|| "not yet".to_owned())
        })
    }

    fn cli(&self, arguments: &[&str]) -> (i32, String, String) {
        let token = std::fs::read_to_string(self.path("data/operator.token")).unwrap_or_default();
        let answer = output(
            Command::new(holdfast())
                .args(arguments)
                .env("HOLDFAST_ENDPOINTS", format!("http://{}:7600", self.address))
                .env("HOLDFAST_TOKEN", token.trim()),
        );
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (answer.status.code().unwrap_or(-1), text(&answer.stdout), text(&answer.stderr))
    }
}

/// Runs a command that must refuse to start.
fn refused(mut command: Command) -> (i32, String) {
    let answer = output(&mut command);
    (answer.status.code().unwrap_or(-1), String::from_utf8_lossy(&answer.stderr).into_owned())
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("estate.toml");
    let text = ESTATE.replace("zone = \"az2\" }", "zone = \"az9\" }").replace("protocol", "protokol");
    std::fs::write(&path, text).expect("the estate file");
    let answer = output(Command::new(holdfast()).arg("check").arg(&path));
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert_eq!(answer.status.code(), Some(2), "{told}");
    assert!(told.contains("estate.toml:12:1:") && told.contains("`protokol`"), "{told}");
    assert!(told.contains("estate.toml:16:") && told.contains("az9"), "{told}");
}

#[test]
fn what_files_say_of_one_another_is_checked_with_everything_else() {
    let lone = Lone::new(9);
    let node = std::fs::read_to_string(lone.path("node.toml")).expect("the node file");
    std::fs::write(lone.path("node.toml"), node.replace("zone = \"az1\"", "zone = \"mars\""))
        .expect("the node file");
    let answer = output(Command::new(holdfast()).arg("check").arg(lone.folder.path()));
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert_eq!(answer.status.code(), Some(2), "{told}");
    assert!(
        told.contains("node.toml:3:8:") && told.contains("`mars`") && told.contains("az1, az2"),
        "{told}"
    );

    let estate = ESTATE.replace("name = \"home.test.\"", "name = \"home.test.\"\nfile = \"missing.zone\"");
    std::fs::write(lone.path("estate.toml"), estate.replace("protocol", "protokol"))
        .expect("the estate file");
    let answer = output(Command::new(holdfast()).arg("check").arg(lone.path("estate.toml")));
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(told.contains("estate.toml:12:1:") && told.contains("`protokol`"), "{told}");
    assert!(told.contains("estate.toml:20:8:") && told.contains("missing.zone"), "{told}");

    let node = node.replace("estate = \"estate.toml\"", "estate = \"nowhere.toml\"");
    std::fs::write(lone.path("node.toml"), node).expect("the node file");
    let answer = output(Command::new(holdfast()).arg("check").arg(lone.path("node.toml")));
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(told.contains("node.toml:6:10:") && told.contains("nowhere.toml"), "{told}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (code, error) = refused({
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c", "/nowhere/node.toml"]);
        command
    });
    assert_eq!(code, 2);
    assert!(error.contains("/nowhere/node.toml") && error.contains("check the path"), "{error}");
}

#[test]
fn taken_ports_are_named_all_at_once() {
    let lone = Lone::new(1);
    let _api = TcpListener::bind(format!("{}:7600", lone.address)).expect("a free port");
    let _status = TcpListener::bind(format!("{}:7601", lone.address)).expect("a free port");
    let (code, error) = refused(lone.command());
    assert_eq!(code, 1, "{error}");
    assert!(error.contains(&format!("{}:7600", lone.address)), "{error}");
    assert!(error.contains(&format!("{}:7601", lone.address)), "{error}");
}

#[test]
fn a_second_process_on_one_folder_is_refused() {
    let lone = Lone::new(2);
    let _run = lone.start();
    let second = Lone::new(3);
    let text = std::fs::read_to_string(second.path("node.toml")).expect("the node file");
    let shared = lone.path("data").display().to_string();
    std::fs::write(
        second.path("node.toml"),
        text.replace("data_dir = \"data\"", &format!("data_dir = \"{shared}\"")),
    )
    .expect("the node file");
    let (code, error) = refused(second.command());
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("another node runs on this folder") && error.contains(&shared), "{error}");
}

#[test]
fn a_damaged_ledger_is_not_touched_and_the_data_planes_go_on() {
    let lone = Lone::new(4);
    let run = lone.start();
    let (code, _, error) = lone.cli(&["shift", "start", "az2", "--for", "5m", "--reason", "to be kept"]);
    assert_eq!(code, 0, "{error}");
    lone.saved_snapshot();
    run.kill();
    let ledger = find(&lone.path("data"), "ledger");
    let damaged = vec![0x55; 8_192];
    std::fs::write(&ledger, &damaged).expect("the ledger's file");
    // With a snapshot on its disk the node serves as before, and says loudly that it takes no writes.
    let run = lone.start();
    lone.wait_for_status("the shift, from the snapshot", is_az2_away);
    let (code, _, error) = lone.cli(&["shift", "start", "az1", "--for", "5m", "--reason", "no ledger"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("cannot open its ledger: ") && error.contains("ledger.redb: "), "{error}");
    assert!(error.contains("; check the path, or move the file away"), "the mend: {error}");
    assert!(
        run.text().contains("ERROR") && run.text().contains(&ledger.display().to_string()),
        "{}",
        run.text()
    );
    assert_eq!(std::fs::read(&ledger).expect("the ledger's file"), damaged, "nothing was overwritten");
    run.kill();
    // Without one there is nothing to serve: it does not start.
    for path in
        files(&lone.path("data")).into_iter().filter(|path| path.display().to_string().contains("snapshot"))
    {
        std::fs::remove_file(path).expect("a snapshot");
    }
    let (code, error) = refused(lone.command());
    assert_eq!(code, 1, "{error}");
    assert!(error.contains(&ledger.display().to_string()), "{error}");
    assert_eq!(std::fs::read(&ledger).expect("the ledger's file"), damaged, "nothing was overwritten");
}

#[test]
fn a_lost_ledger_takes_no_changes_until_the_operator_goes_on_with_what_is_held() {
    let lone = Lone::new(9);
    let run = lone.start();
    let (code, _, error) = lone.cli(&["shift", "start", "az2", "--for", "5m", "--reason", "to be kept"]);
    assert_eq!(code, 0, "{error}");
    lone.saved_snapshot();
    run.kill();
    std::fs::remove_file(lone.path("data/ledger.redb")).expect("the ledger's file");

    let run = lone.start();
    lone.wait_for_status("the problem", |status| {
        status["nodes"][0]["problem"].as_str().is_some_and(|problem| problem.contains("lost or restored"))
    });
    let (code, _, error) = lone.cli(&["shift", "cancel", "shift-2"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("ledger is at revision 0, the nodes hold revision 2"), "{error}");
    assert!(error.contains("--adopt-intent"), "the mend: {error}");
    assert_eq!(run.text().matches(" ERROR ").count(), 1, "{}", run.text());
    lone.wait_for_status("the shift, which holds", is_az2_away);
    run.kill();

    let mut command = lone.command();
    command.arg("--adopt-intent");
    let _run = Running::start(command, &lone.path("log"));
    lone.wait_for_status("one entry more", |status| status["revision"] == 3 && is_az2_away(status));
    let (code, _, error) = lone.cli(&["shift", "cancel", "shift-2"]);
    assert_eq!(code, 0, "{error}");
    let (_, journal, _) = lone.cli(&["journal"]);
    assert!(journal.contains("--adopt-intent") && journal.contains("ledger.redb-lost-"), "{journal}");
    find(&lone.path("data"), "ledger.redb-lost-");
}

fn is_az2_away(status: &Value) -> bool {
    status["zones"]
        .as_array()
        .is_some_and(|zones| zones.iter().any(|zone| zone["id"] == "az2" && zone["state"] == "away"))
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_an_older_one() {
    let lone = Lone::new(5);
    let run = lone.start();
    let (code, _, error) = lone.cli(&["shift", "start", "az2", "--for", "5m", "--reason", "to be kept"]);
    assert_eq!(code, 0, "{error}");
    lone.saved_snapshot();
    run.kill();
    let newest = &lone.saved_snapshot();
    let mut bytes = std::fs::read(newest).expect("a snapshot");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(newest, bytes).expect("a snapshot");
    let _run = lone.start();
    lone.wait_for_status("the shift, from the ledger", is_az2_away);
    let log = std::fs::read_to_string(lone.path("log")).expect("the log");
    assert!(
        log.contains("WARN")
            && log.contains(&newest.file_name().expect("a name").to_string_lossy().into_owned()),
        "{log}"
    );
}

#[test]
fn a_bad_edit_of_the_estate_keeps_the_old_one_and_says_so() {
    let lone = Lone::new(6);
    let _run = lone.start();
    let before = lone.status().expect("a status")["estate_revision"].clone();
    std::fs::write(lone.path("estate.toml"), ESTATE.replace("protocol", "protokol"))
        .expect("the estate file");
    lone.wait_for_status("the problem", |status| {
        status["estate_file_problem"].as_str().is_some_and(|problem| problem.contains("estate.toml:12:1"))
    });
    assert_eq!(lone.status().expect("a status")["estate_revision"], before);
    std::fs::write(lone.path("estate.toml"), ESTATE.replace("home.test", "house.test"))
        .expect("the estate file");
    lone.wait_for_status("the mended estate", |status| {
        status["estate_file_problem"].is_null() && status["estate_revision"] != before
    });
}

#[test]
fn a_full_disk_refuses_writes_and_disturbs_nobody() {
    let lone = Lone::new(7);
    let data = lone.path("data");
    std::fs::create_dir(&data).expect("the data folder");
    let _disk = SmallDisk::mount(&data);
    let _run = lone.start();
    let filler = data.join("filler");
    let mut file = std::fs::File::create(&filler).expect("the filler");
    while file.write_all(&[0; 4_096]).is_ok() {}
    drop(file);
    // The ledger's file has reserved room for small entries: an estate with a megabyte of comment is more than that.
    let big = lone.path("big.toml");
    let refused = (0..5).find_map(|number| {
        let comment = format!("# {number} {}\n", "x".repeat(1 << 20));
        std::fs::write(&big, comment + ESTATE).expect("the big estate");
        let (code, _, error) = lone.cli(&["apply", &big.display().to_string()]);
        (code != 0).then_some((code, error))
    });
    let (code, error) = refused.expect("a full disk is noticed");
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("full") || error.contains("room") || error.contains("space"), "{error}");
    assert!(lone.status().is_ok(), "the node goes on");
    std::fs::remove_file(&filler).expect("the filler");
    wait_for("writes to work again", DEADLINE, || {
        let (code, _, error) = lone.cli(&["pin", "in", "az1", "--for", "5m", "--reason", "room again"]);
        if code == 0 { Ok(()) } else { Err(error) }
    });
}

#[test]
fn oversized_and_hostile_requests_are_refused_and_others_go_on() {
    let lone = Lone::new(8);
    let _run = lone.start();
    let api = format!("http://{}:7600", lone.address);
    let token = std::fs::read_to_string(lone.path("data/operator.token")).expect("the token");
    let big = lone.path("big");
    std::fs::write(&big, vec![b'x'; 200_000]).expect("a big file");
    let code = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-s", "-o", "/dev/null", "--max-time", "5", "-w", "%{http_code}"]).args(arguments);
        String::from_utf8_lossy(&output(&mut command).stdout).into_owned()
    };
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let shifts = format!("{api}/v1/shifts");
    let data = format!("@{}", big.display());
    assert_eq!(
        code(&["-H", &bearer, "-H", "Content-Type: application/json", "--data-binary", &data, &shifts]),
        "413"
    );
    assert_eq!(code(&["-H", &bearer, "-H", "Content-Type: application/json", "-d", "{", &shifts]), "400");
    assert_eq!(code(&["-H", "Content-Type: application/json", "-d", "{}", &shifts]), "401");
    assert_eq!(
        code(&[
            "-H",
            "Authorization: Bearer wrong",
            "-H",
            "Content-Type: application/json",
            "-d",
            "{}",
            &shifts
        ]),
        "401"
    );
    // Bytes that are no HTTP, on every TCP port.
    for port in [5300, 7600, 7601, 7602, 8080] {
        let mut stream = TcpStream::connect(format!("{}:{port}", lone.address)).expect("a listener");
        stream.write_all(&[0xff; 512]).expect("bytes go out");
        stream.set_read_timeout(Some(DEADLINE / 3)).expect("a time-out");
        let mut answer = Vec::new();
        // Closed with or without words; a reset is as good.
        let _ = stream.read_to_end(&mut answer);
    }
    assert!(lone.status().is_ok(), "the node goes on");
    let answer = must(Command::new("dig").args([
        &format!("@{}", lone.address),
        "-p",
        "5300",
        "+short",
        "www.home.test",
    ]));
    assert!(answer.contains("127.0.0.1"), "{answer:?}");
}

/// A tmpfs of eight MiB, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> SmallDisk {
        must(Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(at));
        SmallDisk(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        output(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

fn find(folder: &Path, part: &str) -> PathBuf {
    let found = files(folder)
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(part)));
    found.unwrap_or_else(|| panic!("no {part} in {}", folder.display()))
}
