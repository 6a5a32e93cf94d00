//! How large each format may be. Beyond, nothing is encoded and nothing is read.

/// Bytes of an entry: 17 MiB, an estate's 16 MiB of text and room around it.
pub const ENTRY_BYTES: usize = 17 << 20;
/// Bytes of a state: 166 MiB. An estate that came in an entry, 1,000 shifts, 200 pins, 100 marks of deployments, the largest board with 10,000 tags, 2,000 practice
/// configurations, how 2,000 practice runs went and why 2,000 did not begin, 10,000 dynamic records, 800 DNSSEC keys, 20,000 endpoints from sources and 4,096 outcomes fit, each with all its words; a usual one has some KiB.
pub const STATE_BYTES: usize = 166 << 20;
/// Bytes of an intent: 57 MiB. An estate that came in an entry, 200 shifts, 200 pins, 100 marks of deployments, how 300 routing controls stand, the largest board
/// without tags, 10,000 dynamic records, 800 DNSSEC keys and 20,000 endpoints from sources fit.
pub const INTENT_BYTES: usize = 57 << 20;
/// Bytes of a table or of verdicts: 64 KiB. 100,000 endpoints take 34 KiB.
pub const TABLE_BYTES: usize = 64 << 10;
/// Bytes of one break-glass shift: 16 KiB.
pub const BREAK_GLASS_BYTES: usize = 16 << 10;
/// Break-glass shifts in a list: one for each zone that an estate can have.
pub const BREAK_GLASS_COUNT: usize = hf_config::estate::limits::ZONES;
/// Bytes of a list of break-glass shifts.
pub const BREAK_GLASS_LIST_BYTES: usize = BREAK_GLASS_COUNT * BREAK_GLASS_BYTES;
/// Bytes of a journal line: 256 KiB.
pub const ENTRY_LINE_BYTES: usize = 256 << 10;
/// Events of a journal line; an entry with more has several lines.
pub const ENTRY_LINE_EVENTS: usize = 8;
/// Characters of a command in a journal line; a longer one is cut.
pub const ENTRY_LINE_COMMAND_CHARS: usize = 8_000;
/// Characters of a reason in a journal line; a longer one, which is refused, is cut.
pub const ENTRY_LINE_REASON_CHARS: usize = 500;
/// Characters of how an object was, and is, in a journal line; a longer text is cut.
pub const ENTRY_LINE_WORDS_CHARS: usize = 2_000;

/// Control panels of a state: in each cluster as many as it may have, and its default one.
pub const PANELS: usize = hf_control::Board::CLUSTERS * (hf_config::estate::limits::CONTROL_PANELS + 1);
/// Routing controls of a state.
pub const CONTROLS: usize = hf_control::Board::CLUSTERS * hf_config::estate::limits::ROUTING_CONTROLS;
/// Safety rules of a state.
pub const RULES: usize = PANELS * hf_config::estate::limits::RULES_OF_A_PANEL;
