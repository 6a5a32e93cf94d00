//! What sources tell of pools' endpoints.

use hf_config::estate::{EndpointSet, SourcedEndpoint};
use hf_model::{Revision, Weight};
use proptest::prelude::*;

use super::script::{Runner, bundle};
use super::*;
use crate::{Command, Intent, State};

/// `set POOL SOURCE NAME=ADDRESS@ZONE …`, in any order; `;` begins another pool. Blanks of a source are `+`.
pub(super) fn set(text: &str) -> Command {
    let endpoint = |text: &str| {
        let (id, rest) = text.split_once('=').unwrap();
        let (address, zone) = rest.split_once('@').unwrap();
        SourcedEndpoint {
            address: address.parse().unwrap(),
            id: id.parse().unwrap(),
            zone: zone.parse().unwrap(),
            weight: Weight::default(),
            priority: 0,
            lease: std::time::Duration::ZERO,
        }
    };
    let set = |text: &str| {
        let mut words = text.trim().trim_start_matches("set ").split(' ');
        let (pool, source) = (words.next().unwrap(), words.next().unwrap());
        EndpointSet {
            pool: pool.parse().unwrap(),
            source: source.replace('+', " "),
            endpoints: words.map(endpoint).collect(),
        }
    };
    Command::SetEndpoints { sets: text.split(';').map(set).collect() }
}

/// The test estate where `web` has a source beside its endpoints, and `db` nothing else.
fn sourced(more: &str) -> hf_config::estate::EstateBundle {
    let db = "endpoints = [\n  { address = \"10.0.4.3:5432\", zone = \"d\" },\n  { address = \"10.0.5.3:5432\", zone = \"e\" },\n]";
    bundle(&[
        ("name = \"web\"\n", &format!("name = \"web\"\nsource = {{ register = true{more} }}\n")),
        (db, "source = { srv = \"_db._tcp.example.test.\", min_endpoints = 2 }"),
    ])
}

fn runner(more: &str) -> Runner {
    let mut runner = Runner::empty();
    let (outcome, _) = runner.run(Command::ApplyEstate { bundle: sourced(more), if_match: None });
    assert!(matches!(outcome, crate::Outcome::Done { .. }), "{outcome:?}");
    runner
}

fn check(script: &str, expected: &Expect) {
    let mut runner = runner("");
    let shown: String = script.trim().lines().map(|line| runner.show(line.trim()) + "\n").collect();
    expected.assert_eq(&shown);
}

fn addresses(state: &State, pool: &str) -> Vec<String> {
    let estate = state.estate.as_ref().unwrap();
    let pool = estate.pool(estate.pool_named(&pool.parse().unwrap()).unwrap());
    pool.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
}

#[test]
fn a_set_joins_the_endpoints_of_the_estate_behind_them() {
    let mut runner = runner("");
    runner.run(set("web register one=10.0.9.1:80@b two=10.0.9.2:80@a"));
    assert_eq!(
        addresses(&runner.state, "web"),
        ["10.0.1.1:80", "10.0.2.1:80", "10.0.3.1:80", "10.0.4.1:80", "10.0.9.1:80", "10.0.9.2:80"]
    );
    assert_eq!(addresses(&runner.state, "db"), [""; 0]);
    let digest = |state: &State| state.estate.as_ref().unwrap().digest;
    assert_ne!(digest(&runner.state), runner.state.bundle.digest());
    assert_eq!(digest(&runner.state), runner.state.intent().estate_digest());
    assert_eq!(runner.state.estate_revision, Revision(1), "the text is the same");
}

