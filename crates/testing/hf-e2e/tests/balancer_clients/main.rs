//! The balancer before other people's clients and servers, and before hostile ones.
//!
//! What only this can show: that programs which share no line with ours (grpcio, `websockets`, python-h2's frames, varnishtest, h2load,
//! openssl) read what the built program writes, and that bytes which no decent client sends do no harm.
//!
//! `./test` installs them: Debian's packages, and wheels with pins (`balancer/requirements.txt`) into target/balancer.

mod abuse;
mod churn;
mod node;
mod recorder;
mod servers;
mod smuggling;
mod suites;
mod tls;
