//! Runbooks with other people's stores take a zone away and give it back: objects in two stores and a page by a majority of three, an
//! item's `Healthy`, a file. Stores that are gone, refuse or send elsewhere neither close a zone nor open one.
//!
//! What only this can show: signatures that other people's code verifies, listings and items that it writes, TLS, and a whole node.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use hf_e2e::address::own_address;
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::stores::{BUCKET, Pages, Stores};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use serde_json::Value;

struct Lone {
    stores: Stores,
    node: Running,
    address: Ipv4Addr,
    folder: tempfile::TempDir,
}

impl Lone {
    fn start() -> Lone {
        let (folder, address) = (tempfile::tempdir().expect("a temporary folder"), own_address());
        let stores = Stores::start(folder.path());
        std::fs::create_dir(folder.path().join("closed")).expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
        };
        write("estate.toml", &estate(&stores, &folder.path().join("closed")));
        write(
            "node.toml",
            &format!(
                "[node]\nid = \"lone\"\ndata_dir = \"data\"\nroles = [\"control\", \"status\"]\nestate = \"estate.toml\"\n\
                 [api]\nlisten = \"{address}:7600\"\n[status]\nlisten = \"{address}:7601\"\n[feed]\nlisten = \"{address}:7602\"\n{}",
                stores.node_text()
            ),
        );
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join("node.toml"));
        let node = Running::start(command, &folder.path().join("node.log"));
        let lone = Lone { stores, node, address, folder };
        lone.wait("every source to be seen open", |told| {
            let all = told.as_array().expect("sources");
            all.len() == 9 && all.iter().all(|one| one["finding"] == "open")
        });
        lone
    }

    /// What `GET /v1/closing-sources` tells of each source and zone.
    fn sources(&self) -> Value {
        let url = format!("http://{}:7600/v1/closing-sources", self.address);
        let told = output(Command::new("curl").args(["-sS", "--max-time", "5", &url]));
        serde_json::from_slice::<Value>(&told.stdout)
            .map(|mut told| told["sources"].take())
            .unwrap_or_default()
    }

    /// Waits until all sources look like this.
    fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        wait_for(what, DEADLINE * 2, || {
            let told = self.sources();
            if told.is_array() && is_so(&told) {
                Ok(())
            } else {
                Err(format!("{told:#}\n{}", self.node.text()))
            }
        });
    }

    /// Waits until one source and zone looks like this.
    fn wait_one(&self, name: &str, zone: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
        self.wait(what, |told| {
            let all = told.as_array().into_iter().flatten();
            all.filter(|one| one["name"] == name && one["zone"] == zone).any(&is_so)
        });
    }

    /// The status that consumers get for a zone.
    fn status(&self, zone: &str) -> String {
        let url = format!("http://{}:7601/status/{zone}", self.address);
        let told = output(Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }

    fn wait_status(&self, zone: &str, status: &str) {
        wait_for(&format!("{status} for {zone}"), DEADLINE * 2, || {
            let told = self.status(zone);
            if told == status {
                Ok(())
            } else {
                Err(format!("{told}: {:#}\n{}", self.sources(), self.node.text()))
            }
        });
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let token =
            std::fs::read_to_string(self.folder.path().join("data/operator.token")).unwrap_or_default();
        let mut command = Command::new(holdfast());
        command.args(["--endpoint", &format!("http://{}:7600", self.address)]).args(arguments);
        command.env("HOLDFAST_TOKEN", token.trim()).env("NO_COLOR", "1");
        command
    }

    /// The shifts that are in force.
    fn shifts(&self) -> Vec<Value> {
        let told: Value =
            serde_json::from_str(&must(&mut self.command(&["-o", "json", "shift", "list"]))).expect("JSON");
        let all = told["shifts"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|shift| shift["state"] == "active").collect()
    }

    fn file(&self, zone: &str) -> PathBuf {
        self.folder.path().join("closed").join(zone)
    }
}

fn says(one: &Value, expected: [&str; 3]) -> bool {
    (0..3).all(|at| one["stores"][at]["says"] == expected[at])
}

fn estate(stores: &Stores, closed: &std::path::Path) -> String {
    let mut text = "[[region]]\nid = \"home\"\n".to_owned();
    for zone in ["az1", "az2", "az3"] {
        text.push_str(&format!("[[zone]]\nid = \"{zone}\"\nregion = \"home\"\n"));
    }
    text.push_str(
        "[[pool]]\nname = \"web\"\nendpoints = [\n  { address = \"127.0.0.1:9\", zone = \"az1\" },\n  \
         { address = \"127.0.0.1:19\", zone = \"az2\" },\n  { address = \"127.0.0.1:29\", zone = \"az3\" },\n]\n",
    );
    let object = |at: &str| {
        format!(
            "[[closing_source.from]]\nobject = \"s3://{BUCKET}/closed/{{zone}}\"\nendpoint = \"{at}\"\nregion = \"eu-west-2\"\npath_style = true\ncredentials = \"objects\"\n"
        )
    };
    let common = "zones = \"all\"\nevery = \"2s\"\nwithin = \"2s\"\n";
    text.push_str(&format!(
        "[[closing_source]]\nname = \"runbook\"\n{common}{}{}[[closing_source.from]]\nhttp = \"{}/closed/{{zone}}\"\n",
        object(&stores.east.url()),
        object(&stores.west.url()),
        stores.pages.url()
    ));
    text.push_str(&format!(
        "[[closing_source]]\nname = \"items\"\n{common}[[closing_source.from]]\ntable = \"dynamodb://zones\"\nkey = \"Zone\"\nvalue = \"{{zone}}\"\n\
         attribute = \"Healthy\"\nendpoint = \"{}\"\nregion = \"eu-west-2\"\ncredentials = \"tables\"\n",
        stores.tables.url()
    ));
    text.push_str(&format!(
        "[[closing_source]]\nname = \"files\"\n{common}[[closing_source.from]]\nfile = \"{}/{{zone}}\"\n",
        closed.display()
    ));
    text
}

