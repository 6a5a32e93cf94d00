use super::*;

fn from(variables: &[(&str, &str)]) -> Manager {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
    Manager::from(find, 42)
}

#[test]
fn without_a_manager_nothing_is_said() {
    let nobody = from(&[]);
    assert!(!nobody.is_there());
    nobody.tell(&Tell::Ready).unwrap();
    assert_eq!(nobody.watchdog(), None);
}

#[test]
fn the_watchdog_is_fed_twice_as_often_as_asked() {
    let half = Some(Duration::from_secs(5));
    assert_eq!(from(&[("WATCHDOG_USEC", "10000000")]).watchdog(), half);
    assert_eq!(from(&[("WATCHDOG_USEC", "10000000"), ("WATCHDOG_PID", "42")]).watchdog(), half);
    assert_eq!(from(&[("WATCHDOG_USEC", "10000000"), ("WATCHDOG_PID", "43")]).watchdog(), None);
    assert_eq!(from(&[("WATCHDOG_USEC", "soon")]).watchdog(), None);
}

#[test]
fn what_is_said_arrives_at_files_and_abstract_names() {
    let file = std::env::temp_dir().join(format!("hf-stream-notify-{}", std::process::id()));
    let name = format!("hf-stream-notify-{}", std::process::id());
    let by_file = UnixDatagram::bind(&file).unwrap();
    let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    for (socket, path) in [(by_file, file.to_str().unwrap().to_owned()), (by_name, format!("@{name}"))] {
        let manager = from(&[("NOTIFY_SOCKET", &path)]);
        let mut got = [0; 99];
        for (what, want) in [
            (Tell::Ready, "READY=1"),
            (Tell::ReadyAsMain(7), "MAINPID=7\nREADY=1"),
            (Tell::Reloading, "RELOADING=1"),
            (Tell::Stopping, "STOPPING=1"),
            (Tell::Alive, "WATCHDOG=1"),
            (Tell::Status("two\nlines".into()), "STATUS=two lines"),
        ] {
            manager.tell(&what).unwrap();
            let count = socket.recv(&mut got).unwrap();
            assert_eq!(std::str::from_utf8(&got[..count]).unwrap(), want);
        }
    }
    std::fs::remove_file(file).unwrap();
}
