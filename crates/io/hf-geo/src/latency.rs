//! Tables of latencies: what operators write, what balancers measured, and both for one estate.
//!
//! 1. A line of the file is `network, region, milliseconds`, such as `192.0.2.0/24, eu-west-2, 12.5`; `#` begins a comment. All problems
//!    are found at once. A region that the estate does not have is passed over: the file may be older or newer than the estate.
//! 2. What an operator wrote of a network and region counts, whatever was measured there: measurements see only whom we already serve from
//!    that region, and a wrong one must be correctable at once. That holds for what was measured within a wider network of the file, too.
//! 3. Of a region that several nodes measured, the mean by their samples counts.
//! 4. At most [`NETWORKS_MAX`] measured networks: the most sampled stay, of equal ones the newest.
//!
//! Not here: who measures (`hf-balancer`), what a filter chain makes of it (`hf-select`).

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{Estate, RegionIx};
use hf_config::{Problem, Problems};
use hf_model::{Cidr, RegionId, Timestamp};
use hf_select::{LatencyTable, UNMEASURED};
use hf_telemetry::MeasuredLatency;

/// Measured networks in a table.
pub const NETWORKS_MAX: usize = 10_000;
/// Lines of a file.
const LINES_MAX: usize = 200_000;
/// The largest latency that makes sense: a minute.
const MICROS_MAX: u64 = 60_000_000;
/// Problems that are told; of a file of another kind every line is one.
const PROBLEMS_MAX: usize = 100;

/// What an operator wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyFile {
    /// Microseconds by network and region.
    rows: BTreeMap<Cidr, BTreeMap<RegionId, u32>>,
}

/// All that is wrong with a file.
pub type LatencyProblems = Problems;

impl LatencyFile {
    /// Reads a file's text; `file` names it in problems.
    pub fn read(file: &str, text: &str) -> Result<LatencyFile, LatencyProblems> {
        let mut rows: BTreeMap<Cidr, BTreeMap<RegionId, u32>> = BTreeMap::new();
        let mut problems = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let mut add = |column: usize, text: String| {
                problems.push(Problem {
                    file: file.to_owned(),
                    line: u32::try_from(at + 1).unwrap_or(u32::MAX),
                    column: u32::try_from(column + 1).unwrap_or(u32::MAX),
                    what: text,
                });
            };
            if at == LINES_MAX {
                add(0, format!("a latency file has at most {LINES_MAX} lines; use wider networks"));
                break;
            }
            let said = line.split('#').next().unwrap_or_default();
            if said.trim().is_empty() {
                continue;
            }
            match read_line(said) {
                Ok((network, region, micros)) => {
                    if rows.entry(network).or_default().insert(region.clone(), micros).is_some() {
                        add(
                            0,
                            format!("{network} is listed twice for region {region}; remove one of the two"),
                        );
                    }
                }
                Err(found) => found.into_iter().for_each(|(column, text)| add(column, text)),
            }
            if problems.len() >= PROBLEMS_MAX {
                break;
            }
        }
        if problems.is_empty() { Ok(LatencyFile { rows }) } else { Err(Problems(problems)) }
    }

    /// Networks in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One line; problems with their columns from 0.
fn read_line(line: &str) -> Result<(Cidr, RegionId, u32), Vec<(usize, String)>> {
    let column = |field: &str| field.as_ptr() as usize - line.as_ptr() as usize;
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [network, region, millis] = fields[..] else {
        let text = format!(
            "a line is `network, region, milliseconds`, this one has {} fields; write it such as 192.0.2.0/24, eu-west-2, 12.5",
            fields.len()
        );
        return Err(vec![(0, text)]);
    };
    let mut problems = Vec::new();
    let network_read =
        Cidr::new(network).map_err(|error| problems.push((column(network), error.to_string())));
    let region_read =
        RegionId::new(region).map_err(|error| problems.push((column(region), error.to_string())));
    let micros = read_micros(millis);
    if micros.is_none() {
        let text =
            format!("{millis:?} is not a latency; write milliseconds from 0 to 60000, such as 12 or 12.5");
        problems.push((column(millis), text));
    }
    match (network_read, region_read, micros) {
        (Ok(network), Ok(region), Some(micros)) => Ok((network, region, micros)),
        _ => Err(problems),
    }
}

/// Milliseconds with at most three decimals, as microseconds.
fn read_micros(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    let micros = whole.checked_mul(1_000)?.checked_add(part)?;
    u32::try_from(micros).ok().filter(|_| micros <= MICROS_MAX)
}

