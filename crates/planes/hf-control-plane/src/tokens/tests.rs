use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_private_token_and_later_ones_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let secret = fs::read_to_string(dir.path().join(OPERATOR)).unwrap();
    let secret = secret.trim();
    assert!(secret.starts_with("hf_") && secret.len() == 3 + 43, "{secret}");
    assert_eq!((mode(&dir.path().join(OPERATOR)), mode(&dir.path().join(TOKENS))), (0o600, 0o600));
    assert_eq!(tokens.find(secret), Some(Operator::new("operator")));
    assert_eq!(Tokens::open(dir.path()).unwrap().find(secret), Some(Operator::new("operator")));
    assert!(!fs::read_to_string(dir.path().join(TOKENS)).unwrap().contains(secret));
}

#[test]
fn only_the_whole_token_opens() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let secret = fs::read_to_string(dir.path().join(OPERATOR)).unwrap();
    let secret = secret.trim();
    for wrong in ["", "hf_", &secret[..secret.len() - 1], &format!("{secret}x"), &"x".repeat(100_000)] {
        assert_eq!(tokens.find(wrong), None);
    }
}

fn write(dir: &Path, text: &str) {
    write_private(&dir.join(TOKENS), text).unwrap();
}

fn line(name: &str, token: &str) -> String {
    format!("{name} {}\n", Digest::of(token.as_bytes()))
}

#[test]
fn several_people_have_their_own() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &format!("# people\n{}{}\n", line("ann", "hf_a"), line("bob ", "hf_b").replace('\n', " # on call\n")),
    );
    let tokens = Tokens::open(dir.path()).unwrap();
    assert_eq!(tokens.find("hf_b"), Some(Operator::new("bob")));
    assert_eq!(format!("{tokens:?}"), r#"[Operator("ann"), Operator("bob")]"#, "names only");
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| parse(text, Path::new("tokens")).unwrap_err().to_string();
    assert!(error("ann 12").starts_with("tokens:1: a line has"), "{}", error("ann 12"));
    assert!(error(&format!("\nann {}", "+f".repeat(32))).starts_with("tokens:2: "));
    assert!(error("# nothing\n").contains("there is no token"));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Tokens::open(dir.path()).unwrap();
    fs::set_permissions(dir.path().join(TOKENS), fs::Permissions::from_mode(0o644)).unwrap();
    let error = Tokens::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
}

#[test]
fn a_missing_folder_is_named() {
    let error = Tokens::open(Path::new("/nonexistent/holdfast")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/holdfast/operator.token: cannot write"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_counts_without_a_restart_and_a_bad_one_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &line("ann", "hf_a"));
    let tokens = Tokens::open(dir.path()).unwrap();
    tokens.refresh().await;
    write(dir.path(), &line("bob", "hf_b"));
    tokens.refresh().await;
    assert_eq!(tokens.find("hf_b"), None, "looked at a moment ago");
    tokio::time::advance(LOOK_EVERY).await;
    tokens.refresh().await;
    assert_eq!((tokens.find("hf_a"), tokens.find("hf_b")), (None, Some(Operator::new("bob"))));
    write(dir.path(), "bob 12\n");
    tokio::time::advance(LOOK_EVERY).await;
    tokens.refresh().await;
    assert_eq!(tokens.find("hf_b"), Some(Operator::new("bob")));
}
