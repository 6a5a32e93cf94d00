use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// As HAProxy 2.6 wrote it.
const STATE: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 web 1 s1 10.0.0.1 2 0 100 100 3 1 0 0 0 22 0 0 - 80 - 0 0 - 127.0.0.1 17604
3 web 2 s2 10.0.0.2 2 8 1 1 21 1 0 2 0 0 0 0 - 80 - 0 0 - - 0
3 web 3 s3 10.0.0.3 0 1 20 100 21 1 0 2 0 0 0 0 - 80 - 0 0 - - 0
3 web 4 own 10.9.9.9 2 0 1 1 21 1 0 2 0 0 0 0 - 80 - 0 0 - - 0
3 web 5 late - 2 0 1 1 21 1 0 2 0 0 0 0 late.test 80 - 0 0 - - 0

";

fn wanted(of: &[(&str, bool, u32)]) -> WantedServers {
    let one = |(address, takes, percent): &(&str, bool, u32)| {
        let zone = ZoneId::new(&format!("z{}", address.rsplit('.').next().unwrap())).unwrap();
        let share = Share::from_ppm(percent * 10_000).unwrap();
        (format!("{address}:80").parse().unwrap(), Wanted { zone, takes: *takes, share })
    };
    BTreeMap::from([("web".to_owned(), of.iter().map(one).collect())])
}

fn said(commands: &Commands) -> String {
    commands.iter().map(|(_, command)| format!("{command}\n")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` stands in the call")]
fn check(of: &[(&str, bool, u32)], memory: &mut Memory, expected: Expect) {
    expected.assert_eq(&said(&plan(&read_servers(STATE).unwrap(), &wanted(of), memory)));
}

#[test]
fn servers_are_made_as_wanted_and_others_are_left_alone() {
    let mut memory = Memory::default();
    // s1 is ready, s2 drained, s3 in maintenance by hand with a weight that was set.
    check(
        &[("10.0.0.1", false, 100), ("10.0.0.2", true, 100), ("10.0.0.3", true, 100)],
        &mut memory,
        expect![[r#"
            set server web/s1 state drain
            set server web/s2 state ready
            set server web/s3 weight 100
        "#]],
    );
    check(
        &[("10.0.0.1", true, 100), ("10.0.0.2", false, 100), ("10.0.0.3", false, 100)],
        &mut memory,
        expect![[""]],
    );
}

#[test]
fn a_zone_that_returns_has_its_share_and_then_its_own_weight() {
    let mut memory = Memory::default();
    check(
        &[("10.0.0.1", true, 30)],
        &mut memory,
        expect![[r#"
        set server web/s1 weight 30
    "#]],
    );
    check(
        &[("10.0.0.2", true, 1)],
        &mut memory,
        expect![[r#"
        set server web/s2 state ready
    "#]],
    );
    let mut servers = read_servers(STATE).unwrap();
    servers[0].weight = (30, 100);
    let all = wanted(&[("10.0.0.1", true, 100)]);
    let mut memory = Memory::default();
    assert_eq!(said(&plan(&servers, &wanted(&[("10.0.0.1", true, 30)]), &mut memory)), "");
    assert_eq!(said(&plan(&servers, &all, &mut memory)), "set server web/s1 weight 100\n");
    // Not carried out: it is said again.
    assert_eq!(said(&plan(&servers, &all, &mut memory)), "set server web/s1 weight 100\n");
    servers[0].weight = (100, 100);
    assert_eq!(said(&plan(&servers, &all, &mut memory)), "");
    // What somebody else sets from now on is theirs.
    servers[0].weight = (50, 100);
    assert_eq!(said(&plan(&servers, &all, &mut memory)), "");
}

#[test]
fn what_haproxy_says_instead_is_told() {
    let said = |text: &str| read_servers(text).unwrap_err().to_string();
    assert_eq!(said("Can't find backend.\n\n"), "HAProxy says: Can't find backend.");
    assert_eq!(
        said("1\n# be_id be_name\n"),
        "HAProxy's `show servers state` has no column `srv_name`; this is written for HAProxy 2.0 and later"
    );
    assert_eq!(read_refusals("\n\n \n"), Ok(()));
    assert_eq!(
        read_refusals("\nNo such server.\n\n"),
        Err(NotUnderstood::Said("No such server.".to_owned()))
    );
    assert_eq!(
        read_servers("Permission denied\n").unwrap_err().to_string(),
        "HAProxy says: Permission denied"
    );
}

#[test]
fn sessions_are_counted_in_zones_that_are_left() {
    let stat = "# pxname,svname,qcur,qmax,scur,smax\nweb,s1,0,0,7,9\nweb,s2,0,0,5,9\n\n";
    let sessions = read_sessions(stat).unwrap();
    let servers = read_servers(STATE).unwrap();
    let running = running(&servers, &wanted(&[("10.0.0.1", false, 100), ("10.0.0.2", true, 100)]), &sessions);
    assert_eq!(running, BTreeMap::from([(ZoneId::new("z1").unwrap(), 7)]));
}

proptest! {
    /// Whatever HAProxy writes, nothing but known servers is in a command, in one line.
    #[test]
    fn only_known_servers_are_named(lines in proptest::collection::vec("[a-z0-9;. \n/-]{0,60}", 0..8), columns in any::<bool>()) {
        let head = if columns { STATE.lines().take(2).collect::<Vec<_>>().join("\n") } else { String::new() };
        let text = format!("{head}\n{}", lines.join("\n"));
        let _ = read_sessions(&text);
        if let Ok(servers) = read_servers(&text) {
            let wanted = wanted(&[("10.0.0.1", false, 100)]);
            for (_, command) in plan(&servers, &wanted, &mut Memory::default()) {
                prop_assert!(command.starts_with("set server web/") && !command.contains([';', '\n']));
            }
        }
    }

    /// Once HAProxy has done what was said, nothing more is said.
    #[test]
    fn what_was_said_is_enough(takes in any::<[bool; 3]>(), percents in proptest::array::uniform3(1_u32..=100), admin in proptest::array::uniform3(0_u32..16), weight in proptest::array::uniform3(0_u32..=256)) {
        let mut servers = read_servers(STATE).unwrap();
        let of: Vec<(String, bool, u32)> = (0..3).map(|at| (format!("10.0.0.{}", at + 1), takes[at], percents[at])).collect();
        let of: Vec<(&str, bool, u32)> = of.iter().map(|(address, takes, percent)| (address.as_str(), *takes, *percent)).collect();
        for (at, server) in servers.iter_mut().take(3).enumerate() {
            (server.admin, server.weight.0) = (admin[at], weight[at]);
        }
        let (wanted, mut memory) = (wanted(&of), Memory::default());
        for (name, command) in plan(&servers, &wanted, &mut memory) {
            let server = servers.iter_mut().find(|server| server.name == name).unwrap();
            match command.rsplit_once(' ').unwrap() {
                (_, "drain") => server.admin = FORCED_DRAIN,
                (_, "ready") => server.admin = 0,
                (_, number) => server.weight.0 = number.parse().unwrap(),
            }
        }
        prop_assert_eq!(said(&plan(&servers, &wanted, &mut memory)), "");
    }
}
