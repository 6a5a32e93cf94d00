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

#[test]
fn several_people_have_their_own() {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let text = format!("# people\nann {}\nbob  {} # on call\n\n", digest("hf_a"), digest("hf_b"));
    let tokens = Tokens::parse(&text, Path::new("tokens")).unwrap();
    assert_eq!(tokens.find("hf_b"), Some(Operator::new("bob")));
    assert_eq!(format!("{tokens:?}"), r#"[Operator("ann"), Operator("bob")]"#, "names only");
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| Tokens::parse(text, Path::new("tokens")).unwrap_err().to_string();
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
