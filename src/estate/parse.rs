//! From TOML to an [`Estate`].

use super::{Estate, EstateError};

impl Estate {
    /// Parses the text of an estate file. `file` is its name for messages.
    ///
    /// # Errors
    /// Every fault found, in order of line; never an empty list.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<EstateError>> {
        let _ = (file, text);
        todo!()
    }
    /// The estate of `scrutineer audit HOST…`: each name one host, services http and https, operator unknown.
    ///
    /// # Errors
    /// A name that is no host name.
    pub fn bare(names: &[String]) -> Result<Self, Vec<EstateError>> {
        let _ = names;
        todo!()
    }
}
