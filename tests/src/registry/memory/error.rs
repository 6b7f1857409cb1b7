use std::io;

use serde_json::json;

use crate::registry::http::Answer;

/// A request that is not fulfilled.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The connection broke.
    Broken(io::Error),
    /// No credentials, or not the right ones, with the challenge.
    Unauthorized(String),
    /// An invalid token, in a registry that has its own status for it.
    InvalidToken(u16),
    Denied(String),
    NotFound,
    Unsupported,
    TooLarge,
    TooMany,
    NameUnknown(String),
    BlobUnknown(String),
    ManifestUnknown(String),
    ManifestInvalid(String),
    ContentUnknown(String),
    DigestInvalid(String),
    UploadUnknown,
    TagImmutable(String),
    Range(u64),
    /// Credentials for a service that takes its rights from the URL.
    TwoAuthorizations,
}

impl Refusal {
    pub(super) fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Self::Broken(_) => (500, "UNKNOWN", "the connection broke".to_owned()),
            Self::Unauthorized(challenge) => {
                let answer = errors(401, "UNAUTHORIZED", "authentication required");
                return answer.with("WWW-Authenticate", challenge);
            }
            Self::InvalidToken(status) => {
                (status, "DENIED", "Your authorization token is invalid.".to_owned())
            }
            Self::Denied(message) => (403, "DENIED", message),
            Self::NotFound => return Answer::new(404).body("text/plain", "404 page not found\n"),
            Self::Unsupported => (405, "UNSUPPORTED", "the operation is unsupported".to_owned()),
            Self::TooLarge => {
                let page =
                    "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>\r\n";
                return Answer::new(413).body("text/html", page).with("Connection", "close");
            }
            Self::TooMany => {
                return errors(429, "TOOMANYREQUESTS", "Rate exceeded").with("Retry-After", "1");
            }
            Self::NameUnknown(name) => {
                let message = format!("The repository with name '{name}' does not exist in the registry");
                (404, "NAME_UNKNOWN", message)
            }
            Self::BlobUnknown(digest) => (404, "BLOB_UNKNOWN", format!("blob unknown to registry: {digest}")),
            Self::ManifestUnknown(reference) => {
                (404, "MANIFEST_UNKNOWN", format!("manifest unknown: {reference}"))
            }
            Self::ManifestInvalid(message) => (400, "MANIFEST_INVALID", message),
            Self::ContentUnknown(digest) => {
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", &digest);
            }
            Self::DigestInvalid(message) => (400, "DIGEST_INVALID", message),
            Self::UploadUnknown => (404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry".to_owned()),
            Self::TagImmutable(tag) => {
                let message = format!(
                    "The image tag '{tag}' already exists and cannot be overwritten because the tag is immutable."
                );
                (400, "TAG_INVALID", message)
            }
            Self::Range(end) => {
                let range = format!("0-{}", end.saturating_sub(1));
                return errors(416, "RANGE_INVALID", "invalid content range").with("Range", range);
            }
            Self::TwoAuthorizations => {
                let xml = "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>";
                return Answer::new(400).body("application/xml", xml);
            }
        };
        errors(status, code, &message)
    }
}

fn errors(status: u16, code: &str, message: &str) -> Answer {
    refusal(status, code, message, "")
}

fn refusal(status: u16, code: &str, message: &str, digest: &str) -> Answer {
    let mut error = json!({ "code": code, "message": message });
    if !digest.is_empty() {
        error["detail"] = json!({ "Digest": digest });
    }
    Answer::new(status).body("application/json", json!({ "errors": [error] }).to_string())
}
