//! The ARC front's acceptance list with the stock clients: boto3, `aws` of PyPI, `aws` of Debian. `aws/acceptance.py` has the list.
//!
//! What only this can show: that the programs in people's runbooks sign, send, page, wait and fail against Holdfast as they do against
//! AWS, at one node and at five over etcd.

use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use nix::sys::signal::Signal;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

#[test]
fn every_call_of_the_acceptance_list_passes() {
    let python = root().join("target/aws/bin/python");
    assert!(python.exists(), "{} is not there; `./test` installs it", python.display());
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root().join("crates/testing/hf-e2e/aws/acceptance.py"));
    let told = output(command.arg("--holdfast").arg(holdfast()));
    let text = String::from_utf8_lossy(&told.stdout);
    println!("{text}");
    assert!(
        told.status.success(),
        "not every call passed; the table is above\n{}",
        String::from_utf8_lossy(&told.stderr)
    );
}

/// What stands between the `source` line and the table is for pasting; a shell without any other setting does what it says.
#[test]
fn the_lines_that_the_demo_prints_are_enough_for_the_aws_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut demo = Command::new(holdfast());
    demo.args(["demo", "--plain", "--for", "60s"]);
    let mut demo = Running::start(demo, &folder.path().join("demo.log"));
    let greeting = wait_for("the demo's greeting", DEADLINE, || {
        assert!(demo.ended().is_none(), "the demo has ended:\n{}", demo.text());
        let text = demo.text();
        if text.contains("AWS_DEFAULT_REGION") && text.contains("clients are at") {
            Ok(text)
        } else {
            Err(text)
        }
    });
    let lines = |start: &str| greeting.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
    let aws = root().join("target/aws/bin/aws");
    let shell = |script: &str| {
        let mut shell = Command::new("bash");
        shell.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.path()).arg("-euc").arg(script);
        must(&mut shell)
    };
    let pasted = lines("export AWS_").join("\n");
    assert_eq!(pasted.lines().count(), 6, "{greeting}");
    let list = format!("{} arc-zonal-shift list-managed-resources", aws.display());
    let told = shell(&format!("{pasted}\n{list}"));
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let items = told["items"].as_array().expect("items");
    assert!(items.iter().any(|item| item["name"] == "pool/edge"), "{told:#}");

    // The file that a shell sources has them too, and the routing controls stand behind the regions.
    let source = lines("source ").join("\n");
    let aws = aws.display();
    let told = shell(&format!(
        "{source}\nfor control in $({aws} route53-recovery-cluster list-routing-controls --output text \
         --query 'RoutingControls[?ControlPanelName==`regions`].RoutingControlArn'); do \
         {aws} route53-recovery-cluster update-routing-control-state --routing-control-state Off \
         --routing-control-arn $control 2>&1 && echo done || echo refused; done"
    ));
    assert!(told.contains("done") && told.contains("refused") && told.contains("keep-one"), "{told}");
    let told = shell(&format!("{source}\nholdfast status"));
    assert!(told.contains("regions/"), "{told}");

    demo.signal(Signal::SIGTERM);
    wait_for("the demo to end", DEADLINE, || demo.ended().map(|_| ()).ok_or_else(|| demo.text()));
}
