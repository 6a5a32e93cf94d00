//! Plain records as people read them.
//!
//! Not here: reading them (`master_file`).

use std::fmt::Write as _;

use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::ParseRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt as _};
use domain::rdata::ZoneRecordData;

use crate::estate::PlainRecord;

/// A type number as its mnemonic, such as `MX`; `TYPE65280` when it has none.
pub fn type_text(rtype: u16) -> String {
    Rtype::from_int(rtype).to_string()
}

/// A record's data in presentation form, such as `10 mail.example.test.`; in a master file it reads as the same data.
pub fn data_text(record: &PlainRecord) -> String {
    let mut parser = domain::dep::octseq::Parser::from_ref(record.rdata.as_slice());
    let read =
        ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(Rtype::from_int(record.rtype), &mut parser);
    if let Ok(Some(data)) = read {
        // Not its `Display`: that leaves out the last dot of some types' names, and then they are other names.
        return data.display_zonefile(DisplayKind::Simple).to_string();
    }
    // RFC 3597, section 5.
    let mut text = format!("\\# {} ", record.rdata.len());
    for byte in &record.rdata {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}
