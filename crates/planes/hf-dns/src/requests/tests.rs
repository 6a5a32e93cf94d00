//! Who holds what while an answer waits.

use hf_model::RequestId;
use tokio::time::timeout;

use super::*;
use crate::stream::Room;
use crate::update::{Answering, UpdateRequest};

/// Says at once that all is done.
struct Done;

impl Updates for Done {
    fn update(&self, _: UpdateRequest) -> Answering {
        Box::pin(std::future::ready(Rcode::NO_ERROR))
    }
}

#[tokio::test]
async fn who_takes_no_answer_keeps_nobody_from_updating() {
    let zone = DnsName::new("example.test.").unwrap();
    let places = Arc::new(Semaphore::new(1));
    let work = Work::Update {
        asked: UpdateRequest {
            hosted_zone: zone.clone(),
            key: DnsName::new("key.").unwrap(),
            prerequisites: Vec::new(),
            changes: Vec::new(),
            request_id: RequestId::new("update-1").unwrap(),
        },
        updates: Arc::new(Done),
        home: Handle::current(),
        head: head_of(&[0; 12]),
        question: Question { name: WireName::from(&zone), rtype: SOA, class: IN },
        finish: Finish::unsigned(Via::Tcp),
        permit: places.clone().try_acquire_owned().unwrap(),
    };
    let (answers, mut waiting) = Answers::new(Room::default(), 1);
    // Nobody takes this one, and there is room for no other.
    assert!(answers.send(vec![1]).await.is_ok());
    let running = tokio::spawn(async move { Box::new(work).run(&answers).await });
    let free = timeout(Duration::from_mins(1), places.acquire()).await;
    assert!(free.is_ok_and(|place| place.is_ok()), "its place is free while its answer waits");
    assert!(!running.is_finished());
    assert_eq!(waiting.recv().await.unwrap().bytes, [1]);
    assert_eq!(waiting.recv().await.unwrap().bytes.len(), 12 + "_example_test_".len() + 4);
    running.await.unwrap();
}
