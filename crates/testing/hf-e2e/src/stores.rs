//! Other people's stores, each with TLS at an address of its own: rclone as an object store, nginx for pages, moto as a table. `./test`
//! installs rclone and moto into target/stores; the stock `aws` of Debian writes into them.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::address::own_address;
use crate::process::{Running, must, output};
use crate::wait::wait_for;
use crate::world::DEADLINE;

/// The bucket of every object store, and the key of whoever asks it.
pub const BUCKET: &str = "runbook";
const KEY: &str = "HFEXAMPLEKEY00000001";
const SECRET: &str = "example/secret+for=the/tests/only/0000001";

/// One store: its address, which stays the same while its server is gone, and its folder.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    address: Ipv4Addr,
    folder: PathBuf,
    running: Option<Running>,
}

/// Makes an authority, `ca.pem`, and a certificate of it for these servers.
fn certificates(folder: &Path, servers: &[&Server]) {
    let names: Vec<String> = servers.iter().map(|server| format!("IP:{}", server.address)).collect();
    let names = names.join(",");
    let script = format!(
        "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=test authority' 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj '/CN=stores.test' 2>/dev/null
        printf 'subjectAltName={names}\\nextendedKeyUsage=serverAuth\\n' >names
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile names -out cert.pem 2>/dev/null"
    );
    must(Command::new("bash").args(["-c", &script]).current_dir(folder));
}

fn installed(program: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/stores/bin").join(program);
    assert!(path.exists(), "{} is not there; `./test` installs it", path.display());
    Command::new(path)
}

/// Two object stores, pages and a table.
#[derive(Debug)]
pub struct Stores {
    folder: PathBuf,
    /// An object store.
    pub east: Server,
    /// Another one.
    pub west: Server,
    /// Pages.
    pub pages: Server,
    /// Tables.
    pub tables: Server,
    /// Who may ask the tables: an access key and its secret.
    pub tables_key: (String, String),
}

