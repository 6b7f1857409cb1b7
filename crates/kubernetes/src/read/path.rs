//! Paths of images in custom resources.

use std::fmt;
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

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.fields.join("."))
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is not `KIND:FIELD.FIELD…`, such as `Runner:spec.runnerImage`");
        let (kind, fields) = text.split_once(':').ok_or_else(malformed)?;
        let fields: Vec<String> = fields.split('.').map(str::to_owned).collect();
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '[', ']', '*', '$', ' ']);
        match is_name(kind) && fields.iter().all(|field| is_name(field)) {
            true => Ok(Self { kind: kind.to_owned(), fields }),
            false => Err(malformed()),
        }
    }
}
