//! How large each format may be. Beyond, nothing is encoded and nothing is read.

/// Bytes of an entry: 17 MiB, an estate's 16 MiB of text and room around it.
pub const ENTRY_BYTES: usize = 17 << 20;
/// Bytes of a state: 64 MiB. An estate that came in an entry, 1,000 shifts and 4,096 outcomes of at most 8 KiB each fit.
pub const STATE_BYTES: usize = 64 << 20;
/// Bytes of an intent: 26 MiB. An estate that came in an entry, 200 shifts, 200 pins and 300 routing controls fit, each with all its words.
pub const INTENT_BYTES: usize = 26 << 20;
/// Bytes of a table or of verdicts: 64 KiB. 20,000 endpoints take 10 KiB.
pub const TABLE_BYTES: usize = 64 << 10;
/// Bytes of one break-glass shift: 16 KiB.
pub const BREAK_GLASS_BYTES: usize = 16 << 10;
/// Break-glass shifts in a list: one for each zone that an estate can have.
pub const BREAK_GLASS_COUNT: usize = hf_config::estate::limits::ZONES;
/// Bytes of a list of break-glass shifts.
pub const BREAK_GLASS_LIST_BYTES: usize = BREAK_GLASS_COUNT * BREAK_GLASS_BYTES;
/// Bytes of a journal line: 64 KiB.
pub const ENTRY_LINE_BYTES: usize = 64 << 10;
/// Events of a journal line; an entry with more has several lines.
pub const ENTRY_LINE_EVENTS: usize = 8;

/// Control panels of a state: in each cluster as many as it may have, and its default one.
pub const PANELS: usize = hf_control::Board::CLUSTERS * (hf_config::estate::limits::CONTROL_PANELS + 1);
/// Routing controls of a state.
pub const CONTROLS: usize = hf_control::Board::CLUSTERS * hf_config::estate::limits::ROUTING_CONTROLS;
/// Safety rules of a state.
pub const RULES: usize = PANELS * hf_config::estate::limits::RULES_OF_A_PANEL;
