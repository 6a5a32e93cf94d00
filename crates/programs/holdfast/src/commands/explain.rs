//! `holdfast explain`: why this answer.

use hf_api::Explain;

use crate::args::value::Explained;
use crate::args::{Common, ExplainArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// Explains a name for a client, or a pool for a balancer.
pub async fn run(args: &ExplainArgs, common: &Common) -> Result<(), Failure> {
    let usage = |text: &str| Failure::Usage(format!("holdfast: {text}"));
    let client = client(common)?;
    let explain = match &args.what {
        Explained::Pool(pool) => client.explain_pool(pool.as_str(), args.from_zone.as_deref()).await?,
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
