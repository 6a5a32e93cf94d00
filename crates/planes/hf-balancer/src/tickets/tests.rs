use super::*;

fn check(target: &'static str, want: &str) {
    let mut uri = Uri::from_static(target);
    take_out_of_query(&mut uri);
    assert_eq!(uri.to_string(), want, "{target}");
}

#[test]
fn the_ticket_is_taken_out_of_the_target() {
    check("/a?b=c&holdfast-ticket=1.x.y.z.m&d", "/a?b=c&d");
    check("/a?holdfast-ticket=1.x.y.z.m", "/a");
    check("/a?holdfast-ticket=x&holdfast-ticket=y", "/a");
    check("/%22{}?q=%22&holdfast-ticket=x", "/%22{}?q=%22");
}

#[test]
fn the_cookie_ends_with_the_ticket() {
    let text = |over_tls| cookie("1.chat.p.0.m", 60, over_tls).unwrap().to_str().unwrap().to_owned();
    let plain = "holdfast-ticket=1.chat.p.0.m; Path=/; HttpOnly; SameSite=Lax; Max-Age=60";
    assert_eq!(text(false), plain);
    assert_eq!(text(true), format!("{plain}; Secure"));
}
