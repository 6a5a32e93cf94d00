//! `$GENERATE`: one line of a master file that stands for many, as BIND, NSD and Knot read it.
//!
//! 1. `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA`: a line for each number, in which `$` is the number in owner and data.
//! 2. `${OFFSET[,WIDTH[,BASE]]}` is the number with something added, filled with zeros to a width, in base `d`, `o`, `x`, `X`, or as `n` or `N`
//!    its hexadecimal digits from behind with dots between them (for `ip6.arpa.`). `\$` is a plain `$`.
//! 3. At most [`LINES_MAX`] lines of one directive.
//!
//! Not here: what the lines mean; the readers of master files read them as if they stood there.

use std::fmt::Write as _;

/// Lines that one directive makes at most.
pub const LINES_MAX: u64 = 65_536;

/// The largest width: a name has no more bytes.
const WIDTH_MAX: usize = 255;

/// A directive that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generate {
    start: u64,
    stop: u64,
    step: u64,
    /// What stands behind the range, with a space between two.
    pattern: String,
}

/// A word behind the directive: its text with escapes, without the quotes.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// As it is written.
    pub text: &'a str,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

impl Generate {
    /// Reads what stands behind the directive's name.
    ///
    /// # Errors
    ///
    /// Which word, if it is one, and what is wrong.
    pub fn read(words: &[Word<'_>]) -> Result<Generate, (Option<usize>, String)> {
        let Some((range, rest)) = words.split_first().filter(|(_, rest)| rest.len() >= 3) else {
            let what = "$GENERATE is followed by a range, an owner, a type and data, such as: 1-9 host-$ A 192.0.2.$";
            return Err((None, what.to_owned()));
        };
        let (start, stop, step) = read_range(range.text).ok_or_else(|| {
            let what = "a range is START-STOP or START-STOP/STEP, numbers from 0 to 2147483647, STOP not below START; change it";
            (Some(0), what.to_owned())
        })?;
        let count = (stop - start) / step + 1;
        if count > LINES_MAX {
            let what =
                format!("this range makes {count} lines, {LINES_MAX} are the most; write several directives");
            return Err((Some(0), what));
        }
        let mut pattern = String::new();
        for word in rest {
            if !pattern.is_empty() {
                pattern.push(' ');
            }
            let quotes = if word.quoted { "\"" } else { "" };
            let _ = write!(pattern, "{quotes}{}{quotes}", word.text);
        }
        let generate = Generate { start, stop, step, pattern };
        // What is wrong with the pattern is wrong with each line, numbers below 0 apart.
        generate.line(generate.start).map_err(|what| (None, what))?;
        Ok(generate)
    }

    /// How many lines it makes.
    pub fn count(&self) -> u64 {
        (self.stop - self.start) / self.step + 1
    }

    /// The lines, without ends, each with its number.
    pub fn lines(&self) -> impl Iterator<Item = (u64, Result<String, String>)> + '_ {
        (0..self.count()).map(|at| {
            let number = self.start + at * self.step;
            (number, self.line(number))
        })
    }

    fn line(&self, number: u64) -> Result<String, String> {
        let mut line = String::with_capacity(self.pattern.len() + 8);
        let mut rest = self.pattern.as_str();
        while let Some(at) = rest.find(['$', '\\']) {
            line.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            rest = if rest[at..].starts_with('\\') {
                let escaped = behind.chars().next().map_or(0, char::len_utf8);
                if &behind[..escaped] != "$" {
                    line.push('\\');
                }
                line.push_str(&behind[..escaped]);
                &behind[escaped..]
            } else if let Some(inside) = behind.strip_prefix('{') {
                let end = inside.find('}').ok_or("a `${` is not closed; close it with `}`")?;
                put(&mut line, number, &inside[..end])?;
                &inside[end + 1..]
            } else {
                let _ = write!(line, "{number}");
                behind
            };
        }
        line.push_str(rest);
        Ok(line)
    }
}

fn read_range(text: &str) -> Option<(u64, u64, u64)> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| digits && i32::try_from(*number).is_ok()).map(u64::from)
    };
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, number(step)?),
        None => (text, 1),
    };
    let (start, stop) = range.split_once('-')?;
    let (start, stop) = (number(start)?, number(stop)?);
    (start <= stop && step > 0).then_some((start, stop, step))
}

