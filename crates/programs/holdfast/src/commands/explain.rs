//! `holdfast explain`: why this answer, or this verdict.

use hf_api::Explain;

use crate::args::value::Explained;
use crate::args::{Common, ExplainArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// Explains a name for a client, a pool for a balancer, or a health check.
pub async fn run(args: &ExplainArgs, common: &Common) -> Result<(), Failure> {
    let usage = |text: &str| Failure::Usage(format!("holdfast: {text}"));
    let client = client(common)?;
    if !matches!(args.what, Explained::Name(_)) && (args.from.is_some() || args.subnet.is_some()) {
        return Err(usage("--from and --subnet say who asks for a name; a pool has --from-zone"));
    }
    if !matches!(args.what, Explained::Pool(_)) && args.from_zone.is_some() {
        return Err(usage("--from-zone is a balancer's zone, for a pool; a name has --from ADDRESS"));
    }
    let explain = match &args.what {
        Explained::Pool(pool) => client.explain_pool(pool.as_str(), args.from_zone.as_deref()).await?,
        Explained::Check(check) => client.explain_check(check.as_str()).await?,
        Explained::Name(name) => {
            let from = args.from.ok_or_else(|| usage("for a name say who asks: --from ADDRESS"))?;
            let (name, from) = (name.as_str(), from.to_string());
            match args.subnet {
                Some(subnet) => {
                    client.explain_name_for(name, &args.rtype, &from, &subnet.to_string()).await?
                }
                None => client.explain_name(name, &args.rtype, &from).await?,
            }
        }
    };
    show(common.output, &explain, in_words)
}

fn in_words(explain: &Explain) -> String {
    let mut text =
        format!("{}\nas {} answers at revision {}\n", explain.question, explain.node, explain.revision);
    for step in &explain.steps {
        text.push_str(&format!("\n{}", step.name));
        if !step.text.is_empty() {
            text.push_str(&format!(": {}", step.text));
        }
        text.push('\n');
        for removed in &step.removed {
            text.push_str(&format!("  - {:<24} {:<12} {}\n", removed.endpoint, removed.zone, removed.why));
        }
        for kept in &step.kept {
            text.push_str(&format!("  + {:<24} {}\n", kept.endpoint, kept.zone));
        }
    }
    let ttl = explain.ttl_s.map_or(String::new(), |ttl| format!(" (TTL {ttl} s)"));
    let answer = if explain.answer.is_empty() { "nothing".to_owned() } else { explain.answer.join(", ") };
    text.push_str(&format!("\nanswer: {answer}{ttl}\n"));
    text
}

#[cfg(test)]
mod tests {
    use hf_api::{GrayTold, Step};

    use super::*;

    #[test]
    fn findings_of_the_detectors_are_steps_of_a_pool() {
        let told: Vec<GrayTold> = serde_json::from_str(crate::commands::GRAY_TOLD).unwrap();
        let step = |told: GrayTold| Step {
            name: "gray".to_owned(),
            text: told.text,
            kept: Vec::new(),
            removed: Vec::new(),
        };
        let explain = Explain {
            question: "pool/web".to_owned(),
            node: "n1".to_owned(),
            revision: 7,
            snapshot: 9,
            steps: told.into_iter().map(step).collect(),
            answer: vec!["10.0.1.7:80".to_owned()],
            ttl_s: None,
        };
        expect_test::expect![[r#"
            pool/web
            as n1 answers at revision 7

            gray: two clients have the faults in b: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, likelihood ratio of rates of 10 s; the zone is not left for them

            gray: one endpoint (10.0.1.7:80) of b is bad: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, likelihood ratio of rates of 10 s; the zone is not left for it

            gray: everything is worse than it was, 2 of 2 zones (a, b) at once have more faults: nothing is evacuated

            gray: the observer a sees every zone bad where observers elsewhere see the same endpoints answer: its own evidence counts for nothing

            gray: several zones are bad at once: nothing is evacuated, leaving one would not help; a: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s; b: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s

            gray: one zone (b) is bad, the others are not: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s

            answer: 10.0.1.7:80
        "#]].assert_eq(&in_words(&explain));
    }
}
