//! How long no commit is possible after etcd's leader, and the control node beside it, are killed.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::bare;
use super::estate;
use super::world::{PLACES, World};
use crate::Told;
use crate::figures::Spread;
use crate::kept::Member;

/// A place that takes so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What one bare attempt may take: about what lies between two attempts of an eager client.
const ATTEMPT: Duration = Duration::from_millis(250);

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct LeaderFigures {
    /// From the kill to the next commit that our client has acknowledged.
    pub api: Spread,
    /// From the kill to the next bare put at any of the four others.
    pub etcd: Spread,
}

/// Kills the leader, again and again.
pub async fn measure(world: &mut World, rounds: usize) -> Told<LeaderFigures> {
    let (mut api, mut etcd) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let leader = world.leader().await?;
        let client = world.operator()?;
        let mut others = Vec::new();
        for at in (0..PLACES).filter(|at| *at != leader) {
            others.push(world.member(at).await?);
        }
        let begin = Instant::now();
        world.members[leader].kill();
        world.controls[leader].kill();
        let ours = async {
            loop {
                // The same request id each time: it is one change, however often it is asked for.
                let mut batch = estate::batch(round as u64);
                batch.request_id = Some(format!("bench-round-{round}-{}", std::process::id()));
                match client.set_controls(&batch).await {
                    Ok(_) => return Ok(begin.elapsed()),
                    Err(error) if begin.elapsed() > PATIENCE => return Err(error.to_string()),
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let (ours, bare) = tokio::join!(ours, first_put(&mut others, begin));
        api.push(ours?);
        etcd.push(bare?);
        world.revive(leader).await?;
    }
    Ok(LeaderFigures { api: Spread::of(api), etcd: Spread::of(etcd) })
}

async fn first_put(members: &mut [Member], begin: Instant) -> Told<Duration> {
    loop {
        for member in &mut *members {
            if let Ok(Ok(())) = timeout(ATTEMPT, bare::put(member, "bench/leader")).await {
                return Ok(begin.elapsed());
            }
        }
        if begin.elapsed() > PATIENCE {
            return Err("no member took a put after the leader's death".to_owned());
        }
        sleep(Duration::from_millis(10)).await;
    }
}
