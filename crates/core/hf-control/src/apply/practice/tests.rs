//! What practice configurations may take up in a state.

use hf_model::PoolName;

use super::*;
use crate::{Command, Entry, Outcome};

#[test]
fn alarms_are_bounded_over_all_configurations() {
    let config = |alarms| PracticeConfig {
        outcome_alarms: vec!["errors of web".to_owned(); alarms],
        ..PracticeConfig::default()
    };
    let toml = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[pool]]\nname = \"web\"\n\
                endpoints = [{ address = \"10.0.0.1:80\", zone = \"a\" }]\n";
    let bundle = hf_config::estate::EstateBundle { toml: toml.to_owned(), ..Default::default() };
    let mut state = State::default();
    let run = |state: &mut State, command| {
        let index = hf_model::Revision(state.revision.0 + 1);
        let request = format!("r-{index}").parse().unwrap();
        let (stamp, by) = (hf_model::Timestamp(0), Operator::new("ann"));
        state.apply(index, &Entry { request, stamp, by, from: None, command }).0
    };
    assert!(matches!(run(&mut state, Command::ApplyEstate { bundle, if_match: None }), Outcome::Done { .. }));
    for at in 0..State::ALARMS_IN_ALL / PracticeConfig::ALARMS {
        let (resource, config) = (PoolName::new(&format!("p{at}")).unwrap(), config(PracticeConfig::ALARMS));
        let (configured_at, revision) = (hf_model::Timestamp(0), hf_model::Revision(1));
        let practice = Practice { config, autoshift: Autoshift::Disabled, configured_at, revision };
        state.practices.insert(Resource::Pool(resource), practice);
    }
    let resource: Resource = "pool/web".parse().unwrap();
    let put = |alarms| Command::PutPractice {
        resource: resource.clone(),
        config: config(alarms),
        expect: Expect::Any,
    };
    let refused = Refusal::TooMany { what: Bounded::AllAlarms, count: State::ALARMS_IN_ALL };
    assert_eq!(run(&mut state, put(1)), Outcome::Refused(refused.clone()));
    state.practices.remove(&"pool/p0".parse().unwrap());
    assert!(matches!(run(&mut state, put(10)), Outcome::Done { .. }));
    // What is replaced makes room for what replaces it.
    assert!(matches!(run(&mut state, put(9)), Outcome::Done { .. }));
    assert!(matches!(run(&mut state, put(10)), Outcome::Done { .. }));
}