/// What the nodes of one region measured.
#[derive(Clone, Copy, Debug)]
pub struct FromRegion<'a> {
    /// Where they are.
    pub region: RegionIx,
    /// What one of them says.
    pub measured: &'a [MeasuredLatency],
}

/// Sums of what several nodes say.
#[derive(Clone, Copy, Default)]
struct Sum {
    micros: u64,
    samples: u64,
}

/// One network as it was measured.
struct Seen {
    by_region: Vec<Sum>,
    samples: u64,
    newest: Timestamp,
}

/// One table for an estate, of the file and of what was measured.
pub fn latencies<'a>(
    estate: &Estate,
    file: &LatencyFile,
    measured: impl IntoIterator<Item = FromRegion<'a>>,
) -> LatencyTable {
    let width = estate.regions.len();
    let mut seen: BTreeMap<Cidr, Seen> = BTreeMap::new();
    for FromRegion { region, measured } in measured {
        for line in measured.iter().filter(|_| region.at() < width) {
            let network = seen.entry(line.network).or_insert_with(|| Seen {
                by_region: vec![Sum::default(); width],
                samples: 0,
                newest: Timestamp(0),
            });
            let sum = &mut network.by_region[region.at()];
            sum.micros += u64::from(line.micros) * u64::from(line.samples);
            sum.samples += u64::from(line.samples);
            network.samples += u64::from(line.samples);
            network.newest = network.newest.max(line.at);
        }
    }
    if seen.len() > NETWORKS_MAX {
        let mut order: Vec<_> = seen.iter().map(|(at, seen)| (seen.samples, seen.newest, *at)).collect();
        order.sort_unstable();
        for (_, _, network) in &order[..order.len() - NETWORKS_MAX] {
            seen.remove(network);
        }
    }
    let mean = |sum: &Sum| {
        let mean = sum.micros.checked_div(sum.samples);
        mean.map_or(UNMEASURED, |mean| u32::try_from(mean).unwrap_or(UNMEASURED - 1))
    };
    let measured = seen.into_iter().map(|(at, seen)| (at, seen.by_region.iter().map(mean).collect()));
    let mut rows: BTreeMap<Cidr, Vec<u32>> = measured.collect();
    // The narrowest network counts for a client, so every row has what is said of it: by the file's rows around it, and beside these by what was
    // measured around a row of the file.
    let within: Vec<(Cidr, Vec<u32>)> = file
        .rows
        .keys()
        .filter_map(|network| Some((*network, rows.get(&measured_around(*network)?)?.clone())))
        .collect();
    for (network, measured) in within {
        rows.entry(network).or_insert(measured);
    }
    for network in file.rows.keys() {
        rows.entry(*network).or_insert_with(|| vec![UNMEASURED; width]);
    }
    let lengths = Lengths::of(file);
    for (network, row) in &mut rows {
        let mut is_written = vec![false; width];
        for written in lengths.around(*network).filter_map(|wider| file.rows.get(&wider)) {
            for (at, region) in estate.regions.iter().enumerate() {
                if let Some(micros) = written.get(&region.id).filter(|_| !is_written[at]) {
                    row[at] = *micros;
                    is_written[at] = true;
                }
            }
        }
    }
    rows.retain(|_, row| row.iter().any(|micros| *micros != UNMEASURED));
    LatencyTable { rows: rows.into_iter().collect() }
}

/// The network that is measured around a narrower one; none around a wider one.
fn measured_around(network: Cidr) -> Option<Cidr> {
    let bits = if network.base().is_ipv4() { 24 } else { 48 };
    (network.bits() >= bits).then(|| Cidr::around(network.base(), bits))
}

/// Which lengths a file's networks have: of the 33 or 129 that there could be.
struct Lengths {
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl Lengths {
    fn of(file: &LatencyFile) -> Lengths {
        let of = |is_v4: bool| {
            let networks = file.rows.keys().filter(|network| network.base().is_ipv4() == is_v4);
            let lengths: BTreeSet<u8> = networks.map(Cidr::bits).collect();
            lengths.into_iter().rev().collect()
        };
        Lengths { v4: of(true), v6: of(false) }
    }

    /// The networks of those lengths around one, itself first, then wider and wider ones.
    fn around(&self, network: Cidr) -> impl Iterator<Item = Cidr> {
        let lengths = if network.base().is_ipv4() { &self.v4 } else { &self.v6 };
        let wider = lengths.iter().filter(move |bits| **bits <= network.bits());
        wider.map(move |bits| Cidr::around(network.base(), *bits))
    }
}

#[cfg(test)]
mod tests;
