use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use crossdock_oci::{Blob, Descriptor, Digest, RegistryReference, Repository, Tag, media_type};
use serde::de::IgnoredAny;
use ureq::http::{HeaderMap, HeaderValue, Method, Uri};

use crate::auth::Scope;
use crate::checked::{Checked, WrongDigest};
use crate::client::{Call, Client, Content, Location, Target};
use crate::error::RegistryError;
use crate::host::Host;
use crate::settings::Settings;
use crate::transport::{Answer, DOCUMENT_LIMIT};

/// A client of registries: one for any number of hosts and repositories.
///
/// Hosts, tokens and connections are remembered, so one value for all work saves requests. Calls may come from several
/// threads.
///
/// ```no_run
/// // Needs a registry: the tests of this crate run such calls against servers of their own.
/// use crossdock_registry::{Registry, Selector, Settings};
///
/// let registry = Registry::new(Settings::new())?;
/// let repository = "localhost:5000/team/app".parse()?;
/// let manifest = registry.manifest(&repository, &Selector::Tag("1.0".parse()?))?;
/// println!("{} has {} bytes", manifest.descriptor.digest, manifest.bytes.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Registry {
    pub(crate) client: Client,
}

/// The answer of a registry to credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It accepts them.
    Accepted,
    /// It asks for none, and did not get them.
    Open,
}

/// Selects a manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// By its tag.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

/// The manifest of a reference: that of its digest rather than that of its tag, which is `latest` if it has neither.
impl From<&RegistryReference> for Selector {
    fn from(reference: &RegistryReference) -> Self {
        match reference.digest {
            Some(digest) => Self::Digest(digest),
            None => Self::Tag(reference.tag.clone().unwrap_or_else(Tag::latest)),
        }
    }
}

/// A manifest or an index as a registry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Its media type, its length, and the digest of its bytes.
    pub descriptor: Descriptor,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The media types of manifests that are understood.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";
/// The number of pages of a list that are read.
const PAGES: usize = 1000;
/// The length of the pages of a list together, in bytes.
pub(crate) const LIST_LIMIT: u64 = 64 << 20;

