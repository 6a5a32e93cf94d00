//! The ARC front's acceptance list with the stock clients: boto3, `aws` of PyPI, `aws` of Debian. `aws/acceptance.py` has the list.
//!
//! What only this can show: that the programs in people's runbooks sign, send, page, wait and fail against Holdfast as they do against
//! AWS, at one node and at five over etcd.

use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::process::{holdfast, output};

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
