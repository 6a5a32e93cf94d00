//! The files that a node's file names for DNS, and the key of tickets, read without starting anything: what `holdfast check` tells of them.
//!
//! 1. A file that is there and is not good is a problem. One that is not there is advice only: a node's file is often checked on another machine.
//! 2. With an estate, master files of hosted zones that each node reads by itself are read too.
//!
//! Not here: what a node does without them (`node`, rule 5).

use std::path::{Path, PathBuf};

use hf_config::estate::{Estate, ZoneSource};
use hf_config::node::{NodeConfig, Role};
use hf_geo::Geography;

use crate::boot;
use crate::node::resolve;
use crate::tickets;

/// What is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The option in the node's file.
    pub option: &'static str,
    /// What, and how to mend it.
    pub what: String,
    /// Whether it is not on this machine at all.
    pub is_missing: bool,
}

/// Reads all of them; blocks. Paths are looked up from `base_dir`, the node file's folder.
pub fn check_files(config: NodeConfig, base_dir: &Path, estate: Option<&Estate>) -> Vec<FileProblem> {
    let config = resolve(config, base_dir);
    let geography = Geography::default();
    let mut problems = Vec::new();
    let mut check = |option, path: &PathBuf, read: &dyn Fn(&Path) -> Option<String>| {
        if !path.exists() {
            let what =
                format!("{} is not there; put it there, on the machine where the node runs", path.display());
            problems.push(FileProblem { option, what, is_missing: true });
        } else if let Some(what) = read(path) {
            problems.push(FileProblem { option, what, is_missing: false });
        }
    };
    if let Some(path) = &config.balancer.ticket_key_file {
        check("ticket_key_file", path, &tickets::check);
    }
    if !config.roles.contains(&Role::Dns) {
        return problems;
    }
    let dns = config.dns;
    if let Some(path) = &dns.geo_database {
        check("geo_database", path, &|path| {
            geography.load_database(path).err().map(|why| boot::describe(&why))
        });
    }
    if let Some(path) = &dns.latency_file {
        check("latency_file", path, &|path| {
            geography.load_latencies(path).err().map(|why| boot::describe(&why))
        });
    }
    if let Some(path) = &dns.seal_file {
        check("seal_file", path, &|path| hf_dns::check_seal(path).err().map(|why| boot::describe(&why)));
    }
    if let Some(path) = &dns.cookie_secret_file {
        check("cookie_secret_file", path, &|path| {
            hf_dns::check_cookie_secret(path).err().map(|why| boot::describe(&why))
        });
    }
    for key in &dns.tsig_keys {
        check("secret_file", &key.secret_file, &|path| {
            hf_dns::check_tsig_secret(path).err().map(|why| boot::describe(&why))
        });
    }
    if let Some(tls) = &dns.tls {
        for path in [&tls.certificate, &tls.key] {
            check("tls", path, &|_| None);
        }
        if tls.certificate.exists() && tls.key.exists() {
            check("tls", &tls.certificate, &|_| {
                hf_dns::DotTls::load(tls).err().map(|why| boot::describe(&why))
            });
        }
    }
    if let (Some(folder), Some(estate)) = (&dns.zone_dir, estate) {
        let zones = estate.hosted_zones.iter().filter(|hosted| hosted.source == ZoneSource::NodeFile);
        for hosted in zones {
            let path = folder.join(format!("{}zone", hosted.name));
            check("zone_dir", &path, &|path| hf_dns::check_zone_file(&hosted.name, path).err());
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use hf_config::estate::EstateBundle;

    use super::*;

    #[test]
    fn what_is_bad_is_a_problem_and_what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["geo", "seal", "cookie", "a", "example.test.zone", "tickets"] {
            std::fs::write(folder.path().join(file), "not good\n").unwrap();
        }
        let node = "[node]\nid = \"n\"\nroles = [\"dns\"]\ndata_dir = \"d\"\nzone = \"a\"\n[dns]\nzone_dir = \".\"\n\
            geo_database = \"geo\"\nlatency_file = \"latency\"\nseal_file = \"seal\"\ncookie_secret_file = \"cookie\"\n\
            tsig_keys = [{ name = \"a.\", secret_file = \"a\" }]\n\
            [balancer]\nticket_key_file = \"tickets\"\n";
        let config = hf_config::read_node("node.toml", node).unwrap();
        let toml = "[[region]]\nid = \"eu\"\n[[zone]]\nid = \"a\"\nregion = \"eu\"\n\
            [[hosted_zone]]\nname = \"example.test.\"\nsource = \"node\"\n";
        let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
        let estate = hf_config::read_estate("estate.toml", &bundle).unwrap();
        let found = check_files(config, folder.path(), Some(&estate));
        let told: Vec<_> = found.iter().map(|problem| (problem.option, problem.is_missing)).collect();
        let bad = |option| (option, false);
        let wanted = [
            bad("ticket_key_file"),
            bad("geo_database"),
            ("latency_file", true),
            bad("seal_file"),
            bad("cookie_secret_file"),
            bad("secret_file"),
            bad("zone_dir"),
        ];
        assert_eq!(told, wanted, "{found:?}");
        assert!(found[6].what.contains("example.test.zone:1:"), "{}", found[6].what);
    }
}
