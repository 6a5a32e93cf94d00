use std::time::Duration;

use hf_config::estate::StorePlace;

use super::*;
use crate::Store;
use crate::test_server::{NOW, Server, page};

const WITHIN: Duration = Duration::from_secs(30);

async fn looked(answer: &str) -> (Look, String) {
    let server = Server::plain().await;
    let place = StorePlace::Table {
        service: server.service(Some("runbook")),
        table: "zones".to_owned(),
        key: "Zone".to_owned(),
        value: "az1".to_owned(),
        attribute: "Healthy".to_owned(),
    };
    let store = Store::new(place, &server.node("a-secret\n"));
    let answers = [answer];
    let (look, asked) = tokio::join!(store.look(WITHIN, NOW), server.answer(&answers));
    (look, asked.into_iter().next().expect("one"))
}

#[tokio::test]
async fn an_unhealthy_item_closes_and_no_item_does_not() {
    let (look, asked) = looked(&page("200 OK", r#"{"Item":{"Healthy":{"BOOL":false}}}"#)).await;
    assert_eq!(look, Look::There { what: "item Zone=az1 of table zones with Healthy = false".to_owned() });
    let (head, body) = asked.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/x-amz-json-1.0\r\n",
        "x-amz-target: DynamoDB_20120810.GetItem\r\n",
        "/eu-west-2/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target,",
    ] {
        assert!(head.contains(header), "{head} lacks {header}");
    }
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "TableName": "zones",
            "Key": { "Zone": { "S": "az1" } },
            "ConsistentRead": true,
            "ProjectionExpression": "#attribute",
            "ExpressionAttributeNames": { "#attribute": "Healthy" },
        })
    );
    for open in [r#"{"Item":{"Healthy":{"BOOL":true}}}"#, r#"{"Item":{}}"#, "{}"] {
        assert_eq!(looked(&page("200 OK", open)).await.0, Look::Absent, "{open}");
    }
}

#[tokio::test]
async fn all_but_an_item_is_silence() {
    let missing = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#;
    for (answer, words) in [
        (page("400 Bad Request", missing), "400 Bad Request: ResourceNotFoundException: Requested resource not found; see table, key"),
        (page("403 Forbidden", ""), "see table, key, region and credentials"),
        (page("500 Internal Server Error", "<html>"), "see the store's log"),
        (page("200 OK", "<html>"), "no item"),
        (page("200 OK", r#"{"Item":{"Healthy":{"S":"perhaps"}}}"#), "write the boolean true or false there; see the table zones"),
        (page("200 OK", r#"{"Item""#), "no item"),
        (
            "HTTP/1.1 301 Moved Permanently\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "redirects are not followed; write the table's own endpoint",
        ),
    ] {
        let (look, _) = looked(&answer).await;
        let Look::Silent { why } = look else { panic!("{answer}: {look:?}") };
        assert!(why.contains(words), "{why} lacks {words}");
    }
}
