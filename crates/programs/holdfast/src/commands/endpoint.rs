//! `holdfast endpoint`: endpoints of pools, and registrations with a lease.

use std::time::Duration;

use hf_api::{Client, Endpoints, PoolEndpoints, RegisterEndpoint};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Common;
use crate::args::endpoint::{EndpointArgs, EndpointCommand, RegisterArgs};
use crate::failure::Failure;
use crate::output::{columns, rough, show};
use crate::session::client;

/// Does what is asked.
pub async fn run(args: &EndpointArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        EndpointCommand::Register(register) => self::register(register, common).await,
        EndpointCommand::Deregister { pool, id } => {
            let done = client(common)?.deregister_endpoint(pool, id).await?;
            show(common.output, &done, |done| {
                format!("{id} is no longer an endpoint of pool/{pool}, at revision {}", done.revision)
            })
        }
        EndpointCommand::List { pool } => {
            let mut all = client(common)?.endpoints().await?;
            if let Some(pool) = pool {
                all.pools.retain(|found| found.pool == *pool);
                if all.pools.is_empty() {
                    return Err(Failure::Refused(format!(
                        "there is no pool `{pool}`; `holdfast endpoint list` shows all"
                    )));
                }
            }
            show(common.output, &all, in_a_table)
        }
    }
}

async fn register(args: &RegisterArgs, common: &Common) -> Result<(), Failure> {
    let endpoint = RegisterEndpoint {
        address: args.address.to_string(),
        zone: args.zone.clone(),
        weight: args.weight,
        priority: args.priority,
        lease_s: Some(args.lease),
    };
    let client = client(common)?;
    let (pool, id) = (&args.pool, &args.id);
    let done = client.register_endpoint(pool, id, &endpoint).await?;
    show(common.output, &done, |done| {
        let verb = if done.renewed { "is registered still" } else { "is registered" };
        format!("{id} {verb} with pool/{pool} for {} s, at revision {}", args.lease, done.revision)
    })?;
    if args.keep { keep(&client, args, &endpoint).await } else { Ok(()) }
}

/// Renews after a third of the lease until a signal comes; what fails is tried again and told.
async fn keep(client: &Client, args: &RegisterArgs, endpoint: &RegisterEndpoint) -> Result<(), Failure> {
    let no_signal = |error| Failure::Refused(format!("cannot wait for signals: {error}"));
    let mut terminated = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let pace = Duration::from_secs(u64::from(args.lease)) / 3;
    let mut failed = false;
    loop {
        tokio::select! {
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
            () = tokio::time::sleep(if failed { pace.min(Duration::from_secs(1)) } else { pace }) => {}
        }
        match client.register_endpoint(&args.pool, &args.id, endpoint).await {
            Ok(_) => failed = false,
            Err(error) => {
                failed = true;
                eprintln!("the lease was not renewed, trying again: {error}");
            }
        }
    }
    client.deregister_endpoint(&args.pool, &args.id).await?;
    eprintln!("{} is no longer registered with pool/{}", args.id, args.pool);
    Ok(())
}

fn in_a_table(all: &Endpoints) -> String {
    let mut text = format!("revision {} as {} has it\n\n", all.revision, all.node);
    let rows: Vec<[String; 7]> = all.pools.iter().flat_map(rows).collect();
    text.push_str(&columns(["POOL", "ADDRESS", "ZONE", "WEIGHT", "FROM", "NAME", "LEASE"], &rows));
    for pool in all.pools.iter().filter(|pool| pool.problem.is_some()) {
        let stale = if pool.stale { "STALE " } else { "" };
        text.push_str(&format!(
            "\n{stale}pool/{}: {}\n",
            pool.pool,
            pool.problem.as_deref().unwrap_or_default()
        ));
    }
    text
}

fn rows(pool: &PoolEndpoints) -> Vec<[String; 7]> {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    if pool.endpoints.is_empty() {
        let source = or_none(pool.source.clone());
        let none = || "-".to_owned();
        return vec![[pool.pool.clone(), "none yet".to_owned(), none(), none(), source, none(), none()]];
    }
    let row = |endpoint: &hf_api::Endpoint| {
        let source = if endpoint.id.is_some() { or_none(pool.source.clone()) } else { "estate".to_owned() };
        [
            pool.pool.clone(),
            endpoint.address.clone(),
            endpoint.zone.clone(),
            endpoint.weight.to_string(),
            source,
            or_none(endpoint.id.clone()),
            or_none(endpoint.lease_left_ms.map(rough)),
        ]
    };
    pool.endpoints.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use hf_api::Endpoint;

    use super::*;

    #[test]
    fn endpoints_are_listed_with_where_they_come_from() {
        let endpoint = |address: &str, id: Option<&str>, lease_left_ms| Endpoint {
            address: address.to_owned(),
            zone: "a".to_owned(),
            weight: 100,
            priority: 0,
            id: id.map(str::to_owned),
            lease_left_ms,
        };
        let pool = |name: &str, source: Option<&str>, endpoints| PoolEndpoints {
            pool: name.to_owned(),
            source: source.map(str::to_owned),
            endpoints,
            ..PoolEndpoints::default()
        };
        let stale = PoolEndpoints {
            problem: Some("its source `register` tells of no endpoint any more".to_owned()),
            stale: true,
            ..pool(
                "web",
                Some("register"),
                vec![endpoint("10.0.0.1:80", None, None), endpoint("10.0.0.2:80", Some("two"), Some(9_000))],
            )
        };
        let all = Endpoints {
            node: "n1".to_owned(),
            revision: 7,
            pools: vec![stale, pool("new", Some("register"), vec![])],
        };
        expect![[r"
            revision 7 as n1 has it

            POOL  ADDRESS      ZONE  WEIGHT  FROM      NAME  LEASE
            web   10.0.0.1:80  a     100     estate    -     -
            web   10.0.0.2:80  a     100     register  two   9s
            new   none yet     -     -       register  -     -

            STALE pool/web: its source `register` tells of no endpoint any more
        "]]
        .assert_eq(&in_a_table(&all));
    }
}
