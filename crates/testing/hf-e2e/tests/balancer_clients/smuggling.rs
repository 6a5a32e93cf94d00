//! Requests that two parsers may read in two ways: each is refused and its connection closed, or reaches the endpoint in one form only.
//!
//! Every case carries a second request where a smuggler would hide it; the endpoint (`recorder`) must never see that one on its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hf_e2e::wait::observe_for;

use super::node::Node;
use super::recorder::{Recorder, Seen};

/// What a client's bytes must lead to.
#[derive(Clone, Copy, Debug)]
enum Want {
    /// The first answer has one of these, the connection ends after it, and the endpoint sees nothing.
    Refused(&'static [u16]),
    /// The endpoint sees these and no others, in forms with one reading.
    Passed(&'static [&'static str]),
    /// The endpoint sees at most the first, cut off; then the connection ends.
    Cut(&'static str),
}
use Want::{Cut, Passed, Refused};

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A POST with these fields and this body; the hidden request behind it.
fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /first HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}{HIDDEN}").into_bytes()
}

/// A GET with these fields (whole lines); the hidden request behind it.
fn get(fields: &str) -> Vec<u8> {
    format!("GET /first HTTP/1.1\r\nHost: a\r\n{fields}\r\n{HIDDEN}").into_bytes()
}

/// A head as it stands; the hidden request behind it.
fn head(text: &str) -> Vec<u8> {
    format!("{text}{HIDDEN}").into_bytes()
}

const BAD: Want = Refused(&[400]);
const BOTH: Want = Passed(&["POST /first", "GET /hidden"]);
const BOTH_GET: Want = Passed(&["GET /first", "GET /hidden"]);

