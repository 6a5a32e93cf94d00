//! The name of what a command asks for: how a request id that comes again is told from one that is used for something else.
//!
//! 1. All words of the command are in it, and nothing else: two commands with one digest ask for the same.
//! 2. Checkpoints keep it. So its text is written here word by word, and a command's text stays as it is; a debug form would change with
//!    the name of a field.

use std::fmt::Display;
use std::time::Duration;

use hf_config::estate::{EndpointSet, Enough, RuleTest, SourcedEndpoint};
use hf_model::{ControlName, Digest, PoolName};

use super::{Command, ControlSet, Expect};
use crate::board::{BoardCommand, ControlRef, NetworkType, ObjectId, RuleKind, RuleRef, Tags};
use crate::hosted::{HostedUpdate, KeyPace, UpdateChange, UpdatePrerequisite, ZoneKeyCommand, ZoneKeyStep};
use crate::intent::{BreakGlassShift, PinTo};
use crate::practice::{Autoshift, PracticeConfig, PracticeSeen};

/// The words so far, each behind its length, so that no two lists of words make one text.
struct Words(String);

impl Words {
    fn of(name: &str) -> Self {
        Words(String::new()).and(name)
    }

    fn and(mut self, word: impl Display) -> Self {
        let word = word.to_string();
        self.0.push_str(&format!("{}:{word}", word.len()));
        self
    }

    fn maybe(self, word: Option<impl Display>) -> Self {
        let word = word.map_or_else(String::new, |word| word.to_string());
        self.and(word)
    }

    /// As hexadecimal digits.
    fn bytes(self, bytes: &[u8]) -> Self {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        self.and(text)
    }

    fn length(self, length: Duration) -> Self {
        self.and(length.as_nanos())
    }

    /// Behind their number: what follows is not taken for one of them.
    fn list<T: Display>(self, list: &[T]) -> Self {
        list.iter().fold(self.and(list.len()), Words::and)
    }

    fn tags(self, tags: &Tags) -> Self {
        tags.iter().fold(self.and(tags.len()), |words, (key, value)| words.and(key).and(value))
    }
}

impl Command {
    /// Names the command, all its words included: two with one digest ask for the same.
    pub fn digest(&self) -> Digest {
        let Words(text) = words(self);
        Digest::of(text.as_bytes())
    }
}

fn words(command: &Command) -> Words {
    match command {
        Command::ApplyEstate { bundle, if_match } => {
            Words::of("apply").and(bundle.digest()).maybe(if_match.as_ref())
        }
        Command::StartShift { zone, scope, length, reason, floor_overrides } => {
            overrides(Words::of("shift").and(zone).and(scope).length(*length).and(reason), floor_overrides)
        }
        Command::UpdateShift { id, length, reason, if_match } => {
            let nanos = length.map(|length| length.as_nanos());
            Words::of("update").and(id).maybe(nanos.as_ref()).maybe(reason.as_ref()).maybe(if_match.as_ref())
        }
        Command::CancelShift { id, if_match } => Words::of("cancel").and(id).maybe(if_match.as_ref()),
        Command::Pin { zone, scope, to, length, reason, floor_overrides } => {
            let kind = match to {
                PinTo::In => "pin in",
                PinTo::Out => "pin out",
            };
            overrides(Words::of(kind).and(zone).and(scope).length(*length).and(reason), floor_overrides)
        }
        Command::Unpin { zone, scope } => Words::of("unpin").and(zone).and(scope),
        Command::StartDeployment { zone, scope, length, reason, zone_overrides } => {
            let words = Words::of("start deployment").and(zone).and(scope).length(*length).and(reason);
            words.list(zone_overrides)
        }
        Command::EndDeployment { zone, scope } => Words::of("end deployment").and(zone).and(scope),
        Command::SetControls { sets, rule_overrides, floor_overrides, reason } => {
            let mut words = Words::of("turn").and(sets.len());
            for ControlSet { control, to } in sets {
                words = control_words(words, control).and(to);
            }
            words = words.and(rule_overrides.len());
            for rule in rule_overrides {
                words = rule_words(words, rule);
            }
            words.list(floor_overrides).and(reason)
        }
        Command::Board(command) => board(command),
        Command::PutPractice { resource, config, expect } => {
            let expect = match expect {
                Expect::Absent => "absent",
                Expect::Present => "present",
                Expect::Any => "any",
            };
            practice(Words::of("put practice").and(resource), config).and(expect)
        }
        Command::DeletePractice { resource } => Words::of("delete practice").and(resource),
        Command::SetAutoshift { resource, to } => Words::of("autoshift").and(resource).and(on_off(*to)),
        Command::SetObserver { to } => Words::of("observer").and(on_off(*to)),
        Command::StartPractice { resource, zone, reason } => {
            Words::of("practice").and(resource).and(zone).and(reason)
        }
        Command::EndPractice { id, outcome, seen: what, why } => {
            seen(Words::of("end practice").and(id).and(outcome), what).and(why)
        }
        Command::RecordPractice { id, seen: what } => seen(Words::of("record practice").and(id), what),
        Command::RecordPracticeRefusal { resource, zone, why } => {
            Words::of("practice refused").and(resource).and(zone).and(why)
        }
        Command::StartAutoshift { resource, zone, length, reason } => {
            Words::of("start autoshift").and(resource).and(zone).length(*length).and(reason)
        }
        Command::RenewAutoshift { id, length, reason } => {
            Words::of("renew autoshift").and(id).length(*length).and(reason)
        }
        Command::EndAutoshift { id, reason } => Words::of("end autoshift").and(id).and(reason),
        Command::RecordBreakGlass { act } => {
            let BreakGlassShift { estate, zone, reason, by, signed_at, ends_at } = act;
            let words = Words::of("break-glass").and(estate).and(zone).and(reason);
            words.and(by).and(signed_at.0).and(ends_at.0)
        }
        Command::UpdateHostedZone(command) => update(command),
        Command::ZoneKey(command) => zone_key(command),
        Command::SetEndpoints { sets } => endpoints(sets),
        Command::Expire => Words::of("expire"),
    }
}

