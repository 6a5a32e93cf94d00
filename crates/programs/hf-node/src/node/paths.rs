//! Paths of a node file are looked up from the folder in which it stands.
//!
//! Not here: reading the file (`hf-config`), the files behind the paths.

use std::path::{Path, PathBuf};

use hf_config::node::{AccessLog, DnsConfig, DnstapSink, NodeConfig};

use crate::elsewhere;
use crate::ledger;
use crate::xds_here;

/// With every path looked up from the node file's folder.
pub(crate) fn resolve(mut config: NodeConfig, base_dir: &Path) -> NodeConfig {
    let from_base = |path: &mut PathBuf| *path = base_dir.join(&path);
    from_base(&mut config.data_dir);
    config.estate.as_mut().map(from_base);
    if let Some(tls) = &mut config.tls {
        [&mut tls.ca, &mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
    }
    config.api.access.as_mut().map(from_base);
    if let Some(tls) = &mut config.api.tls {
        [&mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
        tls.client_ca.as_mut().map(from_base);
    }
    from_base(&mut config.sources.directory);
    elsewhere::resolve(&mut config.haproxy, &mut config.render, base_dir);
    resolve_dns(&mut config.dns, from_base);
    resolve_balancer(&mut config.balancer, from_base);
    xds_here::resolve(&mut config.xds, from_base);
    if let Some(tls) = &mut config.assign.tls {
        [&mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
    }
    config.notify.iter_mut().flat_map(|of| of.way.files_mut()).for_each(from_base);
    config.stores.files_mut().for_each(from_base);
    ledger::resolve(&mut config.ledger, from_base);
    config
}

fn resolve_balancer(balancer: &mut hf_config::node::BalancerConfig, from_base: impl Fn(&mut PathBuf)) {
    balancer.certificates.iter_mut().flat_map(|of| [&mut of.certificate, &mut of.key]).for_each(&from_base);
    let files =
        [&mut balancer.endpoint_authorities, &mut balancer.handover_socket, &mut balancer.ticket_key_file];
    files.into_iter().flatten().for_each(&from_base);
    if let Some(AccessLog::File(path)) = &mut balancer.access_log {
        from_base(path);
    }
}

fn resolve_dns(dns: &mut DnsConfig, from_base: impl Fn(&mut PathBuf)) {
    if let Some(tls) = &mut dns.tls {
        from_base(&mut tls.certificate);
        from_base(&mut tls.key);
    }
    let files = [
        &mut dns.zone_dir,
        &mut dns.geo_database,
        &mut dns.latency_file,
        &mut dns.seal_file,
        &mut dns.cookie_secret_file,
    ];
    files.into_iter().flatten().for_each(&from_base);
    dns.tsig_keys.iter_mut().for_each(|key| from_base(&mut key.secret_file));
    match &mut dns.dnstap {
        Some(DnstapSink::Socket(path) | DnstapSink::File(path)) => from_base(path),
        None => {}
    }
}
