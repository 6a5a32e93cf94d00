//! Node's and Python's own HTTP servers as endpoints: chunks, trailers, 100 Continue, and connections that they close when they like.

use std::process::Command;

use hf_e2e::process::Running;
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

use super::node::{Node, root};

/// Two servers of each kind, by port; the first ones keep idle connections for ten seconds, the others for 200 ms.
const SERVERS: [(&str, &str, u16, &str); 4] = [
    ("node", "server.mjs", 9001, "10000"),
    ("python3", "server.py", 9002, "10000"),
    ("node", "server.mjs", 9003, "200"),
    ("python3", "server.py", 9004, "200"),
];

fn pools() -> String {
    let pool = |(at, (_, _, port, keeps)): (usize, &(&str, &str, u16, &str))| {
        // Where the server keeps long the balancer lets go first; else it would keep longer than the server does.
        // A request in four or more may cross the end of its connection here: this is not about the budget.
        let kept = if *keeps == "10000" { "400ms" } else { "4s" };
        format!(
            "[[pool]]\nname = \"p{at}\"\nlisten = \"0.0.0.0:{}\"\npatience = {{ kept_idle = \"{kept}\" }}\n\
             retries = {{ budget = \"100%\" }}\n\
             endpoints = [{{ address = \"ADDRESS:{port}\", zone = \"az1\" }}]\n",
            8_080 + at
        )
    };
    SERVERS.iter().enumerate().map(pool).collect()
}

#[test]
fn node_and_python_serve_behind_it() {
    let mut node = Node::start(12, &pools(), "", 8080, |_| ());
    let _servers: Vec<Running> = SERVERS
        .iter()
        .map(|(program, script, port, keeps)| {
            let mut command = Command::new(program);
            command.arg(root().join("crates/testing/hf-e2e/balancer").join(script));
            command.args([&*node.address, &port.to_string(), keeps]);
            let running = Running::start(command, &node.path(&format!("server-{port}.log")));
            wait_for(script, DEADLINE, || {
                std::net::TcpStream::connect(node.at(*port))
                    .map_err(|error| format!("{error}\n{}", running.text()))
            });
            running
        })
        .collect();
    node.passes("server_checks.py", &[]);
    node.nothing_went_wrong();
}
