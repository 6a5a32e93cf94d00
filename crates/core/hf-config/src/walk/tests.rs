use proptest::prelude::*;

use super::report::Sweep;
use super::*;

proptest! {
    /// The sweep finds the very place that counting from the start finds.
    #[test]
    fn places_are_right(text in "[a\u{e9}\u{1f600}\n\r]{0,60}", mut offsets in prop::collection::vec(0usize..300, 0..8)) {
        offsets.sort_unstable();
        let mut sweep = Sweep::new(&text);
        for at in offsets {
            let mut end = at.min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let before = &text[..end];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            prop_assert_eq!(sweep.place(at), (line as u32, column as u32));
        }
    }

    /// A guess is one of the names that there are.
    #[test]
    fn guesses_exist(name in "\\PC{0,80}", names in prop::collection::vec("[a-z]{0,6}", 0..6)) {
        if let Some(guess) = nearest(&name, names.iter().map(String::as_str)) {
            prop_assert!(names.iter().any(|name| name == guess));
        }
    }
}

#[test]
fn guesses() {
    let names = ["open", "near", "weighted", "same-zone"];
    let guess = |name| nearest(name, names.into_iter());
    assert_eq!(guess("opne"), Some("open"));
    assert_eq!(guess("weigthed"), Some("weighted"));
    assert_eq!(guess("samezone"), Some("same-zone"));
    assert_eq!(guess("nearest"), None);
    assert_eq!(guess(""), None);
    assert_eq!(guess("x"), None);
}

#[test]
fn long_and_wild_texts_are_clipped() {
    assert_eq!(clip("short"), "short");
    assert_eq!(clip("a\nb"), "a b");
    assert_eq!(clip(&"é".repeat(99)), format!("{}…", "é".repeat(60)));
}

#[test]
fn many_names_are_shortened() {
    let names: Vec<String> = (0..19).map(|n| n.to_string()).collect();
    let all = there(names.iter().map(String::as_str));
    assert!(all.ends_with("`15` and 3 more"), "{all}");
    assert_eq!(there(std::iter::empty()), "there is none");
    assert_eq!(there(["a"].into_iter()), "there is only `a`");
}
