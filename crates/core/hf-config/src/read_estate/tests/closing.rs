//! Closing sources, as written.

use super::*;

const ESTATE: &str = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\naliases = [\"one\"]\n[[zone]]\nid = \"b\"\nregion = \"r\"\n\
    [[pool]]\nname = \"web\"\nprotocol = \"tcp\"\nendpoints = [{ address = \"10.1.1.1:80\", zone = \"a\" }]\n";

#[track_caller]
fn check(sources: &str, expected: Expect) {
    let bundle = EstateBundle { toml: format!("{ESTATE}{sources}"), ..EstateBundle::default() };
    let found = match read_estate("estate.toml", &bundle) {
        Ok(estate) => estate.closing_sources.iter().map(|source| show(&estate, source)).collect(),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

fn show(estate: &crate::estate::Estate, source: &crate::estate::ClosingSource) -> String {
    let mut text = format!(
        "{} {:?} every {:?} within {:?} quorum {} inverted {}\n",
        source.name, source.resource, source.every, source.within, source.quorum, source.inverted
    );
    for zone in &source.zones {
        text.push_str(&format!("  {}\n", estate.zone(zone.zone).id));
        for store in &zone.stores {
            text.push_str(&format!("    {store}\n"));
        }
    }
    text
}

#[test]
fn a_runbook_is_read_with_its_defaults() {
    check(
        "[[closing_source]]\nname = \"runbook\"\nzone = \"one\"\n[[closing_source.from]]\nobject = \"s3://ops/closed/{zone}\"\n\
         [[closing_source.from]]\nobject = \"s3://ops/closed/{alias}\"\nendpoint = \"http://10.1.1.9:9000\"\nregion = \"eu-west-2\"\ncredentials = \"eu\"\n\
         [[closing_source.from]]\nhttp = \"https://status.example.test/closed/{zone}?token=x\"\n\
         [[closing_source.from]]\nfile = \"/var/lib/holdfast/closed/{zone}\"\n\
         [[closing_source.from]]\ntable = \"dynamodb://zones\"\nkey = \"Zone\"\nvalue = \"{zone}\"\n",
        expect![[r"
            runbook Everything every 5s within 2.5s quorum 3 inverted true
              a
                object s3://ops/closed/a at s3.us-east-1.amazonaws.com:443
                object s3://ops/closed/one at 10.1.1.9:9000
                https://status.example.test:443/closed/a
                file /var/lib/holdfast/closed/a
                item Zone=a of table zones at dynamodb.us-east-1.amazonaws.com:443
        "]],
    );
}

#[test]
fn all_zones_have_a_place_each() {
    check(
        "[[closing_source]]\nname = \"all\"\nzones = \"all\"\nevery = \"1s\"\nquorum = 1\ninverted = false\n[[closing_source.from]]\nfile = \"/closed/{zone}\"\n\
         [[closing_source]]\nname = \"web\"\nzones = \"all\"\nresource = \"pool/web\"\nwithin = \"5s\"\n[[closing_source.from]]\nfile = \"/web/{zone}\"\n[[closing_source.from]]\nfile = \"/web2/{zone}\"\n",
        expect![[r"
            all Everything every 1s within 500ms quorum 1 inverted false
              a
                file /closed/a
              b
                file /closed/b
            web Pool(PoolIx(0)) every 5s within 5s quorum 2 inverted true
              a
                file /web/a
                file /web2/a
        "]],
    );
}

/// Whatever would look like a source and never close anything is refused.
#[test]
fn what_can_never_act_is_refused() {
    check(
        "[[closing_source]]\nname = \"x\"\nzone = \"c\"\nresource = \"pool/wbe\"\nquorum = 3\n[[closing_source.from]]\nfile = \"/a\"\n[[closing_source.from]]\nfile = \"/b\"\n\
         [[closing_source]]\nname = \"x\"\nzone = \"b\"\nresource = \"pool/web\"\nevery = \"2s\"\nwithin = \"3s\"\n[[closing_source.from]]\nfile = \"/a\"\n\
         [[closing_source]]\nname = \"both\"\nzones = \"all\"\n[[closing_source.from]]\nfile = \"/the-same\"\n\
         [[closing_source]]\nname = \"twice\"\nzone = \"a\"\n[[closing_source.from]]\nfile = \"/{zone}\"\n[[closing_source.from]]\nfile = \"/a\"\n\
         [[closing_source]]\nname = \"none\"\nzone = \"a\"\nzones = [\"a\"]\n\
         [[closing_source]]\nname = \"no-alias\"\nzones = [\"a\", \"b\", \"a\"]\n[[closing_source.from]]\nfile = \"/{alias}\"\n\
         [[closing_source]]\nname = \"items\"\nzone = \"a\"\ninverted = false\n[[closing_source.from]]\ntable = \"zones\"\nkey = \"Zone\"\n\
         [[closing_source]]\nname = \"turned\"\nzone = \"a\"\ninverted = false\nresource = \"zone/a\"\n[[closing_source.from]]\ntable = \"dynamodb://zones\"\nkey = \"Zone\"\nvalue = \"a\"\n",
        expect![[r#"
            estate.toml:16:8: no zone is named `c`; did you mean `a`? there are `a`, `b`, `one`
            estate.toml:17:12: no pool is named `wbe`; did you mean `web`? there is only `web`
            estate.toml:18:10: `quorum` is 1 to 2, this is 3; change it
            estate.toml:24:8: closing source `x` is listed twice; remove one of the two
            estate.toml:25:8: the pool has no endpoint in zone `b`, so nothing would leave it; remove it
            estate.toml:28:10: a look may take 3s and one begins every 2s; shorten `within`, or lengthen `every`
            estate.toml:35:8: this is one place for 2 zones; write {zone} or {alias} into it
            estate.toml:42:8: this store is asked twice; remove one of the two
            estate.toml:43:1: a closing source looks at 1 to 5 stores; add [[closing_source.from]] with `object`, `http`, `file` or `table`
            estate.toml:45:8: a closing source has `zone` or `zones`, this one both; remove one
            estate.toml:49:20: this zone is listed twice; remove one of the two
            estate.toml:56:1: a table that is looked at needs `value`; add it
            estate.toml:57:9: "zones" is no table; write "dynamodb://TABLE"
            estate.toml:62:12: an item says itself whether its zone is healthy, and one that is missing closes nothing; remove `inverted`
            estate.toml:63:12: what leaves the zone is "everything" or "pool/NAME", not "zone/a"; change it
        "#]],
    );
}

#[test]
fn wrong_places_are_told_together() {
    check(
        "[[closing_source]]\nname = \"x\"\n[[closing_source.from]]\nobject = \"s3://bucket/\"\n[[closing_source.from]]\nobject = \"/bucket/a\"\nendpoint = \"http://h/path\"\n\
         [[closing_source.from]]\nhttp = \"ftp://a\"\nfile = \"/b\"\n[[closing_source.from]]\ncredentials = \"x\"\n[[closing_source.from]]\nfile = \"relative\"\ncredentials = \"x\"\n\
         [[closing_source]]\nname = \"y\"\nzone = \"a\"\n[[closing_source.from]]\nobject = \"s3://bucket/\"\n\
         [[closing_source]]\nname = \"z\"\nzone = \"a\"\n[[closing_source.from]]\nobject = \"s3://My_Bucket/k\"\n\
         [[closing_source]]\nname = \"h\"\nzone = \"a\"\n[[closing_source.from]]\nhttp = \"https://user@host/\"\n\
         [[closing_source]]\nname = \"f\"\nzone = \"a\"\n[[closing_source.from]]\nfile = \"closed\"\n",
        expect![[r#"
            estate.toml:14:1: a closing source needs `zone`, or `zones` with {zone} in its places; add it
            estate.toml:20:12: "http://h/path" is no address of a store; write https://HOST[:PORT]
            estate.toml:21:1: a store is one of `object`, `http`, `file` and `table`, this is several of them; write one
            estate.toml:24:1: a store is one of `object`, `http`, `file` and `table`, this is none of them; write one
            estate.toml:28:1: a file that is looked for has no `credentials`; remove it, there is only `file`
            estate.toml:33:10: any object in bucket bucket would close the zone; write its key, or the folder that it lies in, behind the '/'
            estate.toml:38:10: bucket My_Bucket cannot stand in the name of a server; set path_style = true
            estate.toml:43:8: "https://user@host/" is no address; write https://HOST[:PORT]/PATH, without a user
            estate.toml:48:8: "closed" is no absolute path; begin it with '/'
        "#]],
    );
}