impl Registry {
    /// Creates a client. It sends nothing yet.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, RegistryError> {
        Ok(Self { client: Client::new(settings)? })
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.client.settings
    }

    /// Checks that a registry accepts the credentials that are found for it, or requires none.
    ///
    /// # Errors
    /// If it refuses them or cannot be reached.
    pub fn check_access(&self, host: &Host) -> Result<Access, RegistryError> {
        let (location, scope) = (Location::of_host(host), Scope::none());
        let mut call = self.call(&location, Method::GET, "", &scope, "log in".to_owned());
        call.target = Target::Root;
        let answer = self.client.expect(&call, &[200])?;
        // A proxy that asks people to log in answers everything with its page.
        match answer.header("content-type") {
            Some(kind) if kind.starts_with("text/html") => Err(self
                .client
                .place(&call)
                .protocol("answers with a web page instead of a registry's answer")),
            _ if self.client.asks_for_credentials(&call)? => Ok(Access::Accepted),
            _ => Ok(Access::Open),
        }
    }

    /// Fetches a manifest or an index. Its digest is that of the bytes received, whatever the registry says.
    ///
    /// # Errors
    /// If it does not exist, cannot be fetched, or does not have the digest that selects it.
    pub fn manifest(&self, repository: &Repository, selector: &Selector) -> Result<Manifest, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        self.manifest_at(&location, selector, &scope)
    }

    /// Fetches a manifest or an index; `None` if it does not exist.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest), except if it does not exist.
    pub fn find_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
    ) -> Result<Option<Manifest>, RegistryError> {
        absent_as_none(self.manifest(repository, selector))
    }

    pub(crate) fn manifest_at(
        &self,
        location: &Location,
        selector: &Selector,
        scope: &Scope,
    ) -> Result<Manifest, RegistryError> {
        let path = format!("manifests/{selector}");
        let action = format!("read `{}`", manifest_name(location, selector));
        let call = self.call(location, Method::GET, &path, scope, action).accepting(ACCEPT);
        let found = self.client.document(&call, &[200])?;
        let declared =
            found.headers.get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let bytes = found.bytes;
        // A proxy's page for people, with status 200.
        if serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&bytes).is_err() {
            let kind = declared.as_deref().unwrap_or("something").escape_debug().to_string();
            return Err(self
                .client
                .place(&call)
                .protocol(format!("answers with `{kind}` instead of a manifest")));
        }
        let digest = match selector {
            Selector::Digest(expected) => expected.of_other(&bytes),
            Selector::Tag(_) => Digest::of(&bytes),
        };
        if let Selector::Digest(expected) = selector
            && *expected != digest
        {
            let host = location.host.to_string();
            return Err(RegistryError::Digest { host, expected: *expected, found: digest });
        }
        let descriptor = Descriptor::new(
            &media_type_of(&bytes, declared.as_deref()),
            Blob { digest, size: bytes.len() as u64 },
        );
        Ok(Manifest { descriptor, bytes })
    }

    /// Returns whether a registry has a manifest or an index.
    ///
    /// # Errors
    /// If the registry does not tell.
    pub fn has_manifest(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let location = Location::of(repository)?;
        self.has_manifest_at(&location, digest, &Scope::pull(&location.path))
    }

    pub(crate) fn has_manifest_at(
        &self,
        location: &Location,
        digest: &Digest,
        scope: &Scope,
    ) -> Result<bool, RegistryError> {
        let path = format!("manifests/{digest}");
        let action = format!("look up `{}`", manifest_name(location, &Selector::Digest(*digest)));
        let call = self.call(location, Method::HEAD, &path, scope, action).accepting(ACCEPT);
        Ok(self.client.expect(&call, &[200, 404])?.status == 200)
    }

    /// Fetches a blob. The reader fails at its end if the bytes do not have the blob's digest or length.
    ///
    /// # Errors
    /// If the blob does not exist or cannot be fetched.
    pub fn blob(&self, repository: &Repository, blob: &Blob) -> Result<BlobReader, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        self.blob_at(&location, blob, &scope)
    }

    pub(crate) fn blob_at(
        &self,
        location: &Location,
        blob: &Blob,
        scope: &Scope,
    ) -> Result<BlobReader, RegistryError> {
        let path = format!("blobs/{}", blob.digest);
        let action = format!("read blob {} of `{}`", blob.digest, location.path);
        let call = self.call(location, Method::GET, &path, scope, action);
        let answer = self.client.expect(&call, &[200])?;
        Ok(BlobReader::new(answer, *blob))
    }

    /// Asks for the bytes of a blob from a place on (RFC 9110 § 14.2). Returns the answer and the place at which its bytes start,
    /// which is 0 if the server does not serve parts.
    pub(crate) fn blob_from(
        &self,
        location: &Location,
        blob: &Blob,
        scope: &Scope,
        at: u64,
    ) -> Result<(Answer, u64), RegistryError> {
        let path = format!("blobs/{}", blob.digest);
        let action = format!("read blob {} of `{}`", blob.digest, location.path);
        let mut call = self.call(location, Method::GET, &path, scope, action);
        if at > 0 {
            if let Ok(range) = HeaderValue::from_str(&format!("bytes={at}-")) {
                call.headers.insert("range", range);
            }
            let answer = self.client.expect(&call, &[200, 206, 416])?;
            match answer.status.as_u16() {
                200 => return Ok((answer, 0)),
                206 if starts_at(&answer, at) => return Ok((answer, at)),
                // Another part than that which was asked for.
                _ => drop(call.headers.remove("range")),
            }
        }
        Ok((self.client.expect(&call, &[200])?, 0))
    }

    /// Fetches a blob that is a document, such as a configuration.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), and if it has more than [`MANIFEST_LIMIT`] bytes.
    pub fn document(&self, repository: &Repository, blob: &Blob) -> Result<Vec<u8>, RegistryError> {
        if blob.size > MANIFEST_LIMIT {
            let problem = format!("has a document of more than {MANIFEST_LIMIT} bytes");
            return Err(RegistryError::Excessive { host: None, digest: blob.digest, problem }
                .with_host(&Location::of(repository)?.host));
        }
        let mut bytes = Vec::new();
        match self.blob(repository, blob)?.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => {
                let wrong = error.get_ref().and_then(|inner| inner.downcast_ref::<WrongDigest>());
                let expected = blob.digest;
                let location = Location::of(repository)?;
                let place =
                    self.client.place_of(&location, format!("read blob {expected} of `{}`", location.path));
                Err(match wrong {
                    Some(wrong) => RegistryError::Digest { host: place.host, expected, found: wrong.found },
                    None => place.unreachable(error),
                })
            }
        }
    }

    /// Returns whether a registry has a blob.
    ///
    /// # Errors
    /// If the registry does not tell.
    pub fn has_blob(&self, repository: &Repository, blob: &Blob) -> Result<bool, RegistryError> {
        let location = Location::of(repository)?;
        self.has_blob_at(&location, blob, &Scope::pull(&location.path))
    }

    pub(crate) fn has_blob_at(
        &self,
        location: &Location,
        blob: &Blob,
        scope: &Scope,
    ) -> Result<bool, RegistryError> {
        let path = format!("blobs/{}", blob.digest);
        let action = format!("look up blob {} in `{}`", blob.digest, location.path);
        let call = self.call(location, Method::HEAD, &path, scope, action);
        let answer = self.client.expect(&call, &[200, 404])?;
        // A length of zero is also what servers say that do not tell.
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .filter(|length| *length > 0);
        Ok(answer.status == 200 && length.is_none_or(|length: u64| length == blob.size))
    }

    /// Returns the tags of a repository, in the registry's order.
    ///
    /// # Errors
    /// If the repository does not exist or cannot be read.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        let mut call = self.tags_call(&location, "tags/list", &scope);
        let (mut tags, mut bytes) = (Vec::new(), 0);
        for _ in 0..PAGES {
            let page = self.tags_page(&call)?;
            bytes += page.bytes;
            if bytes > LIST_LIMIT {
                return Err(self.client.place(&call).protocol(format!("lists more than {LIST_LIMIT} bytes")));
            }
            tags.extend(page.tags);
            let Some(next) = page.next else { return Ok(tags) };
            call.target = Target::Address(next);
        }
        Err(self.client.place(&call).protocol(format!("lists more than {PAGES} pages")))
    }

    /// Returns the tags of a repository if they fit on one page; `None` if there are more, or the account may not list them.
    pub(crate) fn known_tags(
        &self,
        location: &Location,
        scope: &Scope,
    ) -> Result<Option<Vec<String>>, RegistryError> {
        match self.tags_page(&self.tags_call(location, "tags/list?n=1000", scope)) {
            Ok(page) => Ok(page.next.is_none().then_some(page.tags)),
            // Docker's registry answers so about a repository in which nothing was ever tagged.
            Err(error) if error.is_unknown_name() => Ok(Some(Vec::new())),
            Err(RegistryError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn tags_call<'a>(&self, location: &'a Location, path: &'a str, scope: &'a Scope) -> Call<'a> {
        self.call(location, Method::GET, path, scope, format!("list the tags of `{}`", location.path))
    }

    fn tags_page(&self, call: &Call<'_>) -> Result<TagsPage, RegistryError> {
        #[derive(serde::Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let base = self.client.address(call)?;
        let found = self.client.document(call, &[200])?;
        let next = self.client.next_page(call, &base, &found.headers)?;
        let page: Page = serde_json::from_slice(&found.bytes).map_err(|_| {
            self.client.place(call).protocol("answers with something else than a list of tags")
        })?;
        Ok(TagsPage { tags: page.tags.unwrap_or_default(), next, bytes: found.bytes.len() as u64 })
    }

    /// Writes a manifest or an index, whose blobs and children must be there, and returns its digest.
    ///
    /// # Errors
    /// If the registry refuses it.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Digest, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::push(&location.path);
        self.put_manifest_at(&location, selector, media_type, bytes, &scope)?;
        Ok(match selector {
            Selector::Digest(digest) => *digest,
            Selector::Tag(_) => Digest::of(bytes),
        })
    }

    /// Writes a manifest or an index. Returns whether the registry lists it by its subject, if it has one.
    pub(crate) fn put_manifest_at(
        &self,
        location: &Location,
        selector: &Selector,
        media_type: &str,
        bytes: &[u8],
        scope: &Scope,
    ) -> Result<Listed, RegistryError> {
        let path = format!("manifests/{selector}");
        let action = format!("write `{}`", manifest_name(location, selector));
        let mut call = self.call(location, Method::PUT, &path, scope, action);
        let place = self.client.place(&call);
        let kind = HeaderValue::from_str(media_type)
            .map_err(|_| place.protocol("cannot be told a media type with characters that HTTP forbids"))?;
        call.headers.insert("content-type", kind);
        call.content = Content::Bytes(bytes);
        let answer = self.client.expect(&call, &[200, 201, 202, 204])?;
        // The answer of success is 201 (distribution-spec § Pushing Manifests). Older registries give another one, but so does a
        // proxy's page.
        if answer.status != 201 {
            self.read_back(&call, selector, bytes, answer.status.as_u16())?;
        }
        Ok(if answer.header("oci-subject").is_some() { Listed::BySubject } else { Listed::No })
    }

    /// Checks that a registry serves a manifest that it did not say to have created.
    fn read_back(
        &self,
        call: &Call<'_>,
        selector: &Selector,
        written: &[u8],
        status: u16,
    ) -> Result<(), RegistryError> {
        match self.manifest_at(call.location, selector, call.scope) {
            Ok(found) if found.bytes == written => Ok(()),
            Err(error @ (RegistryError::Cancelled | RegistryError::Unreachable { .. })) => Err(error),
            _ => Err(self.client.place(call).not_written(status)),
        }
    }

    /// Returns the warnings since the last call, such as about a registry that names itself without TLS.
    pub fn warnings(&self) -> Vec<String> {
        self.client.notices.take()
    }

    pub(crate) fn call<'a>(
        &self,
        location: &'a Location,
        method: Method,
        path: &'a str,
        scope: &'a Scope,
        action: String,
    ) -> Call<'a> {
        Call {
            location,
            method,
            target: Target::Path(path),
            headers: HeaderMap::new(),
            content: Content::None,
            scope,
            action,
        }
    }
}

