//! `examples/all-options` shows every option that the readers know: a new one cannot be forgotten there.
//!
//! The readers themselves are asked: a key that nobody knows is put into every table of the example, and each answer lists
//! the keys that the table may have.

#![expect(clippy::disallowed_methods, reason = "a test may read the example that it is about; core may not")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hf_config::estate::EstateBundle;
use hf_config::{Problems, estate_files, read_estate, read_node};

/// Like no key, so that the answer lists all keys instead of guessing one.
const STRANGE: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

fn example(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../examples/all-options").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bundle(toml: String) -> EstateBundle {
    let names = estate_files("estate.toml", &toml).unwrap_or_else(|problems| panic!("{problems}"));
    let files = names.into_iter().map(|name| (name.clone(), example(&name))).collect();
    EstateBundle { toml, files }
}

/// The text without comments, and with the strange key at its top, below every header and in every inline table.
fn with_strange_keys(text: &str) -> String {
    let mut lines = vec![format!("{STRANGE} = 0")];
    for line in text.lines() {
        let line = line.split(" # ").next().unwrap_or_default();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let strange = format!("{{ {STRANGE} = 0, ");
        // The keys of `zones` are the writer's own.
        let text = line.replace("{ ", &strange).replace(&format!("zones = {strange}"), "zones = { ");
        lines.push(text);
        if line.starts_with('[') {
            lines.push(format!("{STRANGE} = 0"));
        }
    }
    lines.join("\n") + "\n"
}

fn key_of(text: &str) -> Option<String> {
    // Of a dotted key the first part: what comes behind is the writer's own.
    text.split_once(" = ")?.0.trim().split('.').next().map(str::to_owned)
}

/// Keys beside the strange key at a place of the text, and a name for the table that it is in.
fn table_at(lines: &[&str], line: usize, column: usize) -> (String, BTreeSet<String>) {
    let text = lines[line - 1];
    if !text.starts_with(STRANGE) {
        // An inline table: up to its closing brace.
        let inside = text[column - 1..].split('}').next().unwrap_or_default();
        let name = "an inline table".to_owned();
        return (name, inside.split(", ").filter_map(key_of).collect());
    }
    let header = line.checked_sub(2).map_or("the file", |above| lines[above]);
    if header == "the file" {
        let keys = lines.iter().filter_map(|line| line.strip_prefix('[')).map(bare).collect();
        return (header.to_owned(), keys);
    }
    let below = format!("[[{}.", bare(header));
    let own = lines[line..].iter().take_while(|line| !line.starts_with('['));
    let keys = own.filter(|line| !line.starts_with(' ')).filter_map(|line| key_of(line));
    // Tables below it stand under headers of their own.
    let parts = lines[line..].iter().filter_map(|line| line.strip_prefix(&*below)).map(bare);
    let keys = keys.chain(parts).collect();
    (header.to_owned(), keys)
}

fn bare(header: &str) -> String {
    header.trim_matches(['[', ']']).to_owned()
}

/// Keys that a table may have and that stand in no table of its kind.
fn missing(text: &str, problems: &Problems) -> BTreeMap<String, BTreeSet<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut known, mut shown) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for problem in &problems.0 {
        let (thing, list) = problem.what.split_once(STRANGE).unwrap_or_else(|| panic!("{problem}"));
        assert!(!list.contains(" more"), "the list of keys is cut, tell all of them: {problem}");
        let (place, keys) = table_at(&lines, problem.line as usize, problem.column as usize);
        let kind = format!("{thing}at {place}");
        let names = list.split('`').skip(2).step_by(2).map(str::to_owned);
        known.entry(kind.clone()).or_insert_with(BTreeSet::new).extend(names);
        shown.entry(kind).or_default().extend(keys);
    }
    known
        .into_iter()
        .map(|(kind, names)| {
            let left = names.difference(&shown[&kind]).cloned().collect();
            (kind, left)
        })
        .filter(|(_, left): &(_, BTreeSet<String>)| !left.is_empty())
        .collect()
}

#[test]
fn the_example_is_read_without_a_problem() {
    read_estate("estate.toml", &bundle(example("estate.toml")))
        .unwrap_or_else(|problems| panic!("{problems}"));
    read_node("node.toml", &example("node.toml")).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_option_of_an_estate_is_shown() {
    let text = with_strange_keys(&example("estate.toml"));
    let problems = read_estate("estate.toml", &bundle(text.clone())).expect_err("a strange key is refused");
    assert!(problems.0.len() > 20, "{problems}");
    assert_eq!(missing(&text, &problems), BTreeMap::new());
}

#[test]
fn every_option_of_a_node_is_shown() {
    let text = with_strange_keys(&example("node.toml"));
    let problems = read_node("node.toml", &text).expect_err("a strange key is refused");
    assert!(problems.0.len() >= 9, "{problems}");
    assert_eq!(missing(&text, &problems), BTreeMap::new());
}

#[test]
fn an_option_that_is_not_shown_is_found() {
    let node = example("node.toml").replace("drain = \"30s\"", "");
    let text = with_strange_keys(&node);
    let problems = read_node("node.toml", &text).expect_err("a strange key is refused");
    let found = missing(&text, &problems);
    assert_eq!(format!("{found:?}"), "{\"the section balancer has no `at [balancer]\": {\"drain\"}}");

    let estate = example("estate.toml").replace(", priority = 0 }", " }").replace(", priority = 1 }", " }");
    let text = with_strange_keys(&estate);
    let problems = read_estate("estate.toml", &bundle(text.clone())).expect_err("a strange key is refused");
    assert!(format!("{:?}", missing(&text, &problems)).contains("{\"priority\"}"), "{problems}");
}
