use tokio::net::TcpListener;

use super::*;
use crate::notice::tests::notice;

/// What a server says first, and what to the PING.
async fn served(info: &'static str, answer: &'static str, credentials: &str) -> (Result<(), Failed>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let server = Url { secure: false, host: at.ip().to_string(), port: at.port(), path: "/".to_owned() };
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(info.as_bytes()).await.expect("it reads");
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"PING\r\n") && stream.read_exact(&mut byte).await.is_ok() {
            heard.push(byte[0]);
        }
        // It may have gone already, having read enough.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8(heard).expect("text")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials");
    std::fs::write(&file, credentials).expect("written");
    let notice = notice();
    tokio::join!(publish(&server, "a.b", Some(&file), None, &notice), serve)
}

#[tokio::test]
async fn a_message_is_published_and_pong_is_its_receipt() {
    let (told, heard) = served(
        "INFO {\"headers\":true,\"max_payload\":1048576}\r\n",
        "+OK\r\nPING\r\nPONG\r\n",
        "me:secret\n",
    )
    .await;
    assert_eq!(told, Ok(()));
    let (connect, rest) = heard.split_once("\r\n").expect("lines");
    assert!(
        connect.starts_with("CONNECT {")
            && connect.contains(r#""user":"me""#)
            && connect.contains(r#""pass":"secret""#),
        "{connect}"
    );
    let body = notice().json();
    let head = "NATS/1.0\r\nNats-Msg-Id: e1-42-0\r\n\r\n";
    let expected = format!(
        "HPUB a.b.shift.started {} {}\r\n{head}{body}\r\nPING\r\n",
        head.len(),
        head.len() + body.len()
    );
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn a_server_without_headers_gets_none_and_a_token_is_one_word() {
    let (told, heard) = served("INFO {}\r\n", "PONG\r\n", "t0ken").await;
    assert_eq!(told, Ok(()));
    assert!(heard.contains(r#""auth_token":"t0ken""#), "{heard}");
    assert!(heard.contains(&format!("\r\nPUB a.b.shift.started {}\r\n", notice().json().len())), "{heard}");
}

#[tokio::test]
async fn what_a_server_refuses_is_told() {
    let cases = [
        ("INFO {}\r\n", "-ERR 'Authorization Violation'\r\n", "it refuses: 'Authorization Violation'"),
        ("HTTP/1.1 400\r\n", "", "does not begin with INFO"),
        ("INFO nonsense\r\n", "", "its INFO"),
        ("INFO {}\r\n", "", "closed the connection"),
        ("INFO {\"max_payload\":10}\r\n", "", "longer than its max_payload"),
    ];
    for (info, answer, words) in cases {
        let (told, _) = served(info, answer, "").await;
        let failed = told.expect_err("it is no receipt");
        assert!(failed.words.contains(words), "{failed}");
    }
}

proptest::proptest! {
    #[test]
    fn any_first_line_is_read_or_refused(line in ".{0,200}") {
        // The same way as `publish` reads it: nothing else of a server is taken apart.
        let _ = line.strip_prefix("INFO ").map(serde_json::from_str::<Info>);
    }
}
