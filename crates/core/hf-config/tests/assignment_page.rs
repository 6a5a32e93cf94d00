//! `docs/assignment.md`: its snippets are read, and fit each other.

#![expect(clippy::disallowed_methods, reason = "a test may read the page that it is about; core may not")]

use hf_config::estate::EstateBundle;
use hf_config::{check_node_in, read_estate, read_node};

#[test]
fn every_snippet_is_read() {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/assignment.md");
    let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let blocks = page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    let (nodes, estates): (Vec<&str>, Vec<&str>) = blocks.partition(|text| text.contains("[node]"));
    let [toml] = estates[..] else { panic!("one estate, not {}", estates.len()) };
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    let estate = read_estate("docs/assignment.md", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(estate.assignments.len(), 1);
    assert!(estate.pools.iter().all(|pool| pool.assigned.is_some()));
    let [node] = nodes[..] else { panic!("one node file, not {}", nodes.len()) };
    let config = read_node("docs/assignment.md", node).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(page.contains(&format!("`\"127.0.0.1:{}\"`", hf_config::node::AssignConfig::PORT)));
    assert!(config.assign.tls.is_some() && !config.assign.trusted.is_empty());
    check_node_in("docs/assignment.md", node, &estate).unwrap_or_else(|problems| panic!("{problems}"));
}
