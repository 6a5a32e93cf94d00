//! `docs/balancer.md`: its snippets are read, each default of its tables is the real one, and no key is missing.

#![expect(clippy::disallowed_methods, reason = "a test may read the page that it is about; core may not")]

use std::collections::BTreeSet;

use hf_config::estate::{Estate, EstateBundle};
use hf_config::{read_estate_advised, read_node};

/// What the snippets stand in.
const BASE: &str = "
[[region]]
id = \"r\"
[[zone]]
id = \"z1\"
region = \"r\"
[[zone]]
id = \"z2\"
region = \"r\"
[[zone]]
id = \"z3\"
region = \"r\"
[[health_check]]
name = \"web\"
kind = \"tcp\"
";

const NODE: &str =
    "[node]\nid = \"b1\"\nzone = \"z1\"\ndata_dir = \"data\"\nroles = [\"balancer\"]\n[balancer]\n";

fn page() -> String {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/balancer.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn estate(text: &str) -> Estate {
    let bundle = EstateBundle { toml: format!("{BASE}{text}"), ..EstateBundle::default() };
    let (estate, advice) = read_estate_advised("docs/balancer.md", &bundle)
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert!(advice.is_empty(), "{advice:?}\n{text}");
    estate
}

/// Rows of the tables: heading of the section, the word that says which table of it, key and default.
fn rows(page: &str) -> Vec<[String; 4]> {
    let (mut section, mut inside, mut rows) = ("", "", Vec::new());
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            (section, inside) = (heading, heading.split('`').nth(1).unwrap_or_default());
        } else if let Some(rest) = line.strip_prefix("In `").or_else(|| line.strip_prefix('`')) {
            inside = rest.split('`').next().unwrap_or_default();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", key, default, ..] = cells[..]
            && let Some(key) = key.strip_prefix('`').and_then(|key| key.strip_suffix('`'))
        {
            rows.push([section, inside, key, default.trim_matches('`')].map(str::to_owned));
        }
    }
    rows
}

#[test]
fn every_snippet_is_read() {
    let page = page();
    let (mut pools, mut nodes) = (String::new(), 0);
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        if text.contains("[node]") {
            read_node("docs/balancer.md", text).unwrap_or_else(|problems| panic!("{problems}"));
            nodes += 1;
        } else {
            estate(text);
            pools.push_str(text);
        }
    }
    // All of them together, too: their names and listeners do not meet.
    assert_eq!((estate(&pools).pools.len() > 8, nodes), (true, 1));
}

#[test]
fn every_default_is_the_real_one() {
    let with = |keys: &str| {
        let text = format!(
            "[[pool]]\nname = \"p\"\nlisten = \"0.0.0.0:1\"\ncross_zone = CROSS\nendpoints = [{{ address = \"10.0.0.1:1\", zone = \"z1\" }}]\n{keys}\n"
        );
        let text = text.replace("CROSS", if keys.contains("cross_zone") { "" } else { "true" });
        let text = text.replace("cross_zone = \n", "");
        estate(&text).pools[0].clone()
    };
    let mut told = 0;
    for [section, inside, key, default] in rows(&page()) {
        let skipped = default == "none" || default == "needed" || section.starts_with("Sessions");
        if skipped {
            continue;
        }
        let said = format!("{key} = {default}");
        if inside == "[balancer]" {
            let node = |text: &str| {
                read_node("n", &format!("{NODE}{text}")).unwrap_or_else(|problems| panic!("{problems}"))
            };
            assert_eq!(node(&said), node(""), "{said}");
        } else {
            let table = |keys: &str| match inside.as_str() {
                "" => keys.to_owned(),
                "sticky" | "endpoint_tls" if keys.is_empty() => format!("{inside} = true"),
                "failover" => {
                    let rest = if keys.is_empty() { String::new() } else { format!(", {keys}") };
                    format!(
                        "failover = {{ to = \"q\"{rest} }}\n[[pool]]\nname = \"q\"\nendpoints = [{{ address = \"10.0.0.2:1\", zone = \"z1\" }}]"
                    )
                }
                inside => format!("{inside} = {{ {keys} }}"),
            };
            // `cross_zone` itself is told against a pool without it.
            let without = if key == "cross_zone" { with("cross_zone = false") } else { with(&table("")) };
            assert_eq!(with(&table(&said)), without, "{inside} {said}");
        }
        told += 1;
    }
    assert!(told > 35, "{told}");
}

#[test]
fn no_key_is_missing() {
    let keys_of = |text: &str| -> BTreeSet<String> {
        let bundle = EstateBundle { toml: format!("{BASE}{text}"), ..EstateBundle::default() };
        let problems = match read_estate_advised("estate.toml", &bundle) {
            Ok(_) => panic!("a strange key is refused"),
            Err(problems) => problems.to_string(),
        };
        let (_, list) = problems.split_once("there are ").unwrap_or_else(|| panic!("{problems}"));
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let pool = |keys: &str| {
        keys_of(&format!(
            "[[pool]]\nname = \"p\"\nendpoints = [{{ address = \"10.0.0.1:1\", zone = \"z1\" }}]\n{keys}\n"
        ))
    };
    let told: BTreeSet<String> = rows(&page()).into_iter().map(|[_, _, key, _]| key).collect();
    let elsewhere = [
        "name",
        "health_check",
        "endpoints",
        "source",
        "min_zones",
        "min_capacity",
        "all_down",
        "return_over",
        "control",
        // Tables and references that the text tells of.
        "patience",
        "bounds",
        "retries",
        "failover",
        "ejection",
        "assigned",
        "to",
    ];
    let tables = ["patience", "bounds", "retries", "failover", "ejection", "sticky", "endpoint_tls"]
        .map(|table| format!("{table} = {{ qqqqqqqqqqqqqqqqq = 1 }}"));
    for keys in tables.iter().map(String::as_str).chain(["qqqqqqqqqqqqqqqqq = 1"]) {
        for key in pool(keys) {
            assert!(
                told.contains(&key) || elsewhere.contains(&key.as_str()),
                "{key} is not in docs/balancer.md"
            );
        }
    }
}
