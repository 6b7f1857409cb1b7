use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_fs::FileError;
use crossdock_oci::{Algorithm, BlobError, Digest, DocumentError, LayoutError, SourceError, Tag};

use crate::create::CreateError;
use crate::credentials::CredentialsError;
use crate::ecr::{EcrRepository, is_ecr};
use crate::host::Host;
use crate::transport::{Answer, Interrupted};

/// An error of a request to a registry, or of the image that is copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No answer.
    #[error("cannot {action}: no answer from `{host}`")]
    Unreachable {
        /// The operation that failed.
        action: String,
        /// The host and its scheme.
        host: String,
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An answer that refuses the request.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// An answer that the specification does not allow.
    #[error("cannot {action}: `{host}` {problem}")]
    Protocol {
        /// The operation that failed.
        action: String,
        /// The host.
        host: String,
        /// The fault of the answer.
        problem: String,
    },
    /// The server speaks plain HTTP, or names such an address, where TLS is required.
    #[error("`{host}` {problem}, and plain HTTP is not allowed for it")]
    Insecure {
        /// The host.
        host: String,
        /// The fault that was found.
        problem: &'static str,
    },
    /// A registry's host where a repository is needed. By the grammar of references it would be a repository of Docker Hub.
    #[error("`{host}` is a registry's host and names no repository; write e.g. `{host}:5000/team/app`")]
    NoRepository {
        /// The host.
        host: String,
    },
    /// A registry does not show what was pushed to it.
    #[error(
        "`{host}` accepted the push, but `{name}` {} instead of {expected}",
        .found.map_or_else(|| "does not exist".to_owned(), |found| format!("is {found}"))
    )]
    NotShown {
        /// The host.
        host: String,
        /// `repository:tag` or `repository@digest`.
        name: String,
        /// The digest that was pushed.
        expected: Digest,
        /// The digest that the registry shows; `None` if it shows nothing.
        found: Option<Digest>,
    },
    /// A repository that the registry does not have could not be created.
    #[error("the repository `{repository}` on `{host}` does not exist and cannot be created")]
    NotCreated {
        /// The host.
        host: String,
        /// The repository.
        repository: String,
        /// The cause.
        source: CreateError,
    },
    /// A tag names something else, which must not be lost.
    #[error(
        "the tag `{tag}` on `{host}` names {found}, which stays; to replace it, delete the tag there first"
    )]
    TagTaken {
        /// The host.
        host: String,
        /// The tag.
        tag: Tag,
        /// The digest that it names.
        found: Digest,
    },
    /// Credentials are configured but cannot be had.
    #[error("no credentials for `{host}`")]
    Credentials {
        /// The host.
        host: String,
        /// The cause.
        source: CredentialsError,
    },
    /// Bytes from the registry do not have the expected digest. Nothing of them was kept.
    #[error("`{host}` sent bytes with the digest {found} for {expected}; nothing of them was kept")]
    Digest {
        /// The host.
        host: String,
        /// The expected digest.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A document cannot be parsed.
    #[error("cannot parse {digest}{}", on(.host.as_deref()))]
    Document {
        /// The host; `None` if the document does not come from a registry.
        host: Option<String>,
        /// The digest of the document.
        digest: Digest,
        /// The cause.
        source: DocumentError,
    },
    /// An image has more documents, or deeper nested ones, than the limit.
    #[error("the image {digest}{} {problem}; it is damaged or hostile", on(.host.as_deref()))]
    Excessive {
        /// The host; `None` if the image does not come from a registry.
        host: Option<String>,
        /// The digest of the image.
        digest: Digest,
        /// The limit that it exceeds.
        problem: String,
    },
    /// An image declares more bytes than there is space for.
    #[error(
        "the image{} has {needed} bytes of layers to fetch, and only {free} bytes are free in `{}`",
        on(.host.as_deref()), .directory.display()
    )]
    NoSpace {
        /// The host; `None` if the image does not come from a registry.
        host: Option<String>,
        /// The bytes that are declared and missing.
        needed: u64,
        /// The bytes that are free.
        free: u64,
        /// The directory of the store.
        directory: PathBuf,
    },
    /// A local layout cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A local blob is missing or damaged, or cannot be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A local archive or layout cannot be read.
    #[error(transparent)]
    Source(Box<SourceError>),
    /// A local file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Cryptography or trusted certificates cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    /// The call was cancelled.
    #[error("interrupted")]
    Cancelled,
}

/// A registry's answer that refuses a request, in the registry's words.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The operation that failed, as `push blob sha256:… to team/app`.
    pub action: String,
    /// The host.
    pub host: String,
    /// The HTTP status.
    pub status: u16,
    /// The registry's error code, such as `DENIED` (distribution-spec § Error codes); `None` if the answer has none.
    pub code: Option<String>,
    /// The registry's message; may be empty.
    pub message: String,
    /// Instructions that help, most useful first.
    pub hints: Vec<String>,
    /// The digests that the answer mentions, as those of blobs that the registry misses.
    pub mentioned: Vec<Digest>,
    /// The time after which the server wants to be asked again; `None` if unspecified.
    pub retry_after: Option<Duration>,
}

