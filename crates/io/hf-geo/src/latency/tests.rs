use hf_config::estate::{EstateBundle, RegionIx};

use super::*;

fn estate() -> Estate {
    let toml = "[[region]]\nid = \"east\"\nlocation = { latitude = 1.0, longitude = 1.0 }\n[[region]]\nid = \"west\"\nlocation = { latitude = 2.0, longitude = 2.0 }\n[[zone]]\nid = \"a\"\nregion = \"east\"\n[[zone]]\nid = \"b\"\nregion = \"west\"\n";
    let bundle = EstateBundle { toml: toml.to_owned(), files: BTreeMap::new() };
    hf_config::read_estate("estate.toml", &bundle).unwrap()
}

fn line(network: &str, micros: u32, samples: u32) -> MeasuredLatency {
    MeasuredLatency { network: Cidr::new(network).unwrap(), micros, samples, at: Timestamp(5) }
}

fn show(table: &LatencyTable) -> String {
    let row = |(network, row): &(Cidr, Vec<u32>)| {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| if *cell == UNMEASURED { "-".to_owned() } else { cell.to_string() })
            .collect();
        format!("{network} {}", cells.join(" "))
    };
    table.rows.iter().map(row).collect::<Vec<_>>().join("; ")
}

#[test]
fn all_problems_of_a_file_are_told() {
    let text = "# network, region, milliseconds\n192.0.2.0/24, east, 12.5 # fine\n\n192.0.2.1/24, East, -1\n10.0.0.0/8, east\n192.0.2.0/24, east, 9\n10.0.0.0/8, west, 60001";
    let problems = LatencyFile::read("latency.csv", text).unwrap_err().to_string();
    let expected = "\
latency.csv:4:1: the address of a network has no bits behind its prefix; write 192.0.2.0/24
latency.csv:4:15: a region id has only a-z, 0-9 and '-', this one has 'E'; replace it
latency.csv:4:21: \"-1\" is not a latency; write milliseconds from 0 to 60000, such as 12 or 12.5
latency.csv:5:1: a line is `network, region, milliseconds`, this one has 2 fields; write it such as 192.0.2.0/24, eu-west-2, 12.5
latency.csv:6:1: 192.0.2.0/24 is listed twice for region east; remove one of the two
latency.csv:7:19: \"60001\" is not a latency; write milliseconds from 0 to 60000, such as 12 or 12.5";
    assert_eq!(problems, expected);
}

#[test]
fn what_is_written_outranks_what_is_measured() {
    let text = "192.0.2.0/24, east, 12.5\n198.51.100.0/24, nowhere, 1\n203.0.113.0/24, west, 0.25";
    let file = LatencyFile::read("f", text).unwrap();
    assert_eq!(file.len(), 3);
    let one = [line("192.0.2.0/24", 1_000, 10), line("10.0.0.0/24", 3_000, 1)];
    let two = [line("10.0.0.0/24", 1_000, 3)];
    let west = [line("192.0.2.0/24", 40_000, 1)];
    let measured = [
        FromRegion { region: RegionIx(0), measured: &one },
        FromRegion { region: RegionIx(0), measured: &two },
        FromRegion { region: RegionIx(1), measured: &west },
        FromRegion { region: RegionIx(9), measured: &west },
    ];
    let table = latencies(&estate(), &file, measured);
    assert_eq!(show(&table), "10.0.0.0/24 1500 -; 192.0.2.0/24 12500 40000; 203.0.113.0/24 - 250");
}

#[test]
fn a_line_of_a_wider_network_outranks_what_is_measured_within_it() {
    let text = "10.0.0.0/8, east, 20\n10.0.2.0/28, west, 3\n2001:db8::/32, west, 7";
    let file = LatencyFile::read("f", text).unwrap();
    let west = [line("10.0.1.0/24", 9_000, 1), line("10.0.2.0/24", 8_000, 1), line("192.0.2.0/24", 1, 1)];
    let east = [line("10.0.1.0/24", 1_000, 1), line("2001:db8::/48", 5_000, 1)];
    let measured = [
        FromRegion { region: RegionIx(0), measured: &east },
        FromRegion { region: RegionIx(1), measured: &west },
    ];
    let table = show(&latencies(&estate(), &file, measured));
    let expected = "10.0.0.0/8 20000 -; 10.0.1.0/24 20000 9000; 10.0.2.0/24 20000 8000; 10.0.2.0/28 20000 3000; \
                    192.0.2.0/24 - 1; 2001:db8::/32 - 7000; 2001:db8::/48 5000 7000";
    assert_eq!(table, expected);
}

#[test]
fn measured_networks_are_bounded() {
    let lines: Vec<MeasuredLatency> = (0..=NETWORKS_MAX as u32)
        .map(|at| {
            let [_, a, b, c] = (at << 8).to_be_bytes();
            MeasuredLatency { samples: 1 + u32::from(at > 0), ..line(&format!("10.{a}.{b}.{c}/24"), 5, 1) }
        })
        .collect();
    let measured = [FromRegion { region: RegionIx(0), measured: &lines }];
    let table = latencies(&estate(), &LatencyFile::default(), measured);
    assert_eq!(table.rows.len(), NETWORKS_MAX);
    assert_eq!(table.rows[0].0.to_string(), "10.0.1.0/24");
}