impl Stores {
    /// Starts all of them, empty but for the buckets and the table `zones`.
    pub fn start(folder: &Path) -> Stores {
        let server = |name: &'static str| {
            let folder = folder.join(name);
            std::fs::create_dir_all(folder.join(BUCKET)).expect("a folder");
            Server { name, address: own_address(), folder, running: None }
        };
        let mut stores = Stores {
            folder: folder.to_owned(),
            east: server("east"),
            west: server("west"),
            pages: server("pages"),
            tables: server("tables"),
            tables_key: (KEY.to_owned(), SECRET.to_owned()),
        };
        certificates(folder, &[&stores.east, &stores.west, &stores.pages, &stores.tables]);
        stores.east.start_objects(folder);
        stores.west.start_objects(folder);
        stores.start_pages(Pages::Served);
        stores.start_tables();
        stores
    }

    /// Starts nginx, or has it answer otherwise from now on.
    pub fn start_pages(&mut self, pages: Pages) {
        self.pages.stop();
        let (folder, address) = (self.pages.folder.display(), self.pages.address);
        let every = match pages {
            Pages::Served => format!("root {folder};"),
            Pages::Broken => "return 500;".to_owned(),
            Pages::Elsewhere => "return 302 https://login.example/;".to_owned(),
        };
        let (certificate, key) = (self.folder.join("cert.pem"), self.folder.join("key.pem"));
        let text = format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{ worker_connections 64; }}\n\
             http {{\n access_log off;\n client_body_temp_path {folder}/body;\n proxy_temp_path {folder}/proxy;\n fastcgi_temp_path {folder}/fastcgi;\n \
             uwsgi_temp_path {folder}/uwsgi;\n scgi_temp_path {folder}/scgi;\n server {{\n  listen {address}:9443 ssl;\n  ssl_certificate {};\n  \
             ssl_certificate_key {};\n  location / {{ {every} }}\n }}\n}}\n",
            certificate.display(),
            key.display()
        );
        let config = self.pages.folder.join("nginx.conf");
        std::fs::write(&config, text).expect("written");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&config).arg("-e").arg(self.pages.folder.join("error.log"));
        self.pages.run(command);
        self.pages.wait_until_reached();
    }

    /// Tables that let in whoever an access key was made for, once its first three calls have made one.
    fn start_tables(&mut self) {
        let mut command = installed("moto_server");
        command.args(["-H", &self.tables.address.to_string(), "-p", "9443", "-s"]);
        command.arg("-c").arg(self.folder.join("cert.pem")).arg("-k").arg(self.folder.join("key.pem"));
        command.env("INITIAL_NO_AUTH_ACTION_COUNT", "3").env("PYTHONDONTWRITEBYTECODE", "1");
        self.tables.run(command);
        // A request would be one of the three.
        wait_for("the tables", DEADLINE, || {
            let told = self.tables.log();
            if told.contains("Running on https://") { Ok(()) } else { Err(told) }
        });
        let aws = |arguments: &[&str]| must(self.aws(&self.tables, &self.tables_key).args(arguments));
        aws(&["iam", "create-user", "--user-name", "node"]);
        let key: Value = serde_json::from_str(&aws(&["iam", "create-access-key", "--user-name", "node"]))
            .expect("an access key");
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}"#;
        aws(&[
            "iam",
            "put-user-policy",
            "--user-name",
            "node",
            "--policy-name",
            "p",
            "--policy-document",
            policy,
        ]);
        let part = |name: &str| key["AccessKey"][name].as_str().expect("text").to_owned();
        self.tables_key = (part("AccessKeyId"), part("SecretAccessKey"));
        must(self.aws(&self.tables, &self.tables_key).args([
            "dynamodb",
            "create-table",
            "--table-name",
            "zones",
            "--attribute-definitions",
            "AttributeName=Zone,AttributeType=S",
            "--key-schema",
            "AttributeName=Zone,KeyType=HASH",
            "--billing-mode",
            "PAY_PER_REQUEST",
        ]));
    }

    /// The stock command, as somebody with a runbook has it.
    fn aws(&self, server: &Server, key: &(String, String)) -> Command {
        let mut command = Command::new("/usr/bin/aws");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.folder);
        command.env("AWS_ACCESS_KEY_ID", &key.0).env("AWS_SECRET_ACCESS_KEY", &key.1);
        command.env("AWS_DEFAULT_REGION", "eu-west-2").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_CA_BUNDLE", self.folder.join("ca.pem"));
        command.args(["--output", "json", "--endpoint-url", &server.url()]);
        command
    }

    /// Puts an object into a store.
    pub fn put(&self, into: &Server, key: &str) {
        let owned = (KEY.to_owned(), SECRET.to_owned());
        must(self.aws(into, &owned).args(["s3api", "put-object", "--bucket", BUCKET, "--key", key]));
    }

    /// Takes it away.
    pub fn delete(&self, from: &Server, key: &str) {
        let owned = (KEY.to_owned(), SECRET.to_owned());
        must(self.aws(from, &owned).args(["s3api", "delete-object", "--bucket", BUCKET, "--key", key]));
    }

    /// Says in the table whether a zone is healthy.
    pub fn set_healthy(&self, zone: &str, is_healthy: bool) {
        let item = format!(r#"{{"Zone":{{"S":"{zone}"}},"Healthy":{{"BOOL":{is_healthy}}}}}"#);
        let arguments = ["dynamodb", "put-item", "--table-name", "zones", "--item", &item];
        must(self.aws(&self.tables, &self.tables_key).args(arguments));
    }

    /// A file that nginx serves at the same path.
    pub fn page(&self, path: &str) -> PathBuf {
        let file = self.pages.folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        file
    }

    /// Starts an object store that was stopped.
    pub fn start_again(&mut self, is_wanted: impl Fn(&mut Stores) -> &mut Server) {
        let folder = self.folder.clone();
        is_wanted(self).start_objects(&folder);
    }

    /// `[stores]` and `[[credentials]]` of the node file: `objects` and `tables`. The secrets are files of these names.
    pub fn node_text(&self) -> String {
        let secret = |name: &str, secret: &str| {
            std::fs::write(self.folder.join(format!("{name}.secret")), format!("{secret}\n"))
                .expect("written");
        };
        secret("objects", SECRET);
        secret("tables", &self.tables_key.1);
        let folder = self.folder.display();
        let entry = |name: &str, key: &str| {
            format!(
                "[[credentials]]\nname = \"{name}\"\naccess_key_id = \"{key}\"\nsecret_file = \"{folder}/{name}.secret\"\n"
            )
        };
        let (objects, tables) = (entry("objects", KEY), entry("tables", &self.tables_key.0));
        format!("[stores]\nca = \"{folder}/ca.pem\"\n{objects}{tables}")
    }

    /// What the object stores let in from now on is another secret than the node's, or the same again.
    pub fn set_node_secret(&self, is_right: bool) {
        let secret = if is_right { SECRET } else { "example/secret+of=somebody/else" };
        std::fs::write(self.folder.join("objects.secret"), format!("{secret}\n")).expect("written");
    }
}

/// How nginx answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// With the files of its folder.
    Served,
    /// 500.
    Broken,
    /// A redirect to somebody else.
    Elsewhere,
}

impl Server {
    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://{}:9443", self.address)
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    /// What it has written.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::text).unwrap_or_default()
    }

    fn run(&mut self, command: Command) {
        let log = self.folder.with_extension("log");
        self.running = Some(Running::start(command, &log));
    }

    fn start_objects(&mut self, folder: &Path) {
        let mut command = installed("rclone");
        command.args(["serve", "s3", "--config", "", "--addr", &format!("{}:9443", self.address)]);
        command.args(["--auth-key", &format!("{KEY},{SECRET}")]);
        command.arg("--cert").arg(folder.join("cert.pem")).arg("--key").arg(folder.join("key.pem"));
        // What was put is seen at once.
        command.args(["--vfs-cache-mode", "off", "--dir-cache-time", "0"]).arg(&self.folder);
        command.env("HOME", folder);
        self.run(command);
        self.wait_until_reached();
    }

    fn wait_until_reached(&self) {
        wait_for(self.name, DEADLINE, || {
            let mut command = Command::new("curl");
            let told = output(command.args(["-sk", "-o", "/dev/null", &self.url()]));
            if told.status.success() { Ok(()) } else { Err(self.log()) }
        });
    }
}
