//! The estate of a scenario: short lines in, `estate.toml` out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use hf_config::estate::EstateBundle;

/// What the estate is made of, in the order of the lines.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    regions: Vec<(String, Vec<String>)>,
    pools: Vec<PoolLine>,
    records: Vec<(String, String)>,
    /// Panels with their controls.
    panels: Vec<(String, Vec<String>)>,
    /// Rules as TOML.
    rules: Vec<String>,
    /// A thing (`zone a`) and the control behind it.
    behind: Vec<(String, String)>,
    /// Closing sources as TOML, by name.
    closing: BTreeMap<String, String>,
    /// Majorities of endpoints of zone status, and how many each has.
    statuses: Vec<(String, u8)>,
    /// Whether the picture tells the share of a zone that returns.
    pub(crate) tells_shares: bool,
    pub(crate) checkers: usize,
    rise: u8,
    fall: u8,
    /// Pools and zones that ever were, so that addresses outlive a change of the estate.
    numbers: BTreeMap<String, u8>,
}

#[derive(Clone, Debug)]
struct PoolLine {
    name: String,
    /// Zone and weight.
    endpoints: Vec<(String, String)>,
    options: Vec<String>,
    check: Option<String>,
}

/// Endpoints, as statements name them: a zone, `POOL/ZONE` or `POOL/ZONE/N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pool: Option<String>,
    zone: String,
    /// From 1, among the pool's endpoints of that zone.
    number: Option<u8>,
}

/// One endpoint by the same words.
pub(crate) struct Named<'a> {
    pub(crate) pool: &'a str,
    pub(crate) zone: &'a str,
    pub(crate) address: SocketAddr,
}

impl Target {
    pub(crate) fn read(text: &str) -> Result<Target, String> {
        let error = || format!("{text:?} is no endpoint; write ZONE, POOL/ZONE or POOL/ZONE/N");
        let parts: Vec<&str> = text.split('/').collect();
        let number = |text: &str| text.parse().map(Some).map_err(|_| error());
        let (pool, zone, number) = match parts.as_slice() {
            [zone] => (None, *zone, None),
            [pool, zone] => (Some(*pool), *zone, None),
            [pool, zone, at] => (Some(*pool), *zone, number(at)?),
            _ => return Err(error()),
        };
        Ok(Target { pool: pool.map(str::to_owned), zone: zone.to_owned(), number })
    }

    pub(crate) fn holds(&self, endpoint: &Named<'_>) -> bool {
        let SocketAddr::V4(address) = endpoint.address else { return false };
        self.zone == endpoint.zone
            && self.pool.as_ref().is_none_or(|pool| pool == endpoint.pool)
            && self.number.is_none_or(|number| address.ip().octets()[3] == number)
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            regions: vec![],
            pools: vec![],
            records: vec![],
            panels: vec![],
            rules: vec![],
            behind: vec![],
            closing: BTreeMap::new(),
            statuses: vec![],
            tells_shares: false,
            checkers: 3,
            rise: 2,
            fall: 3,
            numbers: BTreeMap::new(),
        }
    }
}

