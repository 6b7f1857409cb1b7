use std::time::Duration;

/// How a registry differs from the specification or uses its freedom. The default is a registry without any habit.
#[derive(Debug, Clone)]
pub struct Habits {
    /// Whether an accepted manifest is answered with its Location and Docker-Content-Digest; ECR sends neither.
    pub manifest_location: bool,
    /// The answer to a mount.
    pub mount: Mount,
    /// Whether a push creates its repository.
    pub repositories: Repositories,
    /// Whether a tag can move.
    pub tags: Tags,
    /// The uploads in chunks that work.
    pub chunks: Chunks,
    /// The longest body that the server in front of the registry lets through. A longer one is answered with 413 and an
    /// HTML page, without reading it.
    pub body_limit: Option<u64>,
    /// The referrers API.
    pub referrers: Referrers,
    /// Whether blobs and manifests may have sha512 digests.
    pub sha512: bool,
    /// Whether a manifest is refused if something that it names is missing.
    pub content: Content,
    /// The credentials that are wanted.
    pub auth: Auth,
    /// The form of an upload's Location.
    pub locations: Locations,
    /// Whether blobs are redirected to a storage service on another host, with the right to read in the URL.
    pub redirects_blobs: bool,
    /// Whether a POST with a digest and the whole blob is accepted; docker's registry answers with an upload instead.
    pub single_post: bool,
    /// The number of manifests that are accepted within a second; more are answered with 429.
    pub manifests_per_second: Option<usize>,
    /// The time that each answer takes.
    pub delay: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            manifest_location: true,
            mount: Mount::Works,
            repositories: Repositories::CreatedByPush,
            tags: Tags::Movable,
            chunks: Chunks::Any,
            body_limit: None,
            referrers: Referrers::Api,
            sha512: true,
            content: Content::Checked,
            auth: Auth::Anonymous,
            locations: Locations::Relative,
            redirects_blobs: false,
            single_post: true,
            manifests_per_second: None,
            delay: Duration::ZERO,
        }
    }
}

impl Habits {
    /// Returns the habits of Amazon ECR. Its tags are movable unless a repository is created with immutable ones.
    pub fn ecr() -> Self {
        Self {
            manifest_location: false,
            mount: Mount::Answers(202),
            repositories: Repositories::MustExist,
            chunks: Chunks::OnlyTheFirst,
            referrers: Referrers::Api,
            sha512: false,
            auth: Auth::Basic { user: "AWS".to_owned(), password: "ecr-password".to_owned() },
            locations: Locations::Absolute,
            redirects_blobs: true,
            single_post: false,
            manifests_per_second: Some(10),
            ..Self::default()
        }
    }

    /// Returns the habits of the GitHub container registry: tokens, parts of at most 4 MiB, no referrers API.
    pub fn ghcr() -> Self {
        Self {
            chunks: Chunks::AtMost(4 << 20),
            referrers: Referrers::Absent,
            sha512: false,
            auth: Auth::token("robot", "ghp_secret"),
            redirects_blobs: true,
            ..Self::default()
        }
    }
}

/// The answer to a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mount {
    /// 201 if the source repository has the blob, else 202.
    Works,
    /// Always this status. 202 begins an upload.
    Answers(u16),
}

/// Whether a push creates its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repositories {
    /// It does.
    CreatedByPush,
    /// It is answered with NAME_UNKNOWN.
    MustExist,
}

/// Whether a tag can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// It can.
    Movable,
    /// 403 DENIED for another digest, 201 for the same.
    Immutable,
    /// 400 TAG_INVALID for any digest, also the same, as ECR answers.
    ImmutableEvenIfEqual,
}

/// The uploads in chunks that work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// Any.
    Any,
    /// Each chunk is answered with 201, and all after the first are dropped without a word (ECR).
    OnlyTheFirst,
    /// A larger chunk is answered with 416 (GHCR).
    AtMost(u64),
    /// None: PATCH is answered with 405 (Google Artifact Registry).
    Refused,
}

/// The referrers API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrers {
    /// With filters and the OCI-Subject field.
    Api,
    /// The same, where an empty list is `null`.
    ApiWithNull,
    /// 404, and no OCI-Subject.
    Absent,
    /// The subject itself, and no OCI-Subject, as registries answer that take the path for a manifest's.
    Subject,
}

/// Whether a manifest is refused if something that it names is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// It is, with MANIFEST_BLOB_UNKNOWN.
    Checked,
    /// Any manifest is taken. [`MemoryRegistry::faults`](super::MemoryRegistry::faults) tells what the client did wrong.
    Unchecked,
}

impl Referrers {
    /// Returns whether the registry keeps lists.
    pub(super) fn lists(self) -> bool {
        matches!(self, Self::Api | Self::ApiWithNull)
    }
}

/// The credentials that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// None.
    Anonymous,
    /// A name and password with each request.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A bearer token, from `/token` of the same server. Anonymous clients get the right to pull.
    Token {
        /// The name.
        user: String,
        /// The password.
        password: String,
        /// The time for which a token is valid.
        life: Duration,
        /// Whether the answer states that time.
        states_life: bool,
        /// The status of a request with an invalid token: 401 with a challenge; public ECR answers 400 without.
        invalid: u16,
    },
}

impl Auth {
    /// Returns token authentication as most registries have it.
    pub fn token(user: &str, password: &str) -> Self {
        Self::Token {
            user: user.to_owned(),
            password: password.to_owned(),
            life: Duration::from_secs(300),
            states_life: true,
            invalid: 401,
        }
    }
}

/// The form of an upload's Location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locations {
    /// A path.
    Relative,
    /// A URL with the host of the request.
    Absolute,
    /// A URL on another host, which refuses credentials, as storage services do.
    OtherHost,
}
