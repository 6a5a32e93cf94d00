use super::*;

const GOOD: &str = r#"{"t":3,"n":[[5,6],[7,8]],"e":[[0,1],[0,0]],"topc":[1,0],"topn":[2,0],"mark":[0,1],"probe":[[1,0],[null,1]],"hist":[[[5,0],[5,1]],[[7,0],[8,0]]]}"#;

fn check(text: &str, want: &str) {
    let got = line::read(text.as_bytes()).unwrap_err();
    assert!(got.starts_with(want), "{text}: {got}");
}

#[test]
fn a_line_is_read_whole() {
    let (t, second, shape) = line::read(GOOD.as_bytes()).unwrap();
    assert_eq!((t, shape.to_string().as_str()), (Some(3), "2 + 2 endpoints by zone and 2 buckets"));
    assert_eq!(second.zones[0].endpoints[1].faults, 1);
    assert_eq!(second.zones[0].endpoints[1].latency, [5, 1]);
    assert_eq!((second.zones[0].worst_clients_faults, second.zones[0].worst_clients_requests), (1, 2));
    assert!(!second.zones[0].is_marked && second.zones[1].is_marked);
    assert_eq!(second.probes, [[Some(true), Some(false)], [None, Some(true)]]);
    let (t, bare, _) = line::read(br#"{"n":[[1],[2]],"e":[[0],[0]]}"#).unwrap();
    assert_eq!((t, bare.probes.len(), bare.zones[1].endpoints[0].latency.len()), (None, 0, 0));
}

#[test]
fn a_line_that_is_no_second_says_what_is_wrong() {
    check("no", "not a second as JSON: ");
    check(r#"{"n":[[1]]}"#, "not a second as JSON: missing field `e`");
    check(r#"{"n":[],"e":[]}"#, "`n` has 0 zones; there are 1 to 64");
    check(r#"{"n":[[1],[1]],"e":[[1]]}"#, "`e` has 1 entries where `n` has 2");
    check(r#"{"n":[[1],[1]],"e":[[1],[1,2]]}"#, "`e[1]` has 2 entries where `n` has 1");
    check(r#"{"n":[[1],[1]],"e":[[1],[1]],"mark":[1]}"#, "`mark` has 1 entries where `n` has 2");
    check(r#"{"n":[[1],[1]],"e":[[1],[1]],"probe":[[1,1],[1]]}"#, "`probe[1]` has 1 entries where `n` has 2");
    check(r#"{"n":[[1]],"e":[[1]],"hist":[[[1],[2]]]}"#, "`hist[0]` has 2 entries where `n` has 1");
    check(r#"{"n":[[-1]],"e":[[1]]}"#, "not a second as JSON: ");
}

#[test]
fn a_recording_keeps_its_shape() {
    let args = DetectArgs { files: Vec::new(), explain: false, bucket_ratio: 1.1 };
    let mut replay = Replay::new("x".to_owned(), &args);
    replay.take(GOOD.as_bytes()).unwrap();
    let other = replay.take(br#"{"n":[[1],[2]],"e":[[0],[0]]}"#).unwrap_err();
    assert!(
        other.starts_with("this second has 1 + 1 endpoints by zone and 0 buckets, the first one has 2 + 2"),
        "{other}"
    );
}

#[test]
fn files_are_called_by_their_names_without_endings() {
    for (path, want) in [("a/b/x.jsonl.gz", "x"), ("x.jsonl", "x"), ("-", "-"), ("x.log", "x.log")] {
        assert_eq!(scenario(Path::new(path)), want);
    }
}