#[test]
fn a_set_is_told_as_it_changes() {
    check(
        "set web register one=10.0.9.1:80@b
         set web register one=10.0.9.1:80@b
         set web register one=10.0.9.1:80@a two=10.0.9.2:80@a
         set web register two=10.0.9.2:80@a; db srv+_db._tcp.example.test. x=10.0.8.1:5432@d",
        &expect![[r#"
            2 done; web has [one 10.0.9.1:80 in b weight 100] instead of []
            3 done
            4 done; web has [one 10.0.9.1:80 in a weight 100, two 10.0.9.2:80 in a weight 100] instead of [one 10.0.9.1:80 in b weight 100]
            5 done; web has [] instead of [one 10.0.9.1:80 in a weight 100]; db has [x 10.0.8.1:5432 in d weight 100] instead of []
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    check(
        "set web register one=10.0.9.1:80@b; db register x=10.0.8.1:5432@d
         set nothing register one=10.0.9.1:80@b
         set api register one=10.0.9.1:80@b
         set web register one=10.0.9.1:80@z
         set web register one=10.0.9.1:80@west-a
         set web register one=10.0.9.2:80@a two=10.0.9.1:80@a
         set web register one=10.0.9.1:80@a two=10.0.9.1:80@a
         set web register one=10.0.9.1:80@a one=10.0.9.2:80@a
         set web register one=0.0.0.0:80@a
         set web register one=10.0.9.1:80@a; web register one=10.0.9.1:80@a",
        &expect![[r#"
            refused: the endpoints of pool/db: `register` told them, the pool's source is `srv _db._tcp.example.test.` now; ask that one
            refused: the endpoints of pool/nothing: there is no such pool in the estate; `holdfast status` lists the pools
            refused: the endpoints of pool/api: the pool has no `source` in the estate; add one, or change its `endpoints`
            refused: the endpoints of pool/web: `one` is in zone `z`, which the estate does not have; name one that it has
            refused: the endpoints of pool/web: `one` is in zone `west-a`, which the estate does not have; name one that it has
            refused: the endpoints of pool/web: they are not in order of their addresses at 10.0.9.1:80; tell each address once
            refused: the endpoints of pool/web: they are not in order of their addresses at 10.0.9.1:80; tell each address once
            refused: the endpoints of pool/web: two of them are named `one`; give each a name of its own
            refused: the endpoints of pool/web: 0.0.0.0:80 is not the address of one machine's listener; tell where `one` listens
            refused: the endpoints of pool/web: the pool is named twice; name it once
        "#]],
    );
}

#[test]
fn no_set_takes_a_pool_below_what_its_source_keeps() {
    check(
        "set db srv+_db._tcp.example.test. x=10.0.8.1:5432@d y=10.0.8.2:5432@e z=10.0.8.3:5432@e
         set db srv+_db._tcp.example.test. x=10.0.8.1:5432@d
         set db srv+_db._tcp.example.test. x=10.0.8.1:5432@d y=10.0.8.2:5432@e
         set db srv+_db._tcp.example.test.",
        &expect![[r#"
            2 done; db has [x 10.0.8.1:5432 in d weight 100, y 10.0.8.2:5432 in e weight 100, z 10.0.8.3:5432 in e weight 100] instead of []
            refused: the endpoints of pool/db: 1 would be left, and 2 stay whatever the source says; let others come first, or lower `min_endpoints`
            4 done; db has [] instead of [z 10.0.8.3:5432 in e weight 100]
            refused: the endpoints of pool/db: 0 would be left, and 2 stay whatever the source says; let others come first, or lower `min_endpoints`
        "#]],
    );
}

#[test]
fn a_new_estate_keeps_what_fits() {
    let mut runner = runner("");
    runner.run(set(
        "web register one=10.0.9.1:80@a two=10.0.9.2:80@a; db srv+_db._tcp.example.test. x=10.0.8.1:5432@d",
    ));
    // Another source: what the old one told stays until the new one has told something.
    let other = bundle(&[(
        "name = \"web\"\n",
        "name = \"web\"\nsource = { directory = \"web\", max_endpoints = 1 }\n",
    )]);
    runner.run(Command::ApplyEstate { bundle: other, if_match: None });
    assert_eq!(runner.state.sets.iter().map(|set| set.pool.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(addresses(&runner.state, "web").last().unwrap(), "10.0.9.1:80");
    assert_eq!(addresses(&runner.state, "web").len(), 5);
    runner.run(Command::ApplyEstate { bundle: bundle(&[]), if_match: None });
    assert!(runner.state.sets.is_empty());
    assert_eq!(runner.state.estate.as_ref().unwrap().digest, runner.state.bundle.digest());
}

#[test]
fn a_ledger_that_was_lost_goes_on_with_the_sets() {
    let mut runner = runner("");
    runner.run(set("web register one=10.0.9.1:80@a"));
    let again = State::going_on_with(&runner.state.intent(), runner.state.stamp).unwrap();
    assert_eq!((&again.sets, &again.estate), (&runner.state.sets, &runner.state.estate));
}

#[test]
fn an_address_of_the_estate_file_is_left_to_it() {
    let mut runner = runner("");
    runner.run(set("web register one=10.0.1.1:80@b"));
    assert_eq!(addresses(&runner.state, "web").len(), 4);
}

proptest! {
    /// Whatever sets came, what a node reads out of the intent is what the ledger judged by.
    #[test]
    fn every_node_reads_the_estate_that_the_ledger_has(sets in prop::collection::vec((any::<bool>(), prop::collection::btree_set(0u8..6, 0..5)), 0..6)) {
        let mut runner = runner("");
        for (is_web, hosts) in sets {
            let endpoints: String = hosts.iter().map(|host| format!(" e{host}=10.0.9.{host}:80@{}", ["a", "b", "c"][usize::from(host % 3)])).collect();
            let head = if is_web { "web register" } else { "db srv+_db._tcp.example.test." };
            runner.run(set(&format!("{head}{endpoints}")));
        }
        let intent: Intent = runner.state.intent();
        prop_assert_eq!(Some(intent.read_estate().unwrap()), runner.state.estate.as_deref().cloned());
    }
}