fn on(host: Option<&str>) -> String {
    host.map_or_else(String::new, |host| format!(" on `{host}`"))
}

impl StdError for Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {}: `{}` answers {}", self.action, self.host, self.status)?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// The name of the file in an error of reading content, until [`RegistryError::in_file`] replaces it.
pub(crate) const UNNAMED: &str = "blob";

impl RegistryError {
    /// Names the file in an error of the content that is sent.
    pub(crate) fn in_file(self, file: &Path) -> Self {
        let source = match self {
            Self::Blob(BlobError::File(FileError { path, source, .. })) if path == Path::new(UNNAMED) => {
                source
            }
            Self::Blob(error @ BlobError::Corrupt { .. }) => io::Error::other(error),
            other => return other,
        };
        Self::Blob(FileError::on("read", file)(source).into())
    }

    /// Returns what to do about the error, most useful first.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Refused(refusal) => refusal.hints.clone(),
            Self::Insecure { host, .. } => {
                vec![format!("to allow plain HTTP for this host, pass `--insecure-registry {host}`")]
            }
            _ => Vec::new(),
        }
    }

    /// Returns the status of an answer that refuses the request.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Returns the registry's code of an answer that refuses the request.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.code.as_deref(),
            _ => None,
        }
    }

    /// Adds to a refusal of access where the credentials come from.
    pub(crate) fn with_source(mut self, source: impl FnOnce() -> Option<String>) -> Self {
        if let Self::Refused(refusal) = &mut self
            && matches!(refusal.status, 401 | 403)
        {
            refusal.hints.extend(source());
        }
        self
    }

    /// Adds the host from which a document came.
    pub(crate) fn with_host(self, host: &Host) -> Self {
        let origin = Some(host.to_string());
        match self {
            Self::Document { digest, source, host: None } => Self::Document { digest, source, host: origin },
            Self::Excessive { digest, problem, host: None } => {
                Self::Excessive { digest, problem, host: origin }
            }
            other => other,
        }
    }

    /// Adds that a tag names another image, which an immutable tag keeps.
    pub(crate) fn for_taken_tag(mut self, tag: &Tag, digest: &Digest) -> Self {
        if let Self::Refused(refusal) = &mut self {
            let hint = format!(
                "the tag `{tag}` names {digest}; if the repository's tags are immutable, choose another"
            );
            refusal.hints.insert(0, hint);
        }
        self
    }

    /// Adds the remedy for a registry without the referrers API that refuses to move the tag which replaces it.
    pub(crate) fn for_fallback_tag(mut self, tag: &str) -> Self {
        if let Self::Refused(refusal) = &mut self {
            let hint = format!(
                "the registry keeps no list of referrers, so the tag `{tag}` lists them and must be able to move; exempt \
                 tags like `sha256-*` from the repository's immutability"
            );
            refusal.hints.insert(0, hint);
        }
        self
    }

    /// Returns whether the registry does not have the repository.
    pub(crate) fn is_unknown_name(&self) -> bool {
        matches!(self.code(), Some("NAME_UNKNOWN" | "RepositoryNotFoundException"))
    }

    /// Returns whether the answer refuses access. Some registries answer so about what does not exist.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    /// Returns whether the answer says that something does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Returns whether the registry does not show something that it may show later, as it was just written.
    pub(crate) fn may_appear(&self) -> bool {
        matches!(self, Self::NotShown { .. }) || self.is_not_found() && !self.is_unknown_name()
    }

    /// Returns whether a manifest was refused for something that it lists and the registry does not find.
    pub fn is_about_content(&self) -> bool {
        matches!(
            self.code(),
            Some("MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN" | "MANIFEST_UNKNOWN" | "MANIFEST_UNVERIFIED")
        )
    }

    /// Returns whether the connection broke, so that the server may or may not have done what was asked.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// The context of a request, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The operation.
    pub(crate) action: String,
    /// The host as users write it.
    pub(crate) host: String,
    /// The repository, without the host.
    pub(crate) repository: String,
}

