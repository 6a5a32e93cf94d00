//! `gray --episodes N --seed S`: so many episodes of every kind, and a table of what the detector made of them.
//!
//! Exit code 1 when an aim is missed: it is told which.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use hf_gray::Config;
use hf_gray_suite::service::Buckets;
use hf_gray_suite::{Kind, Score, score};

/// How the detector of gray failure does on simulated services.
#[derive(Debug, Parser)]
struct Arguments {
    /// Episodes of each of the 41 kinds; half as many seeds again make no other episodes of the first ones.
    #[arg(long, default_value_t = 40)]
    episodes: u64,
    /// The first seed; others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Above 1, faults are smaller and global incidents less even.
    #[arg(long, default_value_t = 1.0)]
    hard: f64,
    /// Only these kinds, with commas between them; `faults` and `others` are all of one sort.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Count latencies in buckets 1.41 apart, as recordings may have them, rather than 1.09 as balancers do.
    #[arg(long)]
    coarse: bool,
    /// Mark no deployments, as where nobody tells nodes of them.
    #[arg(long)]
    unmarked: bool,
    /// From which age on trouble counts that goes round from endpoint to endpoint; 0 shows what that rule is worth.
    #[arg(long, default_value_t = Config::default().young_s)]
    young_s: u32,
    /// From the first suspicion on, how long what could be the beginning of a global incident waits; 0 shows what that rule is worth.
    #[arg(long, default_value_t = Config::default().even_hold_s)]
    even_hold_s: u32,
    /// Below which rate of faults nothing waits for that.
    #[arg(long, default_value_t = Config::default().even_rate_min)]
    even_rate_min: f64,
    /// From which likelihood on a peer's rise holds a verdict back; `inf` shows what that rule is worth.
    #[arg(long, default_value_t = Config::default().sure_rise)]
    sure_rise: f64,
    /// Tell the seconds with evidence of the one episode of this kind and seed, as `--verbose` names them: KIND:SEED.
    #[arg(long)]
    explain: Option<String>,
    /// Tell each fault that was missed and each false verdict, with its seed.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let kinds = match kinds(&arguments.kinds) {
        Ok(kinds) => kinds,
        Err(unknown) => {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            eprintln!("there is no kind `{unknown}`; there are faults, others, {}", all.join(", "));
            return ExitCode::from(2);
        }
    };
    if let Some(episode) = &arguments.explain {
        return explain(episode, &arguments);
    }
    let jobs: Vec<(Kind, u64)> = (0..arguments.episodes)
        .flat_map(|at| kinds.iter().map(move |kind| (*kind, at)))
        .map(|(kind, at)| (kind, arguments.seed.wrapping_mul(1_000_003).wrapping_add(at)))
        .collect();
    let score = run(&jobs, &arguments);
    print!("{score}");
    let missed = score.sums().missed(arguments.hard);
    for aim in &missed {
        println!("missed: {aim}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn kinds(named: &[String]) -> Result<Vec<Kind>, String> {
    if named.is_empty() {
        return Ok(Kind::ALL.to_vec());
    }
    let mut kinds = Vec::new();
    for name in named {
        match name.as_str() {
            "faults" => kinds.extend(Kind::ALL.iter().copied().filter(|kind| kind.is_fault())),
            "others" => kinds.extend(Kind::ALL.iter().copied().filter(|kind| !kind.is_fault())),
            name => kinds.push(Kind::named(name).ok_or_else(|| name.to_owned())?),
        }
    }
    Ok(kinds)
}

fn explain(episode: &str, arguments: &Arguments) -> ExitCode {
    let Some((kind, seed)) =
        episode.split_once(':').and_then(|(kind, seed)| Some((Kind::named(kind)?, seed.parse().ok()?)))
    else {
        eprintln!("`{episode}` is not KIND:SEED, such as good-deployment:77000566");
        return ExitCode::from(2);
    };
    let (buckets, config) = judged_by(arguments);
    let verdict = score::replay(kind, seed, arguments.hard, buckets, &config, |episode, at, step| {
        if at == 0 {
            let service = &episode.service;
            let (zones, endpoints, requests) = (service.zones, service.endpoints, service.requests);
            println!(
                "{zones} zones of {endpoints} endpoints, {requests:.0} requests/s; zone {} from {}",
                episode.zone, episode.onset
            );
        }
        for (zone, evidence) in step.zones.iter().enumerate() {
            if evidence.total > 0.0 || evidence.young_endpoints > 0 {
                println!("{at} zone {zone} {}: {evidence}", evidence.stage);
            }
        }
    });
    println!("{verdict:?}");
    ExitCode::SUCCESS
}

fn judged_by(arguments: &Arguments) -> (Buckets, Config) {
    let mut config = Config {
        young_s: arguments.young_s,
        even_hold_s: arguments.even_hold_s,
        even_rate_min: arguments.even_rate_min,
        sure_rise: arguments.sure_rise,
        ..Config::default()
    };
    if arguments.unmarked {
        config.min_marked_s = config.min_s;
    }
    (if arguments.coarse { Buckets::COARSE } else { Buckets::FINE }, config)
}

fn run(jobs: &[(Kind, u64)], arguments: &Arguments) -> Score {
    let (buckets, config) = judged_by(arguments);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut score = Score::default();
        while let Some((kind, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = score::judge(*kind, *seed, arguments.hard, buckets, &config);
            let is_good = matches!(verdict, hf_gray_suite::Verdict::Found(_) | hf_gray_suite::Verdict::Quiet);
            if arguments.verbose && !is_good {
                eprintln!("{} seed {seed}: {verdict:?}", kind.as_str());
            }
            score.count(*kind, verdict);
        }
        score
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Score::default();
        for worker in workers {
            all.add(worker.join().expect("no episode panics"));
        }
        all
    })
}
