//! The answer to `ListObjectsV2`.

use roxmltree::{Document, Node, ParsingOptions};

/// What a listing was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What keys begin with.
    pub prefix: &'a str,
}

/// Elements of an answer at most; a listing of one key has some twenty.
const NODES_MAX: u32 = 4_096;

/// The document, with entities of its own refused: nothing here needs them, and they make much out of little.
pub(super) fn document(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options)
        .map_err(|error| format!("no XML of a store: {}", crate::shown(&error.to_string())))
}

/// The text of the first element of this name below it.
pub(super) fn text<'a>(of: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let found = of.children().find(|child| child.tag_name().name() == name)?;
    Some(found.text().unwrap_or_default())
}

/// The first key of the listing, if it has one.
///
/// # Errors
///
/// Why it is no listing of what was asked for.
pub fn first_key(answer: &[u8], asked: Asked<'_>) -> Result<Option<String>, String> {
    let Ok(whole) = std::str::from_utf8(answer) else {
        return Err("no listing: it is not UTF-8".to_owned());
    };
    let document = document(whole)?;
    let root = document.root_element();
    if root.tag_name().name() != "ListBucketResult" {
        return Err(format!("no listing, but <{}>", crate::shown(root.tag_name().name())));
    }
    let is_encoded = text(root, "EncodingType").is_some_and(|form| form.eq_ignore_ascii_case("url"));
    // Some stores say that they encode, and do not.
    let read = |text: &str, is_fit: &dyn Fn(&str) -> bool| {
        let decoded = if is_encoded { decoded(text).filter(|text| is_fit(text)) } else { None };
        decoded.or_else(|| is_fit(text).then(|| text.to_owned()))
    };
    if let Some(name) = text(root, "Name")
        && name != asked.bucket
    {
        return Err(format!("a listing of another bucket, {:?}", crate::shown(name)));
    }
    // Every store says again what it was asked for. What does not may be an empty document of something in between, and would open a zone.
    let prefix = text(root, "Prefix").ok_or("a listing that does not say of which prefix")?;
    if read(prefix, &|prefix| prefix == asked.prefix).is_none() {
        return Err(format!("a listing of another prefix, {:?}", crate::shown(prefix)));
    }
    let mut contents = root.children().filter(|child| child.tag_name().name() == "Contents");
    let Some(first) = contents.next() else {
        return match text(root, "IsTruncated") {
            Some("true") => Err("a listing without keys that goes on elsewhere".to_owned()),
            _ => Ok(None),
        };
    };
    let key = text(first, "Key").ok_or("a listing with an object without a key")?;
    let Some(key) = read(key, &|key| key.starts_with(asked.prefix)) else {
        return Err(format!("a listing with a key that was not asked for, {:?}", crate::shown(key)));
    };
    Ok(Some(key))
}

/// Undoes percent-encoding; a plus sign is a blank, as stores encode keys.
fn decoded(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
