//! UPDATE messages, once their signature is off (RFC 2136).
//!
//! 1. What cannot be read is answered: a response with the id and operation that came, and nothing else to misread.
//! 2. What is read keeps its bounds; written and read again it is the same, but for the case of owners.
//!
//! Not here: what an update may do to a zone (`hosted_update`), who signed it (`dns_tsig`).

use hf_wire::records::Record;
use hf_wire::update::{self, BYTES_MAX, OPCODE, RECORDS_MAX};

const HEADER_BYTES: usize = 12;

pub(crate) fn check(data: &[u8]) {
    // Shorter messages and other operations do not come this way.
    if data.len() < HEADER_BYTES || data[2] & 0xf8 != OPCODE << 3 {
        return;
    }
    match update::read(data) {
        Err(reply) => {
            assert!((HEADER_BYTES..=512).contains(&reply.len()), "a refusal of {} bytes", reply.len());
            assert_eq!((&reply[..2], reply[2] & 0xf8), (&data[..2], 0x80 | OPCODE << 3), "id and operation");
            assert_ne!(reply[3] & 15, 0, "a refusal says why");
            assert_eq!(reply[6..12], [0; 6], "no records");
        }
        Ok(read) => {
            let records = read.prerequisites.len() + read.changes.len();
            assert!(data.len() <= BYTES_MAX && records <= RECORDS_MAX as usize);
            assert_eq!((read.question.rtype, read.question.class), (6, 1));
            let zone = &read.question.name;
            // Names that were compressed may not fit without.
            let Some(bytes) = update::write(read.head.id, zone, &read.prerequisites, &read.changes) else {
                return;
            };
            let again = update::read(&bytes).expect("what we wrote reads");
            assert_eq!(again.question, read.question);
            assert_eq!(folded(again.prerequisites), folded(read.prerequisites));
            assert_eq!(folded(again.changes), folded(read.changes));
        }
    }
}

/// Owners in lower case: compression points at a name that was there before, however that was spelled (RFC 1035 4.1.4, RFC 4343).
fn folded(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().map(|record| Record { name: record.name.folded(), ..record }).collect()
}
