//! How the checker role runs: `[checker]`.

/// How the checker role runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckerConfig {
    /// Programs that checks of kind command may run on this node, as absolute paths. Default none: who may change the estate
    /// need not be who may run programs here.
    pub allow_commands: Vec<String>,
}
