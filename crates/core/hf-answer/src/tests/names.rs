//! Plain records: aliases, wildcards, delegations, and what does not exist.

use expect_test::expect;

use super::world::{World, check};

#[test]
fn plain_records_and_aliases() {
    let world = World::new();
    check(
        &world,
        "ns1.example.test. A",
        expect![[r#"
        NoError aa
        ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
    check(
        &world,
        "alias.example.test. A",
        expect![[r#"
        NoError aa
        alias.example.test. 300 CNAME www.example.test.
        www.example.test. 7 A 10.0.1.1
        www.example.test. 7 A 10.0.1.2
        www.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
    check(
        &world,
        "alias.example.test. CNAME",
        expect![[r#"
        NoError aa
        alias.example.test. 300 CNAME www.example.test.
    "#]],
    );
    check(
        &world,
        "alias2.example.test. A",
        expect![[r#"
        NoError aa
        alias2.example.test. 300 CNAME alias.example.test.
        alias.example.test. 300 CNAME www.example.test.
        www.example.test. 7 A 10.0.1.1
        www.example.test. 7 A 10.0.1.2
        www.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
    check(
        &world,
        "out.example.test. A",
        expect![[r#"
        NoError aa
        out.example.test. 300 CNAME www.bare.test.
    "#]],
    );
    check(
        &world,
        "dangling.example.test. A",
        expect![[r#"
        NxDomain aa
        dangling.example.test. 300 CNAME nope.example.test.
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "loop1.example.test. A",
        expect![[r#"
        NoError aa
        loop1.example.test. 300 CNAME loop2.example.test.
        loop2.example.test. 300 CNAME loop1.example.test.
    "#]],
    );
    check(
        &world,
        "long0.example.test. A",
        expect![[r#"
        NoError aa
        long0.example.test. 300 CNAME long1.example.test.
        long1.example.test. 300 CNAME long2.example.test.
        long2.example.test. 300 CNAME long3.example.test.
        long3.example.test. 300 CNAME long4.example.test.
        long4.example.test. 300 CNAME long5.example.test.
        long5.example.test. 300 CNAME long6.example.test.
        long6.example.test. 300 CNAME long7.example.test.
        long7.example.test. 300 CNAME long8.example.test.
        long8.example.test. 300 CNAME long9.example.test.
    "#]],
    );
    check(
        &world,
        "tochild.example.test. A",
        expect![[r#"
        NoError aa
        tochild.example.test. 300 CNAME x.child.example.test.
        auth child.example.test. 300 NS ns.child.example.test.
        auth child.example.test. 300 NS ns1.example.test.
        auth child.example.test. 300 NS ns.elsewhere.test.
        more ns.child.example.test. 300 A 10.0.0.54
        more ns.child.example.test. 300 AAAA fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd
        more ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
}

#[test]
fn no_such_name_and_nothing_of_the_type() {
    let world = World::new();
    check(
        &world,
        "nope.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "ns1.example.test. TXT",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "ent.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "x.ent.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "nope.bare.test. A",
        expect![[r#"
        NxDomain aa
        auth bare.test. 5 SOA ns.bare.test. hostmaster.bare.test. 7 3600 600 604800 5
    "#]],
    );
}

#[test]
fn wildcards_stand_for_what_does_not_exist() {
    let world = World::new();
    check(
        &world,
        "a.wild.example.test. A",
        expect![[r#"
        NoError aa
        a.wild.example.test. 300 A 10.0.0.42
    "#]],
    );
    check(
        &world,
        "a.b.wild.example.test. A",
        expect![[r#"
        NoError aa
        a.b.wild.example.test. 300 A 10.0.0.42
    "#]],
    );
    check(
        &world,
        "a.wild.example.test. TXT",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "*.wild.example.test. A",
        expect![[r#"
        NoError aa
        *.wild.example.test. 300 A 10.0.0.42
    "#]],
    );
    check(
        &world,
        "wild.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "there.wild.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "x.there.wild.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "anything.wild.test. A",
        expect![[r#"
        NoError aa
        anything.wild.test. 7 A 10.0.1.1
        anything.wild.test. 7 A 10.0.1.2
        anything.wild.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
}

#[test]
fn delegations_are_referred_with_glue() {
    let world = World::new();
    check(
        &world,
        "child.example.test. A",
        expect![[r#"
        NoError
        auth child.example.test. 300 NS ns.child.example.test.
        auth child.example.test. 300 NS ns1.example.test.
        auth child.example.test. 300 NS ns.elsewhere.test.
        more ns.child.example.test. 300 A 10.0.0.54
        more ns.child.example.test. 300 AAAA fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd
        more ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
    check(
        &world,
        "a.b.child.example.test. AAAA",
        expect![[r#"
        NoError
        auth child.example.test. 300 NS ns.child.example.test.
        auth child.example.test. 300 NS ns1.example.test.
        auth child.example.test. 300 NS ns.elsewhere.test.
        more ns.child.example.test. 300 A 10.0.0.54
        more ns.child.example.test. 300 AAAA fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd
        more ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
    check(
        &world,
        "ns.child.example.test. A",
        expect![[r#"
        NoError
        auth child.example.test. 300 NS ns.child.example.test.
        auth child.example.test. 300 NS ns1.example.test.
        auth child.example.test. 300 NS ns.elsewhere.test.
        more ns.child.example.test. 300 A 10.0.0.54
        more ns.child.example.test. 300 AAAA fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd
        more ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
    check(
        &world,
        "child.example.test. DS",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "x.child.example.test. DS",
        expect![[r#"
        NoError
        auth child.example.test. 300 NS ns.child.example.test.
        auth child.example.test. 300 NS ns1.example.test.
        auth child.example.test. 300 NS ns.elsewhere.test.
        more ns.child.example.test. 300 A 10.0.0.54
        more ns.child.example.test. 300 AAAA fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd
        more ns1.example.test. 300 A 10.0.0.53
    "#]],
    );
}

#[test]
fn a_dname_renames_what_is_below_it() {
    let world = World::new();
    check(
        &world,
        "www.old.example.test. A",
        expect![[r#"
        NoError aa
        old.example.test. 300 DNAME example.test.
        www.old.example.test. 300 CNAME www.example.test.
        www.example.test. 7 A 10.0.1.1
        www.example.test. 7 A 10.0.1.2
        www.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
    check(
        &world,
        "www.old.example.test. CNAME",
        expect![[r#"
        NoError aa
        old.example.test. 300 DNAME example.test.
        www.old.example.test. 300 CNAME www.example.test.
    "#]],
    );
    check(
        &world,
        "old.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "old.example.test. DNAME",
        expect![[r#"
        NoError aa
        old.example.test. 300 DNAME example.test.
    "#]],
    );
    let long = format!("{0}.{0}.{0}.grow.example.test. A", "x".repeat(60));
    check(
        &world,
        &long,
        expect![[r#"
            YxDomain aa
            grow.example.test. 300 DNAME yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.example.test.
        "#]],
    );
}
