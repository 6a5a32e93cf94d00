use super::*;

const GOOD: &str = r#"{"t":3,"n":[[5,6],[7,8]],"e":[[0,1],[0,0]],"topc":[1,0],"topn":[2,0],"mark":[0,1],"probe":[[1,0],[null,1]],"hist":[[[5,0],[5,1]],[[7,0],[8,0]]]}"#;

fn args() -> DetectArgs {
    DetectArgs { files: Vec::new(), record: None, pool: None, since: None, explain: false, bucket_ratio: 1.1 }
}

fn check(text: &str, want: &str) {
    let got = line::read(text.as_bytes()).unwrap_err();
    assert!(got.starts_with(want), "{text}: {got}");
}

#[test]
fn a_line_is_read_whole() {
    let Line { t, second, shape, .. } = line::read(GOOD.as_bytes()).unwrap();
    assert_eq!((t, shape.to_string().as_str()), (Some(3), "2 + 2 endpoints by zone and 2 buckets"));
    assert_eq!(second.zones[0].endpoints[1].faults, 1);
    assert_eq!(second.zones[0].endpoints[1].latency, [5, 1]);
    assert_eq!((second.zones[0].worst_clients_faults, second.zones[0].worst_clients_requests), (1, 2));
    assert!(!second.zones[0].is_marked && second.zones[1].is_marked);
    assert_eq!(second.probes, [[Some(true), Some(false)], [None, Some(true)]]);
    let Line { t, second: bare, .. } = line::read(br#"{"n":[[1],[2]],"e":[[0],[0]]}"#).unwrap();
    assert_eq!((t, bare.probes.len(), bare.zones[1].endpoints[0].latency.len()), (None, 0, 0));
}

#[test]
fn a_line_that_is_no_second_says_what_is_wrong() {
    check("no", "not a second as JSON: ");
    check(
        "{\"bad\n",
        "not a second as JSON: EOF while parsing a string, at column 5; `holdfast detect --help`",
    );
    check(r#"{"n":[[1]]}"#, "not a second as JSON: missing field `e`, at column 11; ");
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
    let args = args();
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

const RECORDED: &str = r#"{"t":7,"n":[[9],[8]],"e":[[1],[0]],"topc":[1,0],"topn":[2,0],"mark":[1,0],"probe":[[1,null],[0,1]],"hist":[[[0,8,1]],[[8]]],"buckets":4,"ratio":1.5,"verdicts":1,"seen":[[{"n":9,"e":1,"hist":[9]},{"n":0,"e":0}],[{"n":0,"e":0},{"n":8,"e":0}]]}"#;

#[test]
fn a_recorded_line_is_read_as_it_was_taken() {
    let Line { t, second, shape, was, ratio, probes_are_verdicts } = line::read(RECORDED.as_bytes()).unwrap();
    assert_eq!((t, ratio, probes_are_verdicts, was), (Some(7), Some(1.5), true, None));
    assert_eq!(shape.to_string(), "1 + 1 endpoints by zone and 4 buckets");
    assert_eq!(second.zones[0].endpoints[0].latency, [0, 8, 1, 0]);
    assert_eq!((second.seen[0][0].requests, second.seen[0][0].latency.len()), (9, 4));
    // What is written is what is read.
    let again: hf_api::RecordedSecond = serde_json::from_str(RECORDED).unwrap();
    let again = line::read(output::line(&again).unwrap().as_bytes()).unwrap();
    assert_eq!(again.second, second);
    check(&RECORDED.replace("\"buckets\":4", "\"buckets\":2"), "`hist` has 3 buckets where `buckets` says 2");
    check(&RECORDED.replace("1.5", "0.5"), "`ratio` is 0.5; it is above 1 and at most 16");
}

#[test]
fn a_recording_changes_its_shape_where_it_says_how() {
    let args = args();
    let mut replay = Replay::new("x".to_owned(), &args);
    let first = r#"{"n":[[1],[2]],"e":[[0],[0]]}"#;
    replay.take(first.as_bytes()).unwrap();
    let more = r#"{"n":[[1,1],[2]],"e":[[0,0],[0]]"#;
    assert!(
        replay.take(format!("{more}}}").as_bytes()).unwrap_err().ends_with("a recording keeps its shape")
    );
    let was = r#""was":[{"zone":0,"endpoints":[0,null]},{"zone":1,"endpoints":[0]}]"#;
    replay.take(format!("{more},{was}}}").as_bytes()).unwrap();
    replay.take(format!("{more}}}").as_bytes()).unwrap();
    let short = r#""was":[{"zone":0,"endpoints":[0]},{"zone":1,"endpoints":[0]}]"#;
    let wrong = replay.take(format!("{more},{short}}}").as_bytes()).unwrap_err();
    assert!(wrong.starts_with("`was[0].endpoints` has 1 entries where `n` has 2"), "{wrong}");
}

/// What the replay of a file of these bytes says is wrong, without the file's place.
fn replayed(name: &str, bytes: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    replay(&path, &args()).map_err(|problem| problem.replace(&path.display().to_string(), "FILE"))
}

fn seconds(at: impl IntoIterator<Item = u64>) -> String {
    at.into_iter().map(|t| format!("{{\"t\":{t},\"n\":[[1],[1]],\"e\":[[0],[0]]}}\n")).collect()
}

#[test]
fn a_file_without_a_second_is_a_mistake() {
    for text in ["", "\n \n"] {
        let wrong = replayed("x.jsonl", text.as_bytes()).unwrap_err();
        assert_eq!(wrong, "FILE: there is no second in it; `holdfast detect --record` writes some");
    }
}

#[test]
fn seconds_come_once_and_in_their_order() {
    assert_eq!(replayed("x.jsonl", seconds([3, 4, 900]).as_bytes()), Ok(()));
    for (at, last) in [([3, 4, 4], 4), ([3, 5, 4], 5)] {
        assert_eq!(
            replayed("x.jsonl", seconds(at).as_bytes()).unwrap_err(),
            format!(
                "FILE:3: second 4 comes after second {last}; write each once, in their order, since the detector learns from what was before"
            )
        );
    }
}

#[test]
fn a_compressed_file_that_is_cut_off_says_so() {
    let mut made = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut made, seconds(0..100).as_bytes()).unwrap();
    let whole = made.finish().unwrap();
    assert_eq!(replayed("x.jsonl.gz", &whole), Ok(()));
    for left in [12, whole.len() - 20, whole.len() - 4] {
        let wrong = replayed("x.jsonl.gz", &whole[..left]).unwrap_err();
        assert!(wrong.contains("the compressed file is cut off or damaged here"), "{left}: {wrong}");
    }
}
