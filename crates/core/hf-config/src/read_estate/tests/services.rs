//! Services and their calls, as written.

use super::*;

const ZONE: &str = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n";

#[track_caller]
fn check(services: &str, expected: Expect) {
    let bundle = EstateBundle { toml: format!("{ZONE}{services}"), ..EstateBundle::default() };
    let found = match read_estate("estate.toml", &bundle) {
        Ok(estate) => {
            let call = |call: &crate::estate::Call| {
                format!(" {} {}", call.scope, estate.services[call.to.at()].name)
            };
            let line = |service: &crate::estate::Service| {
                let calls: String = service.calls.iter().map(call).collect();
                format!("{}:{calls}\n", service.name)
            };
            estate.services.iter().map(line).collect()
        }
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn calls_name_services_in_any_order() {
    check(
        "[[service]]\nname = \"web\"\ncalls = [{ service = \"cart\", scope = \"zonal\" }, { service = \"pay\", scope = \"regional\" }]\n\
         [[service]]\nname = \"pay\"\n[[service]]\nname = \"cart\"\ncalls = [{ service = \"pay\", scope = \"zonal\" }]\n",
        expect![[r"
            web: zonal cart regional pay
            pay:
            cart: zonal pay
        "]],
    );
}

#[test]
fn a_ring_of_calls_is_refused_where_it_closes() {
    check(
        "[[service]]\nname = \"web\"\ncalls = [{ service = \"cart\", scope = \"zonal\" }]\n\
         [[service]]\nname = \"cart\"\ncalls = [{ service = \"web\", scope = \"regional\" }]\n\
         [[service]]\nname = \"own\"\ncalls = [{ service = \"own\", scope = \"zonal\" }]\n",
        expect![[r"
            estate.toml:11:10: this call leads back to `web`; a request would never end: remove it
            estate.toml:14:10: this call leads back to `own`; a request would never end: remove it
        "]],
    );
}

#[test]
fn wrong_calls_are_told_together() {
    check(
        "[[service]]\nname = \"web\"\ncalls = [{ service = \"cart\", scope = \"global\" }, { service = \"crat\", scope = \"zonal\" },\n\
         { service = \"cart\", scope = \"zonal\" }, { service = \"cart\", scope = \"zonal\" }, { scope = \"zonal\", to = 1 }]\n\
         [[service]]\nname = \"cart\"\nkalls = []\n[[service]]\nname = \"web\"\n",
        expect![[r#"
            estate.toml:8:38: `scope` is "regional" (any zone of the region) or "zonal" (the caller's own), not "global"; change it
            estate.toml:8:62: no service is named `crat`; did you mean `cart`? there are `cart`, `web`
            estate.toml:9:40: this service is called twice; remove one of the two
            estate.toml:9:79: a call needs `service`; add it
            estate.toml:9:98: a call has no `to`; remove it, there are `service`, `scope`
            estate.toml:12:1: a service has no `kalls`; write `calls` or remove it
            estate.toml:14:8: service `web` is listed twice; remove one of the two
        "#]],
    );
}
