//! `holdfast detect --record`: what a node's detector took, into a file that `holdfast detect` replays.
//!
//! One node is asked for all of it, the first that watches the pool: two nodes' seconds would not make one past.

use std::fs::File;
use std::io::{BufWriter, Write};

use hf_api::Client;

use crate::args::Common;
use crate::args::detect::DetectArgs;
use crate::failure::Failure;
use crate::output;
use crate::session::client;

/// Writes the lines.
pub async fn record(args: &DetectArgs, common: &Common) -> Result<(), Failure> {
    let (Some(path), Some(pool)) = (&args.record, &args.pool) else {
        return Err(Failure::Usage("name the file and the pool: --record FILE --pool POOL".to_owned()));
    };
    let all = client(common)?;
    let (node, first_after) = choose(&all, pool, args.since.map(|since| since.as_secs())).await?;
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::Refused(format!("{shown}: {error}"));
    let mut out: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        Box::new(BufWriter::new(File::create(path).map_err(failed)?))
    };
    let (mut after, mut seconds) = (first_after, 0_u64);
    loop {
        let page = node.gray_recording(pool, after).await?;
        let Some(last) = page.seconds.last() else {
            out.flush().map_err(failed)?;
            eprintln!(
                "{seconds} seconds of pool/{} as {} took them, zones {}",
                page.pool,
                page.node,
                page.zones.join(" ")
            );
            return Ok(());
        };
        after = last.t;
        seconds += page.seconds.len() as u64;
        for second in &page.seconds {
            writeln!(out, "{}", output::line(second)?).map_err(failed)?;
        }
    }
}

/// The first node whose detector watches the pool, and the second after which to record.
async fn choose(all: &Client, pool: &str, since_s: Option<u64>) -> Result<(Client, u64), Failure> {
    let name = pool.strip_prefix("pool/").unwrap_or(pool);
    let mut last = None;
    for (_, node) in all.each() {
        match node.gray().await {
            Ok(gray) => {
                if let Some(watched) = gray.pools.iter().find(|watched| watched.pool == name) {
                    return Ok((node, since_s.map_or(0, |since_s| watched.second.saturating_sub(since_s))));
                }
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error.into()),
        None => Err(Failure::Refused(format!(
            "no node that was asked watches pool/{name}: nodes with the control role watch pools in two zones or more that have requests; \
             name one with --endpoint"
        ))),
    }
}
