use hf_telemetry::{EndpointSecond, MergedZone};

use super::*;

fn second(number: u64, requests: u32) -> MergedSecond {
    let address = std::net::SocketAddr::from(([10, 0, 0, 1], 80));
    let mut endpoint = EndpointSecond { requests, ..EndpointSecond::none(address) };
    (0..requests).for_each(|_| endpoint.latency.count(1_000));
    let zone = MergedZone { endpoints: [(address, endpoint)].into(), observers: 1, ..MergedZone::default() };
    let key = (hf_model::PoolName::new("web").unwrap(), hf_model::ZoneId::new("a").unwrap());
    MergedSecond { number, zones: [(key, zone)].into(), ..MergedSecond::default() }
}

fn estate() -> Estate {
    let toml = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[pool]]\nname = \"web\"\n\
                endpoints = [{ address = \"10.0.0.1:80\", zone = \"a\" }]\n";
    let bundle = hf_config::estate::EstateBundle { toml: toml.to_owned(), ..Default::default() };
    hf_config::read_estate("estate.toml", &bundle).unwrap()
}

#[tokio::test]
async fn what_was_carried_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("carried.json");
    let carried = Carried::open(Some(path.clone()));
    let seconds: Vec<MergedSecond> = (1_000..1_010).map(|at| second(at, 200)).collect();
    carried.take(&seconds);
    let (stop, stopped) = watch::channel(false);
    stop.send_replace(true);
    run(&carried, stopped).await;
    let again = Carried::open(Some(path.clone()));
    let estate = estate();
    assert_eq!(again.hours(&estate), carried.hours(&estate));
    assert_eq!(again.capacities(&estate), carried.capacities(&estate));
    assert_eq!(again.capacities(&estate).zones[&ZoneIx(0)].load, 200_000);
    for damaged in
        ["", "{}", "{\"version\":9,\"pairs\":[]}", "{\"version\":1,\"pairs\":[{\"zone\":\"A B\"}]}"]
    {
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(Carried::open(Some(path.clone())).hours(&estate), Vec::new(), "{damaged}");
    }
}
