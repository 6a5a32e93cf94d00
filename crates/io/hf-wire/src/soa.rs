//! The numbers of a SOA record (RFC 1035 3.3.13), and their order (RFC 1982).

use std::time::Duration;

use hf_model::WireName;

/// A SOA record's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// The primary's name.
    pub primary: WireName,
    /// Who is responsible.
    pub mailbox: WireName,
    /// The version.
    pub serial: u32,
    /// Between two looks at the primary.
    pub refresh: Duration,
    /// After a look that failed.
    pub retry: Duration,
    /// Without any look that worked, how long the zone counts as true.
    pub expire: Duration,
    /// The TTL of "no", in seconds.
    pub minimum: u32,
}

impl Soa {
    /// From uncompressed RDATA.
    pub fn read(rdata: &[u8]) -> Option<Soa> {
        let primary = crate::records::skip_name(rdata, 0)?;
        let mailbox = crate::records::skip_name(rdata, primary)?;
        let numbers: &[u8; 20] = rdata.get(mailbox..)?.try_into().ok()?;
        let number = |at: usize| u32::from_be_bytes(std::array::from_fn(|i| numbers[at * 4 + i]));
        let seconds = |at| Duration::from_secs(u64::from(number(at)));
        Some(Soa {
            primary: WireName::from_wire(&rdata[..primary]).ok()?,
            mailbox: WireName::from_wire(&rdata[primary..mailbox]).ok()?,
            serial: number(0),
            refresh: seconds(1),
            retry: seconds(2),
            expire: seconds(3),
            minimum: number(4),
        })
    }

    /// For tests of this crate.
    #[cfg(test)]
    pub(crate) fn sample(serial: u32) -> Vec<u8> {
        let mut rdata = b"\x02ns\x07example\x04test\0\0".to_vec();
        for number in [serial, 3600, 600, 86_400, 60] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        rdata
    }
}

/// Whether `serial` is newer than `than`, by the arithmetic that comes round (RFC 1982 3.2).
pub fn is_newer(serial: u32, than: u32) -> bool {
    serial.wrapping_sub(than).cast_signed() > 0
}

/// RDATA with another serial; unchanged when it is no SOA.
pub fn with_serial(rdata: &mut [u8], serial: u32) {
    if let Some(at) = rdata.len().checked_sub(20) {
        rdata[at..at + 4].copy_from_slice(&serial.to_be_bytes());
    }
}
