//! Ends of credentials as people write them.

use hf_model::Timestamp;

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an end is a day or an instant in UTC between 1970 and 9999, such as 2026-12-31 or 2026-12-31T18:00:00Z; write it so"
)]
pub struct ExpiryError;

/// Reads a day (its beginning, in UTC) or an instant in UTC.
pub fn expiry(text: &str) -> Result<Timestamp, ExpiryError> {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = match time {
        None => [0, 0, 0],
        Some(time) => numbers(time.strip_suffix('Z').ok_or(ExpiryError)?, ':', [2, 2, 2])?,
    };
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_month = usize::try_from(month).ok().and_then(|month| lengths.get(month.checked_sub(1)?).copied());
    if year < 1970
        || !(1..=in_month.ok_or(ExpiryError)?).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return Err(ExpiryError);
    }
    // The year is at least 1970, so the leap days before it are counted from there.
    let before = |year: u64| year * 365 + year / 4 - year / 100 + year / 400;
    let years = before(year - 1) - before(1969);
    let months: u64 = lengths.iter().take(month as usize - 1).sum();
    let seconds = ((years + months + day - 1) * 24 + hour) * 3_600 + minute * 60 + second;
    Ok(Timestamp(seconds * 1_000))
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Result<[u64; 3], ExpiryError> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits).ok_or(ExpiryError)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ExpiryError);
        }
        *number = part.parse().map_err(|_| ExpiryError)?;
    }
    if parts.next().is_some() { Err(ExpiryError) } else { Ok(found) }
}
