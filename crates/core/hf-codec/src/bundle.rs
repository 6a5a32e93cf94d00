//! An estate as written, inside other formats.

use std::collections::BTreeMap;

use hf_config::estate::{EstateBundle, limits};
use serde::{Deserialize, Serialize};

use crate::envelope::Format;
use crate::error::CodecError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleBody {
    toml: String,
    files: BTreeMap<String, String>,
}

impl BundleBody {
    pub(crate) fn of(bundle: &EstateBundle, format: &Format) -> Result<Self, CodecError> {
        check_size(bundle, format)?;
        Ok(BundleBody { toml: bundle.toml.clone(), files: bundle.files.clone() })
    }

    pub(crate) fn read(self, format: &Format) -> Result<EstateBundle, CodecError> {
        let bundle = EstateBundle { toml: self.toml, files: self.files };
        check_size(&bundle, format)?;
        Ok(bundle)
    }
}

/// The bound of the estate itself. Text that needs much escaping may reach the format's bound before.
fn check_size(bundle: &EstateBundle, format: &Format) -> Result<(), CodecError> {
    let files = bundle.files.iter().map(|(name, content)| name.len() + content.len());
    let len = bundle.toml.len() + files.sum::<usize>();
    format.check_amount("estate", "bytes of text", len, limits::BUNDLE_BYTES)
}
