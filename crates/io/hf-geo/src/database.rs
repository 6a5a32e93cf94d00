//! A geography database in the MaxMind DB format: countries, or cities.
//!
//! 1. Read whole into memory and checked before it counts; a look-up then touches neither disk nor lock nor allocator.
//! 2. A country is that of the `country` field, else of `registered_country`: the ladder that such databases mean. Of subdivisions the
//!    first, which is the largest.
//! 3. The bits of an answer are those of the database's own network, also where it knows nothing.
//!
//! Not here: when it is read again (`file`).

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hf_model::Location;
use hf_select::{Geo, GeoFound};
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

/// Bytes of a database at most: the largest that are sold have some 200 MB.
const BYTES_MAX: u64 = 512 << 20;

/// The database in force; clones share it.
#[derive(Clone, Default)]
pub struct Database {
    reader: Arc<ArcSwapOption<Reader<Vec<u8>>>>,
}

/// Why a file is not a geography database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadDatabase {
    /// It cannot be read.
    #[error("{path}: {source}; check `geo_database` in the node file and who may read there")]
    Unread {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any that we know.
    #[error(
        "{path} has {bytes} bytes, {BYTES_MAX} are the most; use a database of countries or cities alone"
    )]
    TooLarge {
        /// Which file.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// It is of another format, or damaged.
    #[error("{path} is not a geography database that reads: {why}; fetch it again, in the MaxMind DB format")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl Database {
    /// One without anything in it.
    pub fn empty() -> Database {
        Database::default()
    }

    /// Reads a file and puts it in force; blocks. With an error what was in force stays so.
    pub fn load(&self, path: &Path) -> Result<(), BadDatabase> {
        let path_text = || path.display().to_string();
        let unread = |source| BadDatabase::Unread { path: path_text(), source };
        let bytes = std::fs::metadata(path).map_err(unread)?.len();
        if bytes > BYTES_MAX {
            return Err(BadDatabase::TooLarge { path: path_text(), bytes });
        }
        let bytes = std::fs::read(path).map_err(unread)?;
        let damaged =
            |error: MaxMindDbError| BadDatabase::Damaged { path: path_text(), why: error.to_string() };
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        reader.verify().map_err(damaged)?;
        self.reader.store(Some(Arc::new(reader)));
        Ok(())
    }

    /// What is in force, in words, such as `GeoLite2-City, 4,012,345 nodes`; none without a database.
    pub fn words(&self) -> Option<String> {
        let reader = self.reader.load();
        let metadata = reader.as_ref()?.metadata();
        Some(format!("{}, {} nodes", metadata.database_type, metadata.node_count))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("holds", &self.words()).finish()
    }
}

impl Geo for Database {
    fn find(&self, address: IpAddr) -> GeoFound {
        let reader = self.reader.load();
        let Some(reader) = reader.as_ref() else { return GeoFound::default() };
        // A database of IPv4 alone knows no IPv6: the same answer for every address, which no bit decides.
        let Ok(found) = reader.lookup(address) else { return GeoFound::default() };
        let prefix_bits = found.network().map_or(0, |network| network.prefix());
        let place: Place<'_> = found.decode().ok().flatten().unwrap_or_default();
        let country = place.country.or(place.registered_country).and_then(|country| country.iso_code);
        let subdivision = place.subdivisions.0.and_then(|first| first.iso_code);
        GeoFound {
            continent: place.continent.and_then(|continent| continent.code).and_then(letters),
            country: country.and_then(letters),
            subdivision: subdivision.and_then(padded),
            location: place.location.and_then(location),
            prefix_bits,
        }
    }
}

/// What we read of a record; all else is passed over.
#[derive(Default, Deserialize)]
struct Place<'a> {
    #[serde(borrow, default)]
    continent: Option<Continent<'a>>,
    #[serde(borrow, default)]
    country: Option<Coded<'a>>,
    #[serde(borrow, default)]
    registered_country: Option<Coded<'a>>,
    #[serde(borrow, default)]
    subdivisions: First<'a>,
    #[serde(default)]
    location: Option<Point>,
}

#[derive(Deserialize)]
struct Continent<'a> {
    #[serde(borrow, default)]
    code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Coded<'a> {
    #[serde(borrow, default)]
    iso_code: Option<&'a str>,
}

#[derive(Clone, Copy, Deserialize)]
struct Point {
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
}

/// The first of a list, without a list.
#[derive(Default)]
struct First<'a>(Option<Coded<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstVisitor;
        impl<'de> Visitor<'de> for FirstVisitor {
            type Value = First<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of subdivisions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<First<'de>, A::Error> {
                let first = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(FirstVisitor)
    }
}

/// Two letters in upper case.
fn letters(text: &str) -> Option<[u8; 2]> {
    let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
    bytes.is_ascii().then(|| bytes.map(|byte| byte.to_ascii_uppercase()))
}

/// One to three letters or digits in upper case, padded with zero bytes.
fn padded(text: &str) -> Option<[u8; 3]> {
    let bytes = text.as_bytes();
    let mut padded = [0; 3];
    padded.get_mut(..bytes.len()).filter(|room| !room.is_empty())?.copy_from_slice(bytes);
    padded.make_ascii_uppercase();
    Some(padded)
}

/// Rounded to thousandths of a degree, of which decisions are made.
fn location(point: Point) -> Option<Location> {
    let (latitude, longitude) = (point.latitude?, point.longitude?);
    let is_on_the_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both are within the globe, a thousand times that fits"
    )]
    let millideg = |degrees: f64| (degrees * 1_000.0).round() as i32;
    is_on_the_globe
        .then(|| Location { latitude_millideg: millideg(latitude), longitude_millideg: millideg(longitude) })
}

#[cfg(test)]
mod tests;
