//! What can go wrong, where, and how to mend it.

use std::io;
use std::path::PathBuf;

use hf_model::Revision;

/// Why a ledger could not be opened; the file was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error("{path}: another process has this ledger open; stop that one, or give this node a data_dir of its own", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Some other file.
    #[error("{path}: this is not a Holdfast ledger ({what}); check the path, or move the file away to begin a new ledger", path = path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What shows it.
        what: String,
    },
    /// Written by a newer program.
    #[error("{path}: this ledger has format {found}, this program reads {known}; run the newer version of holdfast", path = path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u64,
        /// The newest that we know.
        known: u64,
    },
    /// What was written is not what is there.
    #[error("{path}: the ledger is damaged: {what}; put back a copy of the file, or move it away and apply the estate again \
             (nodes keep serving from their own snapshots meanwhile)", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What, and where.
        what: String,
    },
    /// No room to open it: it needs a few pages of its own.
    #[error("{path}: no room on the disk to open the ledger; free some space and start again", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("{path}: cannot open the ledger; check that the directory exists and that this user may write there", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Ours or the client's: too many bytes. Nothing was written; a retry cannot help.
    #[error("{what} has at most {max} bytes, this one has {len}; make it smaller")]
    TooLarge {
        /// An entry, a checkpoint or a journal line.
        what: &'static str,
        /// Its size.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// Ours: too many lines at once. Nothing was written.
    #[error("at most {max} journal lines at once, these are {len}; hand them in in several calls")]
    TooManyLines {
        /// How many.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// The disk is full. Nothing was written; a retry works once there is room.
    #[error("{place}: no room on the disk, nothing was written; free some space and try again")]
    Full {
        /// The file.
        place: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The system refused a read or a write. Nothing was written; a retry may help.
    #[error(
        "{place}: the ledger could not be read or written, nothing was added; check the disk and try again"
    )]
    Io {
        /// The file.
        place: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The system failed to make a write durable: nobody knows what the disk holds. Final: every later call answers this too.
    #[error(
        "{place}: the disk did not confirm a write, so the last change may or may not be kept; \
             check the disk and restart this node: it reads what is really there"
    )]
    Unknown {
        /// The file.
        place: String,
    },
    /// What was written is not what is there.
    #[error(
        "{place}: the ledger is damaged: {what}; put back a copy of the file, or move it away and apply the estate again"
    )]
    Damaged {
        /// The file.
        place: String,
        /// What, and where.
        what: String,
    },
    /// No quorum, or no member of a shared ledger answered in time. A retry with the same request id changes nothing twice.
    #[error("{place}: the ledger cannot be reached ({why}); {fate}")]
    Unavailable {
        /// The ledger.
        place: String,
        /// Whether what was to be written may be there.
        fate: Fate,
        /// What each member said.
        why: String,
    },
    /// A shared ledger's keeper said no: no permission, a wrong password, a limit. Nothing was written; a retry cannot help.
    #[error("{place}: refused: {what}; check [ledger] in the node file and the set-up of etcd")]
    Refused {
        /// The ledger.
        place: String,
        /// Its word.
        what: String,
    },
    /// Something else is where the ledger should be. Nothing was written.
    #[error(
        "{place}: this is not a Holdfast ledger that this program reads: {what}; check the prefix, and give each estate one of its own"
    )]
    NotALedger {
        /// Where.
        place: String,
        /// What shows it.
        what: String,
    },
    /// The reader is ahead of the log: it knows another one.
    #[error(
        "asked for what follows entry {after}, but the newest is {newest}: this is not the ledger that the reader knew; \
             was the file replaced by an older copy?"
    )]
    Ahead {
        /// Where the reader stands.
        after: Revision,
        /// The newest entry.
        newest: Revision,
    },
    /// A checkpoint outside the log.
    #[error(
        "a checkpoint lies between the last one ({oldest}) and the newest entry ({newest}), this one is at {at}"
    )]
    CheckpointOutside {
        /// Where it was to be.
        at: Revision,
        /// The last checkpoint.
        oldest: Revision,
        /// The newest entry.
        newest: Revision,
    },
    /// A log begins anew only after its newest entry.
    #[error("a ledger begins anew after its newest entry, {newest}, and not at {at}; it holds that already")]
    NotAfter {
        /// Where it was to begin.
        at: Revision,
        /// The newest entry.
        newest: Revision,
    },
    /// The program is stopping.
    #[error("this node is stopping; ask another one")]
    Stopping,
}

/// Whether a write that failed may have been made all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not.
    NotWritten,
    /// Nobody knows: the answer was lost.
    Unknown,
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fate::NotWritten => "nothing was written; try again",
            Fate::Unknown => {
                "the change may or may not be made: repeat it with the same request id, which makes it once"
            }
        })
    }
}
