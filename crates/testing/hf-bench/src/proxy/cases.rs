//! Each case: its proxies, its load, its rounds.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::load::{Kind, Load};
use super::open::open;
use super::report::Row;
use super::servers::{Listener, Server, endpoints, from_wheel};
use super::tls::Files;
use super::{Options, Told};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// HTTP/1.1, 64 kept connections, 128 bytes.
    Kept,
    /// The same, an open load.
    Open,
    /// HTTP/1.1, 32 kept connections, 64 KiB.
    Large,
    /// HTTP/1.1, a connection for each request.
    Single,
    /// HTTPS, 64 kept connections.
    TlsKept,
    /// HTTPS, a connection with a full handshake for each request.
    TlsSingle,
    /// HTTP/2 without TLS, 8 connections of 16 streams.
    H2,
    /// HTTP/2 over TLS.
    H2Tls,
    /// Memory of idle HTTP connections.
    Idle,
    /// TCP, 64 kept connections, 128 bytes.
    TcpKept,
    /// The same, an open load.
    TcpOpen,
    /// TCP, 32 kept connections, 64 KiB.
    TcpLarge,
    /// TCP, a connection for each exchange.
    TcpSingle,
    /// Memory of idle TCP sessions.
    TcpIdle,
}

impl Case {
    /// All of them.
    pub const ALL: [Case; 14] = [
        Case::Kept,
        Case::Open,
        Case::Large,
        Case::Single,
        Case::TlsKept,
        Case::TlsSingle,
        Case::H2,
        Case::H2Tls,
        Case::Idle,
        Case::TcpKept,
        Case::TcpOpen,
        Case::TcpLarge,
        Case::TcpSingle,
        Case::TcpIdle,
    ];

    fn listener(self) -> Listener {
        match self {
            Case::Kept | Case::Open | Case::Large | Case::Single | Case::Idle => Listener::Http,
            Case::TlsKept | Case::TlsSingle | Case::H2Tls => Listener::Tls,
            Case::H2 => Listener::H2,
            Case::TcpKept | Case::TcpOpen | Case::TcpLarge | Case::TcpSingle | Case::TcpIdle => Listener::Tcp,
        }
    }

    fn load(self, address: SocketAddr, files: &Files) -> Told<Load> {
        let kind = match self {
            Case::H2 | Case::H2Tls => Kind::Http2,
            Case::Single | Case::TlsSingle | Case::TcpSingle => Kind::Single,
            _ => Kind::Kept,
        };
        let tls = match (self.listener(), kind) {
            (Listener::Tls, Kind::Http2) => Some(files.client(b"h2")?),
            (Listener::Tls, _) => Some(files.client(b"http/1.1")?),
            _ => None,
        };
        let (path, connections) = match self {
            Case::Large | Case::TcpLarge => ("/64k", 32),
            Case::Single | Case::TcpSingle | Case::TlsSingle => ("/", 32),
            Case::Open | Case::TcpOpen => ("/", 128),
            Case::H2 | Case::H2Tls => ("/", 8),
            _ => ("/", 64),
        };
        Ok(Load { address, tls, path, connections, kind })
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Case::Kept => "kept",
            Case::Open => "open",
            Case::Large => "large",
            Case::Single => "single",
            Case::TlsKept => "tls-kept",
            Case::TlsSingle => "tls-single",
            Case::H2 => "h2",
            Case::H2Tls => "h2-tls",
            Case::Idle => "idle",
            Case::TcpKept => "tcp-kept",
            Case::TcpOpen => "tcp-open",
            Case::TcpLarge => "tcp-large",
            Case::TcpSingle => "tcp-single",
            Case::TcpIdle => "tcp-idle",
        })
    }
}

/// Measures one case.
pub async fn measure(case: Case, options: &Options, holdfast: &Path) -> Told<Vec<Row>> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let files = Files::made(folder.path())?;
    let _endpoints = endpoints(folder.path())?;
    let mut servers = vec![Server::holdfast(holdfast, &files, folder.path())?];
    if !options.alone {
        let envoy = options.envoy.clone().or_else(|| from_wheel(holdfast));
        servers.extend(Server::peers(case.listener(), envoy.as_deref(), &files, folder.path())?);
    }
    let mut running = Vec::new();
    for server in servers {
        let load = case.load(server.listens_at(case.listener()), &files)?;
        match load.first_answer().await {
            Ok(()) => running.push((Row::new(case, &server), server, load)),
            Err(why) if server.name == "holdfast" => {
                return Err(format!("holdfast: {why}; it says:\n{}", server.last_words()));
            }
            // A peer that does not start here is none.
            Err(why) => eprintln!("{}: {why}; it says:\n{}", server.name, server.last_words()),
        }
    }
    if matches!(case, Case::Idle | Case::TcpIdle) {
        for (row, server, load) in &mut running {
            hold(load, options.idle, server, row).await?;
        }
    } else {
        let length = Duration::from_millis(options.length_ms);
        for _ in 0..options.rounds {
            for (row, server, load) in &mut running {
                let fired = match case {
                    Case::Open | Case::TcpOpen => open(load, options.rate, length, server.pid()?).await?,
                    _ => load.closed(length, server.pid()?).await,
                };
                row.fired.push(fired);
            }
        }
    }
    let rows: Vec<Row> = running.into_iter().map(|(row, ..)| row).collect();
    Ok(Row::finished(rows))
}

/// Opens so many connections, asks once on each, and looks at the proxy's memory.
async fn hold(load: &Load, connections: usize, server: &Server, row: &mut Row) -> Told<()> {
    let before = server.memory_mb();
    let mut held = Vec::new();
    for _ in 0..connections {
        let told = |error: std::io::Error| {
            format!(
                "{}: connection {} of {connections}: {error}; raise the limit of open files",
                server.name,
                held.len() + 1
            )
        };
        let mut connection = load.open().await.map_err(told)?;
        connection.ask().await.map_err(told)?;
        held.push(connection);
    }
    // What is parked when idle has the time to be.
    tokio::time::sleep(Duration::from_secs(3)).await;
    row.memory_mb = server.memory_mb();
    row.kib_per_connection = (row.memory_mb - before) * 1_024.0 / connections.max(1) as f64;
    Ok(())
}
