//! The harm that is done to the five places, and how it is healed.
//!
//! 1. One kind of harm at a time, for a while; then everything is healed before the next one.
//! 2. Cuts are black holes between places: nothing is refused, nothing arrives. Clients and planes still reach every place.
//! 3. A clock is set by faketime. etcd asks the kernel past it, so only control nodes have odd clocks; they alone stamp entries.
//!
//! Not here: which harm comes when (`run`).

use std::io::Write;
use std::time::Duration;

use hf_sim::rng::Rng;
use nix::sys::signal::Signal;

use super::etcd::Joins;
use super::layout::{PLACES, PLANES, control_name, member_name, place_address, place_name, plane_name};
use super::{Places, Special};
use crate::clock;

/// A kind of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Two places are killed; the other three go on.
    KillTwo,
    /// Two places are killed and the rest is cut in two: no quorum for anybody.
    KillTwoCutRest,
    /// The places are cut in two, both ways: those with three go on.
    Cut,
    /// Some places do not hear others, who hear them well.
    OneWay,
    /// Processes stand still and know nothing of it.
    Pause,
    /// A place loses its disk: etcd's member is replaced, the control node begins with nothing.
    Refill,
    /// A control node's clock leaps by minutes.
    Skew,
    /// A place's disk is full.
    FullDisk,
    /// Data planes are killed.
    KillPlanes,
}

impl Kind {
    /// All of them. In this order, three neighbours make a good short run.
    pub const ALL: [Kind; 9] = [
        Kind::KillTwoCutRest,
        Kind::Refill,
        Kind::Skew,
        Kind::KillTwo,
        Kind::OneWay,
        Kind::FullDisk,
        Kind::Cut,
        Kind::Pause,
        Kind::KillPlanes,
    ];

    /// Whether nobody can have a quorum under it.
    pub fn is_without_quorum(self) -> bool {
        self == Kind::KillTwoCutRest
    }
}

/// One piece of harm, drawn.
#[derive(Clone, Debug)]
pub struct Harm {
    /// What.
    pub kind: Kind,
    /// The places, the first of them first.
    order: [usize; PLACES],
    /// How many of them stand on the one side of a cut, or stand still.
    count: usize,
    /// Whether etcd, the control node, or both stand still.
    pauses: (bool, bool),
    /// Where the clock leaps to, in seconds.
    skew_s: i64,
    planes: Vec<usize>,
}

impl Harm {
    /// Draws what is left open. The places come in a drawn order, with etcd's leader first half of the time.
    pub fn draw(kind: Kind, special: Special, leader: Option<usize>, rng: &mut Rng) -> Harm {
        let mut order: [usize; PLACES] = std::array::from_fn(|place| place);
        for at in (1..PLACES).rev() {
            order.swap(at, rng.below(at as u64 + 1) as usize);
        }
        let wanted = match kind {
            Kind::Skew => special.odd_clock,
            Kind::FullDisk => special.small_disk,
            _ => leader.filter(|_| rng.percent(50)),
        };
        if let Some(at) = wanted.and_then(|wanted| order.iter().position(|place| *place == wanted)) {
            order.swap(0, at);
        }
        let ahead = rng.percent(50);
        let skew_s = i64::try_from(rng.between(60, 900)).expect("minutes");
        Harm {
            kind,
            order,
            count: rng.between(1, 2) as usize,
            pauses: *rng.pick(&[(true, true), (true, false), (false, true)]),
            skew_s: if ahead { skew_s } else { -skew_s },
            planes: (0..PLANES).filter(|_| rng.percent(25)).collect(),
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        let names =
            |places: &[usize]| places.iter().map(|place| place_name(*place)).collect::<Vec<_>>().join(" ");
        let [first, second, rest @ ..] = &self.order;
        match self.kind {
            Kind::KillTwo => format!("{} are dead", names(&[*first, *second])),
            Kind::KillTwoCutRest => {
                format!(
                    "{} are dead, {} is cut from {}",
                    names(&[*first, *second]),
                    names(&rest[..1]),
                    names(&rest[1..])
                )
            }
            Kind::Cut => {
                format!("{} | {}", names(&self.order[..self.count]), names(&self.order[self.count..]))
            }
            Kind::OneWay => {
                format!(
                    "{} hears nothing of {}",
                    names(&self.order[..self.count]),
                    names(&self.order[self.count..])
                )
            }
            Kind::Pause => {
                let (member, control) = self.pauses;
                format!(
                    "{} stands still (etcd {member}, control {control})",
                    names(&self.order[..self.count])
                )
            }
            Kind::Refill => format!("{} loses its disk", names(&[*first])),
            Kind::Skew => format!("the clock of {} is {} s off", names(&[*first]), self.skew_s),
            Kind::FullDisk => format!("the disk of {} is full", names(&[*first])),
            Kind::KillPlanes => {
                let planes: Vec<String> = self.planes.iter().map(|plane| plane_name(*plane)).collect();
                format!("{} are dead", planes.join(" "))
            }
        }
    }

    /// How long it is left so; `cut` for what the network or two dead places do, `short` for the rest.
    pub fn length(&self, cut: Duration, short: Duration) -> Duration {
        match self.kind {
            Kind::KillTwo | Kind::KillTwoCutRest | Kind::Cut | Kind::OneWay => cut,
            _ => short,
        }
    }
}

impl Places {
    /// Does harm.
    pub fn harm(&mut self, harm: &Harm) {
        let [first, second, third, ..] = harm.order;
        let (few, many) = harm.order.split_at(harm.count);
        match harm.kind {
            Kind::KillTwo => self.kill_places(&[first, second]),
            Kind::KillTwoCutRest => {
                self.kill_places(&[first, second]);
                self.cut(&[third], &harm.order[3..]);
                self.cut(&harm.order[3..], &[third]);
            }
            Kind::Cut => {
                self.cut(few, many);
                self.cut(many, few);
            }
            Kind::OneWay => self.cut(few, many),
            Kind::Pause => self.stop_and_go(harm, Signal::SIGSTOP),
            Kind::Refill => {
                self.kill_places(&[first]);
                for kept in ["etcd", "node"] {
                    std::fs::remove_dir_all(self.disk(first).join(kept)).expect("what the place kept");
                }
                self.replace_member(first);
                self.start_member(first, Joins::Existing);
                self.start_control(first);
            }
            Kind::Skew => self.set_clock(first, harm.skew_s),
            Kind::FullDisk => self.fill_disk(first),
            Kind::KillPlanes => harm.planes.iter().for_each(|plane| self.kill(&plane_name(*plane))),
        }
    }

