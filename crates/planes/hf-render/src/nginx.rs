//! A pool as nginx reads it: the `server` lines inside an `upstream`.
//!
//! 1. Every endpoint has its line, in the pool's order; one that gets nothing is marked `down`. So a shift changes as many lines as it must, and
//!    an upstream is never empty, which nginx would refuse. A pool that is closed has all of them down: nginx answers 502.
//! 2. Weights are whole numbers of 1 at least, beside one another.
//!
//! Source: <https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server>.

use hf_balance::Listing;
use hf_config::estate::Estate;
use hf_model::PoolName;

/// The file's text.
pub fn servers(estate: &Estate, pool: &PoolName, listing: &Listing, parameters: &str, steps: u32) -> String {
    let mut text = format!(
        "# The servers of the pool {pool}. Holdfast writes this file; what is changed by hand is lost.\n"
    );
    let serving = &estate.pool(listing.serving_pool).name;
    if serving != pool {
        text.push_str(&format!("# The pool has fallen back to {serving}.\n"));
    }
    let parameters = if parameters.is_empty() { String::new() } else { format!(" {}", parameters.trim()) };
    for (of, weight) in listing.endpoints.iter().zip(listing.weights(steps)) {
        let zone = &estate.zone(of.zone).id;
        let load = if weight == 0 { "down".to_owned() } else { format!("weight={weight}") };
        text.push_str(&format!("server {} {load}{parameters}; # {zone}\n", of.address));
    }
    text
}
