//! Memory is flat while connections and requests of all kinds come and go, and many stay open (`balancer/churn.py`, which says what is compared).
//!
//! `cargo xtask churn` does it for half an hour: `HF_CHURN_S`, `HF_CHURN_RATE` (turns a second, 0: as fast as they go) and `HF_CHURN_OPEN` are set by
//! it. Its figures are in docs/benchmarks.md.

use hf_e2e::process::must;

use super::node::{Node, open_files_max};

/// Patient with a machine that does other work.
const PATIENCE: &str = "patience = { connect = \"30s\", header = \"1m\", client_idle = \"20m\" }\n\
                        bounds = { client_connections = 30000 }\ncross_zone = true\naffinity = \"0%\"\nmin_zones = 1\n\
                        endpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }, { address = \"ADDRESS:9002\", zone = \"az2\" }]\n";
/// Of the files that a process may open, what the node needs for itself: endpoints, checks, its own listeners.
const OWN_FILES: usize = 700;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn memory_is_flat_while_everything_comes_and_goes() {
    let files = open_files_max();
    let wanted = number("HF_CHURN_OPEN", 1_000) as usize;
    let open = wanted.min(files.saturating_sub(OWN_FILES));
    if open < wanted {
        println!("{open} instead of {wanted} open connections: a process may open {files} files here");
    }
    let pools = format!(
        "[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\n{PATIENCE}[[pool]]\nname = \"secure\"\nlisten = \"0.0.0.0:8443\"\ntls = true\n{PATIENCE}\
         [[pool]]\nname = \"echo\"\nprotocol = \"tcp\"\nlisten = \"0.0.0.0:8081\"\nendpoints = [{{ address = \"ADDRESS:9003\", zone = \"az1\" }}]\n\
         patience = {{ connect = \"30s\" }}\n"
    );
    let balancer = "certificates = [{ certificate = \"www.pem\", key = \"www.key\" }]";
    let mut node = Node::start(11, &pools, balancer, 8080, |folder| {
        let mut command = std::process::Command::new("openssl");
        command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split(' '));
        command.args(["-subj", "/CN=churn.test", "-addext", "subjectAltName=DNS:churn.test"]);
        must(command.arg("-keyout").arg(folder.join("www.key")).arg("-out").arg(folder.join("www.pem")));
    });
    let [process, seconds, rate, open] = [
        node.process().to_string(),
        number("HF_CHURN_S", 45).to_string(),
        number("HF_CHURN_RATE", 0).to_string(),
        open.to_string(),
    ];
    // Its lines are to be read while it goes on.
    let ended =
        node.script("churn.py", &[&process, &seconds, &rate, &open]).status().expect("a script that runs");
    assert!(ended.success(), "what it found is above; the node's log:\n{}", node.log());
    node.nothing_went_wrong();
}
