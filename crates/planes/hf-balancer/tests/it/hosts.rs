//! Pools that share a listener.

use crate::support::{Http2, Kept, Origin, WorldBuilder, within};

async fn who(client: &mut Kept, host: &str, path: &str) -> (u16, String) {
    let answer = within("an answer", client.send_to(host, "GET", path, "")).await.unwrap();
    (answer.status.as_u16(), answer.header("x-origin").to_owned())
}

#[tokio::test]
async fn host_and_path_choose_the_pool_for_each_request() {
    let (web, api, shop, rest) =
        (Origin::start("web"), Origin::start("api"), Origin::start("shop"), Origin::start("rest"));
    let listen = "listen = \"0.0.0.0:81\"";
    let world = WorldBuilder::new()
        .pool("web", &format!("{listen}\nhosts = [\"www.a.test\"]"), &[("a", web.address)])
        .pool(
            "api",
            &format!("{listen}\nhosts = [\"www.a.test\"]\npaths = [\"/api/\"]"),
            &[("a", api.address)],
        )
        .pool("shop", &format!("{listen}\nhosts = [\"*.a.test\"]"), &[("a", shop.address)])
        .pool("rest", &format!("{listen}\npaths = [\"/open/\"]"), &[("a", rest.address)])
        .start()
        .await;
    let mut client = Kept::open(world.web()).await;
    for (host, path, want) in [
        ("www.a.test", "/", (200, "web")),
        ("WWW.A.test.:8080", "/", (200, "web")),
        ("www.a.test", "/api/x", (200, "api")),
        ("www.a.test", "/apix", (200, "web")),
        ("x.y.a.test", "/", (200, "shop")),
        ("b.test", "/open/x", (200, "rest")),
        ("b.test", "/x?/open/", (404, "")),
    ] {
        assert_eq!(who(&mut client, host, path).await, (want.0, want.1.to_owned()), "{host}{path}");
        if want.0 == 404 {
            client = Kept::open(world.web()).await;
        }
    }
    let mut client = Http2::open(world.web()).await;
    assert_eq!(client.get("/open/").await.header("x-origin"), "rest");
    assert_eq!(client.get("/").await.status, 404);
}