impl Place {
    /// Returns the error of a connection, or the one that a connection passed on.
    pub(crate) fn unreachable(&self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> RegistryError {
        let source = match source.into().downcast::<io::Error>() {
            Ok(error) if error.get_ref().is_some_and(|inner| inner.is::<Interrupted>()) => {
                return RegistryError::Cancelled;
            }
            Ok(error) => match error.downcast::<RegistryError>() {
                Ok(error) => return error,
                Err(error) => Box::new(error),
            },
            Err(source) => source,
        };
        RegistryError::Unreachable { action: self.action.clone(), host: self.host.clone(), source }
    }

    pub(crate) fn protocol(&self, problem: impl Into<String>) -> RegistryError {
        let (action, host) = (self.action.clone(), self.host.clone());
        RegistryError::Protocol { action, host, problem: problem.into() }
    }

    /// Returns the error of a write that the server says to have done, without having it.
    pub(crate) fn not_written(&self, status: u16) -> RegistryError {
        self.protocol(format!(
            "answers {status} instead of 201 Created and does not have what was written; it may not be a registry"
        ))
    }

    pub(crate) fn read(&self, source: io::Error) -> RegistryError {
        self.unreachable(source)
    }

    /// Returns the error of an answer that refuses the request.
    pub(crate) fn refused(&self, answer: Answer) -> RegistryError {
        let status = answer.status;
        let retry_after = answer.retry_after();
        let body = answer.explanation();
        let (code, message) = explanation(&body);
        let mentioned = digests_in(&body);
        let (action, host, status) = (self.action.clone(), self.host.clone(), status.as_u16());
        let hints = hints(status, code.as_deref(), self);
        RegistryError::Refused(Box::new(Refusal {
            action,
            host,
            status,
            code,
            message,
            hints,
            mentioned,
            retry_after,
        }))
    }
}

/// The length of the longest message of a registry that is shown, in characters.
const MESSAGE_LIMIT: usize = 400;

/// Returns the code and the message of an error's body (distribution-spec § Error Codes). HTML pages of proxies have none.
pub(crate) fn explanation(body: &[u8]) -> (Option<String>, String) {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<ApiError>,
    }
    #[derive(serde::Deserialize)]
    struct ApiError {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        detail: serde_json::Value,
    }
    if let Ok(Errors { errors }) = serde_json::from_slice(body)
        && let Some(first) = errors.into_iter().next()
    {
        let detail = match first.detail {
            serde_json::Value::String(text) if Some(&text) != first.message.as_ref() => format!(" ({text})"),
            _ => String::new(),
        };
        let message = first.message.unwrap_or_default() + &detail;
        return (first.code.map(|code| shortened(&code)), shortened(&message));
    }
    let text = String::from_utf8_lossy(body);
    let is_page = text.trim_start().starts_with('<') || text.trim_start().starts_with('{');
    (None, if is_page { String::new() } else { shortened(&text) })
}

/// Returns the digests that a text contains.
fn digests_in(body: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(body);
    let of = |algorithm: Algorithm| {
        let start = format!("{algorithm}:");
        let length = start.len() + algorithm.digits();
        let digest = |(at, _): (usize, &str)| text.get(at..at + length)?.parse().ok();
        text.match_indices(&start).filter_map(digest).collect::<Vec<Digest>>()
    };
    Algorithm::ALL.into_iter().flat_map(of).collect()
}

/// Returns a text on one line, without control characters and of limited length.
fn shortened(text: &str) -> String {
    let words: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MESSAGE_LIMIT).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn hints(status: u16, code: Option<&str>, place: &Place) -> Vec<String> {
    let Place { host, repository, .. } = place;
    let hint = match (status, code) {
        (_, Some("NAME_UNKNOWN" | "RepositoryNotFoundException")) if is_ecr(host) => {
            let command = EcrRepository::of(host, repository)
                .map_or_else(|| "aws ecr create-repository".to_owned(), |found| found.command().join(" "));
            format!("create the repository: `{command}`, or pass `--create-repository`")
        }
        (_, Some("NAME_UNKNOWN")) => {
            format!("create the repository `{repository}` in the registry, or correct its name")
        }
        (401, _) => format!("log in: `crossdock login {host}`"),
        (403, _) if host == "ghcr.io" => {
            "give the token the scope `write:packages` and, in the package's settings, the repository's workflow write \
             access to the package"
                .to_owned()
        }
        (403, _) => format!("check that the account may access `{repository}`, or log in: `crossdock login {host}`"),
        (413, _) => {
            "a proxy or the registry limits the size of a request; raise its limit (nginx: `client_max_body_size`), \
             or pass a smaller `--chunk-size`"
                .to_owned()
        }
        (429, _) => "wait, or log in for a higher limit".to_owned(),
        _ => return Vec::new(),
    };
    vec![hint]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_are_read() {
        for (body, code, message) in [
            (r#"{"errors":[{"code":"DENIED","message":"no","detail":null}]}"#, Some("DENIED"), "no"),
            (r#"{"errors":[{"code":"X","message":"a","detail":"b"}]}"#, Some("X"), "a (b)"),
            (r#"{"errors":[{"message":"a\u001b[2J\nb"}]}"#, None, "a [2J b"),
            (r#"{"errors":[]}"#, None, ""),
            (r#"{"error":"x"}"#, None, ""),
            ("<html><h1>413 Request Entity Too Large</h1>", None, ""),
            ("quota exceeded\n", None, "quota exceeded"),
            ("", None, ""),
        ] {
            let found = explanation(body.as_bytes());
            assert_eq!((found.0.as_deref(), found.1.as_str()), (code, message), "{body}");
        }
        assert_eq!(explanation("x".repeat(10_000).as_bytes()).1.len(), MESSAGE_LIMIT);
    }
}
