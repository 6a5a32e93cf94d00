use super::*;

/// Nobody asks to let go.
fn never() -> mpsc::Receiver<oneshot::Sender<()>> {
    mpsc::channel(1).1
}

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
    let running = tokio::spawn(parts.run(shutdown, never()));
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
        assert_eq!(parts.run(shutdown, never()).await, Err("bad"));
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_stay_go_on_when_the_others_let_go() {
    let mut parts = Parts::new();
    let (mut stopped, mut stopped_last) = (parts.stopped(), parts.stopped_last());
    let (ended_to, mut ended) = watch::channel(Vec::new());
    let (say_first, say_last) = (ended_to.clone(), ended_to);
    parts.start("writer", async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        say_first.send_modify(|all| all.push("writer"));
    });
    parts.start("stubborn", std::future::pending());
    parts.start_staying("server", Duration::from_secs(30), async move {
        let _ = stopped_last.wait_for(|stop| *stop).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        say_last.send_modify(|all| all.push("server"));
    });
    let (stop, shutdown) = watch::channel(false);
    let (let_go, asked) = mpsc::channel(1);
    let running = tokio::spawn(parts.run(shutdown, asked));
    for _ in 0..2 {
        let (gone_to, gone) = oneshot::channel();
        let_go.send(gone_to).await.unwrap();
        gone.await.unwrap();
        assert_eq!(*ended.borrow_and_update(), ["writer"]);
    }
    let begun = Instant::now();
    stop.send_replace(true);
    assert_eq!(running.await.unwrap(), Ok(()));
    assert_eq!((begun.elapsed().as_secs(), ended.borrow().len()), (20, 2));
}

#[tokio::test(start_paused = true)]
async fn clients_have_as_long_as_their_part_says_and_no_longer() {
    let mut parts = Parts::new();
    parts.start_staying("server", Duration::from_secs(30), std::future::pending());
    let (stop, shutdown) = watch::channel(false);
    let begun = Instant::now();
    let running = tokio::spawn(parts.run(shutdown, never()));
    stop.send_replace(true);
    assert_eq!(running.await.unwrap(), Ok(()));
    assert_eq!(begun.elapsed().as_secs(), 32);
}
