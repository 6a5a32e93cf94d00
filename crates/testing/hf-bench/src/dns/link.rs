//! AF_XDP against our own sockets, over a virtual link between two network namespaces.

use std::path::Path;

use super::cases::{Case, Start, rounds};
use super::content::Content;
use super::load::{Queries, Wanted};
use super::report::Row;
use super::servers::Server;
use super::{Options, Told};
use crate::netns::{self, Pair};

const SERVER: [u8; 4] = [10, 92, 0, 1];
const SERVER_NETWORK: &str = "10.92.0.1/24";
const CLIENT: &str = "10.92.0.2/24";
const PORT: u16 = 17_300;

/// Measures both ways, each beside the echo over sockets.
pub fn measure(options: &Options, holdfast: &Path) -> Told<Vec<Row>> {
    let link = Pair::new("hfb", [SERVER_NETWORK, CLIENT])?;
    let [_, namespace] = link.open()?;
    let own = netns::current()?;
    let content = Content::Small(1_000);
    let queries = Queries::new(b'h', content.zone(), content.names(), &[1, 28], false);
    let mut rows = Vec::new();
    let ways = [
        ("holdfast", ""),
        ("holdfast-skb", "[dns.xdp]\ninterface = \"s0\"\nqueues = [0]\nmode = \"generic\"\n"),
        ("holdfast-xdp", "[dns.xdp]\ninterface = \"s0\"\nqueues = [0]\nmode = \"native\"\n"),
    ];
    for (name, more) in ways {
        let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
        // What runs a program on the server's side.
        let wrap = ["ip", "netns", "exec", &link.names[0]].map(str::to_owned).to_vec();
        let mut servers: Vec<Start<'_>> = Vec::new();
        if more.is_empty() {
            let echo = Server::echo(&wrap, (SERVER, PORT).into(), folder.path())?;
            servers.push(Box::new(move || Ok(Some(echo))));
        }
        let at = ((SERVER, PORT + 1).into(), content);
        let node = Server::holdfast(name, &wrap, holdfast, at, more, folder.path())?;
        servers.push(Box::new(move || Ok(Some(node))));
        netns::enter(&namespace)?;
        let measured = rounds(&Case::Xdp.to_string(), servers, &queries, Wanted::Records, options);
        netns::enter(&own)?;
        rows.extend(measured?);
    }
    // Over sockets it was measured beside the echo; the others by the median of that echo.
    if let Some(floor) = rows.first().map(|row| row.us_per_answer[0]) {
        for row in &mut rows[2..] {
            row.ratio = row.us_per_answer[0] / floor.max(1e-9);
        }
    }
    Ok(rows)
}
