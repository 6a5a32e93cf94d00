use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const ASKED: Asked<'_> = Asked { bucket: "runbook", prefix: "closed/use1-az1" };

/// A listing with this in it.
fn listing(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</ListBucketResult>"
    )
}

/// A listing that says of which prefix it is, with this in it.
fn of_asked(inside: &str) -> String {
    listing(&format!("<Prefix>{}</Prefix>{inside}", ASKED.prefix))
}

fn check(answer: &str, expected: &Expect) {
    let read = first_key(answer.as_bytes(), ASKED);
    expected.assert_eq(&match read {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(key)) => key,
        Err(why) => why,
    });
}

#[test]
fn the_first_key_is_told() {
    check(
        &listing(
            "<Name>runbook</Name><Prefix>closed/use1-az1</Prefix><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys>\
             <IsTruncated>true</IsTruncated><Contents><Key>closed/use1-az1</Key><Size>0</Size></Contents>",
        ),
        &expect!["closed/use1-az1"],
    );
    check(
        &listing(
            "<Name>runbook</Name><Prefix>closed%2Fuse1-az1</Prefix><EncodingType>url</EncodingType>\
             <Contents><Key>closed%2Fuse1-az1%2Fb%C3%BC+rn</Key></Contents><Contents><Key>other</Key></Contents>",
        ),
        &expect!["closed/use1-az1/bü rn"],
    );
    // As rclone has it.
    check(
        &listing(
            "<Name>runbook</Name><Prefix>closed/use1-az1</Prefix><Contents><Key>closed/use1-az1/100%</Key></Contents>\
             <EncodingType>url</EncodingType>",
        ),
        &expect!["closed/use1-az1/100%"],
    );
    check(
        &of_asked("<Contents><Key>closed/use1-az1&amp;co</Key></Contents>"),
        &expect!["closed/use1-az1&co"],
    );
}

#[test]
fn a_listing_of_nothing_says_so() {
    check(
        &listing(
            "<Name>runbook</Name><Prefix>closed/use1-az1</Prefix><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>",
        ),
        &expect!["nothing"],
    );
}

/// It would open a zone that is closed.
#[test]
fn a_listing_that_does_not_say_of_what_is_not_absence() {
    check("<ListBucketResult/>", &expect!["a listing that does not say of which prefix"]);
    check(
        &listing("<Name>runbook</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"),
        &expect!["a listing that does not say of which prefix"],
    );
}

#[test]
fn what_is_no_listing_of_this_says_nothing() {
    check("", &expect!["no XML of a store: the document does not have a root node"]);
    check("<html><body>It works!</body></html>", &expect!["no listing, but <html>"]);
    check("<Error><Code>SlowDown</Code></Error>", &expect!["no listing, but <Error>"]);
    check(&listing("<Name>another</Name>"), &expect![[r#"a listing of another bucket, "another""#]]);
    check(&listing("<Name>runbook</Name><Prefix/>"), &expect![[r#"a listing of another prefix, """#]]);
    check(
        &of_asked("<Contents><Key>open/use1-az1</Key></Contents>"),
        &expect![[r#"a listing with a key that was not asked for, "open/use1-az1""#]],
    );
    check(
        &of_asked("<EncodingType>url</EncodingType><Contents><Key>closed%FFuse1-az1</Key></Contents>"),
        &expect![[r#"a listing with a key that was not asked for, "closed%FFuse1-az1""#]],
    );
    check(
        &of_asked("<Contents><Size>1</Size></Contents>"),
        &expect!["a listing with an object without a key"],
    );
    check(
        &of_asked("<IsTruncated>true</IsTruncated>"),
        &expect!["a listing without keys that goes on elsewhere"],
    );
    check(
        "<!DOCTYPE a [<!ENTITY b \"closed\">]><ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>",
        &expect!["no XML of a store: XML with DTD detected"],
    );
    assert_eq!(first_key(b"\xff", ASKED), Err("no listing: it is not UTF-8".to_owned()));
    check(&listing(&"<a/>".repeat(5_000)), &expect!["no XML of a store: nodes limit reached"]);
}

/// However deep an answer is, it is read without a deep stack.
#[test]
fn depth_does_not_matter() {
    let deep = "<a>".repeat(10_000);
    assert!(first_key(deep.as_bytes(), ASKED).is_err());
    let deep = format!("{}{}", "<a>".repeat(4_000), "</a>".repeat(4_000));
    assert!(first_key(deep.as_bytes(), ASKED).is_err());
}

proptest! {
    /// A key that is told begins as was asked, whatever came.
    #[test]
    fn keys_begin_as_asked(key in "(closed/use1-az1)?[a-z0-9/%+-]{0,12}", is_encoded: bool) {
        let form = if is_encoded { "<EncodingType>url</EncodingType>" } else { "" };
        if let Ok(key) = first_key(of_asked(&format!("{form}<Contents><Key>{key}</Key></Contents>")).as_bytes(), ASKED) {
            prop_assert!(key.expect("a key").starts_with(ASKED.prefix));
        }
    }

    /// A listing cut anywhere says nothing.
    #[test]
    fn a_part_of_a_listing_says_nothing(cut in 0usize..1000) {
        let whole = listing("<Name>runbook</Name><Prefix>closed/use1-az1</Prefix><Contents><Key>closed/use1-az1</Key></Contents>");
        let cut = cut % whole.len();
        prop_assert!(first_key(&whole.as_bytes()[..cut], ASKED).is_err());
    }
}
