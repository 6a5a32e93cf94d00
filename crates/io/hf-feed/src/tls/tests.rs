use super::*;
use crate::testing::{Authority, node};

fn check(name: &str, change: impl FnOnce(&mut TlsConfig)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Authority::new().issue(dir.path(), "n1", 2020, 2100);
    change(&mut config);
    let now = Timestamp(1_800_000_000_000);
    let text = match Tls::load(&config, &node(name), now) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    text.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn right_files_are_taken() {
    assert_eq!(check("n1", |_| ()), "ok");
}

#[test]
fn wrong_files_are_named_with_the_mend() {
    assert_eq!(
        check("n2", |_| ()),
        "n1.pem: the certificate is not for the node `n2`; issue one with the DNS name `n2`"
    );
    assert_eq!(
        check("n1", |config| config.ca.set_file_name("gone.pem")),
        "gone.pem: No such file or directory (os error 2); check `tls` in the node file and the file's permissions"
    );
    assert_eq!(
        check("n1", |config| config.key = config.certificate.clone()),
        "n1.pem: holds no private key in PEM form; is it the right file?"
    );
    assert_eq!(
        check("n1", |config| config.certificate = config.key.clone()),
        "n1.key: holds no certificate in PEM form; is it the right file?"
    );
    assert_eq!(
        check("n1", |config| {
            let dir = config.ca.parent().unwrap().join("a");
            std::fs::create_dir(&dir).unwrap();
            config.key = Authority::new().issue(&dir, "other", 2020, 2100).key;
        }),
        "a/other.key: the key does not match the certificate in n1.pem; use the two files that were made together"
    );
    assert_eq!(
        check("n1", |config| {
            let dir = config.ca.parent().unwrap().join("b");
            std::fs::create_dir(&dir).unwrap();
            config.ca = Authority::new().issue(&dir, "n1", 2020, 2100).ca;
        }),
        "n1.pem: the certificate was not signed by the authority in b/ca.pem; issue it with that one"
    );
}

#[test]
fn a_certificate_out_of_its_time_is_named() {
    let issue = |from, to| {
        move |config: &mut TlsConfig| {
            let dir = config.ca.parent().unwrap().to_owned();
            *config = Authority::new().issue(&dir, "n1", from, to);
        }
    };
    assert_eq!(check("n1", issue(2020, 2021)), "n1.pem: the certificate has expired; issue a new one");
    assert_eq!(
        check("n1", issue(2090, 2100)),
        "n1.pem: the certificate is not valid yet; check this machine's clock"
    );
}
