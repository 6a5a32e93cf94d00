//! The access file on disk: first start, changes, bad files, sealed secrets, edits.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hf_access::{Action, Role};
use hf_model::Timestamp;

use super::*;

fn open(dir: &Path) -> Result<Access, AccessError> {
    Access::open(&AccessPlace::DataDir(dir.to_owned()), Clock::manual(Timestamp(0)))
}

fn whose(access: &Access, token: &str) -> Option<String> {
    access.identify(&Presented::Token(token)).ok().map(|principal| principal.name.to_string())
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn principal(name: &str, token: &str) -> String {
    let digest = Digest::of(token.as_bytes());
    format!(
        "[[principal]]\nname = \"{name}\"\nroles = [\"read\"]\n[[principal.token]]\nsha256 = \"{digest}\"\n"
    )
}

#[test]
fn the_first_start_makes_an_operator_who_may_do_everything() {
    let dir = tempfile::tempdir().unwrap();
    let access = open(dir.path()).unwrap();
    let token = fs::read_to_string(dir.path().join(OPERATOR)).unwrap();
    let operator = access.identify(&Presented::Token(token.trim())).unwrap();
    assert_eq!(operator.name.as_str(), "operator");
    assert!(operator.may(&Action::Administer).is_ok());
    for file in [ACCESS, OPERATOR] {
        assert_eq!(
            fs::metadata(dir.path().join(file)).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
    assert!(!fs::read_to_string(dir.path().join(ACCESS)).unwrap().contains(token.trim()));
    let again = open(dir.path()).unwrap();
    assert_eq!(whose(&again, token.trim()).as_deref(), Some("operator"));
}

#[test]
fn tokens_of_an_earlier_version_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"hf_old");
    write(&dir.path().join("tokens"), &format!("# names\nann {digest} # hers\nnonsense\n\"bob {digest}\n"));
    let access = open(dir.path()).unwrap();
    assert_eq!(whose(&access, "hf_old").as_deref(), Some("ann"));
    assert!(!dir.path().join(OPERATOR).exists());
}

#[test]
fn a_file_that_is_named_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let place = AccessPlace::File(dir.path().join("access.toml"));
    let error = Access::open(&place, Clock::system()).unwrap_err().to_string();
    assert!(error.contains("access.toml: cannot read it; check that it is there"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn bad_files_are_told_with_all_their_problems() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    write(&path, "[[principal]]\nname = 1\nroles = [\"reed\"]\n");
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("access.toml:2:8: `name` is a string") && error.contains(":3:10: no role"),
        "{error}"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("others may use this file (mode 640); run `chmod 600"), "{error}");
    write(&path, &"#".repeat(9 << 20));
    assert!(open(dir.path()).unwrap_err().to_string().contains("at most"));
    fs::write(&path, [0xff]).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), AccessError::Io { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_change_counts_within_a_second_and_a_bad_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    write(&path, &principal("ann", "hf_a"));
    let access = open(dir.path()).unwrap();
    let later = || tokio::time::advance(LOOK_EVERY);
    access.refresh().await;
    write(&path, &principal("robert", "hf_b"));
    access.refresh().await;
    assert_eq!(whose(&access, "hf_b"), None, "not looked at yet");
    later().await;
    access.refresh().await;
    assert_eq!(whose(&access, "hf_b").as_deref(), Some("robert"));
    assert_eq!(whose(&access, "hf_a"), None);

    write(&path, "nonsense");
    later().await;
    access.refresh().await;
    assert_eq!(whose(&access, "hf_b").as_deref(), Some("robert"));
    assert!(access.problem().unwrap().contains("access.toml:1:"), "{:?}", access.problem());

    write(&path, &principal("eve", "hf_c"));
    later().await;
    access.refresh().await;
    assert_eq!((whose(&access, "hf_c").as_deref(), access.problem()), (Some("eve"), None));
    assert_eq!(whose(&access, &"x".repeat(10_000)), None);
}

#[test]
fn certificates_and_keys_have_an_owner_and_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    let mut edit = AccessEdit::open(&path).unwrap();
    let new = NewPrincipal {
        name: "ann".to_owned(),
        roles: [Role::Read].into(),
        certificates: vec!["ann.example".to_owned()],
        expires: Some("1970-01-02".to_owned()),
        ..NewPrincipal::default()
    };
    edit.add(&new).unwrap();
    let (id, secret) = edit.key("ann", Some("1970-01-01T00:00:10Z")).unwrap();
    edit.save().unwrap();
    let clock = Clock::manual(Timestamp(0));
    let access = Access::open(&AccessPlace::File(path), clock.clone()).unwrap();
    let names = ["other".to_owned(), "ann.example".to_owned()];
    assert_eq!(access.identify(&Presented::Certificate(&names)).unwrap().name.as_str(), "ann");
    assert_eq!(access.secret_of(&id), Some(secret));
    assert_eq!(access.identify(&Presented::AccessKey(&id)).unwrap().name.as_str(), "ann");
    clock.set(Timestamp(10_000));
    assert_eq!(access.secret_of(&id), None, "it has ended");
    assert!(matches!(access.identify(&Presented::AccessKey(&id)), Err(Unknown::Ended { .. })));
    assert!(access.identify(&Presented::Certificate(&names)).is_ok());
    clock.set(Timestamp(86_400_000));
    assert!(matches!(access.identify(&Presented::Certificate(&names)), Err(Unknown::Ended { .. })));
}

