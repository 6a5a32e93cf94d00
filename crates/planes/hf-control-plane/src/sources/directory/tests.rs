use super::*;

fn shown(folder: &mut Directory) -> String {
    match folder.read() {
        Ok((told, problems)) => {
            let told: Vec<String> = told.iter().map(|told| format!("{}@{}", told.id, told.address)).collect();
            format!("{}; {} problems", told.join(" "), problems.len())
        }
        Err(problem) => problem.split(" (").next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn files_are_put_together_and_follow_edits() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let mut folder = Directory::new(dir.path().to_owned());
    assert_eq!(shown(&mut folder), "; 0 problems");
    write("a.toml", "endpoints = [{ address = \"10.0.0.1:80\", zone = \"a\", weight = 5 }]");
    write("b.json", r#"{"endpoints": [{"address": "10.0.0.2:80", "id": "two"}]}"#);
    write(".hidden.toml", "not toml");
    write("notes.txt", "not toml");
    assert_eq!(shown(&mut folder), "10.0.0.1:80@10.0.0.1:80 two@10.0.0.2:80; 0 problems");
    // Half a file keeps what it said; a file that is gone takes its endpoints along.
    write("a.toml", "endpoints = [{ address = \"10.0.");
    assert_eq!(shown(&mut folder), "10.0.0.1:80@10.0.0.1:80 two@10.0.0.2:80; 1 problems");
    std::fs::remove_file(dir.path().join("b.json")).unwrap();
    assert_eq!(shown(&mut folder), "10.0.0.1:80@10.0.0.1:80; 1 problems");
    write(".new", "endpoints = [{ address = \"10.0.0.3:80\" }]");
    std::fs::rename(dir.path().join(".new"), dir.path().join("a.toml")).unwrap();
    assert_eq!(shown(&mut folder), "10.0.0.3:80@10.0.0.3:80; 0 problems");
    let path = dir.path().display().to_string();
    drop(dir);
    assert_eq!(shown(&mut folder), format!("the folder {path} cannot be read"));
}

#[test]
fn what_a_file_cannot_say_is_told() {
    let problem = |name: &str, text: &str| read_text(name, text).unwrap_err();
    assert!(problem("a.toml", "endpoint = []").contains("unknown field `endpoint`"));
    assert!(problem("a.json", "{\"endpoints\": [{}]}").contains("missing field `address`"));
    assert!(
        problem("a.json", "{\"endpoints\": [{\"address\": \"x:80\"}]}").contains("invalid socket address")
    );
    assert!(
        problem("a.json", "{\"endpoints\": [{\"address\": \"10.0.0.1:80\", \"zone\": \"A\"}]}")
            .contains("endpoint 1: a zone id")
    );
}
