//! The built `holdfast watch`: commands, files, exit codes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::planes::{Plane, until};

/// A sidecar that is killed when it is dropped.
struct Sidecar {
    child: Child,
    folder: PathBuf,
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn holdfast(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    // What this machine or its user is set to must not matter.
    command.env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).arg("watch");
    command
}

impl Sidecar {
    fn start(folder: &Path, arguments: &[&str]) -> Sidecar {
        let open = |name: &str| std::fs::File::create(folder.join(name)).unwrap();
        let mut command = holdfast(folder);
        command.args(arguments).current_dir(folder).stdout(open("out")).stderr(open("err"));
        Sidecar { child: command.spawn().unwrap(), folder: folder.to_owned() }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// Asks it to end, and gives its exit code.
    async fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let child = std::cell::RefCell::new(&mut self.child);
        until("it has ended", || child.borrow_mut().try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap().code()
    }
}

fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("script");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

async fn once(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = holdfast(folder);
    command.arg("--once").args(arguments);
    let ended: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_command_and_files_follow_the_zone_and_are_acknowledged_when_done() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::start(false).await;
    // The first run for `away` fails: it is run again, and acknowledged only then.
    let script = script(
        folder.path(),
        r#"echo "$1 $HOLDFAST_ZONE $HOLDFAST_STATE $HOLDFAST_SOURCE" >> log
[ "$HOLDFAST_STATE" = away ] && [ ! -e failed ] && { touch failed; while [ ! -e go ]; do sleep 0.05; done; exit 3; }
exit 0"#,
    );
    let url = plane.url();
    let arguments = [
        "--endpoint",
        &url,
        "--zone",
        "aa",
        "--consumer",
        "orders",
        "--instance",
        "one",
        "--file",
        "state",
        "--env",
        "variables",
        "--exec",
        &script,
        "told",
    ];
    let sidecar = Sidecar::start(folder.path(), &arguments);
    let revision = || plane.told("one").and_then(|told| told.revision).map(|revision| revision.0);
    until("the first state is done", || revision() == Some(7)).await;
    assert_eq!(
        (sidecar.read("state").as_str(), sidecar.read("log").as_str()),
        ("open\n", "told a open health\n")
    );
    plane.say(true);
    until("the file says so", || sidecar.read("state") == "away\n").await;
    until("the command is run", || sidecar.read("log").contains("told a away shift\n")).await;
    assert!(sidecar.read("variables").contains("HOLDFAST_STATE=\"away\"\n"), "{}", sidecar.read("variables"));
    assert_eq!(revision(), Some(7), "it was acknowledged before it was done");
    std::fs::write(folder.path().join("go"), "").unwrap();
    until("it is acknowledged", || revision() == Some(8)).await;
    assert_eq!(sidecar.read("log").matches("away").count(), 2);
    assert!(
        sidecar.read("err").contains("ended with exit status: 3; it is run again in 1s"),
        "{}",
        sidecar.read("err")
    );
    assert!(sidecar.read("out").contains(" a away (shift: "), "{}", sidecar.read("out"));
    assert_eq!(sidecar.end().await, Some(0));
    until("it has said good-bye", || plane.told("one").is_none()).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("state")).unwrap(), "away\n");
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::start(true).await;
    let script = script(
        folder.path(),
        "[ -e first ] && { echo done > second; exit 0; }\nsleep 1000 &\necho $! > first\nwait",
    );
    let url = plane.url();
    let arguments = ["--endpoint", &url, "--zone", "a", "--exec-timeout", "500ms", "--exec", &script];
    let sidecar = Sidecar::start(folder.path(), &arguments);
    until("it was run again", || sidecar.read("second") == "done\n").await;
    assert!(sidecar.read("err").contains("took more than 500ms and was ended"), "{}", sidecar.read("err"));
    let sleeper = format!("/proc/{}/cmdline", sidecar.read("first").trim());
    // Gone, or a zombie that nobody has waited for, whose command line is empty.
    until("what it started is gone", || std::fs::read(&sleeper).unwrap_or_default().is_empty()).await;
}

#[tokio::test]
async fn a_zone_that_no_table_has_any_more_is_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::start(true).await;
    let url = plane.url();
    let arguments =
        ["--endpoint", &url, "--zone", "a", "--consumer", "orders", "--instance", "one", "--file", "state"];
    let sidecar = Sidecar::start(folder.path(), &arguments);
    let revision = || plane.told("one").and_then(|told| told.revision).map(|revision| revision.0);
    until("it is acknowledged", || revision() == Some(7)).await;
    plane.say_nothing_of_a();
    until("it is told", || sidecar.read("err").contains("zone `a` is in no table now")).await;
    assert_eq!((sidecar.read("state").as_str(), revision()), ("away\n", Some(7)));
    plane.say(false);
    until("it is acknowledged again", || revision() == Some(9)).await;
    assert_eq!(sidecar.read("state"), "open\n");
    assert_eq!(sidecar.read("err").matches("is in no table now").count(), 1);
}

#[tokio::test]
async fn nobody_reads_what_goes_wrong_and_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::start(true).await;
    let script =
        script(folder.path(), "[ -e first ] && { echo done > second; exit 0; }\ntouch first\nexit 3");
    let mut command = holdfast(folder.path());
    command.args(["--endpoint", &plane.url(), "--zone", "a", "--exec", &script]);
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    let sidecar = Sidecar { child, folder: folder.path().to_owned() };
    until("it was run again", || sidecar.read("second") == "done\n").await;
}

