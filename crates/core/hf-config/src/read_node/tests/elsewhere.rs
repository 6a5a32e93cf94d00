//! `[haproxy]` and `[[render]]`: what balancers and programs of others are told.

use super::*;

/// A node with the role status and these sections.
fn told(sections: &str, expected: Expect) {
    let text = format!("[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [\"status\"]\n{sections}");
    let found = match read_node("node.toml", &text) {
        Ok(config) => format!("{:?}\n{:#?}\n", config.haproxy, config.render),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn haproxy_is_told_what_the_file_says() {
    told(
        "",
        expect![[r#"
        HaproxyConfig { agent_listen: None, away: Drain, sockets: [] }
        []
    "#]],
    );
    told(
        "[haproxy]\nagent_listen = \"127.0.0.1:7604\"\naway = \"down\"\n[[haproxy.socket]]\nsocket = \"/run/haproxy.sock\"\n\
         [[haproxy.socket]]\nname = \"b\"\nsocket = \"127.0.0.1:9999\"\nevery = \"1s\"\nbackends = [{ backend = \"be_web\", pool = \"web\" }]\n",
        expect![[r#"
            HaproxyConfig { agent_listen: Some(127.0.0.1:7604), away: Down, sockets: [HaproxySocket { name: "haproxy", at: Path("/run/haproxy.sock"), backends: [], every: 2s }, HaproxySocket { name: "b", at: Address(127.0.0.1:9999), backends: [HaproxyBackend { backend: "be_web", pool: web }], every: 1s }] }
            []
        "#]],
    );
}

#[test]
fn what_is_wrong_with_haproxy_is_told_at_its_place() {
    told(
        "[haproxy]\nagent_listen = \"127.0.0.1:7601\"\naway = \"gone\"\n[[haproxy.socket]]\n[[haproxy.socket]]\nsocket = \"run\"\nevery = \"1ms\"\n\
         backends = []\n[[haproxy.socket]]\nname = \"a b\"\nsocket = \"127.0.0.1:0\"\nbackends = [{ backend = \"x; y\", pool = \"web\" }, { backend = \"web\", pool = \"web\" }, { backend = \"web\", pool = \"api\" }]\n",
        expect![[r#"
            node.toml:6:16: 127.0.0.1:7601 meets the listener 127.0.0.1:7601 of this node; choose another port
            node.toml:7:8: HAProxy has no word "gone" for a server that is left; there are `drain`, `maint`, `down`
            node.toml:8:1: a runtime socket of HAProxy needs `socket`; add it
            node.toml:9:1: HAProxy `haproxy` is listed twice; remove one of the two
            node.toml:10:10: "run" is no runtime socket; write the path of one, such as /run/haproxy/admin.sock, or an address and port
            node.toml:11:9: `every` is 500ms to 1m, this is 1ms; change it
            node.toml:12:12: at least one backend; add it, or remove `backends`: then backends that are called as a pool are meant
            node.toml:14:8: "a b" is no name of a consumer: 1 to 64 of letters, digits and -_.; change it
            node.toml:15:10: a runtime socket's port is 1 to 65535, this one is 0; write that of HAProxy's `stats socket`
            node.toml:16:25: "x; y" is no backend of HAProxy: those have letters, digits and -_.: alone, 1 to 128 of them; write its name
            node.toml:16:96: backend `web` is listed twice; remove one of the two
        "#]],
    );
}

#[test]
fn files_are_rendered_as_the_file_says() {
    told(
        "[[render]]\nkind = \"envoy-eds\"\npool = \"web\"\npath = \"/e/web.json\"\n\
         [[render]]\nkind = \"nginx-upstream\"\npool = \"web\"\npath = \"/n/web.conf\"\nparameters = \"max_fails=0\"\nmode = \"0640\"\n\
         reload = [\"/usr/sbin/nginx\", \"-s\", \"reload\"]\nreload_timeout = \"30s\"\n\
         [[render]]\nkind = \"zone-state\"\nzone = \"use1-az1\"\nresource = \"pool/web\"\npath = \"/z\"\nname = \"vip\"\nexists = \"always\"\n",
        expect![[r#"
            HaproxyConfig { agent_listen: None, away: Drain, sockets: [] }
            [
                RenderFile {
                    name: "envoy-eds-web",
                    path: "/e/web.json",
                    what: EnvoyEds {
                        pool: web,
                        cluster: "web",
                    },
                    mode: 420,
                    reload: None,
                },
                RenderFile {
                    name: "nginx-upstream-web",
                    path: "/n/web.conf",
                    what: NginxUpstream {
                        pool: web,
                        parameters: "max_fails=0",
                    },
                    mode: 416,
                    reload: Some(
                        Reload {
                            command: [
                                "/usr/sbin/nginx",
                                "-s",
                                "reload",
                            ],
                            timeout: 30s,
                        },
                    ),
                },
                RenderFile {
                    name: "vip",
                    path: "/z",
                    what: ZoneState {
                        zone: use1-az1,
                        resource: "pool/web",
                        exists: Always,
                        text_open: "0",
                        text_away: "1",
                    },
                    mode: 420,
                    reload: None,
                },
            ]
        "#]],
    );
}

#[test]
fn what_is_wrong_with_files_is_told_at_its_place() {
    told(
        "[[render]]\nkind = \"nginx\"\npath = \"/a\"\n[[render]]\nkind = \"envoy-eds\"\npath = \"/a\"\nzone = \"a\"\n\
         [[render]]\nkind = \"nginx-upstream\"\npool = \"web\"\npath = \"/b\"\nparameters = \"; }\"\nmode = \"0777\"\nreload = [\"nginx\", \"-s\"]\n\
         [[render]]\nkind = \"zone-state\"\nzone = \"a\"\nresource = \"web\"\npath = \"/c\"\nexists = \"never\"\nreload_timeout = \"1s\"\n\
         [[render]]\nkind = \"zone-state\"\nzone = \"a\"\npath = \"/d\"\nexists = \"always\"\ntext_open = \"1\"\nreload = []\n\
         [[render]]\nkind = \"zone-state\"\nzone = \"a\"\npath = \"/e\"\n[[render]]\nkind = \"zone-state\"\nzone = \"a\"\npath = \"/f\"\n",
        expect![[r#"
            node.toml:6:8: no file is of the kind "nginx"; there are `envoy-eds`, `nginx-upstream`, `zone-state`
            node.toml:8:1: a file of kind envoy-eds needs `pool`; add it
            node.toml:10:8: file `/a` is listed twice; remove one of the two
            node.toml:11:1: a file of kind envoy-eds has no `zone`; remove it, there are `path`, `name`, `mode`, `reload_timeout`, `reload`, `kind`, `pool`, `cluster`
            node.toml:16:14: `parameters` is what follows a server's address in nginx, such as "max_fails=0", at most 256 bytes without ; { } # and quotes; change it
            node.toml:17:8: "0777" is no mode of a file that is written and read; write such as "0644" or "0640"
            node.toml:18:11: "nginx" is not the absolute path of a program; write it whole, and its arguments as items of their own
            node.toml:22:12: "web" is no resource; write everything, pool/NAME or record/NAME.
            node.toml:24:10: a zone's file does not exist "never"; there are `away`, `open`, `always`
            node.toml:25:18: `reload_timeout` is for `reload`, which is not there; add it or remove this
            node.toml:26:1: the file is always there and has the same text for both; change `text_open`, `text_away` or `exists`
            node.toml:32:10: a command has at least its program; add it, or remove `reload`
            node.toml:33:1: consumer `zone-state-a` is listed twice; remove one of the two
            node.toml:37:1: consumer `zone-state-a` is listed twice; remove one of the two
        "#]],
    );
}

#[test]
fn they_are_what_the_role_status_does() {
    check(
        "node = { id = \"n\", data_dir = \"/d\", roles = [\"dns\"] }\nrender = [{ kind = \"zone-state\", zone = \"a\", path = \"/a\" }]",
        expect![[r#"
            node.toml:2:10: `render` is what the role status does, which this node does not have; add the role, or remove `render`
        "#]],
    );
}

#[test]
fn pools_and_zones_that_the_estate_does_not_have_are_told() {
    let toml = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n".to_owned();
    let bundle = crate::estate::EstateBundle { toml, ..Default::default() };
    let estate = crate::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let text = "[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [\"status\"]\n[haproxy]\n[[haproxy.socket]]\nsocket = \"/s\"\n\
                backends = [{ backend = \"b\", pool = \"web\" }]\n[[render]]\nkind = \"zone-state\"\nzone = \"b\"\npath = \"/a\"\n\
                [[render]]\nkind = \"envoy-eds\"\npool = \"web\"\npath = \"/b\"\n";
    let found = check_node_in("node.toml", text, &estate).unwrap_err().to_string();
    expect![[r#"
        node.toml:5:1: the backend `b` of HAProxy is to follow the pool `web`, which the estate does not have; change `pool`
        node.toml:9:1: the rendered file `envoy-eds-web` is about the pool `web`, which the estate does not have; change it
        node.toml:9:1: the rendered file `zone-state-b` is about the zone `b`, which the estate does not have; change it"#]].assert_eq(&found);
}
