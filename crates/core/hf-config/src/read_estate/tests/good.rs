//! What right estates become.

use super::*;

#[test]
fn the_design_example_is_read_whole() {
    check(
        DESIGN,
        expect![[r#"
        example.test.zone:18:9: type TYPE65280 stands only in questions, never in a zone; remove it
    "#]],
    );
}