#[tokio::test]
async fn what_was_known_last_is_obeyed_when_nobody_can_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::start(true).await;
    let url = plane.url();
    let arguments = [
        "--endpoint",
        &url,
        "--zone",
        "a",
        "--state-dir",
        "kept",
        "--file",
        "away",
        "--file-form",
        "present",
    ];
    let sidecar = Sidecar::start(folder.path(), &arguments);
    until("the state is kept", || !sidecar.read("kept/zones.state").is_empty()).await;
    until("the file is there", || sidecar.read("away") == "a\n").await;
    drop(sidecar);
    drop(plane);
    std::fs::remove_file(folder.path().join("away")).unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cut_off = format!("http://{}", nobody.local_addr().unwrap());
    let arguments = [&["--endpoint", cut_off.as_str()], &arguments[2..]].concat();
    let sidecar = Sidecar::start(folder.path(), &arguments);
    until("the file is there again", || sidecar.read("away") == "a\n").await;
    drop(sidecar);
    // And a damaged file is told, and counts as none.
    std::fs::write(folder.path().join("kept/zones.state"), "holdfast-zones 1 x\n{}").unwrap();
    let sidecar = Sidecar::start(folder.path(), &arguments);
    until("it is told", || sidecar.read("err").contains("it is damaged")).await;
}

#[tokio::test]
async fn asked_once_the_exit_code_says_it() {
    let folder = tempfile::tempdir().unwrap();
    let [open, away] = [Plane::start(false).await, Plane::start(true).await];
    let (open, away) = (open.url(), away.url());
    let check = async |arguments: &[&str], code: i32, text: &str| {
        let (ended, told) = once(folder.path(), arguments).await;
        assert!(ended == Some(code) && told.contains(text), "{arguments:?}: {ended:?} {told}");
    };
    check(&["--endpoint", &open, "--zone", "a"], 0, " a open (").await;
    check(&["--endpoint", &away, "--zone", "aa"], 1, " a away (shift: ").await;
    check(&["--endpoint", &away, "--zone", "b", "-o", "json"], 0, r#""zone":"b""#).await;
    check(&["--endpoint", &away, "--all"], 1, " b open (").await;
    check(&["--endpoint", &away, "--zone", "a", "--resource", "pool/web"], 1, " for pool/web ").await;
    check(&["--endpoint", &away, "--zone", "x"], 2, "there is no zone `x`; the endpoints have a, b").await;
    check(&["--endpoint", "nonsense", "--zone", "a"], 2, "no status endpoint").await;
    check(&["--endpoint", &away, "--all", "--file", "f"], 2, "of one zone").await;
    check(&["--endpoint", &format!("{away},{away}"), "--zone", "a"], 2, "given twice").await;
    // Two of three say away, and a state file keeps what a tie would leave.
    // Bound and never listened on: nobody else can be given the port meanwhile.
    let gone = tokio::net::TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = format!("http://{}", gone.local_addr().unwrap());
    let state = folder.path().join("kept").display().to_string();
    check(&["--endpoint", &away, "--endpoint", &nobody, "--zone", "a", "--state-dir", &state], 1, "away")
        .await;
    check(&["--endpoint", &away, "--endpoint", &open, "--zone", "a", "--state-dir", &state], 1, "away").await;
    let mut asks = vec!["--endpoint", nobody.as_str(), "--zone", "a", "--state-dir", &state];
    check(&asks, 3, "as last known, a was away").await;
    // A check of others that must not give an address back because the status service is gone.
    asks.push("--last-known");
    check(&asks, 1, "as last known, a was away").await;
    asks[3] = "b";
    check(&asks, 0, "as last known, b was open").await;
    let nothing = folder.path().join("nothing").display().to_string();
    asks[5] = &nothing;
    check(&asks, 3, "can be reached").await;
    check(&["--endpoint", &nobody, "--zone", "a", "--last-known"], 2, "--state-dir").await;
    drop(gone);
}

#[tokio::test]
async fn what_is_in_hand_is_said_from_a_file_or_by_a_program() {
    let (folder, plane) = (tempfile::tempdir().unwrap(), Plane::start(true).await);
    let url = plane.url();
    let running = |instance: &str| plane.told(instance).and_then(|told| told.running);
    let count = |instance: &str| running(instance).and_then(|running| running.values().next().copied());
    let start = |instance: &str, running: &[&str]| {
        let arguments = ["--endpoint", &url, "--zone", "a", "--consumer", "orders", "--instance", instance];
        let own = folder.path().join(instance);
        std::fs::create_dir(&own).unwrap();
        Sidecar::start(&own, &[&arguments[..], running].concat())
    };
    let silent = start("silent", &[]);
    let file = folder.path().join("in-hand");
    std::fs::write(&file, "3\n").unwrap();
    let script = script(folder.path(), "echo a $(wc -l < \"$0.lines\")");
    std::fs::write(format!("{script}.lines"), "1\n2\n").unwrap();
    let of_file = start("file", &["--running", &file.display().to_string()]);
    let of_program = start("program", &["--running", &script]);
    until("both say it", || (count("file"), count("program")) == (Some(3), Some(2))).await;
    std::fs::write(&file, "many").unwrap();
    until("it is told", || of_file.read("err").contains("\"many\" is no number")).await;
    assert_eq!(count("file"), Some(3), "what was told last stands");
    std::fs::write(&file, "0").unwrap();
    std::fs::write(format!("{script}.lines"), "").unwrap();
    until("nothing is in hand", || (count("file"), count("program")) == (Some(0), Some(0))).await;
    until("it is heard", || plane.told("silent").is_some_and(|told| told.revision.is_some())).await;
    assert_eq!(running("silent"), None, "who does not say what runs has not said nothing");
    for sidecar in [silent, of_file, of_program] {
        assert_eq!(sidecar.end().await, Some(0));
    }
}
