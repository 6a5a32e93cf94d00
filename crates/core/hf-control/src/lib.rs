//! The replicated state machine: what people intend, in one order.
//!
//! 1. [`State::apply`] is total and deterministic: same entries, same state, same outcomes, on every node. Bad input is an
//!    [`Outcome::Refused`], never a panic. No clock, no random number, no float, no hash order.
//! 2. Rules are judged inside `apply`, on exactly the state that they change.
//! 3. A request id seen before has its first outcome again and no effect.
//! 4. Time enters as the entry's stamp and never runs backwards: an older stamp counts as the newest seen.
//! 5. A shift ends by a committed command: [`Command::Expire`], [`Command::CancelShift`], for autoshifts and practice runs also by whoever watches
//!    over them or by what outranks them. Nothing else ends it.
//!
//! Not here: durability (`hf-ledger`), who is healthy (`hf-health`), what serves (`hf-decide`).

mod apply;
pub mod board;
pub mod command;
pub mod deployment;
pub mod hosted;
pub mod intent;
pub mod practice;
pub mod sources;
pub mod state;

pub use apply::read_estate;
pub use board::{
    Board, BoardCommand, Cluster, ControlRef, NetworkType, ObjectId, Origin, Panel, PanelRole,
    RoutingControl, RuleKind, RuleRef, SafetyRule, Tags,
};
pub use command::{
    Bounded, Command, ControlSet, Entry, Event, Expect, Outcome, PracticeClosed, Refusal, Stop,
};
pub use deployment::Deployment;
pub use hosted::{
    DynamicZone, HostedUpdate, KeyPace, UpdateChange, UpdatePrerequisite, UpdateRcode, ZoneKey,
    ZoneKeyCommand, ZoneKeyState, ZoneKeyStep,
};
pub use intent::{
    BreakGlassFate, BreakGlassShift, ControlState, Intent, Pin, PinTo, RecordedBreakGlass, Return, Scope,
    Shift, ShiftKind, ShiftState,
};
pub use practice::{
    Autoshift, Date, DateError, Practice, PracticeConfig, PracticeFault, PracticeOutcome, PracticeRecord,
    PracticeRefusal, PracticeSeen, Resource, Window, WindowError,
};
pub use state::{Answered, State, Unfit};
