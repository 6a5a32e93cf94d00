//! What is wrong with a node, as it says in its report until it is mended.
//!
//! Not here: who finds it out (`node`, `task`), what is shown of it (`hf-control-plane`).

use std::collections::BTreeSet;

use hf_model::NodeId;

use super::Hub;

/// What is wrong with this node; each none when all is well.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) estate_file: Option<String>,
    pub(super) ledger: Option<String>,
    pub(super) feed: Option<String>,
    pub(super) checker: Option<String>,
    pub(super) clock: Option<String>,
    pub(super) api_files: Option<String>,
    pub(super) geo_database: Option<String>,
    pub(super) latency_file: Option<String>,
    pub(super) sources: Option<String>,
    pub(super) dns_secrets: Option<String>,
    pub(super) dns_tls: Option<String>,
    pub(super) balancer_tls: Option<String>,
}

impl Hub {
    /// Why the node's ledger takes no changes; none when it does.
    pub fn set_ledger_problem(&mut self, problem: Option<String>) {
        self.problems.ledger = problem;
    }

    /// What is wrong with the watched estate file; none when all is well.
    pub fn set_estate_file_problem(&mut self, problem: Option<String>) {
        self.problems.estate_file = problem;
    }

    /// Why the feed has not begun; none when it has.
    pub fn set_feed_problem(&mut self, problem: Option<String>) {
        self.problems.feed = problem;
    }

    /// What the node's own checker says of itself; none while it is neither cut off nor behind itself.
    pub fn set_checker_problem(&mut self, problem: Option<String>) {
        self.problems.checker = problem;
    }

    /// Checkers that are found to be cut off, by what others see.
    pub(super) fn tell_cut_off(&mut self, cut_off: BTreeSet<NodeId>) {
        if cut_off == self.cut_off {
            return;
        }
        for checker in cut_off.difference(&self.cut_off) {
            tracing::warn!(%checker, "this checker sees nearly everything outside its zone down, and others do not: it is cut off, and its word does not count");
        }
        for checker in self.cut_off.difference(&cut_off) {
            tracing::info!(%checker, "this checker's word counts again");
        }
        self.cut_off = cut_off;
    }

    /// Why this node's own checker has no say; none while it has.
    fn own_checker_problem(&self) -> Option<String> {
        let is_out = self.cut_off.contains(&self.me.node);
        let problem = || {
            "the checker of this node sees nearly everything outside its zone down, and checkers elsewhere do not: it is cut off, and its word \
             does not count; look at the network of this machine and of its zone"
                .to_owned()
        };
        self.problems.checker.clone().or_else(|| is_out.then(problem))
    }

    /// Why the ledger's time is not the clock's; none when it is.
    pub fn set_clock_problem(&mut self, problem: Option<String>) {
        self.problems.clock = problem;
    }

    /// What is wrong with the files that the API goes by; none when all is well.
    pub fn set_api_files_problem(&mut self, problem: Option<String>) {
        self.problems.api_files = problem;
    }

    /// Why the geography database is not in force as it is on disk; none when it is.
    pub fn set_geo_database_problem(&mut self, problem: Option<String>) {
        self.problems.geo_database = problem;
    }

    /// The same of the latency file.
    pub fn set_latency_file_problem(&mut self, problem: Option<String>) {
        self.problems.latency_file = problem;
    }

    /// Which secrets of DNS could not be had at the start; none when all could.
    pub fn set_dns_secrets_problem(&mut self, problem: Option<String>) {
        self.problems.dns_secrets = problem;
    }

    /// Why the certificate of DNS over TLS is not in force as it is on disk; none when it is.
    pub fn set_dns_tls_problem(&mut self, problem: Option<String>) {
        self.problems.dns_tls = problem;
    }

    /// Why the balancer's certificates are not in force as they are on disk; none when they are.
    pub fn set_balancer_tls_problem(&mut self, problem: Option<String>) {
        self.problems.balancer_tls = problem;
    }

    /// What is wrong with endpoint sources that this node asks; none when all is well.
    pub fn set_sources_problem(&mut self, problem: Option<String>) {
        self.problems.sources = problem;
    }

    pub(super) fn node_problem(&self) -> Option<String> {
        let checker = self.own_checker_problem();
        let all = [
            &self.problems.feed,
            &checker,
            &self.problems.clock,
            &self.problems.api_files,
            &self.problems.geo_database,
            &self.problems.latency_file,
            &self.problems.sources,
            &self.problems.dns_secrets,
            &self.problems.dns_tls,
            &self.problems.balancer_tls,
        ];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }
}
