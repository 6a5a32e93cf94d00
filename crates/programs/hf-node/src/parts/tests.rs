use super::*;

#[tokio::test(start_paused = true)]
async fn parts_end_when_told_and_those_that_do_not_are_cut() {
    let mut parts = Parts::new();
    let mut stopped = parts.stopped();
    parts.start("good", async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    parts.start("stubborn", std::future::pending());
    let (stop, shutdown) = watch::channel(false);
    let begun = Instant::now();
    let running = tokio::spawn(parts.run(shutdown));
    stop.send_replace(true);
    assert_eq!(running.await.unwrap(), Ok(()));
    assert_eq!(begun.elapsed().as_secs(), GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_part_that_ends_by_itself_ends_the_node() {
    for panics in [false, true] {
        let mut parts = Parts::new();
        let mut stopped = parts.stopped();
        parts.start("good", async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        parts.start("bad", async move { assert!(!panics, "a part panics") });
        let (_stop, shutdown) = watch::channel(false);
        assert_eq!(parts.run(shutdown).await, Err("bad"));
    }
}
