use proptest::prelude::*;

use super::*;

/// All pages of `items`, with the items of each page removed from the list behind its back if `vanish`.
fn walk(items: &[String], size: usize, vanish: bool) -> Vec<String> {
    let mut rest = items.to_vec();
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    loop {
        let paging = Paging::new("list", token.as_deref(), size).unwrap();
        let page = paging.page(rest.clone(), Clone::clone);
        assert_eq!(
            page,
            Paging::new("list", token.as_deref(), size).unwrap().page(rest.clone(), Clone::clone),
            "replayed"
        );
        assert!(page.items.len() <= size);
        if vanish {
            rest.retain(|item| !page.items.contains(item));
        }
        seen.extend(page.items);
        assert_ne!(page.next_token, token.clone().or(Some(String::new())), "the same token twice in a row");
        token = page.next_token;
        if token.is_none() {
            return seen;
        }
    }
}

#[test]
fn a_token_is_of_one_list_and_whole() {
    let page = Paging::new("shifts of a", None, 1).unwrap().page(["a", "b"], |item| (*item).to_owned());
    let token = page.next_token.unwrap();
    assert!(
        token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
        "{token}"
    );
    assert!(Paging::new("shifts of a", Some(&token), 7).is_ok(), "the size of a page may change");
    assert_eq!(Paging::new("shifts of b", Some(&token), 1), Err(BadToken));
    for bad in ["", "A", "AAAA", "AQAAAAAAAAAA", "ü", &token[1..], &format!("{token}A"), &"A".repeat(9_000)]
    {
        assert_eq!(Paging::new("shifts of a", Some(bad), 1), Err(BadToken), "{bad}");
    }
}

#[test]
fn highest_numbers_come_first() {
    let page = Paging::new("l", None, 2).unwrap().page([1_u64, 30, 2], |number| newest_first(*number));
    assert_eq!(page.items, [30, 2]);
    let next = Paging::new("l", page.next_token.as_deref(), 2).unwrap();
    assert_eq!(next.page([1_u64, 30, 2, 99], |number| newest_first(*number)).items, [1]);
    assert!(newest_first(u64::MAX) < newest_first(0));
}

proptest! {
    /// Pages put together are the list, each item once, also when those that were shown go away.
    #[test]
    fn pages_together_are_the_list(items in prop::collection::btree_set("[a-c/]{0,4}", 0..30), size in 1usize..12, vanish: bool) {
        let items: Vec<String> = items.into_iter().collect();
        prop_assert_eq!(walk(&items, size, vanish), items);
    }

    /// A token with any character changed is refused.
    #[test]
    fn no_character_of_a_token_can_be_changed(key in "\\PC{0,20}", at: usize, to in "[A-Za-z0-9_=-]") {
        let token = write("list", &key);
        let at = at % token.len();
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(read("list", &token), Ok(key));
        prop_assert!(changed == token || read("list", &changed).is_err());
    }
}