impl Layout {
    /// Takes a line of the estate; whether it was one.
    pub(crate) fn say(&mut self, words: &[&str]) -> Result<bool, String> {
        match words {
            ["region", name, zones @ ..] => {
                let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
                match self.regions.iter_mut().find(|(known, _)| known == name) {
                    Some((_, of)) => *of = zones,
                    None => self.regions.push(((*name).to_owned(), zones)),
                }
            }
            ["pool", name, rest @ ..] => {
                let pool = read_pool(name, rest)?;
                match self.pools.iter_mut().find(|known| known.name == *name) {
                    Some(known) => *known = pool,
                    None => self.pools.push(pool),
                }
            }
            ["drop", "pool", name] => self.pools.retain(|pool| pool.name != *name),
            ["record", name, pool] => self.records.push(((*name).to_owned(), (*pool).to_owned())),
            ["panel", name, controls @ ..] => {
                let controls = controls.iter().map(|control| (*control).to_owned()).collect();
                self.panels.push(((*name).to_owned(), controls));
            }
            ["rule", path, "keeps", count, "of", controls @ ..] => {
                let (panel, name) = path.split_once('/').ok_or("a rule is PANEL/NAME")?;
                self.rules.push(format!(
                    "[[safety_rule]]\nname = \"{name}\"\npanel = \"{panel}\"\nassert = {{ at_least = {count}, of = {controls:?} }}\n"
                ));
            }
            ["behind", path, kind @ ("region" | "zone" | "pool" | "record" | "check"), rest @ ..] => {
                let thing = std::iter::once(kind).chain(rest).copied().collect::<Vec<_>>().join(" ");
                self.behind.push((thing, (*path).to_owned()));
            }
            ["closing", name, "of", scope, "stores", count] => {
                drop(self.closing.insert((*name).to_owned(), read_closing(name, scope, count)?));
            }
            ["status", name, "of", count] => self.statuses.push(((*name).to_owned(), read_count(count)?)),
            ["drop", "closing", name] => drop(self.closing.remove(*name)),
            ["shares", "told"] => self.tells_shares = true,
            ["checks", count, rest @ ..] => {
                self.checkers = count.parse().map_err(|_| format!("{count:?} is no number of checkers"))?;
                for pair in rest.chunks(2) {
                    match pair {
                        ["rise", count] => self.rise = read_count(count)?,
                        ["fall", count] => self.fall = read_count(count)?,
                        _ => return Err(format!("{pair:?} is unknown; write `rise N` or `fall N`")),
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// As an operator would have written it.
    pub(crate) fn bundle(&mut self) -> EstateBundle {
        let mut toml = String::new();
        for (panel, controls) in &self.panels {
            let _ = writeln!(toml, "[[control_panel]]\nname = \"{panel}\"");
            for control in controls {
                let _ = writeln!(toml, "[[routing_control]]\nname = \"{control}\"\npanel = \"{panel}\"");
            }
        }
        toml.push_str(&self.rules.concat());
        let behind: BTreeMap<String, String> = self
            .behind
            .iter()
            .map(|(thing, path)| (thing.clone(), format!("control = \"{path}\"\n")))
            .collect();
        let behind = |thing: String| behind.get(&thing).cloned().unwrap_or_default();
        for (region, zones) in &self.regions {
            let _ = writeln!(toml, "[[region]]\nid = \"{region}\"");
            toml.push_str(&behind(format!("region {region}")));
            for zone in zones {
                let _ = writeln!(toml, "[[zone]]\nid = \"{zone}\"\nregion = \"{region}\"");
                toml.push_str(&behind(format!("zone {zone}")));
            }
        }
        let (rise, fall) = (self.rise, self.fall);
        let _ = writeln!(
            toml,
            "[[health_check]]\nname = \"alive\"\nkind = \"tcp\"\ninterval = \"1s\"\nrise = {rise}\nfall = {fall}"
        );
        for (name, count) in &self.statuses {
            toml.push_str(&status_checks(name, *count, rise, fall));
        }
        for pool in self.pools.clone() {
            let _ = writeln!(toml, "[[pool]]\nname = \"{}\"", pool.name);
            if let Some(check) = &pool.check {
                let _ = writeln!(toml, "health_check = \"{check}\"");
            }
            toml.push_str(&behind(format!("pool {}", pool.name)));
            toml.push_str(&pool.options.concat());
            toml.push_str("endpoints = [\n");
            let mut in_zone: BTreeMap<&str, u8> = BTreeMap::new();
            for (zone, weight) in &pool.endpoints {
                let number = in_zone.entry(zone).or_default();
                *number += 1;
                let ip =
                    Ipv4Addr::new(10, self.number(&format!("zone {zone}")), self.number(&pool.name), *number);
                let _ =
                    writeln!(toml, "  {{ address = \"{ip}:80\", zone = \"{zone}\", weight = {weight} }},");
            }
            toml.push_str("]\n");
        }
        if !self.records.is_empty() {
            toml.push_str("[[hosted_zone]]\nname = \"example.test.\"\n");
        }
        for (name, pool) in &self.records {
            let _ = writeln!(
                toml,
                "[[record]]\nname = \"{name}\"\ntype = \"A\"\nanswer = {{ pool = \"{pool}\" }}"
            );
            toml.push_str(&behind(format!("record {name}")));
        }
        toml.extend(self.closing.values().map(String::as_str));
        EstateBundle { toml, ..EstateBundle::default() }
    }

    fn number(&mut self, of: &str) -> u8 {
        let next = self.numbers.len() as u8;
        *self.numbers.entry(of.to_owned()).or_insert(next)
    }
}

/// A closing source of files that nobody reads here: what they say is told by statements.
fn read_closing(name: &str, scope: &str, count: &str) -> Result<String, String> {
    let mut toml =
        format!("[[closing_source]]\nname = \"{name}\"\nzones = \"all\"\nresource = \"{scope}\"\n");
    for number in 1..=read_count(count)? {
        let _ = writeln!(toml, "[[closing_source.from]]\nfile = \"/{name}-{number}/{{zone}}\"");
    }
    Ok(toml)
}

/// A check for each endpoint of zone status, and the one that goes by their majority.
fn status_checks(name: &str, count: u8, rise: u8, fall: u8) -> String {
    let mut toml = String::new();
    for number in 1..=count {
        let _ = writeln!(
            toml,
            "[[health_check]]\nname = \"{name}-{number}\"\nkind = \"zone-status\"\naddress = \"10.255.0.{number}:7601\"\nzone = \"{name}\"\ninterval = \"1s\"\nrise = {rise}\nfall = {fall}"
        );
    }
    let of: Vec<String> = (1..=count).map(|number| format!("{name}-{number}")).collect();
    let _ = writeln!(
        toml,
        "[[health_check]]\nname = \"{name}\"\nkind = \"calculated\"\nof = {of:?}\nat_least = \"majority\""
    );
    toml
}

fn read_count(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("{text:?} is no count; write 1 to 10"))
}

fn read_pool(name: &str, words: &[&str]) -> Result<PoolLine, String> {
    let check = Some("alive".to_owned());
    let mut pool = PoolLine { name: name.to_owned(), endpoints: vec![], options: vec![], check };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` has a value"));
        match *word {
            "keep" => pool.options.push(format!("min_zones = {}\n", value()?)),
            "share" => pool.options.push(format!("min_capacity = \"{}\"\n", value()?)),
            "return" => pool.options.push(format!("return_over = \"{}\"\n", value()?)),
            "unchecked" => pool.check = None,
            check if check.starts_with("check:") => {
                pool.check = check.strip_prefix("check:").map(str::to_owned);
            }
            "closed" => pool.options.push("all_down = \"closed\"\n".to_owned()),
            fallback if fallback.starts_with("fallback:") => {
                pool.options.push(format!("all_down = \"{fallback}\"\n"));
            }
            endpoint => {
                let (zone, weight) = endpoint.split_once('*').unwrap_or((endpoint, "100"));
                pool.endpoints.push((zone.to_owned(), weight.to_owned()));
            }
        }
    }
    Ok(pool)
}
