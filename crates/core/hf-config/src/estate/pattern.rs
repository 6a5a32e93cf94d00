//! Regular expressions of checks: matched in linear time, compiled within bounds.

use std::collections::BTreeSet;
use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};

/// A regular expression that compiles within its bounds.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Bytes as written.
    pub const BYTES_MAX: usize = 1_024;
    /// Bytes once compiled, and of the cache of a match each: repetitions of repetitions are beyond it.
    pub const COMPILED_BYTES_MAX: usize = 1 << 20;
    /// How deep groups stand in one another.
    const NEST_MAX: u32 = 32;
    /// Bytes of the automaton that is walked to find out whether an expression can match; of a larger one nothing is said.
    const WALKED_BYTES_MAX: usize = 256 << 10;

    /// Checks an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to mend it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > Self::BYTES_MAX {
            let max = Self::BYTES_MAX;
            return Err(format!(
                "a regular expression has 1 to {max} bytes, this one {}; change it",
                text.len()
            ));
        }
        compile(text).map(|_| Pattern(text.to_owned())).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!(
                "this regular expression takes more than {} KiB once compiled; make its repetitions fewer",
                Self::COMPILED_BYTES_MAX >> 10
            ),
            // The last line of the library's message says what; those before it show where, over several lines.
            other => {
                let text = other.to_string();
                let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("this is not a regular expression: {what}; mend it")
            }
        })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For matching. Makes it anew each time: keep it.
    pub fn compile(&self) -> Regex {
        compile(&self.0).expect("compiled before, within the same bounds")
    }

    /// Whether it matches whatever stands there: a body that is empty, and bytes that nobody would look for.
    pub fn matches_anything(&self) -> bool {
        let regex = self.compile();
        [&b""[..], b"\x01", b"\n\x01\n"].iter().all(|body| regex.is_match(body))
    }

    /// Whether nothing that could stand there matches, as with `a^`. Where it takes too much to find out, or hangs on word boundaries of
    /// all alphabets, the answer is that something may.
    pub fn matches_nothing(&self) -> bool {
        let Ok(parsed) = syntax::parse_with(&self.0, &as_bytes()) else { return false };
        let properties = parsed.properties();
        if properties.minimum_len().is_none() {
            return true;
        }
        // Without a word on what stands before or behind, every branch has its text. Nearly all others match some ASCII, on which classes of all alphabets
        // are those of ASCII, and that is known a hundred times sooner.
        let in_ascii = || self.has_way_to_match(as_bytes().unicode(false), 0x7f) == Some(true);
        let in_all = || self.has_way_to_match(as_bytes(), u8::MAX);
        !properties.look_set().is_empty() && !in_ascii() && in_all() == Some(false)
    }

    /// Walks the automaton from the beginning of a body of bytes up to `last`; none where it cannot be built within its bounds.
    fn has_way_to_match(&self, syntax: syntax::Config, last: u8) -> Option<bool> {
        let automaton = dense::Builder::new()
            .syntax(syntax)
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(Self::COMPILED_BYTES_MAX)))
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .unicode_word_boundary(true)
                    .dfa_size_limit(Some(Self::WALKED_BYTES_MAX))
                    .determinize_size_limit(Some(Self::WALKED_BYTES_MAX)),
            )
            .build(&self.0)
            .ok()?;
        let begin = automaton.start_state(&start::Config::new()).ok()?;
        let (mut seen, mut next) = (BTreeSet::from([begin]), vec![begin]);
        while let Some(state) = next.pop() {
            if automaton.is_match_state(state) || automaton.is_quit_state(state) {
                return Some(true);
            }
            let ways = (0..=last).map(|byte| automaton.next_state(state, byte));
            for way in ways.chain([automaton.next_eoi_state(state)]) {
                if !automaton.is_dead_state(way) && seen.insert(way) {
                    next.push(way);
                }
            }
        }
        Some(false)
    }
}

/// Expressions over bytes, as [`Pattern::compile`] takes them.
fn as_bytes() -> syntax::Config {
    syntax::Config::new().utf8(false).nest_limit(Pattern::NEST_MAX)
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(Pattern::COMPILED_BYTES_MAX)
        .dfa_size_limit(Pattern::COMPILED_BYTES_MAX)
        .nest_limit(Pattern::NEST_MAX)
        .build()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_explodes_or_is_no_expression_is_refused_with_words() {
        assert!(Pattern::new("^ok( [0-9]+)?$").is_ok());
        let exploding = Pattern::new("((a{100}){100}){100}").unwrap_err();
        assert_eq!(
            exploding,
            "this regular expression takes more than 1024 KiB once compiled; make its repetitions fewer"
        );
        let open = Pattern::new("(ok").unwrap_err();
        assert_eq!(open, "this is not a regular expression: unclosed group; mend it");
        assert!(Pattern::new("(a)\\1").unwrap_err().contains("backreferences are not supported"));
        assert!(Pattern::new(&"(".repeat(200)).is_err());
        assert!(Pattern::new("").is_err());
        assert!(Pattern::new(&"a".repeat(1_025)).is_err());
    }

    /// Backtracking matchers take years for this.
    #[test]
    fn a_match_takes_linear_time() {
        let regex = Pattern::new("^(a+)+$").unwrap().compile();
        assert!(!regex.is_match(&[b"a".repeat(64 << 10), b"b".to_vec()].concat()));
    }

    #[test]
    fn what_matches_nothing_is_known() {
        for text in ["a^", "$a", "[^\\s\\S]", "[a&&b]", "ok(^a|$b)", "(?-u:\\b\\B)", "(?m:^)a^"] {
            assert!(Pattern::new(text).unwrap().matches_nothing(), "{text}");
        }
        for text in ["ok", "^ok$", "(?m)a$\n^b", "a^|b", "\\bok\\b", "x*$", "^", "[0-9]{1,40}(ok)?$", "\\w+$"]
        {
            assert!(!Pattern::new(text).unwrap().matches_nothing(), "{text}");
        }
        // Beyond its bounds nothing is said.
        assert!(!Pattern::new("(a|b)*a(a|b){14}c^").unwrap().matches_nothing());
    }

    #[test]
    fn what_matches_everything_is_known() {
        for text in [".*", "a*", "", "x?|"].into_iter().filter(|text| !text.is_empty()) {
            assert!(Pattern::new(text).unwrap().matches_anything(), "{text}");
        }
        for text in ["ok", "^$", "a+", "^ok.*"] {
            assert!(!Pattern::new(text).unwrap().matches_anything(), "{text}");
        }
    }
}
