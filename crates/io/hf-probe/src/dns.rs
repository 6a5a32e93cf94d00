//! A probe over DNS: one question over UDP, over TCP when the answer does not fit, and the judgement of the answer.
//!
//! A question is sent again after a third and two thirds of the time-out: a lost datagram alone is no failure. Answers to anything else than our
//! question are passed over (RFC 5452 9.1).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message::Message;
use domain::base::message_builder::MessageBuilder;
use domain::base::name::{Name, ToName};
use domain::base::record::ParsedRecord;
use domain::rdata::AllRecordData;
use hf_config::estate::{DnsCheck, RCODES};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use crate::failure::{Outcome, ProbeFailure, first_words, of_connect};
use crate::probe::Asked;
use crate::progress::Step;
use crate::wire;

/// The largest datagram that is asked for: it fits every path (DNS flag day 2020).
const PAYLOAD: u16 = 1_232;
/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 1_000;

/// Asks, and asks again over TCP when the answer was cut.
pub async fn ask(asked: &Asked<'_>, dns: &DnsCheck) -> Outcome {
    let id = u16::from_be_bytes(hf_clock::random_bytes());
    let Some(question) = question(id, dns) else {
        return Outcome::Bad(ProbeFailure::NotARequest(format!("{} is no name on the wire", dns.name)));
    };
    asked.progress.at(Step::Answer);
    let answer = match over_udp(asked, &question).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let is_cut = Message::from_octets(&answer[..]).is_ok_and(|message| message.header().tc());
    let answer = if is_cut {
        match over_tcp(asked, &question).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        }
    } else {
        answer
    };
    match judge(&answer, dns) {
        Ok(()) => Outcome::Good,
        Err(failure) => Outcome::Bad(failure),
    }
}

fn question(id: u16, dns: &DnsCheck) -> Option<Vec<u8>> {
    let name: Name<Vec<u8>> = dns.name.as_str().parse().ok()?;
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    message.header_mut().set_opcode(Opcode::QUERY);
    // A resolver that is probed is to resolve; an authoritative server passes it over.
    message.header_mut().set_rd(true);
    let mut message = message.question();
    message.push((name, Rtype::from_int(dns.of.number()), Class::IN)).ok()?;
    let mut message = message.additional();
    message
        .opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD);
            Ok(())
        })
        .ok()?;
    Some(message.finish())
}

async fn over_udp(asked: &Asked<'_>, question: &[u8]) -> Result<Vec<u8>, Outcome> {
    let from: SocketAddr = match asked.at {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let ours =
        |error: std::io::Error| Outcome::Unmeasured(format!("no socket for a question of DNS: {error}"));
    let socket = UdpSocket::bind(from).await.map_err(ours)?;
    socket.connect(asked.at).await.map_err(|error| of_connect(&error))?;
    let third = asked.check.timeout / 3;
    let mut again = Instant::now();
    let mut sent = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        tokio::select! {
            biased;
            received = socket.recv(&mut buffer) => {
                let len = received.map_err(|error| of_connect(&error))?;
                if is_ours(&buffer[..len], question) {
                    buffer.truncate(len);
                    return Ok(buffer);
                }
            }
            () = sleep_until(again), if sent < 3 => {
                socket.send(question).await.map_err(|error| of_connect(&error))?;
                sent += 1;
                again += third;
            }
        }
    }
}

async fn over_tcp(asked: &Asked<'_>, question: &[u8]) -> Result<Vec<u8>, Outcome> {
    asked.progress.at(Step::Connecting);
    let mut stream = wire::connect(asked.at).await.map_err(|error| of_connect(&error))?;
    asked.progress.at(Step::Answer);
    let mut framed = (question.len() as u16).to_be_bytes().to_vec();
    framed.extend_from_slice(question);
    let exchanged = async {
        stream.write_all(&framed).await?;
        loop {
            let len = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(len)];
            stream.read_exact(&mut answer).await?;
            if is_ours(&answer, question) {
                return std::io::Result::Ok(answer);
            }
        }
    };
    exchanged.await.map_err(|_| Outcome::Bad(ProbeFailure::ClosedEarly))
}

/// Whether bytes are a response to this very question; one that cannot be read, with our number, is.
fn is_ours(answer: &[u8], question: &[u8]) -> bool {
    let (Ok(answer), Ok(question)) = (Message::from_octets(answer), Message::from_octets(question)) else {
        return false;
    };
    if answer.header().id() != question.header().id() || !answer.header().qr() {
        return false;
    }
    match (answer.sole_question(), question.sole_question()) {
        (Ok(got), Ok(sent)) => {
            got.qname().name_eq(sent.qname()) && got.qtype() == sent.qtype() && got.qclass() == sent.qclass()
        }
        // Errors such as FORMERR may come without the question.
        _ => answer.header_counts().qdcount() == 0,
    }
}

fn judge(answer: &[u8], dns: &DnsCheck) -> Result<(), ProbeFailure> {
    let message = Message::from_octets(answer).map_err(|_| ProbeFailure::NotDns)?;
    let code = message.header().rcode().to_int();
    if !dns.rcodes.contains(&code) {
        let name = |code: &u8| {
            RCODES.get(usize::from(*code)).map_or_else(|| format!("code {code}"), |name| (*name).to_owned())
        };
        let want: Vec<String> = dns.rcodes.iter().map(name).collect();
        return Err(ProbeFailure::DnsCode { got: name(&code), want: want.join(" or ") });
    }
    let mut found = Vec::new();
    for record in message.answer().map_err(|_| ProbeFailure::NotDns)?.take(RECORDS_MAX) {
        let record = record.map_err(|_| ProbeFailure::NotDns)?;
        if record.rtype().to_int() == dns.of.number() {
            found.push(data(&record).ok_or(ProbeFailure::NotDns)?);
        }
    }
    if found.len() < usize::from(dns.answers_min) {
        return Err(ProbeFailure::DnsRecords {
            got: found.len(),
            want: dns.answers_min,
            of: dns.of.to_string(),
        });
    }
    match dns.answers.iter().find(|want| !found.contains(&plain(want))) {
        Some(missing) => {
            Err(ProbeFailure::DnsAnswer { want: first_words(missing), got: first_words(&found.join(", ")) })
        }
        None => Ok(()),
    }
}

fn data(record: &ParsedRecord<'_, &[u8]>) -> Option<String> {
    let data = record.to_any_record::<AllRecordData<_, _>>().ok()?;
    Some(plain(&data.data().to_string()))
}

/// Data of a record in a form that can be compared: lower case, one space between parts, without quotes and the last dot.
fn plain(text: &str) -> String {
    let lower = text.replace('"', "").to_ascii_lowercase();
    let parts: Vec<&str> =
        lower.split_whitespace().map(|part| part.strip_suffix('.').unwrap_or(part)).collect();
    parts.join(" ")
}