#[test]
fn runbooks_close_a_zone_and_broken_stores_neither_close_nor_open_one() {
    let mut lone = Lone::start();
    assert_eq!((lone.status("az1").as_str(), lone.shifts().len()), ("200", 0));

    // One of three says there: nothing happens. What is near by name is another zone.
    lone.stores.put(&lone.stores.east, "closed/az1/by-ops");
    lone.stores.put(&lone.stores.west, "closed/az10");
    lone.wait_one("runbook", "az1", "one of three to say there", |one| {
        says(one, ["there", "absent", "absent"])
    });
    lone.wait_one("runbook", "az1", "the others to outvote it", |one| one["finding"] == "open");
    assert_eq!((lone.status("az1").as_str(), lone.shifts().len()), ("200", 0));

    // Two of three: it is left, and nothing else is.
    let page = lone.stores.page("closed/az1");
    std::fs::write(&page, "closed\n").expect("written");
    lone.wait_status("az1", "500");
    let shifts = lone.shifts();
    assert_eq!(shifts.len(), 1, "{shifts:?}");
    let (by, reason) = (&shifts[0]["by"], shifts[0]["reason"].as_str().unwrap_or_default());
    assert!(by == "closing-source/runbook" && shifts[0]["zone"] == "az1", "{shifts:?}");
    assert!(reason.starts_with("object s3://runbook/closed/az1/by-ops is there (2 of 3 stores)"), "{reason}");
    assert_eq!((lone.status("az2").as_str(), lone.status("az3").as_str()), ("200", "200"));

    // One is killed and one sends elsewhere: the last alone, which says that nothing is there, opens nothing.
    lone.stores.east.stop();
    lone.stores.start_pages(Pages::Elsewhere);
    lone.wait_one("runbook", "az1", "a single voice", |one| {
        let why = one["stores"][2]["why"].as_str().unwrap_or_default();
        says(one, ["silent", "absent", "silent"]) && why.contains("redirects are not followed")
    });
    lone.wait_one("runbook", "az1", "no quorum", |one| one["finding"] == "undecided");
    assert_eq!((lone.status("az1").as_str(), lone.shifts().len()), ("500", 1));

    // They are back and empty: the zone is too.
    lone.stores.start_again(|stores| &mut stores.east);
    lone.stores.delete(&lone.stores.east, "closed/az1/by-ops");
    std::fs::remove_file(&page).expect("it was there");
    lone.stores.start_pages(Pages::Served);
    lone.wait_status("az1", "200");
    assert_eq!(lone.shifts().len(), 0);

    // All of them broken, each its own way, close nothing, though the objects are there.
    lone.stores.put(&lone.stores.east, "closed/az2");
    lone.stores.set_node_secret(false);
    lone.stores.west.stop();
    lone.stores.start_pages(Pages::Broken);
    lone.wait_one("runbook", "az2", "three stores to say nothing", |one| {
        let why = |at: usize| one["stores"][at]["why"].as_str().unwrap_or_default().to_owned();
        says(one, ["silent", "silent", "silent"])
            && why(0).contains("SignatureDoesNotMatch")
            && why(1).contains("no connection")
            && why(2).contains("500 Internal Server Error")
            && one["finding"] == "undecided"
    });
    assert_eq!((lone.status("az2").as_str(), lone.shifts().len()), ("200", 0));

    // The right secret counts at once; a second voice closes.
    lone.stores.set_node_secret(true);
    lone.stores.start_again(|stores| &mut stores.west);
    lone.stores.put(&lone.stores.west, "closed/az2");
    lone.wait_status("az2", "500");
    lone.stores.delete(&lone.stores.east, "closed/az2");
    lone.stores.delete(&lone.stores.west, "closed/az2");
    lone.stores.start_pages(Pages::Served);
    lone.wait_status("az2", "200");

    // An item in a table.
    lone.stores.set_healthy("az3", false);
    lone.wait_status("az3", "500");
    let shifts = lone.shifts();
    assert!(shifts[0]["by"] == "closing-source/items", "{shifts:?}");
    lone.stores.set_healthy("az3", true);
    lone.wait_status("az3", "200");

    // A file; and an operator's cancel stands until the source was seen open.
    std::fs::write(lone.file("az1"), "").expect("written");
    lone.wait_status("az1", "500");
    let shift = lone.shifts()[0]["id"].as_str().expect("an id").to_owned();
    must(&mut lone.command(&["shift", "cancel", &shift]));
    lone.wait_one("files", "az1", "the cancel to stand", |one| one["word"] == "outranked");
    lone.wait_status("az1", "200");
    assert_eq!(lone.shifts().len(), 0);
    std::fs::remove_file(lone.file("az1")).expect("it was there");
    lone.wait_one("files", "az1", "it to be seen open", |one| one["finding"] == "open");
    std::fs::write(lone.file("az1"), "").expect("written");
    lone.wait_status("az1", "500");
    let error = lone.node.text().lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n");
    assert!(error.is_empty(), "{error}");
}
