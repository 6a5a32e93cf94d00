use super::*;

fn check_host(given: &str, want: &str) {
    assert_eq!(plain_host(given), want, "{given}");
}

#[test]
fn hosts_count_without_port_dot_and_case() {
    check_host("a.test", "a.test");
    check_host("A.Test.:8080", "a.test");
    check_host("[2001:db8::1]", "[2001:db8::1]");
    check_host("[2001:DB8::1]:80", "[2001:db8::1]");
    check_host("", "");
}