    /// Heals it: the network whole, everything running, clocks right, room on every disk.
    pub fn heal(&mut self, harm: &Harm) {
        match harm.kind {
            Kind::Pause => self.stop_and_go(harm, Signal::SIGCONT),
            Kind::Skew => self.set_clock(harm.order[0], 0),
            Kind::FullDisk => {
                std::fs::remove_file(self.disk(harm.order[0]).join("ballast")).expect("the ballast");
            }
            Kind::KillTwoCutRest | Kind::Cut | Kind::OneWay => {
                for place in 0..PLACES {
                    self.network.deaf_to(&place_name(place), &[]);
                }
            }
            Kind::KillTwo | Kind::Refill | Kind::KillPlanes => {}
        }
        self.revive();
    }

    /// Starts what does not run.
    pub fn revive(&mut self) {
        for place in 0..PLACES {
            if !self.is_running(&member_name(place)) {
                self.start_member(place, Joins::Founder);
            }
            if !self.is_running(&control_name(place)) {
                self.start_control(place);
            }
        }
        for plane in 0..PLANES {
            if !self.is_running(&plane_name(plane)) {
                self.start_plane(plane);
            }
        }
    }

    /// Kills etcd and the control node of places.
    pub fn kill_places(&mut self, places: &[usize]) {
        for place in places {
            self.kill(&member_name(*place));
            self.kill(&control_name(*place));
        }
    }

    /// These hear nothing of those any more.
    fn cut(&self, these: &[usize], those: &[usize]) {
        let addresses: Vec<String> = those.iter().map(|place| place_address(*place).to_string()).collect();
        for place in these {
            self.network.deaf_to(&place_name(*place), &addresses);
        }
    }

    fn stop_and_go(&self, harm: &Harm, signal: Signal) {
        for place in &harm.order[..harm.count] {
            if harm.pauses.0 {
                self.signal(&member_name(*place), signal);
            }
            if harm.pauses.1 {
                self.signal(&control_name(*place), signal);
            }
        }
    }

    fn set_clock(&self, place: usize, seconds: i64) {
        clock::set(&self.place(place).join("clock"), seconds);
    }

    fn fill_disk(&self, place: usize) {
        let path = self.disk(place).join("ballast");
        let mut ballast = std::fs::File::create(path).expect("a file on the disk");
        let block = vec![0; 64 << 10];
        // Until there is no room left: that is the point.
        while ballast.write_all(&block).is_ok() {}
        while ballast.write_all(&[0; 512]).is_ok() {}
    }
}