/// Writes a number as the inside of `${}` says.
fn put(line: &mut String, number: u64, how: &str) -> Result<(), String> {
    let wrong = || {
        format!("`${{{how}}}` is not `${{OFFSET,WIDTH,BASE}}` with a base of d, o, x, X, n or N; change it")
    };
    let mut parts = how.split(',');
    let offset: i64 = parts.next().and_then(|part| part.parse::<i32>().ok()).ok_or_else(wrong)?.into();
    let width: usize = parts.next().map_or(Ok(0), str::parse).map_err(|_| wrong())?;
    let base = parts.next().unwrap_or("d");
    if parts.next().is_some() || width > WIDTH_MAX {
        return Err(wrong());
    }
    let shown = number.checked_add_signed(offset).ok_or_else(|| {
        format!("`${{{how}}}` makes {number} less than 0; begin the range later, or change the offset")
    })?;
    let written = match base {
        "d" => write!(line, "{shown:0width$}"),
        "o" => write!(line, "{shown:0width$o}"),
        "x" => write!(line, "{shown:0width$x}"),
        "X" => write!(line, "{shown:0width$X}"),
        "n" | "N" => {
            nibbles(line, shown, width, base == "N");
            Ok(())
        }
        _ => return Err(wrong()),
    };
    written.map_err(|_| wrong())
}

/// The last digit first, a dot between two; `width` counts dots too.
fn nibbles(line: &mut String, mut number: u64, width: usize, upper: bool) {
    let mut left = width;
    loop {
        let digit = char::from_digit((number & 15) as u32, 16).unwrap_or('0');
        line.push(if upper { digit.to_ascii_uppercase() } else { digit });
        number >>= 4;
        left = left.saturating_sub(1);
        if number == 0 && left == 0 {
            return;
        }
        line.push('.');
        left = left.saturating_sub(1);
        if number == 0 && left == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<Vec<String>, (Option<usize>, String)> {
        let words: Vec<Word<'_>> = text
            .split(' ')
            .map(|text| Word { text: text.trim_matches('"'), quoted: text.starts_with('"') })
            .collect();
        Generate::read(&words)?.lines().map(|(_, line)| line.map_err(|what| (None, what))).collect()
    }

    fn lines(text: &str) -> String {
        made(text).unwrap().join("|")
    }

    #[test]
    fn each_number_has_its_line() {
        assert_eq!(
            lines("1-3 host-$ A 192.0.2.$"),
            "host-1 A 192.0.2.1|host-2 A 192.0.2.2|host-3 A 192.0.2.3"
        );
        assert_eq!(
            lines("0-10/5 a$ 60 IN CNAME b${1}"),
            "a0 60 IN CNAME b1|a5 60 IN CNAME b6|a10 60 IN CNAME b11"
        );
        assert_eq!(
            lines("10-10 a${0,4}-${0,0,x}-${-2,3,o}-${245,1,X} TXT \"\\$-$\""),
            "a0010-a-010-FF TXT \"$-10\""
        );
        assert_eq!(lines("300-300 ${0,7,n} PTR a\\.$"), "c.2.1.0 PTR a\\.300");
        assert_eq!(lines("1-1 ${0,4,N}x PTR a"), "1.0.x PTR a");
    }

    #[test]
    fn what_cannot_be_made_is_told() {
        let at = |text: &str| made(text).unwrap_err().0;
        assert_eq!(at("1-3 a A"), None);
        for range in ["3-1", "1", "a-b", "1-2/0", "-1-2", "0-65536", "+1-2", "0-4294967296"] {
            assert_eq!(at(&format!("{range} a$ A 192.0.2.1")), Some(0), "{range}");
        }
        for pattern in ["a${", "a${x}", "a${0,999}", "a${0,1,q}", "a${0,1,d,1}", "a${}", "a${-9}"] {
            assert!(made(&format!("1-2 {pattern} A 192.0.2.1")).is_err(), "{pattern}");
        }
        assert_eq!(made("0-65535 a$ A 192.0.2.1").unwrap().len(), 65_536);
    }
}
