use super::*;

fn zone(text: &str) -> ZoneId {
    ZoneId::new(text).unwrap()
}

fn group(name: &str, running: usize, members: usize) -> Group {
    let running: BTreeMap<ZoneId, u64> =
        (0..running).map(|number| (zone(&format!("a-zone-with-name-{number:02}")), u64::MAX)).collect();
    let member = |key| Member {
        key,
        revision: Some(Revision(7)),
        said_at: Some(Timestamp(1_699_999_999_000)),
        acts: if key % 2 == 0 { Acts::numbered([7, key]) } else { Acts::UNKNOWN },
        last_heard: Timestamp(1_700_000_000_000),
        running: (key % 2 == 0).then(BTreeMap::new),
    };
    Group {
        name: ConsumerName::new(name).unwrap(),
        kind: ConsumerKind::Worker,
        zone: Some(zone("use1-az1")),
        instances: 3,
        silent: 1,
        lagging: 1,
        not_told: 0,
        lowest_revision: Some(Revision(7)),
        highest_revision: None,
        running,
        work_not_told: 1,
        laggards: vec![InstanceId::new("orders-7f.2").unwrap()],
        last_heard: Timestamp(1_700_000_000_000),
        members: (0..members as u64).map(|number| member(u64::MAX - number)).collect(),
    }
}

fn told(groups: Vec<Group>) -> Told {
    Told { sent_at: Timestamp(1_700_000_001_000), groups: Groups { groups, left_out: 2, forgotten: 5 } }
}

#[test]
fn what_was_heard_comes_back_as_it_was() {
    let told = told(vec![group("orders", 2, 3), group("batch", 0, 0)]);
    assert_eq!(decode_consumers(&encode_consumers(&told)), Ok(told));
    assert_eq!(decode_consumers(&encode_consumers(&Told::default())), Ok(Told::default()));
}

/// The form is fixed: nodes of two versions read one another.
#[test]
fn version_4_has_these_bytes() {
    let mut one = told(vec![group("o", 0, 2)]);
    one.groups.groups[0].running.insert(zone("a"), 9);
    let hex: String = encode_consumers(&one).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "04e8d795ffbc3101016f06776f726b65720108757365312d617a31030101000107000101610901010b6f72646572732d37662e3280d095ffbc3102ffffffffffffffffff0101070198c895ffbc310080d095ffbc3100feffffffffffffffff0101070198c895ffbc31010080d095ffbc3101000205010207feffffffffffffffff01"
    );
}

#[test]
fn at_the_bound_members_go_first_then_the_groups_at_the_end() {
    let longest = "n".repeat(64);
    let full = told((0..GROUPS_MAX).map(|_| group(&longest, RUNNING_ZONES_MAX, 8)).collect());
    let bytes = encode_consumers(&full);
    assert!(bytes.len() <= BYTES_MAX, "{} bytes", bytes.len());
    let back = decode_consumers(&bytes).unwrap().groups;
    assert!(back.groups.iter().all(|group| group.members.is_empty()));
    assert_eq!(back.groups.len() + back.left_out as usize, GROUPS_MAX + 2);
    assert!(back.groups.len() >= GROUPS_MAX / 4, "{} groups", back.groups.len());

    let plain = told((0..GROUPS_MAX).map(|_| group(&longest, 1, MEMBERS_MAX / GROUPS_MAX)).collect());
    assert_eq!(decode_consumers(&encode_consumers(&plain)), Ok(plain), "as many as are likely have room");
}

#[test]
fn what_is_no_word_on_consumers_is_refused() {
    let good = encode_consumers(&told(vec![group("orders", 2, 3)]));
    for len in 0..good.len() {
        assert!(matches!(decode_consumers(&good[..len]), Err(ReportError::Bad(_))), "{len} bytes");
    }
    let mut newer = good;
    newer[0] = 9;
    assert_eq!(decode_consumers(&newer), Err(ReportError::Version(9)));
    let wire = |change: fn(&mut WireGroup)| {
        let mut made = group_to_wire(&group("orders", 1, 1), &[]);
        change(&mut made);
        decode_consumers(&sealed(&Wire {
            sent_at: 1,
            groups: vec![made],
            left_out: 0,
            forgotten: 0,
            acts: Vec::new(),
        }))
    };
    assert!(wire(|_| {}).is_ok());
    assert!(wire(|group| group.name = "two words".to_owned()).is_err());
    assert!(wire(|group| group.zone = Some("UPPER".to_owned())).is_err());
    assert!(wire(|group| group.laggards = vec!["x".to_owned(); 4]).is_err());
    assert!(wire(|group| group.running = vec![("a".to_owned(), 1); 65]).is_err());
    let newer_kind = wire(|group| group.kind = "something-new".to_owned()).unwrap();
    assert_eq!(newer_kind.groups.groups[0].kind, ConsumerKind::Other);
}

#[test]
fn instants_are_turned_into_the_receivers_clock() {
    let heard = told(vec![group("orders", 0, 1)]).heard_at(Timestamp(50_000));
    assert_eq!(heard.groups[0].last_heard, Timestamp(49_000));
    assert_eq!(heard.groups[0].members[0].last_heard, Timestamp(49_000));
    assert_eq!(heard.groups[0].members[0].said_at, Some(Timestamp(48_000)));
}
