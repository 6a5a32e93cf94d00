//! `holdfast demo --eject DIR`: the very files that the demo runs from, for keeping.
//!
//! Nothing is overwritten: the folder is new or empty.
//!
//! Not here: what stands in the files (`world`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Serialize;

use crate::world::World;
use crate::{DemoError, operator_key, public_text, write_private};

/// What was written, as printed with `-o json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ejected {
    /// Where.
    pub folder: PathBuf,
    /// The files' names in it.
    pub files: Vec<String>,
}

/// Writes the world's node and estate files and an operator's key into `folder`.
///
/// # Errors
///
/// [`DemoError::Occupied`] when something is there, [`DemoError::Write`] when it cannot be written.
pub fn eject(folder: &Path) -> Result<Ejected, DemoError> {
    let is_free = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(DemoError::Occupied(folder.to_owned()));
    }
    let world = World::new(0);
    let (key, pkcs8) = operator_key()?;
    let public_key = public_text(&key);
    world.write(folder, &public_key)?;
    let private = base64::engine::general_purpose::STANDARD.encode(pkcs8);
    write_private(&folder.join("operator.key"), &private)?;
    let mut files: Vec<String> = world.files(&public_key).into_iter().map(|(name, _)| name).collect();
    files.push("operator.key".to_owned());
    Ok(Ejected { folder: folder.to_owned(), files })
}

impl Ejected {
    /// How to go on, for people.
    pub fn in_words(&self) -> String {
        let shown = self.folder.display();
        let mut text = format!(
            "wrote {shown}; check it, then run each node in a terminal of its own:\n\n  holdfast check {shown}\n"
        );
        let is_node =
            |name: &&String| !matches!(name.as_str(), "estate.toml" | "shop.test.zone" | "operator.key");
        for name in self.files.iter().filter(is_node) {
            let _ = writeln!(text, "  holdfast serve -c {shown}/{name}");
        }
        let _ = write!(
            text,
            "\nThe application is yours to put at the endpoints of pool `web` in {shown}/estate.toml;\n\
             {shown}/operator.key signs break-glass shifts: keep it away from the nodes."
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let ejected = eject(folder.path()).unwrap(); // there, and empty
        for file in &ejected.files {
            assert!(folder.path().join(file).is_file(), "{file}");
        }
        let again = eject(folder.path()).unwrap_err();
        assert!(matches!(again, DemoError::Occupied(_)), "{again}");
        let file = eject(&folder.path().join("estate.toml")).unwrap_err();
        assert!(matches!(file, DemoError::Occupied(_)), "{file}");
    }
}
