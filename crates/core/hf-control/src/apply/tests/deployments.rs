//! Marks of deployments: one zone at a time, for a while.

use super::script::{Runner, bundle, parse};
use super::*;
use crate::command::Bounded;

#[test]
fn a_deployment_stops_at_a_zones_edge() {
    check(
        "deploy west-a pool/web 20m
         deploy b pool/web 20m
         deploy d everything 20m
         deploy b pool/api 20m
         deploy b pool/web 20m beside a
         deployed a pool/web
         deployed a pool/web
         deployed b pool/web
         deploy d pool/web 20m",
        &expect![[r#"
            2 done; deploying a pool/web until 20m
            refused: pool/web is not deployed to b now: ann deploys pool/web to a, for 20m more at most; a deployment stops at a zone's edge, so wait until that is over, or override a by its name
            refused: everything is not deployed to d now: ann deploys pool/web to a, for 20m more at most; a deployment stops at a zone's edge, so wait until that is over, or override a by its name
            5 done; deploying b pool/api until 20m
            6 done; deploying b pool/web until 20m
            7 done; deployed a pool/web until 20m Canceled
            refused: a is not marked as being deployed to, pool/web; `holdfast deploy list` shows what is
            9 done; deployed b pool/web until 20m Canceled
            10 done; deploying d pool/web until 20m
        "#]],
    );
}

#[test]
fn none_begins_while_another_zone_of_it_is_away() {
    check(
        "shift a pool/web 30m
         deploy b pool/web 20m
         deploy b pool/api 20m
         deploy a pool/web 20m
         deployed a pool/web
         cancel shift-2
         pin d out pool/web 30m
         deploy b pool/web 20m
         deploy b pool/web 20m beside d
         deployed b pool/web
         unpin d pool/web
         configure pool/web
         practice pool/web c
         deploy b pool/web 20m",
        &expect![[r#"
            2 done; started shift-2 a pool/web until 30m
            refused: pool/web is not deployed to b now: shift-2 takes pool/web out of a; a deployment stops at a zone's edge, so wait until that is over, or override a by its name
            4 done; deploying b pool/api until 20m
            5 done; deploying a pool/web until 20m
            6 done; deployed a pool/web until 20m Canceled
            7 done; ended shift-2 a pool/web until 30m canceled at 0s Canceled
            8 done; pinned d Out pool/web until 30m
            refused: pool/web is not deployed to b now: the pin by ann takes pool/web out of d; a deployment stops at a zone's edge, so wait until that is over, or override d by its name
            10 done; deploying b pool/web until 20m
            11 done; deployed b pool/web until 20m Canceled
            12 done; unpinned d Out pool/web until 30m Canceled
            13 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            14 done; started practice shift-14 c pool/web until 30m
            refused: pool/web is not deployed to b now: shift-14 takes pool/web out of c; a deployment stops at a zone's edge, so wait until that is over, or override c by its name
        "#]],
    );
    check_controls(
        "turn zones/c off
         deploy b pool/web 20m
         deploy c pool/web 20m",
        &expect![[r#"
            2 done; zones/c was on, is off
            refused: pool/web is not deployed to b now: a routing control that is off takes c away; a deployment stops at a zone's edge, so wait until that is over, or override c by its name
            4 done; deploying c pool/web until 20m
        "#]],
    );
}

#[test]
fn a_mark_stands_in_nobodys_way() {
    check(
        "deploy a pool/web 20m
         shift b pool/web 30m
         cancel shift-3
         pin b out everything 30m
         unpin b everything
         configure pool/web
         practice pool/web b",
        &expect![[r#"
            2 done; deploying a pool/web until 20m
            3 done; started shift-3 b pool/web until 30m
            4 done; ended shift-3 b pool/web until 30m canceled at 0s Canceled
            5 done; pinned b Out everything until 30m
            6 done; unpinned b Out everything until 30m Canceled
            7 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            8 done; started practice shift-8 b pool/web until 30m
        "#]],
    );
}

#[test]
fn a_mark_ends_by_itself_and_holds_nobody_up_once_its_time_is_up() {
    check(
        "deploy a pool/web 20m
         at 10m
         deploy a pool/web 20m
         at 29m
         deploy b pool/web 20m
         at 30m
         deploy b pool/web 20m
         expire
         at 50m
         expire",
        &expect![[r#"
            2 done; deploying a pool/web until 20m
            at 10m
            3 done; deploying a pool/web until 30m instead of 20m
            at 29m
            refused: pool/web is not deployed to b now: ann deploys pool/web to a, for 1m more at most; a deployment stops at a zone's edge, so wait until that is over, or override a by its name
            at 30m
            5 done; deploying b pool/web until 50m
            6 done; deployed a pool/web until 30m Expired
            at 50m
            7 done; deployed b pool/web until 50m Expired
        "#]],
    );
}

#[test]
fn marked_again_a_zone_is_asked_nothing() {
    check(
        "deploy a pool/web 20m
         deploy b pool/web 20m beside a
         deploy a pool/web 1h
         at 20m
         deploy b pool/web 20m",
        &expect![[r#"
            2 done; deploying a pool/web until 20m
            3 done; deploying b pool/web until 20m
            4 done; deploying a pool/web until 1h instead of 20m
            at 20m
            refused: pool/web is not deployed to b now: ann deploys pool/web to a, for 40m more at most; a deployment stops at a zone's edge, so wait until that is over, or override a by its name
        "#]],
    );
}

#[test]
fn what_is_not_there_or_out_of_range_is_refused() {
    check(
        "deploy x pool/web 20m
         deploy a pool/x 20m
         deploy e pool/web 20m
         deploy a record/www.example.test. 20m
         deploy a pool/web 59s
         deploy a pool/web 241m
         deploy a pool/web 20m beside x
         deploy a pool/web 4h",
        &expect![[r#"
            refused: there is no zone `x`; the estate has a, b, c, d, e
            refused: there is no `pool/x` in the estate; `holdfast status` lists what there is
            refused: `pool/web` is not in e; it has a, b, c, d
            refused: a deployment of record/www.example.test.: machines are deployed to, not names; name the pool behind it
            refused: the mark of a deployment lasts 1m to 4h, this one 59s; change `--for`, and start it again while the deployment goes on
            refused: the mark of a deployment lasts 1m to 4h, this one 4h1m; change `--for`, and start it again while the deployment goes on
            refused: there is no zone `x`; the estate has a, b, c, d, e
            9 done; deploying a pool/web until 4h
        "#]],
    );
}

#[test]
fn marks_of_what_an_estate_drops_go() {
    let mut runner = Runner::with_estate();
    runner.run(parse("deploy d pool/db 20m"));
    let renamed = bundle(&[("\"db\"", "\"sql\"")]);
    let (outcome, events) = runner.run(Command::ApplyEstate { bundle: renamed, if_match: None });
    expect![
        "3 done; estate applied, before Some(Digest(a38094bbf790)); deployed d pool/db until 20m Interrupted"
    ]
    .assert_eq(&script::show(&outcome, &events));
    assert!(runner.state.deployments.is_empty());
}

#[test]
fn marks_are_bounded_and_survive_a_lost_ledger() {
    let mut runner = Runner::with_estate();
    runner.run(parse("deploy a pool/web 20m"));
    let again = State::going_on_with(&runner.state.intent(), runner.now).unwrap();
    assert_eq!(again.deployments, runner.state.deployments);
    let mark = runner.state.deployments[0].clone();
    runner.state.deployments.extend(std::iter::repeat_n(mark, State::DEPLOYMENTS - 1));
    let (outcome, _) = runner.run(parse("deploy a pool/api 20m"));
    let count = State::DEPLOYMENTS;
    assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what: Bounded::Deployments, count }));
}

#[test]
fn who_is_asked_to_expire_knows_of_marks() {
    let mut runner = Runner::with_estate();
    assert_eq!(runner.state.next_end(), None);
    runner.run(parse("deploy a pool/web 20m"));
    assert_eq!(runner.state.next_end(), Some(runner.now.plus(std::time::Duration::from_mins(20))));
}
