//! An open load: requests fall due by chance whatever the proxy does, and each is timed from the moment when it was due.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

use super::load::{Count, Fired, Load};
use crate::Told;

/// Requests that may be due and not begun; more count as failed, since the proxy is far behind.
const DUE_MAX: usize = 100_000;

#[derive(Default)]
struct Due {
    at: RefCell<VecDeque<Instant>>,
    more: Notify,
}

/// Loads the proxy with `rate` requests a second.
pub async fn open(load: &Load, rate: u32, length: Duration, proxy: u32) -> Told<Fired> {
    let told = |error: nix::Error| format!("no timer: {error}");
    // To the nanosecond: tokio's own timers have steps of a millisecond, which would make bursts.
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).map_err(told)?;
    // A timer is read as a pipe is: it says how often it has gone off.
    let gone_off = timer.as_fd().try_clone_to_owned().and_then(pipe::Receiver::from_owned_fd_unchecked);
    let mut gone_off = gone_off.map_err(|error| format!("no timer: {error}"))?;
    let (count, due) = (Rc::new(Count::default()), Rc::new(Due::default()));
    let mut tasks: Vec<JoinHandle<()>> = (0..load.connections)
        .map(|_| {
            let (load, count, due) = (load.clone(), count.clone(), due.clone());
            spawn_local(async move { ask_when_due(&load, &count, &due).await })
        })
        .collect();
    let pace = count.clone();
    tasks.push(spawn_local(async move {
        let_fall_due(&timer, &mut gone_off, f64::from(rate), &due, &pace).await;
    }));
    tokio::time::sleep(length / 4).await;
    let fired = count.over(length, proxy).await;
    tasks.iter().for_each(JoinHandle::abort);
    for task in tasks {
        let _ = task.await;
    }
    Ok(fired)
}

async fn let_fall_due(timer: &TimerFd, gone_off: &mut pipe::Receiver, rate: f64, due: &Due, count: &Count) {
    let mut chance: u64 = 1;
    let mut next = Instant::now();
    loop {
        let now = Instant::now();
        while next <= now {
            if due.at.borrow().len() < DUE_MAX {
                due.at.borrow_mut().push_back(next);
                due.more.notify_one();
            } else {
                count.add(next, false);
            }
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Exponential, so that arrivals know nothing of each other.
            let uniform = ((chance >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            next += Duration::from_secs_f64(-uniform.ln() / rate);
        }
        let wait = Expiration::OneShot(TimeSpec::from_duration(
            next.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1)),
        ));
        if timer.set(wait, TimerSetTimeFlags::empty()).is_err() {
            return;
        }
        if gone_off.read_u64().await.is_err() {
            return;
        }
    }
}

async fn ask_when_due(load: &Load, count: &Count, due: &Due) {
    let mut kept = load.open().await.ok();
    loop {
        let next = due.at.borrow_mut().pop_front();
        let Some(since) = next else {
            due.more.notified().await;
            continue;
        };
        let connection = match kept.take() {
            Some(connection) => Some(connection),
            None => load.open().await.ok(),
        };
        let Some(mut connection) = connection else {
            count.add(since, false);
            continue;
        };
        let is_good = connection.ask().await.is_ok();
        count.add(since, is_good);
        kept = is_good.then_some(connection);
    }
}