/// A part of a repository's list of tags.
struct TagsPage {
    tags: Vec<String>,
    /// The address of the part after it; `None` for the last one.
    next: Option<Uri>,
    /// Its length as it was sent.
    bytes: u64,
}

/// Whether a registry lists a manifest among the referrers of its subject (distribution-spec § Pushing Manifests with
/// Subject).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    BySubject,
    No,
}

impl Call<'_> {
    pub(crate) fn accepting(mut self, media_types: &'static str) -> Self {
        self.headers.insert("accept", HeaderValue::from_static(media_types));
        self
    }
}

/// Returns `None` for an error that says that something does not exist.
pub(crate) fn absent_as_none<T>(result: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether an answer with a part of something starts at a place (RFC 9110 § 14.4).
fn starts_at(answer: &Answer, at: u64) -> bool {
    let range = answer.header("content-range").and_then(|range| range.strip_prefix("bytes "));
    range.and_then(|range| range.split_once('-')).is_some_and(|(first, _)| first.parse() == Ok(at))
}

/// Returns a manifest's name for messages: `repository:tag` or `repository@digest`.
pub(crate) fn manifest_name(location: &Location, selector: &Selector) -> String {
    let separator = if matches!(selector, Selector::Tag(_)) { ':' } else { '@' };
    format!("{}{separator}{selector}", location.path)
}

/// Returns the media type of a manifest: its own, which its digest covers, else the registry's.
fn media_type_of(bytes: &[u8], declared: Option<&str>) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        #[serde(default)]
        media_type: Option<String>,
        #[serde(default)]
        manifests: Option<serde::de::IgnoredAny>,
    }
    let declared = declared.and_then(|declared| declared.split(';').next()).map(str::trim);
    let known =
        declared.filter(|declared| media_type::is_index(declared) || media_type::is_manifest(declared));
    match serde_json::from_slice::<Shape>(bytes) {
        Ok(Shape { media_type: Some(own), .. }) => own,
        Ok(_) if known.is_some() => known.unwrap_or_default().to_owned(),
        Ok(Shape { manifests: Some(_), .. }) => media_type::INDEX.to_owned(),
        Ok(_) => media_type::MANIFEST.to_owned(),
        Err(_) => declared.unwrap_or("application/octet-stream").to_owned(),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Reads a blob from a registry. The last read fails if the bytes do not have the blob's digest or length.
pub struct BlobReader {
    checked: Checked<Box<dyn Read + Send>>,
}

impl BlobReader {
    fn new(answer: Answer, blob: Blob) -> Self {
        let reader: Box<dyn Read + Send> = Box::new(answer.into_reader());
        Self { checked: Checked::new(reader, blob) }
    }

    /// Returns the blob.
    pub fn blob(&self) -> Blob {
        self.checked.blob()
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.checked.read(buffer)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobReader({:?})", self.blob())
    }
}

/// The length of the longest manifest that is read, in bytes.
pub const MANIFEST_LIMIT: u64 = DOCUMENT_LIMIT;
