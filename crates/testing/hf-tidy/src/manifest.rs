//! Every dependency says why it is here.

/// Lines of `[workspace.dependencies]`, or of a client library's dependencies, without a comment line above; ours apart.
pub fn check(shown: &str, manifest: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut inside = false;
    let mut explained = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = ["[workspace.dependencies]", "[dependencies]", "[dev-dependencies]"].contains(&line);
        } else if inside && line.starts_with('#') {
            explained = !line.starts_with("# --");
        } else if inside && line.contains('=') {
            if !explained && !line.contains("path = ") {
                findings.push(format!("{shown}: `{line}`: say above it why it is here and who keeps it"));
            }
            explained = false;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text = "[workspace.dependencies]\n# Why; who.\na = \"1\"\nb = \"1\"\nours = { path = \"x\" }\n[profile.dev]\nc = 1\n";
        assert_eq!(
            check("Cargo.toml", text),
            ["Cargo.toml: `b = \"1\"`: say above it why it is here and who keeps it"]
        );
    }
}