fn cases() -> Vec<(String, Vec<u8>, Want)> {
    let mut all: Vec<(String, Vec<u8>, Want)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, want: Want| all.push((name.to_owned(), bytes, want));

    // What is right passes, so that the refusals below say something.
    add("a length", post("Content-Length: 3\r\n", "abc"), BOTH);
    add("leading zeros in a length", post("Content-Length: 003\r\n", "abc"), BOTH);
    add("blanks around a length", post("Content-Length: \t 3 \t\r\n", "abc"), BOTH);
    add("no body", post("Content-Length: 0\r\n", ""), BOTH);
    add("chunks", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), BOTH);
    add("chunks in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"), BOTH);
    add("a chunk extension", post("Transfer-Encoding: chunked\r\n", "3;a=\"b\"\r\nabc\r\n0\r\n\r\n"), BOTH);
    add(
        "leading zeros in a chunk's size",
        post("Transfer-Encoding: chunked\r\n", "0003\r\nabc\r\n000\r\n\r\n"),
        BOTH,
    );
    add("trailers", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), BOTH);
    add(
        "framing in trailers is no framing",
        post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 40\r\n\r\n"),
        BOTH,
    );
    add("an empty line before a request", head("\r\nGET /first HTTP/1.1\r\nHost: a\r\n\r\n"), BOTH_GET);

    // Content-Length and Transfer-Encoding.
    for (name, fields) in [
        ("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
        ("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
        ("CL.TE apart", "Content-Length: 6\r\nX: y\r\nTransfer-Encoding: chunked\r\n"),
        ("CL.0 and TE", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        ("CL twice, equal", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        ("CL twice, other", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("CL list", "Content-Length: 5, 5\r\n"),
        ("CL plus", "Content-Length: +5\r\n"),
        ("CL minus", "Content-Length: -5\r\n"),
        ("CL hex", "Content-Length: 0x5\r\n"),
        ("CL fraction", "Content-Length: 5.0\r\n"),
        ("CL exponent", "Content-Length: 5e0\r\n"),
        ("CL underscore", "Content-Length: 1_0\r\n"),
        ("CL two numbers", "Content-Length: 5 6\r\n"),
        ("CL empty", "Content-Length: \r\n"),
        ("CL words", "Content-Length: five\r\n"),
        ("CL overflow of 64 bits", "Content-Length: 18446744073709551621\r\n"),
        ("CL overflow of 128 bits", "Content-Length: 340282366920938463463374607431768211461\r\n"),
        ("CL full-width digits", "Content-Length: \u{ff15}\r\n"),
        ("CL before a blank", "Content-Length : 5\r\n"),
        ("CL before a tab", "Content-Length\t: 5\r\n"),
        ("CL with a vertical tab", "Content-Length: \u{b}5\r\n"),
        ("CL with a form feed", "Content-Length: 5\u{c}\r\n"),
        ("TE before a blank", "Transfer-Encoding : chunked\r\n"),
        ("TE before a tab", "Transfer-Encoding\t: chunked\r\n"),
        ("TE after a blank", " Transfer-Encoding: chunked\r\n"),
        ("TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("TE and identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ("TE identity", "Transfer-Encoding: identity\r\n"),
        ("TE list", "Transfer-Encoding: gzip, chunked\r\n"),
        ("TE chunked not last", "Transfer-Encoding: chunked, gzip\r\n"),
        ("TE chunked twice in one", "Transfer-Encoding: chunked, chunked\r\n"),
        ("TE empty first", "Transfer-Encoding: , chunked\r\n"),
        ("TE empty", "Transfer-Encoding:\r\n"),
        ("TE xchunked", "Transfer-Encoding: xchunked\r\n"),
        ("TE chunkedx", "Transfer-Encoding: chunkedx\r\n"),
        ("TE quoted", "Transfer-Encoding: \"chunked\"\r\n"),
        ("TE apostrophes", "Transfer-Encoding: 'chunked'\r\n"),
        ("TE parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        ("TE vertical tab", "Transfer-Encoding: \u{b}chunked\r\n"),
        ("TE form feed", "Transfer-Encoding: chunked\u{c}\r\n"),
        ("TE NUL", "Transfer-Encoding: chunked\0\r\n"),
        ("TE no-break space", "Transfer-Encoding:\u{a0}chunked\r\n"),
        ("TE in a folded line", "X: y\r\n Transfer-Encoding: chunked\r\n"),
        ("TE's value in a folded line", "Transfer-Encoding:\r\n chunked\r\n"),
        ("TE's value in a line folded by a tab", "Transfer-Encoding:\r\n\tchunked\r\n"),
        ("CL's value in a folded line", "Content-Length:\r\n 5\r\n"),
        ("TE after a bare CR", "X: y\rTransfer-Encoding: chunked\r\n"),
        ("TE after a bare LF", "X: y\nTransfer-Encoding: chunked\r\n"),
        ("TE after CR CR LF", "X: y\r\r\nTransfer-Encoding: chunked\r\n"),
        ("NUL in a name", "Transfer-Encoding\0: chunked\r\n"),
        ("a name with a blank in it", "Transfer Encoding: chunked\r\n"),
        ("a name in brackets", "(Transfer-Encoding): chunked\r\n"),
        ("a line without colon", "Transfer-Encoding chunked\r\n"),
        ("an empty name", ": chunked\r\n"),
        ("a name of eight bits", "Tr\u{e4}nsfer-Encoding: chunked\r\n"),
    ] {
        add(name, post(fields, "0\r\n\r\n"), BAD);
    }
    // Another name's field frames nothing; with no framing there is no body, and what stands there is the next request's line.
    add("underscore for hyphen", post("Transfer_Encoding: chunked\r\n", ""), BOTH);

    // Chunks. The head is good and may be with the endpoint; nothing behind the fault ever is.
    for (name, body) in [
        ("a size that is none", "x\r\nabc\r\n0\r\n\r\n"),
        ("an empty size", "\r\nabc\r\n0\r\n\r\n"),
        ("a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"),
        ("a size with plus", "+3\r\nabc\r\n0\r\n\r\n"),
        ("a size with minus", "-3\r\nabc\r\n0\r\n\r\n"),
        ("a size before a blank", "3 \r\nabc\r\n0\r\n\r\n"),
        ("a size after a blank", " 3\r\nabc\r\n0\r\n\r\n"),
        ("a size of 65 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
        ("a size of 64 bits", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        ("a size before a bare LF", "3\nabc\r\n0\r\n\r\n"),
        ("a size before a bare CR", "3\rabc\r\n0\r\n\r\n"),
        ("an extension with a bare LF", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
        ("an extension with a bare CR", "3;a\rb\r\nabc\r\n0\r\n\r\n"),
        ("an extension with NUL", "3;a\0\r\nabc\r\n0\r\n\r\n"),
        ("more data than said", "3\r\nabcd\r\n0\r\n\r\n"),
        ("less data than said", "5\r\nabc\r\n0\r\n\r\n"),
        ("data before a bare LF", "3\r\nabc\n0\r\n\r\n"),
        ("the last chunk before a bare LF", "3\r\nabc\r\n0\n\n"),
        ("a trailer before a bare LF", "0\r\nX: 1\n\r\n"),
        ("a trailer with NUL", "0\r\nX: \0\r\n\r\n"),
    ] {
        add(name, post("Transfer-Encoding: chunked\r\n", body), Cut("POST /first"));
    }
    let endless = format!("3;{}", "x".repeat(20_000));
    add("an endless extension", post("Transfer-Encoding: chunked\r\n", &endless), Cut("POST /first"));

    // Line ends and request lines.
    for (name, text) in [
        ("bare LFs", "GET /first HTTP/1.1\nHost: a\n\n"),
        ("a bare LF after the request line", "GET /first HTTP/1.1\nHost: a\r\n\r\n"),
        ("a bare LF at the head's end", "GET /first HTTP/1.1\r\nHost: a\r\n\n"),
        ("two blanks before the version", "GET /first  HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("two blanks before the target", "GET  /first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a blank before the method", " GET /first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a tab for a blank", "GET\t/first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a blank behind the version", "GET /first HTTP/1.1 \r\nHost: a\r\n\r\n"),
        ("NUL in the target", "GET /fi\0rst HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a bare CR in the target", "GET /fi\rrst HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a method with a colon", "GET: /first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no version", "GET /first\r\nHost: a\r\n\r\n"),
        ("http in small letters", "GET /first http/1.1\r\nHost: a\r\n\r\n"),
        ("another protocol", "GET /first RTSP/1.1\r\nHost: a\r\n\r\n"),
        ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an empty method", " /first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a fragment that is not a path", "GET #first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an absolute target for another host", "GET http://b/first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an absolute target for this host", "GET http://a/first HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an authority for a target", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no Host", "GET /first HTTP/1.1\r\nX: y\r\n\r\n"),
        ("two Hosts", "GET /first HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("two equal Hosts", "GET /first HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        ("a Host before a blank", "GET /first HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a Host list", "GET /first HTTP/1.1\r\nHost: a b\r\n\r\n"),
        ("a Host with a path", "GET /first HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("a Host with somebody's name", "GET /first HTTP/1.1\r\nHost: me@a\r\n\r\n"),
        ("a Host in a folded line", "GET /first HTTP/1.1\r\nX: y\r\n Host: b\r\n\r\n"),
        (
            "HTTP/1.0 with chunks",
            "POST /first HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.0 with both framings",
            "POST /first HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ] {
        add(name, head(text), BAD);
    }
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        add(version, head(&format!("GET /first {version}\r\nHost: a\r\n\r\n")), Refused(&[400, 505]));
    }
    for version in ["HTTP/11.1", "HTTP/1.10", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP /1.1"] {
        add(version, head(&format!("GET /first {version}\r\nHost: a\r\n\r\n")), Refused(&[400, 505]));
    }
    for method in ["CONNECT", "TRACE"] {
        add(method, head(&format!("{method} /first HTTP/1.1\r\nHost: a\r\n\r\n")), Refused(&[400, 405]));
    }
    add("CONNECT as it is meant", head("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), Refused(&[400, 405]));
    add("a huge field", get(&format!("X: {}\r\n", "x".repeat(200_000))), Refused(&[431]));
    add("many fields", get(&"X: y\r\n".repeat(5_000)), Refused(&[431]));
    add(
        "a huge target",
        head(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(200_000))),
        Refused(&[414, 431]),
    );
    add(
        "a huge method",
        head(&format!("{} /first HTTP/1.1\r\nHost: a\r\n\r\n", "G".repeat(200_000))),
        Refused(&[400, 414, 431]),
    );
    add("an expectation that nobody knows", get("Expect: wonders\r\n"), Refused(&[417]));

    // What belongs to the client's connection stays there, and what it names with it.
    add("Connection names a field", get("Connection: X-Secret\r\nX-Secret: y\r\n"), BOTH_GET);
    add(
        "Connection names fields in a list",
        get("Connection: keep-alive, X-Secret ,,x-other\r\nX-Secret: y\r\nX-Other: y\r\nKeep-Alive: 5\r\n"),
        BOTH_GET,
    );
    add("Connection names Host", get("Connection: Host\r\n"), BOTH_GET);
    add(
        "Connection names the framing",
        post("Connection: Content-Length\r\nContent-Length: 3\r\n", "abc"),
        BOTH,
    );
    add(
        "Connection names the other framing",
        post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
        BOTH,
    );
    add(
        "Connection names X-Forwarded-For",
        get("Connection: X-Forwarded-For, X-Forwarded-Proto, Forwarded\r\n"),
        BOTH_GET,
    );
    add(
        "fields of one connection",
        get("Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n"),
        BOTH_GET,
    );
    add(
        "an upgrade to h2c",
        get(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        ),
        BOTH_GET,
    );
    all
}

/// Ten times what the pool's `patience` gives: beyond that the balancer left a connection open.
const ENDED_WITHIN: Duration = Duration::from_secs(20);

/// Sends bytes, and reads until the balancer ends the connection.
fn exchange(to: SocketAddr, bytes: &[u8]) -> String {
    let stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(ENDED_WITHIN)).expect("a deadline");
    let mut writer = stream.try_clone().expect("a second handle");
    let bytes = bytes.to_vec();
    // Written beside the reading: a refusal may come before all was taken.
    let writing = std::thread::spawn(move || {
        let _ = writer.write_all(&bytes);
    });
    let mut got = Vec::new();
    // Ends with the connection; a reset after the answer is an end, too.
    let ended = (&stream).read_to_end(&mut got);
    writing.join().expect("the writer");
    let is_open = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!is_open, "still open: {}", String::from_utf8_lossy(&got));
    String::from_utf8_lossy(&got).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    answer.match_indices("HTTP/1.").filter_map(|(at, _)| answer.get(at + 9..at + 12)?.parse().ok()).collect()
}

#[test]
fn nothing_ambiguous_reaches_an_endpoint() {
    let pools = "[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\nendpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }]\n\
                 patience = { header = \"2s\", body_idle = \"2s\" }\nejection = { failures = 0, failure_share = \"0%\" }\n";
    let mut node = Node::start(1, pools, "workers = 1", 8080, |_| ());
    let recorder = Recorder::start(node.at(9001));
    let cases = cases();
    let answers: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(number, (_, bytes, _))| {
            // The endpoint reads when it likes: what it sees is known by the case's number.
            let text = String::from_utf8_lossy(bytes);
            let text = text
                .replace("/first", &format!("/first-{number}"))
                .replace("/hidden", &format!("/hidden-{number}"));
            exchange(node.at(8080), text.as_bytes())
        })
        .collect();
    observe_for(Duration::from_millis(500));
    let seen = recorder.take();
    let mut wrong = Vec::new();
    for (number, ((name, _, want), answer)) in cases.iter().zip(&answers).enumerate() {
        let number = format!("-{number}");
        let seen: Vec<&Seen> = seen.iter().filter(|seen| seen.asked.ends_with(&number)).collect();
        let asked: Vec<&str> = seen.iter().map(|seen| seen.asked.trim_end_matches(&number)).collect();
        let got = statuses(answer);
        let is_well = match want {
            Refused(wanted) => asked.is_empty() && got.len() == 1 && wanted.contains(&got[0]),
            Passed(wanted) => asked == *wanted && got == vec![200; wanted.len()],
            Cut(first) => (asked.is_empty() || asked == [*first]) && got.iter().all(|status| *status == 400),
        };
        if !is_well {
            wrong.push(format!("{name}: wanted {want:?}; answers {got:?}, the endpoint saw {asked:?}"));
        }
    }
    for seen in &seen {
        let is_known = seen.asked.contains("/first-") || seen.asked.contains("/hidden-");
        let head = seen.head.to_ascii_lowercase();
        let leaked = head.contains("x-secret") || head.contains("http2-settings");
        if !is_known || leaked || !seen.complaints.is_empty() {
            wrong.push(format!("the endpoint saw {:?} {:?}", seen.complaints, seen.head));
        }
    }
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    node.nothing_went_wrong();
}
