//! What is behind branches: how many endpoints, in which region, measured or not; and in which order to look.
//!
//! Not here: what follows from it for a tree.

use std::collections::BTreeMap;

use super::{AddressFamily, Around, BranchTo, Level, PoolIx, Record, RegionIx, Report, limits};

/// What a branch leads to in the end.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    /// Of the asked family; one that is reached over two ways counts twice.
    pub(super) endpoints: usize,
    /// A pool that nobody measures, behind no further choice.
    pub(super) unchecked: Option<String>,
    regions: Regions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Regions {
    One(RegionIx),
    Several,
}

impl Behind {
    /// What is behind `to`; `None` where something of it is wrong.
    pub(super) fn of(
        to: BranchTo,
        family: AddressFamily,
        records: &[Option<Record>],
        trees: &[Option<Behind>],
        pools: &mut Pools<'_>,
    ) -> Option<Behind> {
        match to {
            BranchTo::Pool(pool) => pools.behind(pool, family),
            BranchTo::Record(record) => {
                pools.behind(records.get(usize::from(record))?.as_ref()?.pool, family)
            }
            BranchTo::Tree(tree) => trees.get(usize::from(tree))?.clone(),
        }
    }

    fn pool(pool: PoolIx, family: AddressFamily, around: &Around<'_>) -> Option<Behind> {
        let pool = around.pools.list.get(pool.at())?.as_ref()?;
        let mut endpoints = 0;
        let mut regions: Option<Regions> = None;
        for endpoint in pool.endpoints.iter().filter(|endpoint| family.holds(endpoint.address.ip())) {
            endpoints += 1;
            let region = around.zones.list.get(endpoint.zone.at())?.as_ref()?.region;
            regions = Some(Regions::with(regions, Regions::One(region)));
        }
        let unchecked = pool.health_check.is_none().then(|| pool.name.to_string());
        Some(Behind { endpoints, unchecked, regions: regions? })
    }

    /// What is behind all branches of a tree together.
    pub(super) fn all(branches: Vec<Option<Behind>>) -> Option<Behind> {
        let branches: Vec<Behind> = branches.into_iter().collect::<Option<_>>()?;
        let regions = branches.iter().map(|behind| behind.regions);
        Some(Behind {
            endpoints: branches.iter().fold(0, |sum: usize, behind| sum.saturating_add(behind.endpoints)),
            // A tree says so at its own branches.
            unchecked: None,
            regions: regions.reduce(|all, one| Regions::with(Some(all), one))?,
        })
    }

    /// The region that all of it is in.
    pub(super) fn region(&self) -> Option<RegionIx> {
        match self.regions {
            Regions::One(region) => Some(region),
            Regions::Several => None,
        }
    }
}

/// What is behind each pool, counted once: many branches may lead to one large pool.
pub(super) struct Pools<'a> {
    around: &'a Around<'a>,
    known: BTreeMap<(PoolIx, AddressFamily), Option<Behind>>,
}

impl<'a> Pools<'a> {
    pub(super) fn new(around: &'a Around<'a>) -> Self {
        Pools { around, known: BTreeMap::new() }
    }

    fn behind(&mut self, pool: PoolIx, family: AddressFamily) -> Option<Behind> {
        let known = self.known.entry((pool, family));
        known.or_insert_with(|| Behind::pool(pool, family, self.around)).clone()
    }
}

impl Regions {
    fn with(all: Option<Regions>, one: Regions) -> Regions {
        if all.is_none_or(|all| all == one) { one } else { Regions::Several }
    }
}

/// Trees in an order in which each comes behind those that it leads to. Rings, and trees with too many levels, are reported.
pub(super) fn order(levels: &[Level], report: &mut Report<'_>) -> Vec<u16> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Above,
        Done,
    }
    let mut seen = vec![Seen::Not; levels.len()];
    let mut depth = vec![1_usize; levels.len()];
    let mut order = Vec::with_capacity(levels.len());
    for start in 0..levels.len() {
        if seen[start] != Seen::Not {
            continue;
        }
        seen[start] = Seen::Above;
        // Not by recursion: a file may chain ten thousand of them.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, next)) = path.pop() {
            let Some((below, place)) = levels[at].down.get(next) else {
                seen[at] = Seen::Done;
                order.extend(u16::try_from(at));
                continue;
            };
            let below = usize::from(*below);
            match seen.get(below) {
                Some(Seen::Not) => {
                    path.push((at, next));
                    path.push((below, 0));
                    seen[below] = Seen::Above;
                    continue;
                }
                Some(Seen::Above) => report.add(
                    *place,
                    "this branch leads back to its own record; let it lead to a pool or to another record",
                ),
                Some(Seen::Done) => {
                    let levels_here = depth[below] + 1;
                    let max = limits::TREE_DEPTH;
                    if levels_here == max + 1 {
                        report.add(
                            *place,
                            format_args!(
                                "with this branch the tree has more than {max} levels; let it lead to a pool"
                            ),
                        );
                    }
                    depth[at] = depth[at].max(levels_here);
                }
                None => {}
            }
            path.push((at, next + 1));
        }
    }
    order
}
