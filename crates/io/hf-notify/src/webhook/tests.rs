use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::notice::tests::notice;

/// The example that the specification's libraries share.
#[test]
fn a_signature_is_that_of_the_specification() {
    let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// One answer to one request; what was asked is handed out.
async fn answered_with(answer: &'static str) -> (Result<(), Failed>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let url = Url { secure: false, host: at.ip().to_string(), port: at.port(), path: "/hook?x=1".to_owned() };
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut asked = Vec::new();
        while !asked.ends_with(b"}}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.expect("a request");
            asked.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).await.expect("it reads");
        String::from_utf8(asked).expect("text")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("written");
    let notice = notice();
    tokio::join!(post(&url, Some(&secret), None, &notice, Timestamp(1_614_265_330_999)), serve)
}

#[tokio::test]
async fn a_receipt_is_any_2xx_and_the_request_is_signed() {
    let (told, asked) = answered_with("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(told, Ok(()));
    let (head, body) = asked.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, notice().json());
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
    let header = |name: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("{name} is missing: {head}")).trim().to_owned()
    };
    assert_eq!(header("webhook-id:"), "e1-42-0");
    assert_eq!(header("webhook-timestamp:"), "1614265330");
    let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    assert_eq!(header("webhook-signature:"), sign(&secret, "e1-42-0", 1_614_265_330, body));
}

#[tokio::test]
async fn what_a_receiver_says_decides_whether_it_is_worth_another_try() {
    let cases = [
        (
            "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\ndown",
            false,
            "answered 500 Internal Server Error: down",
        ),
        ("HTTP/1.1 422 No\r\ncontent-length: 3\r\n\r\na\nb", true, "answered 422 Unprocessable Entity: a b"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n",
            false,
            "answered 302 Found to http://elsewhere/; write that address: redirects are not followed",
        ),
        ("SSH-2.0-x\r\n\r\n", false, "broke"),
        ("", false, "broke"),
    ];
    for (answer, is_rejected, words) in cases {
        let (told, _) = answered_with(answer).await;
        let failed = told.expect_err("it is no receipt");
        assert_eq!(failed.is_rejected, is_rejected, "{failed}");
        assert!(failed.words.contains(words), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let url = Url { secure: false, host: at.ip().to_string(), port: at.port(), path: "/".to_owned() };
    let way = hf_config::node::NotifyWay::Webhook { url, secret_file: None, ca: None };
    let failed = crate::deliver(&way, &notice(), Timestamp(0)).await.expect_err("nobody answers");
    assert!(failed.words.contains("no answer within 10 s"), "{failed}");
}

#[tokio::test]
async fn a_secret_that_is_none_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    for text in ["", "whsec_", "whsec_%%", "whsec_c2hvcnQ="] {
        std::fs::write(&file, text).expect("written");
        let failed = read_secret(&file).await.expect_err(text);
        assert!(failed.words.ends_with("24 to 64 bytes in base64; write it anew"), "{failed}");
    }
}
