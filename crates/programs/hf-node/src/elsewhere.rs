//! What the status role tells programs that are not ours and do not ask over HTTP: HAProxy, and readers of files.
//!
//! Each part is off unless the node's file has its section.
//!
//! Not here: what they do (`hf-agent`, `hf-render`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hf_agent::{Agent, AgentConfig, Followed};
use hf_clock::Clock;
use hf_config::node::{HaproxyConfig, NodeConfig, RenderFile, Role, SocketPlace};
use hf_consumers::InstanceId;
use hf_model::NodeId;
use hf_render::Renderer;
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;
use tokio::sync::watch;

use crate::boot;
use crate::parts::Parts;

/// What these parts are given.
pub struct Inputs<'a> {
    /// The node's file.
    pub config: &'a NodeConfig,
    /// The node's snapshots.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// The board of consumers.
    pub consumers: Consumers,
    /// The node's clock.
    pub clock: Clock,
}

/// The parts, open; nothing runs yet.
#[derive(Debug, Default)]
pub struct Elsewhere {
    agent: Option<Agent>,
    followed: Vec<Followed>,
    renderer: Option<Renderer>,
}

impl Elsewhere {
    /// Opens what the node's file asks for; what stands in the way is added to `problems`.
    pub async fn open(inputs: Inputs<'_>, problems: &mut Vec<String>) -> Elsewhere {
        let Inputs { config, snapshots, consumers, clock } = inputs;
        if !config.roles.contains(&Role::Status) {
            return Elsewhere::default();
        }
        let mut agent = None;
        if let Some(listen) = config.haproxy.agent_listen {
            let away = config.haproxy.away;
            let (snapshots, consumers, clock) = (snapshots.clone(), consumers.clone(), clock.clone());
            match Agent::bind(AgentConfig { listen, away, snapshots, consumers, clock }).await {
                Ok(bound) => agent = Some(bound),
                Err(error) => problems.push(boot::describe(&error)),
            }
        }
        let instance = instance(&config.id);
        let followed = config.haproxy.sockets.iter().map(|socket| Followed {
            socket: socket.clone(),
            snapshots: snapshots.clone(),
            consumers: consumers.clone(),
            instance: instance.clone(),
            clock: clock.clone(),
        });
        let followed = followed.collect();
        let renderer = (!config.render.is_empty()).then(|| Renderer {
            files: config.render.clone(),
            data_dir: config.data_dir.clone(),
            snapshots,
            consumers,
            instance,
            zone: config.zone.clone(),
            clock,
        });
        Elsewhere { agent, followed, renderer }
    }

    /// Where agent checks ask, with the port that port 0 became.
    pub fn agent_address(&self) -> Option<SocketAddr> {
        self.agent.as_ref().map(Agent::address)
    }

    /// Starts them all.
    pub fn start(self, parts: &mut Parts) {
        if let Some(agent) = self.agent {
            parts.start("HAProxy's agent", agent.run(parts.stopped()));
        }
        for followed in self.followed {
            parts.start("HAProxy's runtime socket", hf_agent::follow(followed, parts.stopped()));
        }
        if let Some(renderer) = self.renderer {
            parts.start("rendered files", hf_render::run(renderer, parts.stopped()));
        }
    }
}

/// The node's own name, as far as names of instances go.
fn instance(node: &NodeId) -> InstanceId {
    let text: String = node.to_string().chars().take(64).collect();
    InstanceId::new(&text).unwrap_or_else(|_| InstanceId::new("node").expect("letters are a name"))
}

/// Looks paths up from the node file's folder.
pub fn resolve(haproxy: &mut HaproxyConfig, render: &mut [RenderFile], base_dir: &Path) {
    let from_base = |path: &mut PathBuf| *path = base_dir.join(&path);
    for socket in &mut haproxy.sockets {
        if let SocketPlace::Path(path) = &mut socket.at {
            from_base(path);
        }
    }
    for file in render {
        from_base(&mut file.path);
    }
}
