//! Why a file cannot be resolved.

use crossdock_findings::Code;

use crate::codes;

/// A file that cannot be resolved, with the place of the problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}{}", code(.problem))]
pub struct ManifestError {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The problem.
    pub problem: Problem,
}

/// Returns the code of a finding as it is shown after the problem.
fn code(problem: &Problem) -> String {
    problem.code().map(|code| format!(" [{code}]")).unwrap_or_default()
}

/// A problem of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not YAML; the parser's reason.
    #[error("this is not YAML: {0}")]
    Syntax(String),
    /// The text is a template that Helm renders.
    #[error("`{0}` is a Helm template, not YAML")]
    Template(String),
    /// An image has a variable that another tool replaces.
    #[error("the image `{0}` has a variable that is replaced later, so that no digest can be looked up")]
    Variable(String),
    /// A mapping has a key twice.
    #[error("the key `{key}` is in this mapping twice, first in line {first}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the first one.
        first: usize,
    },
    /// An image is a block scalar that ends in a line break.
    #[error("the image `{0}` ends in a line break, which makes it an invalid reference")]
    LineBreak(String),
    /// An image or a tag is a number, which loses digits (`1.10` is read as 1.1).
    #[error("{0} is a number to YAML, not a text")]
    Number(String),
    /// An image or a tag has only blanks.
    #[error("this value has only blanks")]
    Blank,
    /// A value that must be a string is something else.
    #[error("`{0}` must be a string")]
    NotText(String),
    /// A field that must be a mapping is something else.
    #[error("`{0}` must be a mapping")]
    NotMapping(String),
    /// A field that must be a list is something else.
    #[error("`{0}` must be a list")]
    NotList(String),
    /// An expression of node affinity has an operator that Kubernetes does not know.
    #[error("`{0}` is not an operator of node affinity")]
    Operator(String),
    /// An expression of node affinity lacks a field.
    #[error("this expression of node affinity has no `{0}`")]
    Missing(&'static str),
    /// The images of a pod have no platform in common; the platforms of each.
    #[error("the images of this pod have no platform in common: {0}")]
    NothingInCommon(String),
    /// A specification excludes all nodes for which the images are.
    #[error("{by} excludes every platform of the images: {platforms}")]
    Excluded {
        /// The field that excludes them.
        by: String,
        /// The platforms.
        platforms: String,
    },
    /// Two expressions cannot say some platforms.
    #[error("one term cannot select {0}, and nothing else")]
    Mixed(String),
    /// An image is spread over lines, or has a blank.
    #[error("the image `{0}` has a blank or a line break within it")]
    Spread(String),
    /// A value that charts take for the registry of every image.
    #[error("the chart may take every image from `{0}`, the value of `global.imageRegistry`")]
    GlobalRegistry(String),
    /// An alias makes an image the value of another field, too, which the digest would change.
    #[error("the image `{image}` is also the value of another field, by the alias in line {line}")]
    Shared {
        /// The image.
        image: String,
        /// The line of the alias.
        line: usize,
    },
    /// A digest cannot be inserted where the image is written.
    #[error("a digest cannot be inserted for `{0}`, which another mapping brings")]
    Elsewhere(String),
    /// An alias is within the mapping or list that it names.
    #[error("the alias names a mapping or list that it is in")]
    Circle,
    /// A document is neither a Kubernetes object, nor a kustomization, nor Helm values.
    #[error(
        "this is neither a Kubernetes object, which has `apiVersion` and `kind`, nor a kustomization, nor Helm values"
    )]
    Unknown,
}

impl Problem {
    /// Returns the code of a finding about the nodes that a pod selects; `None` for a fault of the file.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::NothingInCommon(_) => Some(codes::NO_COMMON_PLATFORM),
            Self::Excluded { .. } => Some(codes::PLATFORMS_EXCLUDED),
            Self::Mixed(_) => Some(codes::PLATFORMS_MIXED),
            _ => None,
        }
    }

    /// Returns what to do.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Template(_) => "render it first: `helm template … | crossdock resolve -f -`",
            Self::Variable(_) => {
                "replace the variable first, e.g. `helm template … | crossdock resolve -f -`, or write the image"
            }
            Self::DuplicateKey { .. } => "remove one of the two; tools disagree on which one counts",
            Self::LineBreak(_) => "write `>-` or `|-`, or the image on one line",
            Self::Blank => "write the image, or remove the field",
            Self::Operator(_) => {
                "write `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`, with these capitals"
            }
            Self::Missing(_) => "write e.g. `{key: kubernetes.io/arch, operator: In, values: [arm64]}`",
            Self::NotList(name) if name == "values" => "put the value in brackets, e.g. `values: [arm64]`",
            Self::Number(_) => "put it in quotes, e.g. `\"1.10\"`",
            Self::Spread(_) => "write the image on one line",
            Self::GlobalRegistry(_) => {
                "render the chart first: `helm template … | crossdock resolve -f -`, or write `registry` in each image instead"
            }
            Self::NothingInCommon(_) => "build each of them for a platform of the cluster's nodes",
            Self::Excluded { .. } => "select nodes of another platform, or build the images for this one",
            Self::Mixed(_) => "add an expression `kubernetes.io/os` to the term",
            Self::Shared { .. } => "write the other value without the alias",
            Self::Elsewhere(_) => "write it in the entry itself, without `<<`",
            Self::Unknown => {
                "pass only files that kubectl, kustomize or Helm reads; Helm values are known by names such as `values.yaml`"
            }
            _ => return None,
        })
    }
}
