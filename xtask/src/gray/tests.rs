use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

/// Two kinds of one zone each: `bad` is to be found, `well` is not.
const GEN: &str = r#"
import json, os
FAULTS, CONFOUND = ["bad"], {"well": 50}
KINDS = ["bad", "well"]
def seeds(suite, count, salt):
    for kind in KINDS:
        for at in range(count): yield kind, at, at
def scenario(kind, seed, hard):
    return dict(truth=dict(kind=kind, seed=seed, Z=3, H=2))
def write(scenario, name, out):
    with open(os.path.join(out, name + ".jsonl.gz"), "w") as file: file.write(scenario["truth"]["kind"])
"#;
const DETECT: &str = r#"
RULES = {"holdfast": None, "always": lambda scenarios: ([9] * len(scenarios), [1] * len(scenarios))}
"#;
const SCORE: &str = r#"
def stack(scenarios): return scenarios
def judge(truth, t, zone): return (truth["kind"], t, zone)
def table(results):
    def of(per):
        hits = sorted(t for _, t, zone in per["bad"] if t >= 0)
        false = sum(t >= 0 for _, t, _ in per["well"])
        faults = dict(n=len(per["bad"]), hit=len(hits), wrong=0, early=0, p50=hits[0] if hits else None, p90=None)
        return dict(ALL_FAULTS=faults, CONFOUNDERS=dict(n=len(per["well"]), false=false), FALSE_A_YEAR=50.0 * false,
                    well=dict(n=len(per["well"]), false=false))
    return {name: of(per) for name, per in results.items()}
"#;
/// Finds what is bad after seven seconds, and says so twice.
const PROGRAM_HERE: &str = r#"#!/usr/bin/env python3
import os, sys
for path in sys.argv[2:]:
    if open(path).read() == "bad":
        name = os.path.basename(path)[:-len(".jsonl.gz")]
        for t in (7, 700): print('{"scenario": "%s", "t": %d, "zone": 1}' % (name, t))
"#;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gray-generator-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_folder_that_is_no_generator_is_refused_by_its_missing_file() {
    let folder = folder("empty");
    fs::write(folder.join("gen.py"), GEN).unwrap();
    let named = folder.display().to_string();
    let refused = generator(&["--generator", &named]).unwrap_err();
    assert!(
        refused.contains("there is no detect.py; name a folder with gen.py, detect.py, score.py"),
        "{refused}"
    );
    assert_eq!(generator(&["--generator"]).unwrap_err(), "--generator needs a value");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_program_and_the_rules_share_one_table() {
    let folder = folder("whole");
    for (name, text) in
        [("gen.py", GEN), ("detect.py", DETECT), ("score.py", SCORE), ("holdfast", PROGRAM_HERE)]
    {
        fs::write(folder.join(name), text).unwrap();
    }
    let program = folder.join("holdfast");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("python3")
        .args(["-c", GENERATOR, "--count", "2", "--hard", "1.3", "--seeds", "4,5", "--generator"])
        .arg(&folder)
        .arg("--program")
        .arg(&program)
        .arg("--out")
        .arg(folder.join("out"))
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(
        rows,
        [
            "| 1.3 | holdfast detect | 4 of 4 (100.0 %) | 0 | 0 | 7 s | - | 0 of 4 | 0.0 | 0.0 |",
            "| 1.3 | always | 4 of 4 (100.0 %) | 0 | 0 | 9 s | - | 4 of 4 | 1000.0 | 200.0 |",
        ]
    );
    assert!(!folder.join("out").exists() && !folder.join("__pycache__").exists());
    fs::remove_dir_all(folder).unwrap();
}
