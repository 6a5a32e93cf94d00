//! What is stored, what is kept, and what is refused before anything is written.

use super::*;
use crate::args::Output;

fn common(folder: &Path, endpoints: &[&str], token: Option<&str>) -> Common {
    Common {
        endpoints: endpoints.iter().map(ToString::to_string).collect(),
        token: token.map(ToOwned::to_owned),
        ca: None,
        pins: Vec::new(),
        certificate: None,
        certificate_key: None,
        runbook: Some(folder.join("deep/runbook.toml")),
        output: Output::Table,
    }
}

fn stored(nodes: &[&str], operator: Option<&str>, force: bool, common: &Common) -> Result<Runbook, Failure> {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let path = common.runbook.as_deref().unwrap();
    let mut runbook = merged(path, &Given { nodes: &nodes, operator, force }, common)?;
    store(path, &mut runbook, common)?;
    let read = Runbook::load(common)?.unwrap();
    assert_eq!(read, runbook, "what is written is what is read");
    Ok(read)
}

#[test]
fn force_keeps_what_is_not_given_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = common(folder.path(), &["http://10.0.0.1:1"], Some("secret"));
    let before = stored(&["http://10.0.0.2:2"], Some("ad\"a"), false, &first).unwrap();
    assert_eq!(before.operator.as_deref(), Some("ad\"a"));
    let refused = stored(&[], None, false, &first).unwrap_err();
    assert!(matches!(&refused, Failure::Usage(text) if text.contains("--force")), "{refused:?}");

    let key = std::fs::read(before.key.as_ref().unwrap()).unwrap();
    let after = stored(&[], None, true, &common(folder.path(), &[], None)).unwrap();
    assert_eq!(after, before);
    assert_eq!(std::fs::read(after.key.as_ref().unwrap()).unwrap(), key);

    let other = stored(&[], None, true, &common(folder.path(), &["http://10.0.0.3:3"], None)).unwrap();
    assert_eq!(other, Runbook { endpoints: vec!["http://10.0.0.3:3".to_owned()], ..before });
}

#[test]
fn all_of_it_is_written_and_read_again_and_nobody_else_may_look() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("authority");
    let signer = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["ca".to_owned()]).unwrap();
    std::fs::write(&ca, certificate.self_signed(&signer).unwrap().pem()).unwrap();
    let mut given = common(folder.path(), &["https://10.0.0.1:7600"], Some("t"));
    given.ca = Some(ca.clone());
    given.pins = vec![hf_api::tls::KeyPin([7; 32])];
    let runbook = stored(&["https://10.0.0.2:7600"], None, false, &given).unwrap();
    std::fs::remove_file(ca).unwrap();
    let kept = runbook.ca.clone().unwrap();
    assert_eq!(kept, folder.path().join("deep/ca.pem"));
    assert_eq!(runbook.pins, given.pins);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = given.runbook.as_deref().unwrap();
    assert_eq!((mode(file), mode(file.parent().unwrap()), mode(&kept)), (0o600, 0o700, 0o600));
    // It is enough for a client by itself, with what it was made of gone.
    assert!(crate::session::client(&common(folder.path(), &[], None)).is_ok());
}

#[test]
fn what_cannot_work_is_not_stored() {
    for (endpoints, nodes, token) in [
        (&["https://10.0.0.1:1"][..], &[][..], None),
        (&["http://10.0.0.1:1"], &["nonsense"], None),
        (&["http://10.0.0.1:1"], &[], Some("two words")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let refused = stored(nodes, None, false, &common(folder.path(), endpoints, token)).unwrap_err();
        assert!(matches!(refused, Failure::Usage(_)), "{refused:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
    }
}

#[test]
fn it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let common = common(folder.path(), &["http://10.0.0.1:1"], None);
    let runbook = stored(&[], None, false, &common).unwrap();
    let told = told_at_init(&Stored::of(common.runbook.as_deref().unwrap(), &runbook));
    for missing in ["no token: ", "no nodes: ", "no estate: "] {
        assert!(told.contains(missing), "{told}");
    }
}
