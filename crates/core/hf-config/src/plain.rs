//! Plain records as people read them.
//!
//! Not here: reading them (`master_file`).

use std::fmt::Write as _;

use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt as _};
use domain::rdata::ZoneRecordData;

use crate::estate::PlainRecord;
use crate::master_file::read_data;

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
        let text = data.display_zonefile(DisplayKind::Simple).to_string();
        // Nor does it quote all that must be quoted, such as a parenthesis in a parameter of HTTPS.
        if read_data(record.rtype, &text).is_some_and(|read| read == record.rdata) {
            return text;
        }
    }
    // RFC 3597, section 5.
    let mut text = format!("\\# {} ", record.rdata.len());
    for byte in &record.rdata {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}

/// Whether these bytes are data of this type; of a type that is not known, whatever they are (RFC 3597).
pub fn is_data(rtype: u16, rdata: &[u8]) -> bool {
    if rdata.len() > usize::from(u16::MAX) {
        return false;
    }
    let mut parser = domain::dep::octseq::Parser::from_ref(rdata);
    let read = ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(Rtype::from_int(rtype), &mut parser);
    match read {
        // Written out again it is the same: nothing behind it, and no name that points into it.
        Ok(Some(data)) => {
            let mut again = Vec::with_capacity(rdata.len());
            data.compose_rdata(&mut again).is_ok() && again == rdata
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rtype: u16, rdata: &[u8], want: &str) {
        let name = hf_model::DnsName::new("a.test.").unwrap();
        let record = PlainRecord { name, rtype, ttl: 5, rdata: rdata.to_vec() };
        assert_eq!(data_text(&record), want);
        assert_eq!(read_data(rtype, want).as_deref(), Some(rdata));
    }

    #[test]
    fn data_of_a_type_is_told_from_other_bytes() {
        assert!(is_data(1, &[192, 0, 2, 1]));
        assert!(!is_data(1, &[192, 0, 2]));
        assert!(!is_data(1, &[192, 0, 2, 1, 0]));
        assert!(is_data(16, b"\x02hi"));
        assert!(!is_data(16, b"\x03hi"));
        assert!(is_data(5, b"\x01a\0"));
        assert!(!is_data(5, b"\xc0\x00"));
        assert!(!is_data(6, b"\x01a\0\xc0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01"));
        assert!(is_data(65_280, b"anything"));
    }

    #[test]
    fn what_is_shown_reads_as_the_same_data() {
        check(33, b"\0\x01\0\x02\0\x03\x01n\x04test\0", "1 2 3 n.test.");
        check(65, b"\0\x01\0\0\x01\0\x03\x02h2", "1 . alpn=h2");
        // Found by fuzzing.
        check(65, b"\0\x01\0\0\x01\0\x03\x02(3", "\\# 10 00010000010003022833");
        check(65_280, b"\x01\x02", "\\# 2 01 02");
    }
}