fn endpoints(sets: &[EndpointSet]) -> Words {
    let mut words = Words::of("set endpoints").and(sets.len());
    for EndpointSet { pool, source, endpoints } in sets {
        words = words.and(pool).and(source).and(endpoints.len());
        for SourcedEndpoint { address, id, zone, weight, priority, lease } in endpoints {
            words = words.and(address).and(id).and(zone).and(weight.0).and(priority).length(*lease);
        }
    }
    words
}

fn update(update: &HostedUpdate) -> Words {
    let HostedUpdate { hosted_zone, key, prerequisites, changes } = update;
    let mut words = Words::of("update hosted zone").and(hosted_zone).and(key).and(prerequisites.len());
    for part in prerequisites {
        words = match part {
            UpdatePrerequisite::NameInUse(name) => words.and("in use").and(name),
            UpdatePrerequisite::NameNotInUse(name) => words.and("not in use").and(name),
            UpdatePrerequisite::SetExists(name, rtype) => words.and("set").and(name).and(rtype),
            UpdatePrerequisite::SetMissing(name, rtype) => words.and("no set").and(name).and(rtype),
            UpdatePrerequisite::RecordExists(name, rtype, rdata) => {
                words.and("record").and(name).and(rtype).bytes(rdata)
            }
        };
    }
    words = words.and(changes.len());
    for change in changes {
        words = match change {
            UpdateChange::Add(record) => {
                words.and("add").and(&record.name).and(record.rtype).and(record.ttl).bytes(&record.rdata)
            }
            UpdateChange::Delete(name, rtype, rdata) => words.and("delete").and(name).and(rtype).bytes(rdata),
            UpdateChange::DeleteSet(name, rtype) => words.and("delete set").and(name).and(rtype),
            UpdateChange::DeleteName(name) => words.and("delete name").and(name),
        };
    }
    words
}

fn zone_key(command: &ZoneKeyCommand) -> Words {
    let step = |verb, step: &ZoneKeyStep| {
        let ZoneKeyStep { hosted_zone, tag, pace } = step;
        let pace = match pace {
            KeyPace::Patient => "patient",
            KeyPace::Forced => "forced",
        };
        Words::of(verb).and(hosted_zone).and(tag).and(pace)
    };
    match command {
        ZoneKeyCommand::Add { hosted_zone, tag, algorithm, public, sealed } => {
            let words = Words::of("add zone key").and(hosted_zone).and(tag).and(algorithm);
            words.bytes(public).bytes(sealed)
        }
        ZoneKeyCommand::Activate(key) => step("activate zone key", key),
        ZoneKeyCommand::Retire(key) => step("retire zone key", key),
        ZoneKeyCommand::Remove(key) => step("remove zone key", key),
    }
}

