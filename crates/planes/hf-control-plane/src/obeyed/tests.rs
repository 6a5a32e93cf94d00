use hf_feed::HeardReport;
use hf_model::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::api::fixture;

struct Node {
    obeyed: ObeyedHere,
    reports: watch::Sender<Arc<Reports>>,
}

impl Node {
    fn new(roles: &[Role]) -> Node {
        let (reports, receiver) = watch::channel(Arc::default());
        Node { obeyed: ObeyedHere::new(NodeId::new("n1").unwrap(), roles, receiver), reports }
    }

    fn says(&self, node: &str, revision: u64, acts: &[u64]) {
        let report =
            NodeReport { revision: Revision(revision), break_glass: acts.to_vec(), ..fixture::report(node) };
        let heard = HeardReport { received_at: Timestamp(1), report };
        self.reports.send_modify(|reports| {
            Arc::make_mut(reports).insert(heard.report.node.clone(), heard);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_answered_when_this_nodes_planes_obey_it() {
    let node = Node::new(&[Role::Control, Role::Dns]);
    node.says("n1", 6, &[]);
    node.says("n2", 9, &[]);
    let began = Instant::now();
    let (waits, says) = (node.obeyed.revision(Revision(7)), async {
        tokio::time::sleep(PATIENCE / 2).await;
        node.says("n1", 8, &[5]);
    });
    tokio::join!(waits, says);
    assert_eq!(began.elapsed(), PATIENCE / 2);
    node.obeyed.revision(Revision(8)).await;
    node.obeyed.act(5).await;
    assert_eq!((began.elapsed(), node.obeyed.early()), (PATIENCE / 2, 0));
}

#[tokio::test(start_paused = true)]
async fn planes_that_do_not_obey_in_time_are_waited_for_so_long_and_counted() {
    let node = Node::new(&[Role::Balancer]);
    let began = Instant::now();
    node.obeyed.revision(Revision(1)).await;
    assert_eq!((began.elapsed(), node.obeyed.early()), (PATIENCE, 1));
    node.says("n1", 1, &[4]);
    node.obeyed.clone().act(5).await;
    assert_eq!((began.elapsed(), node.obeyed.early()), (2 * PATIENCE, 2), "clones share their counts");
}

#[tokio::test(start_paused = true)]
async fn a_node_without_such_planes_and_one_that_stops_are_not_waited_for() {
    let began = Instant::now();
    let node = Node::new(&[Role::Control, Role::Status]);
    node.obeyed.revision(Revision(1)).await;
    let Node { obeyed, reports } = Node::new(&[Role::Dns]);
    drop(reports);
    obeyed.revision(Revision(1)).await;
    assert_eq!((began.elapsed(), node.obeyed.early() + obeyed.early()), (Duration::ZERO, 0));
}
