//! The bounds of an estate; beyond them [`read_estate`](crate::read_estate) refuses. Declared so that work has a known size.

/// Bytes of text in a bundle, all files together: 16 MiB.
pub const BUNDLE_BYTES: usize = 16 << 20;
/// Regions.
pub const REGIONS: usize = 64;
/// Zones.
pub const ZONES: usize = 256;
/// Aliases of one zone: one for each account that numbers its zones anew, and some. Each name makes the search for the
/// nearest one longer.
pub const ALIASES: usize = 64;
/// Networks of one zone, and of all zones together: each answer looks through them for its asker.
pub const NETWORKS: usize = 4_096;
/// Health checks.
pub const HEALTH_CHECKS: usize = 1_000;
/// Pools.
pub const POOLS: usize = 1_000;
/// Endpoints of all pools together.
pub const ENDPOINTS: usize = 100_000;
/// Endpoints that one source may tell.
pub const SOURCED: i64 = 2_000;
/// Endpoints that all sources may tell together: intents and the ledger carry each with its words.
pub const SOURCED_IN_ALL: usize = 20_000;
/// Names and networks in `zones` of one source.
pub const SOURCE_PLACES: usize = 1_000;
/// Bits of one table: endpoints, then health checks.
pub const SUBJECTS: usize = ENDPOINTS + HEALTH_CHECKS;
/// Hosted zones.
pub const HOSTED_ZONES: usize = 100;
/// Steered records whose candidates are endpoints.
pub const RECORDS: usize = 10_000;
/// Control panels of a cluster; with the next three, AWS's quotas.
pub const CONTROL_PANELS: usize = 50;
/// Routing controls of one panel.
pub const CONTROLS_OF_A_PANEL: usize = 100;
/// Routing controls of a cluster.
pub const ROUTING_CONTROLS: usize = 300;
/// Safety rules of one panel.
pub const RULES_OF_A_PANEL: usize = 20;
/// The longest way of a zone back to a pool: what is told of ended acts need not be kept for longer than twice that.
pub const RETURN_OVER_MAX: std::time::Duration = std::time::Duration::from_hours(1);
/// Tables `[[record]]` of every sort together.
pub const RECORD_TABLES: usize = 50_000;
/// Values of one plain record in the estate file.
pub const VALUES: usize = 100;
/// Names that answer as another one does.
pub const NAME_ALIASES: usize = 1_000;
/// Records whose candidates are branches.
pub const TREES: usize = 10_000;
/// Branches of one tree.
pub const BRANCHES: usize = 100;
/// Branches of all trees together.
pub const BRANCHES_IN_ALL: usize = 50_000;
/// Levels of one tree, its leaves not counted.
pub const TREE_DEPTH: usize = 8;
/// Places of the world on one branch.
pub const GEO_AREAS: usize = 300;
/// CIDR collections.
pub const CIDR_COLLECTIONS: usize = 100;
/// Places of one collection.
pub const CIDR_PLACES: usize = 1_000;
/// Hosts of one pool or assignment, paths, and networks of a PROXY header: each.
pub const HOSTS: usize = 100;
/// Pairs of host and path that tell pools apart, of all pools together.
pub const HOSTS_AND_PATHS: usize = 20_000;
/// Assignments.
pub const ASSIGNMENTS: usize = 100;
/// Networks of all collections together.
pub const CIDR_NETWORKS: usize = 100_000;
/// Servers that a secondary hosted zone is fetched from, and servers that are told of changes: each.
pub const REMOTES: usize = 16;
/// Who may transfer one hosted zone.
pub const TRANSFER_RULES: usize = 64;
/// Who may update what of one hosted zone.
pub const UPDATE_RULES: usize = 64;
/// Names of one update rule, and its types: each.
pub const UPDATE_NAMES: usize = 64;
/// Services of which it is told whom they call.
pub const SERVICES: usize = 1_000;
/// Calls of one service.
pub const CALLS: usize = 100;
/// Consumers of zone status that are declared.
pub const CONSUMERS: usize = 500;
/// Closing sources.
pub const CLOSING_SOURCES: usize = 64;
/// Places that all closing sources look at together: zones times stores. One node looks at them all.
pub const CLOSING_PLACES: usize = 1_000;