/// Without their number: they come last, and commands had none once.
fn overrides(words: Words, pools: &[PoolName]) -> Words {
    pools.iter().fold(words, Words::and)
}

fn control_words(words: Words, control: &ControlRef) -> Words {
    match control {
        ControlRef::Id(id) => words.and("id").and(id),
        ControlRef::Path(path) => words.and("path").and(path),
        ControlRef::Name(name) => words.and("name").and(name),
    }
}

fn rule_words(words: Words, rule: &RuleRef) -> Words {
    match rule {
        RuleRef::Id(id) => words.and("id").and(id),
        RuleRef::Path(path) => words.and("path").and(path),
        RuleRef::Name(name) => words.and("name").and(name),
    }
}

fn on_off(to: Autoshift) -> &'static str {
    match to {
        Autoshift::Enabled => "enabled",
        Autoshift::Advise => "advise",
        Autoshift::Disabled => "disabled",
    }
}

fn seen(words: Words, seen: &PracticeSeen) -> Words {
    let PracticeSeen { time_to_zero_ms, headroom_before, headroom_during, headroom_after } = seen;
    [headroom_before, headroom_during, headroom_after]
        .into_iter()
        .fold(words.maybe(*time_to_zero_ms), |words, share| words.maybe(share.map(hf_model::Share::ppm)))
}

fn practice(words: Words, config: &PracticeConfig) -> Words {
    let PracticeConfig { outcome_alarms, blocking_alarms, blocked_windows, allowed_windows, blocked_dates } =
        config;
    let words = words.list(outcome_alarms).list(blocking_alarms);
    words.list(blocked_windows).list(allowed_windows).list(blocked_dates)
}

fn board(command: &BoardCommand) -> Words {
    match command {
        BoardCommand::CreateCluster { name, network, tags } => {
            network_words(Words::of("create cluster").and(name), *network).tags(tags)
        }
        BoardCommand::UpdateCluster { id, network } => {
            network_words(Words::of("update cluster").and(id), *network)
        }
        BoardCommand::DeleteCluster { id } => Words::of("delete cluster").and(id),
        BoardCommand::CreatePanel { cluster, name, tags } => {
            Words::of("create panel").and(cluster).and(name).tags(tags)
        }
        BoardCommand::RenamePanel { id, name } => Words::of("rename panel").and(id).and(name),
        BoardCommand::DeletePanel { id } => Words::of("delete panel").and(id),
        BoardCommand::CreateControl { cluster, panel, name } => {
            Words::of("create control").and(cluster).maybe(panel.as_ref()).and(name)
        }
        BoardCommand::RenameControl { id, name } => Words::of("rename control").and(id).and(name),
        BoardCommand::DeleteControl { id } => Words::of("delete control").and(id),
        BoardCommand::CreateRule { panel, name, kind, test, wait_period, tags } => {
            rule(Words::of("create rule").and(panel), name, kind, *test).length(*wait_period).tags(tags)
        }
        BoardCommand::UpdateRule { id, name, wait_period } => {
            Words::of("update rule").and(id).and(name).length(*wait_period)
        }
        BoardCommand::DeleteRule { id } => Words::of("delete rule").and(id),
        BoardCommand::Tag { object, tags } => object_words(Words::of("tag"), *object).tags(tags),
        BoardCommand::Untag { object, keys } => object_words(Words::of("untag"), *object).list(keys),
    }
}

fn network_words(words: Words, network: NetworkType) -> Words {
    words.and(match network {
        NetworkType::Ipv4 => "ipv4",
        NetworkType::DualStack => "dual-stack",
    })
}

fn rule(words: Words, name: &ControlName, kind: &RuleKind, test: RuleTest) -> Words {
    let words = words.and(name);
    let words = match kind {
        RuleKind::Assert { controls } => words.and("assert").list(controls),
        RuleKind::Gate { gating, targets } => words.and("gate").list(gating).list(targets),
    };
    let words = match test.on {
        Enough::AtLeast(count) => words.and("at least").and(count),
        Enough::All => words.and("all"),
        Enough::Any => words.and("any"),
    };
    words.and(if test.inverted { "inverted" } else { "plain" })
}

fn object_words(words: Words, object: ObjectId) -> Words {
    match object {
        ObjectId::Cluster(id) => words.and("cluster").and(id),
        ObjectId::Panel(id) => words.and("panel").and(id),
        ObjectId::Control(id) => words.and("control").and(id),
        ObjectId::Rule(id) => words.and("rule").and(id),
    }
}
