//! Paths of images in custom resources.

use std::str::FromStr;

/// A field of a custom resource that holds an image: `KIND:FIELD.FIELD…`. Lists on the way are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// The kind of object, such as `Runner`.
    pub kind: String,
    /// The names of the fields from the object to the image.
    pub fields: Vec<String>,
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is not `KIND:FIELD.FIELD…`, such as `Runner:spec.runnerImage`");
        let (kind, fields) = text.split_once(':').ok_or_else(malformed)?;
        let fields: Vec<String> = fields
            .trim_start_matches('.')
            .split('.')
            .map(|field| field.trim_end_matches("[]").to_owned())
            .collect();
        match kind.is_empty() || fields.iter().any(String::is_empty) {
            true => Err(malformed()),
            false => Ok(Self { kind: kind.to_owned(), fields }),
        }
    }
}