#[test]
fn sealed_secrets_open_with_their_key_and_id_only() {
    let dir = tempfile::tempdir().unwrap();
    let key = SealKey::open_or_make(&dir.path().join(SEAL)).unwrap();
    let sealed = seal::seal(&key, "HFAKAAAAAAAAAAAAAAAA", "the secret");
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
    let again = SealKey::open_or_make(&dir.path().join(SEAL)).unwrap();
    assert_eq!(seal::unseal(&again, "HFAKAAAAAAAAAAAAAAAA", &sealed).unwrap().expose(), "the secret");
    assert_eq!(seal::unseal(&again, "HFAKBAAAAAAAAAAAAAAA", &sealed), None);
    let other = SealKey::open_or_make(&dir.path().join("other.key")).unwrap();
    assert_eq!(seal::unseal(&other, "HFAKAAAAAAAAAAAAAAAA", &sealed), None);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(seal::unseal(&again, "HFAKAAAAAAAAAAAAAAAA", &changed), None, "{at}");
        assert_eq!(seal::unseal(&again, "HFAKAAAAAAAAAAAAAAAA", &sealed[..at]), None, "{at}");
    }
    assert_eq!(format!("{:?}", seal::unseal(&again, "HFAKAAAAAAAAAAAAAAAA", &sealed).unwrap()), "Secret");
}

#[test]
fn a_wrong_or_missing_sealing_key_is_told_with_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    let mut edit = AccessEdit::open(&path).unwrap();
    edit.add(&NewPrincipal { name: "ann".to_owned(), ..NewPrincipal::default() }).unwrap();
    let (id, _) = edit.key("ann", None).unwrap();
    edit.save().unwrap();
    let seal = dir.path().join(SEAL);
    let tell =
        || open(dir.path()).unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "");
    fs::rename(&seal, dir.path().join("kept")).unwrap();
    assert!(tell().starts_with("seal.key: cannot use the key of sealed secrets (No such file"), "{}", tell());
    write(&seal, "nonsense");
    assert!(tell().starts_with("seal.key: not a key of sealed secrets"), "{}", tell());
    fs::remove_file(&seal).unwrap();
    SealKey::open_or_make(&seal).unwrap();
    let told = tell();
    assert!(
        told.starts_with("access.toml:")
            && told.contains(&format!("the secret of access key {id} does not open with seal.key")),
        "{told}"
    );
    fs::set_permissions(&seal, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(tell().contains("mode 644"), "{}", tell());
}

#[test]
fn edits_keep_what_people_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    write(
        &path,
        &format!(
            "# ours\n{}\n# the end\n",
            principal("ann", "hf_a").replace("[[principal.", "# hers\n[[principal.")
        ),
    );
    let mut edit = AccessEdit::open(&path).unwrap();
    let bob = NewPrincipal {
        name: "bob".to_owned(),
        roles: [Role::Operate, Role::Read].into(),
        pools: Some(vec!["web".to_owned()]),
        zones: Some(Vec::new()),
        ..NewPrincipal::default()
    };
    edit.add(&bob).unwrap();
    assert!(matches!(edit.add(&bob), Err(EditError::Taken(_))));
    let token = edit.token("bob", Some("2030-01-01")).unwrap();
    let second = edit.token("ann", None).unwrap();
    assert!(matches!(edit.token("eve", None), Err(EditError::Absent(_))));
    edit.save().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for kept in [
        "# ours\n",
        "# hers\n",
        "# the end\n",
        "zones = []",
        "pools = [\"web\"]",
        "roles = [\"read\", \"operate\"]",
    ] {
        assert!(text.contains(kept), "{kept:?} is not in:\n{text}");
    }
    let access = open(dir.path()).unwrap();
    assert_eq!(whose(&access, token.expose()).as_deref(), Some("bob"));
    assert_eq!(whose(&access, second.expose()).as_deref(), Some("ann"));
    assert_eq!(whose(&access, "hf_a").as_deref(), Some("ann"));

    let mut edit = AccessEdit::open(&path).unwrap();
    edit.remove("bob").unwrap();
    edit.save().unwrap();
    assert_eq!(whose(&open(dir.path()).unwrap(), token.expose()), None);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_would_not_be_good_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS);
    write(&path, &principal("ann", "hf_a"));
    let before = fs::read_to_string(&path).unwrap();
    let mut edit = AccessEdit::open(&path).unwrap();
    let bad = NewPrincipal {
        name: "bob".to_owned(),
        zones: Some(vec!["A B".to_owned()]),
        ..NewPrincipal::default()
    };
    edit.add(&bad).unwrap();
    let told = edit.save().unwrap_err().to_string();
    assert!(told.starts_with("nothing was changed: ") && told.contains("a zone id"), "{told}");
    let mut last = AccessEdit::open(&path).unwrap();
    last.remove("ann").unwrap();
    assert!(matches!(last.save(), Err(EditError::Problems(_))), "somebody must be left");

    let mut slow = AccessEdit::open(&path).unwrap();
    slow.token("ann", None).unwrap();
    write(&path, &format!("{before}# more\n"));
    assert!(matches!(slow.save(), Err(EditError::Changed { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}# more\n"));

    write(&path, "principal = [{ name = \"ann\", roles = [] }]\n");
    let told = AccessEdit::open(&path).unwrap().token("ann", None).unwrap_err().to_string();
    assert!(told.contains("ann"), "{told}");
}
