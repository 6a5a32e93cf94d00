//! What probes share: which commands may run, TLS configurations and compiled expressions.
//!
//! Making a TLS configuration or compiling an expression takes longer than a probe; both are kept while checks ask for them. The
//! store is emptied when it is full, which no estate brings about: it has more room than an estate has checks.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hf_config::estate::{CheckTls, EndpointHttp, Pattern};
use regex::bytes::Regex;
use rustls::ClientConfig;
use tokio::sync::Semaphore;

use crate::tls;

/// How many files this process may have open: a probe takes one.
pub fn open_files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Things kept of each sort.
const KEPT: usize = 2_000;
/// Commands at a time: each is a process, and a checker is not to fill its own machine.
pub const COMMANDS: usize = 16;

/// Verified or not, whose authorities, and HTTP/2 or HTTP/1.1 if HTTP is spoken.
type TlsKey = (bool, Option<Arc<str>>, Option<bool>);

/// What probes share. Clones share it.
#[derive(Clone)]
pub struct Tools(Arc<Inner>);

struct Inner {
    /// Programs that checks may run, as absolute paths.
    commands: BTreeSet<String>,
    running: Semaphore,
    tls: Mutex<HashMap<TlsKey, Result<Arc<ClientConfig>, String>>>,
    patterns: Mutex<HashMap<String, Regex>>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("commands", &self.0.commands).finish_non_exhaustive()
    }
}

impl Default for Tools {
    /// No command may run.
    fn default() -> Self {
        Tools::new(Vec::new())
    }
}

impl Tools {
    /// For a node that allows checks these programs.
    pub fn new(commands: Vec<String>) -> Self {
        Tools(Arc::new(Inner {
            commands: commands.into_iter().collect(),
            running: Semaphore::new(COMMANDS),
            tls: Mutex::default(),
            patterns: Mutex::default(),
        }))
    }

    /// Whether checks may run this program.
    pub fn allows(&self, program: &str) -> bool {
        self.0.commands.contains(program)
    }

    /// The leave to run a command.
    pub fn running(&self) -> &Semaphore {
        &self.0.running
    }

    /// How to speak TLS for a check; `http` is told to the other side (ALPN), if there is one.
    ///
    /// # Errors
    ///
    /// What is wrong with the authorities of the check.
    pub fn tls(&self, check: &CheckTls, http: Option<EndpointHttp>) -> Result<Arc<ClientConfig>, String> {
        let key = (check.verify, check.authorities.clone(), http.map(|http| http == EndpointHttp::Http2));
        let mut kept = self.0.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key) {
            return found.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let made = tls::config(check, http).map(Arc::new);
        kept.insert(key, made.clone());
        made
    }

    /// A compiled expression.
    pub fn regex(&self, pattern: &Pattern) -> Regex {
        let mut kept = self.0.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(pattern.as_str()) {
            return found.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let made = pattern.compile();
        kept.insert(pattern.as_str().to_owned(), made.clone());
        made
    }
}
