//! What a detector took, as the lines that `holdfast detect` replays.

use hf_api::{GrayRecording, RecordedSecond, RecordedSeen, RecordedWas};
use hf_gray::{Latency, PoolJudged, Recorded, Second};
use hf_model::{NodeId, PoolName};

/// Seconds of a page at most.
const PAGE_SECONDS: usize = 60;
/// Numbers of a page at most: one second more than that ends it.
const PAGE_NUMBERS: usize = 500_000;

/// The seconds after the given one, as many as a page takes.
pub fn page(node: &NodeId, name: &PoolName, pool: &PoolJudged, after: u64) -> GrayRecording {
    let mut seconds: Vec<RecordedSecond> = Vec::new();
    let mut numbers = 0;
    for recorded in pool.recording.after(after).take(PAGE_SECONDS) {
        let line = line(recorded, pool.recording.latency());
        numbers += line.hist.iter().flatten().map(|of| of.len() + 2).sum::<usize>();
        numbers += line.seen.iter().flatten().map(|of| of.hist.len() + 2).sum::<usize>();
        seconds.push(line);
        if numbers > PAGE_NUMBERS {
            break;
        }
    }
    GrayRecording {
        node: node.to_string(),
        pool: name.to_string(),
        zones: pool.zones.iter().map(|zone| zone.zone.to_string()).collect(),
        seconds,
    }
}

fn line(recorded: &Recorded, latency: Latency) -> RecordedSecond {
    let Second { zones, probes, seen } = recorded.second();
    let by_endpoint = |of: fn(&hf_gray::Endpoint) -> u32| -> Vec<Vec<u32>> {
        zones.iter().map(|zone| zone.endpoints.iter().map(of).collect()).collect()
    };
    let hist = zones.iter().map(|zone| zone.endpoints.iter().map(|of| without_zeros(&of.latency)).collect());
    let seen = seen.iter().map(|row| {
        let of = |of: &hf_gray::Seen| RecordedSeen {
            n: of.requests,
            e: of.faults,
            hist: without_zeros(&of.latency),
        };
        row.iter().map(of).collect()
    });
    let was = recorded.was.as_ref().map(|was| {
        was.iter().map(|was| RecordedWas { zone: was.zone, endpoints: was.endpoints.clone() }).collect()
    });
    RecordedSecond {
        t: recorded.t,
        n: by_endpoint(|of| of.requests),
        e: by_endpoint(|of| of.faults),
        topc: zones.iter().map(|zone| zone.worst_clients_faults).collect(),
        topn: zones.iter().map(|zone| zone.worst_clients_requests).collect(),
        mark: zones.iter().map(|zone| u8::from(zone.is_marked)).collect(),
        probe: probes.iter().map(|row| row.iter().map(|probe| probe.map(u8::from)).collect()).collect(),
        hist: hist.collect(),
        buckets: latency.buckets,
        ratio: latency.ratio,
        verdicts: 1,
        seen: seen.collect(),
        was,
    }
}

fn without_zeros(of: &[u32]) -> Vec<u32> {
    let len = of.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    of[..len].to_vec()
}
