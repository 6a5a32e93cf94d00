use super::*;
use crate::testing::{open, shift, snapshot, snapshot_of};

/// Pools of three zones each; two of them are told together.
fn many(pools: usize, is_away: bool) -> Arc<Snapshot> {
    let zones: String =
        (0..ZONES_TOGETHER / 2).map(|at| format!("[[zone]]\nid = \"z{at}\"\nregion = \"r\"\n")).collect();
    let pool = |at: usize| {
        format!(
            "[[pool]]\nname = \"p{at}\"\nprotocol = \"http\"\nendpoints = [{{ address = \"10.0.0.{at}:80\", zone = \"z0\" }}, {{ address = \"10.0.1.{at}:80\", zone = \"z1\" }}]\n"
        )
    };
    let all: String = (1..=pools).map(pool).collect();
    snapshot_of(&format!("[[region]]\nid = \"r\"\n{zones}{all}"), pools * 2, |intent, _| {
        if is_away {
            intent.shifts.push(shift("z0", "everything", 30));
        }
    })
}

fn names(tables: &Tables) -> Vec<String> {
    let mut names: Vec<String> = tables.kept.borrow().keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[test]
fn a_change_is_told_of_everything_first_and_of_resources_a_few_at_a_time() {
    let tables = Tables::new(10);
    tables.take(many(5, false));
    let pool = |at: usize| tables.find(Some(&format!("pool/p{at}")), Wanted::ForLonger).unwrap();
    let watched: Vec<_> = (1..=5).map(pool).collect();
    let everything = tables.find(None, Wanted::ForLonger).unwrap();
    let before: Vec<Tag> = watched.iter().map(|channel| channel.newest().tag).collect();
    let old = || watched.iter().zip(&before).filter(|(channel, tag)| channel.newest().tag == **tag).count();
    let of_everything = everything.newest().tag;
    assert!(tables.take(many(5, true)).has_changed);
    assert_ne!(everything.newest().tag, of_everything);
    assert_eq!(old(), 5, "nothing is made anew before others have had their turn");
    assert!(!before.iter().any(|tag| tables.says(*tag)), "what is old is not said any more");
    assert_eq!((tables.renew_some(), old()), (Some(true), 3));
    // Whoever asks is told of now, and those who watch it hear of it with the next.
    let asked = (1..=5).find(|at| before.contains(&watched[at - 1].newest().tag)).unwrap();
    assert_ne!(pool(asked).newest().tag, before[asked - 1]);
    assert_eq!((tables.renew_some(), old()), (Some(true), 0));
    assert_eq!(tables.renew_some(), None);
    assert!(watched.iter().all(|channel| channel.changed_at().is_some()));
}

#[test]
fn the_one_that_was_asked_for_longest_ago_makes_room() {
    let tables = Tables::new(2);
    tables.take(open());
    let ask = |resource: &str| tables.find(Some(resource), Wanted::Once).unwrap();
    for resource in ["pool/web", "pool/api", "pool/web", "record/www.example.test."] {
        ask(resource);
    }
    assert_eq!(names(&tables), ["pool/web", "record/www.example.test."]);
    let watched = ask("pool/web");
    ask("record/www.example.test.");
    ask("pool/api");
    assert_eq!(names(&tables), ["pool/api", "pool/web"], "one that is watched stays");
    drop(watched);
}

#[test]
fn a_table_that_nobody_watches_is_dropped_with_the_next_snapshot() {
    let tables = Tables::new(2);
    tables.take(open());
    let watched = tables.find(Some("pool/web"), Wanted::ForLonger).unwrap();
    tables.find(Some("pool/api"), Wanted::Once).unwrap();
    tables.take(snapshot(|_, _| ()));
    assert_eq!(names(&tables), ["pool/web"]);
    assert_eq!(tables.renew_some(), None, "the same as before is no news");
    drop(watched);
}
