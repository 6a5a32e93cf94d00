//! Every file in `scenarios/` says what happens. `UPDATE_EXPECT=1` rewrites the `>` lines.

use std::path::{Path, PathBuf};

use hf_scenarios::rerun;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scenarios");
    let entries = std::fs::read_dir(&folder).expect("the folder of scenarios");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

#[test]
fn every_scenario_goes_as_its_file_says() {
    let files = files();
    assert!(files.len() >= 8, "only {} scenarios found", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let now = rerun(&text).unwrap_or_else(|error| panic!("scenarios/{name}: {error}"));
        expect_test::expect_file![&file].assert_eq(&now);
    }
}

#[test]
fn every_scenario_begins_with_what_it_shows() {
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("a text");
        assert!(text.starts_with("# "), "{}: begin with `# ` and a sentence", file.display());
    }
}
