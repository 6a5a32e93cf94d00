//! No input panics.

use super::*;

proptest! {
    /// Any text gets an answer.
    #[test]
    fn any_text_is_answered(toml in any::<String>()) {
        let _ = read_estate("estate.toml", &bundle(&toml));
        let _ = estate_files("estate.toml", &toml);
    }
}
