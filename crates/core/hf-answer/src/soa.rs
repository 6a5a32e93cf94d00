//! A hosted zone's start of authority, ready to be written with the serial of the moment.

use hf_config::estate::{HostedZone, Soa};
use hf_model::{DnsName, WireName};

use crate::message::{Full, Message};
use crate::name;

/// A start of authority in parts.
#[derive(Clone, Debug)]
pub struct SoaForm {
    mname: NameForm,
    rname: NameForm,
    /// As its contents have it.
    pub serial: u32,
    /// Refresh, retry, expire, minimum.
    timers: [u8; 16],
    /// Seconds for which it may be kept when it was asked for.
    pub ttl: u32,
    /// Seconds for which "no" may be kept (RFC 2308 5).
    pub negative_ttl: u32,
}

/// A name, cut where the apex begins if it lies below that.
#[derive(Clone, Debug)]
struct NameForm {
    bytes: Box<[u8]>,
    below_apex: bool,
}

impl NameForm {
    fn new(name: &[u8], apex: &[u8]) -> Self {
        let below_apex = name::is_at_or_below(&name.to_ascii_lowercase(), apex);
        let kept = if below_apex { name.len() - apex.len() } else { name.len() };
        NameForm { bytes: name[..kept].into(), below_apex }
    }

    fn write(&self, out: &mut Message<'_>, apex_at: usize) -> Result<(), Full> {
        out.put(&self.bytes)?;
        if self.below_apex { out.owner(crate::message::Owner::At(apex_at)) } else { Ok(()) }
    }
}

impl SoaForm {
    /// Reads RDATA in uncompressed wire form; none if it is no SOA's.
    pub fn read(apex: &[u8], rdata: &[u8], ttl: u32) -> Option<Self> {
        let mname_len = name::starts(rdata).last()? + 1;
        let (mname, rest) = rdata.split_at_checked(mname_len)?;
        let rname_len = name::starts(rest).last()? + 1;
        let (rname, numbers) = rest.split_at_checked(rname_len)?;
        let (serial, timers) = numbers.split_first_chunk::<4>()?;
        let timers = <[u8; 16]>::try_from(timers).ok()?;
        let minimum = u32::from_be_bytes([timers[12], timers[13], timers[14], timers[15]]);
        Some(SoaForm {
            mname: NameForm::new(mname, apex),
            rname: NameForm::new(rname, apex),
            serial: u32::from_be_bytes(*serial),
            timers,
            ttl,
            negative_ttl: ttl.min(minimum),
        })
    }

    /// Writes the RDATA; the apex stands at `apex_at` in the message.
    pub fn write(&self, out: &mut Message<'_>, apex_at: usize, serial: u32) -> Result<(), Full> {
        self.mname.write(out, apex_at)?;
        self.rname.write(out, apex_at)?;
        let mut numbers = [0; 20];
        numbers[..4].copy_from_slice(&serial.to_be_bytes());
        numbers[4..].copy_from_slice(&self.timers);
        out.put(&numbers)
    }
}

/// The RDATA of a start of authority.
pub fn rdata(soa: &Soa) -> Vec<u8> {
    let Soa { mname, rname, serial, refresh, retry, expire, minimum, ttl: _ } = soa;
    let mut rdata = Vec::with_capacity(mname.as_str().len() + rname.as_str().len() + 22);
    rdata.extend_from_slice(WireName::from(mname).as_wire());
    rdata.extend_from_slice(WireName::from(rname).as_wire());
    for number in [serial, refresh, retry, expire, minimum] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}

/// A start of authority for a hosted zone without one. Its figures are the usual ones; a "no" is kept for 5 s, since steered
/// names come and go.
pub fn made_up(hosted: &HostedZone) -> Soa {
    Soa {
        mname: child_or_self(&hosted.name, "ns"),
        rname: child_or_self(&hosted.name, "hostmaster"),
        serial: 0,
        refresh: 3_600,
        retry: 600,
        expire: 604_800,
        minimum: 5,
        ttl: 60,
    }
}

/// `label.apex`, or the apex where that would be too long for a name.
pub fn child_or_self(apex: &DnsName, label: &str) -> DnsName {
    apex.child(label).unwrap_or_else(|_| apex.clone())
}
