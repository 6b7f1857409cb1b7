//! Requests to registries: scheme, authorization, redirects and further attempts.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_oci::{BlobError, Repository};
use ureq::http::{HeaderMap, Method, StatusCode, Uri};

use crate::auth::{Auth, Scope, Subject, Used};
use crate::checked::WrongDigest;
use crate::create::Created;
use crate::error::{Place, RegistryError, UNNAMED};
use crate::host::{Host, Origin, Scheme};
use crate::notice::Notices;
use crate::proxy::ProxyError;
use crate::retry::{self, ATTEMPTS, is_transient};
use crate::roots::{CertificateFault, HostCertificatesError, NoRoots};
use crate::settings::Settings;
use crate::transport::{
    Answer, Body, Limits, NoHandshake, NotTls, ProxyRefusal, ShortBody, Silent, TlsFault, Transport, Trust,
    origin_of, plain, resolve,
};

/// A client of any number of registries.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    auth: Auth,
    pub(crate) settings: Settings,
    schemes: Mutex<BTreeMap<Host, Scheme>>,
    pub(crate) notices: Notices,
    pub(crate) created: Created,
}

/// A repository with its host, as requests need it.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// The host as references name it.
    pub(crate) host: Host,
    /// The host of the API.
    api: Host,
    /// The path, `library/app`.
    pub(crate) path: String,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) location: &'a Location,
    pub(crate) method: Method,
    pub(crate) target: Target<'a>,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content<'a>,
    pub(crate) scope: &'a Scope,
    /// The operation, for messages.
    pub(crate) action: String,
}

/// A document with its headers.
pub(crate) struct Document {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// The address of a request.
#[derive(Clone)]
pub(crate) enum Target<'a> {
    /// The API's root, which says whether the credentials are accepted (distribution-spec § Determining Support).
    Root,
    /// Below the repository's part of the API: `manifests/latest`.
    Path(&'a str),
    /// An address that the registry gave.
    Address(Uri),
}

/// The content of a request, which can be sent again.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    None,
    Bytes(&'a [u8]),
    Blob { open: &'a Open<'a>, length: u64 },
}

/// Opens the bytes of a blob from an offset to their end.
pub(crate) type Open<'a> = dyn Fn(u64) -> io::Result<Box<dyn Read + Send + 'a>> + Sync + 'a;

/// The number of redirects that are followed.
const REDIRECTS: usize = 5;

impl Location {
    pub(crate) fn of(repository: &Repository) -> Result<Self, RegistryError> {
        if let Some(host) = only_host(repository.as_str()) {
            return Err(RegistryError::NoRepository { host: host.to_owned() });
        }
        let full = repository.full_name();
        let (host, path) = full.split_once('/').unwrap_or(("docker.io", &full));
        let host: Host = host.parse().map_err(|_| RegistryError::Protocol {
            action: format!("use `{repository}`"),
            host: host.to_owned(),
            problem: "is not a host with a port".to_owned(),
        })?;
        Ok(Self { api: host.api(), host, path: path.to_owned() })
    }
}

/// Returns a name that was written as the host of a registry, which by the grammar is a repository of Docker Hub: `localhost`,
/// of `localhost:5000`. No repository there without an owner has such a name.
fn only_host(repository: &str) -> Option<&str> {
    let is_host = repository == "localhost" || repository.contains('.');
    (is_host && !repository.contains('/')).then_some(repository)
}

impl Location {
    /// Returns a host without a repository.
    pub(crate) fn of_host(host: &Host) -> Self {
        Self { api: host.api(), host: host.clone(), path: String::new() }
    }
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Self, RegistryError> {
        let (cancel, notify) = (settings.cancel.clone(), settings.notify.clone());
        let limits = Limits { stall: settings.stall, cancel, notify };
        let trust = Trust::new(settings.roots.clone(), settings.host_certificates.clone())
            .map_err(|error| RegistryError::Tls(Box::new(error)))?;
        let transport = Transport::new(trust, settings.proxies.clone(), &settings.user_agent, limits);
        let auth = Auth::new(Arc::clone(&settings.credentials));
        Ok(Self {
            transport,
            auth,
            settings,
            schemes: Mutex::default(),
            notices: Notices::default(),
            created: Created::default(),
        })
    }

    /// Sends a request, again if it failed for a reason that passes. The answer has any status except those of failures
    /// that pass; [`expect`](Self::expect) turns others into errors.
    pub(crate) fn send(&self, call: &Call<'_>) -> Result<Answer, RegistryError> {
        let mut attempt = 0;
        loop {
            let result = self.send_once(call);
            let asked = match &result {
                Ok(answer) if is_transient(answer.status.as_u16()) => answer.retry_after(),
                // An answer that is an error here is that of a token server.
                Err(RegistryError::Refused(refusal)) if is_transient(refusal.status) => refusal.retry_after,
                Err(error) if error.is_lost() && !is_final(error) => None,
                _ => return result,
            };
            attempt += 1;
            if attempt == attempts(&result) {
                return result;
            }
            let place = self.place(call);
            let why = || match &result {
                Ok(answer) => format!("`{}` answers {}", place.host, answer.status.as_u16()),
                Err(error) => told(error),
            };
            retry::wait(attempt - 1, asked, &self.settings, &why)?;
        }
    }

    /// Sends a request, and returns its answer if it has one of the statuses.
    pub(crate) fn expect(&self, call: &Call<'_>, statuses: &[u16]) -> Result<Answer, RegistryError> {
        let answer = self.send(call)?;
        if statuses.contains(&answer.status.as_u16()) {
            return Ok(answer);
        }
        Err(self.refused(call, answer))
    }

    /// Returns the error of an answer that refuses a request.
    pub(crate) fn refused(&self, call: &Call<'_>, answer: Answer) -> RegistryError {
        let Location { host, path, .. } = call.location;
        self.place(call).refused(answer).with_source(|| self.auth.source(host, path))
    }

    /// Fetches a document: the answer's headers and its whole body. A body that is cut off is fetched again.
    pub(crate) fn document(&self, call: &Call<'_>, statuses: &[u16]) -> Result<Document, RegistryError> {
        let mut attempt = 0;
        loop {
            let answer = self.expect(call, statuses)?;
            let (status, headers) = (answer.status.as_u16(), answer.headers.clone());
            let error = match answer.document() {
                Ok(bytes) => return Ok(Document { status, headers, bytes }),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(self.place(call).protocol(error.to_string()));
                }
                Err(error) => self.place(call).read(error),
            };
            attempt += 1;
            if attempt == ATTEMPTS {
                return Err(error);
            }
            retry::wait(attempt - 1, None, &self.settings, &|| told(&error))?;
        }
    }

    /// Sends a request, with a new token if the registry asks for it, and follows redirects.
    pub(crate) fn send_once(&self, call: &Call<'_>) -> Result<Answer, RegistryError> {
        let mut renewed = 0;
        loop {
            let origin = self.origin(call)?;
            let place = self.place(call);
            let subject = Subject {
                origin: &origin,
                host: &call.location.host,
                repository: &call.location.path,
                scope: call.scope,
                place: &place,
            };
            let guard = |address: &Uri| self.guard(&origin, address, "names a token server without TLS");
            let (authorization, used) = self.auth.header(&self.transport, &subject, &guard)?;
            let (answer, is_own) = self.follow(call, &origin, authorization)?;
            let status = answer.status.as_u16();
            let may_renew = is_own
                // Without credentials for it, another request would be the same one.
                && (renewed == 0 || renewed == 1 && !matches!(used, Used::Nothing))
                && (used.explains(status) || status == 401 && self.auth.challenged(&subject, &answer, &used));
            if !may_renew {
                return Ok(answer);
            }
            if !matches!(used, Used::Nothing) {
                self.auth.forget(&subject);
            }
            renewed += 1;
        }
    }

    /// Sends a request and follows redirects. Also returns whether the answer is of the registry itself and not of a host
    /// that it redirected to, which gets no credentials (CVE-2020-15157).
    fn follow(
        &self,
        call: &Call<'_>,
        origin: &Origin,
        authorization: Option<ureq::http::HeaderValue>,
    ) -> Result<(Answer, bool), RegistryError> {
        let place = self.place(call);
        let mut address = match &call.target {
            Target::Path(path) => format!("{origin}/v2/{}/{path}", call.location.path)
                .parse()
                .map_err(|_| place.protocol(format!("cannot be asked for `{}`", path.escape_debug())))?,
            Target::Root => format!("{origin}/v2/").parse().map_err(|_| place.protocol("cannot be asked"))?,
            Target::Address(address) => address.clone(),
        };
        for _ in 0..=REDIRECTS {
            let is_own = origin_of(&address).is_some_and(|found| found == *origin);
            let mut headers = call.headers.clone();
            if is_own && let Some(authorization) = &authorization {
                headers.insert("authorization", authorization.clone());
            }
            let answer = self.exchange(call, &address, headers, &place)?;
            if !is_redirect(answer.status, &call.method) {
                return Ok((answer, is_own));
            }
            let Some(location) = answer.header("location") else { return Ok((answer, is_own)) };
            let next = resolve(&address, location)
                .ok_or_else(|| place.protocol("redirects to something that is not an address"))?;
            let from = origin_of(&address).unwrap_or_else(|| origin.clone());
            address = self.guard(&from, &next, "redirects to an address without TLS")?;
        }
        Err(place.protocol(format!("redirects more than {REDIRECTS} times")))
    }

    fn exchange(
        &self,
        call: &Call<'_>,
        address: &Uri,
        headers: HeaderMap,
        place: &Place,
    ) -> Result<Answer, RegistryError> {
        if self.settings.cancel.is_cancelled() {
            return Err(RegistryError::Cancelled);
        }
        let method = call.method.clone();
        let sent = match call.content {
            Content::None if matches!(method, Method::POST | Method::PUT | Method::PATCH) => {
                self.transport.send(method, address, headers, Body::Bytes(&[]))
            }
            Content::None => self.transport.send(method, address, headers, Body::None),
            Content::Bytes(bytes) => self.transport.send(method, address, headers, Body::Bytes(bytes)),
            Content::Blob { open, length } => {
                let mut reader = open(0).map_err(unreadable)?;
                let body = Body::Reader { reader: &mut reader, length };
                self.transport.send(method, address, headers, body)
            }
        };
        sent.map_err(|error| {
            // Faults of the bytes that are sent, and not of the connection.
            if (inside::<ShortBody>(&error) || inside::<WrongDigest>(&error))
                && let ureq::Error::Io(error) = error
            {
                return unreadable(error);
            }
            let host = origin_of(address).map_or_else(String::new, |origin| origin.to_string());
            Place { host, ..place.clone() }.unreachable(plain(error))
        })
    }

    /// Finds out whether a registry speaks TLS and what it asks for, so that parallel requests need not each do so.
    pub(crate) fn prepare(&self, call: &Call<'_>) -> Result<(), RegistryError> {
        self.origin(call).map(drop)
    }

    /// Returns whether a registry has asked for credentials.
    pub(crate) fn asks_for_credentials(&self, call: &Call<'_>) -> Result<bool, RegistryError> {
        Ok(self.auth.is_challenged(&self.origin(call)?))
    }

    /// Returns the origin of the registry: with TLS, unless the registry answers without it and plain HTTP is allowed.
    fn origin(&self, call: &Call<'_>) -> Result<Origin, RegistryError> {
        let Location { host, api, .. } = call.location;
        let known = self.schemes.lock().unwrap_or_else(PoisonError::into_inner).get(api).copied();
        if let Some(scheme) = known {
            return Ok(Origin::new(scheme, api));
        }
        let secure = Origin::new(Scheme::Https, api);
        let address: Uri =
            format!("{secure}/v2/").parse().map_err(|_| self.place(call).protocol("is not a host"))?;
        let scheme = match self.transport.send(Method::GET, &address, HeaderMap::new(), Body::None) {
            Ok(answer) => {
                self.auth.learn(&secure, &answer);
                Scheme::Https
            }
            Err(error) if inside::<NotTls>(&error) => {
                if !self.allows_plain(host) {
                    let problem = "does not speak TLS";
                    return Err(RegistryError::Insecure { host: host.to_string(), problem });
                }
                Scheme::Http
            }
            Err(error) if inside::<NoHandshake>(&error) && self.allows_plain(host) && self.is_plain(api) => {
                Scheme::Http
            }
            Err(error) => {
                return Err(Place { host: secure.to_string(), ..self.place(call) }.unreachable(plain(error)));
            }
        };
        self.schemes.lock().unwrap_or_else(PoisonError::into_inner).insert(api.clone(), scheme);
        Ok(Origin::new(scheme, api))
    }

    /// Returns whether a server that does not answer a TLS handshake speaks plain HTTP. Nothing secret is sent. A server of TLS
    /// that answers says that it expects it.
    fn is_plain(&self, api: &Host) -> bool {
        let origin = Origin::new(Scheme::Http, api);
        let Ok(address) = format!("{origin}/v2/").parse::<Uri>() else { return false };
        let answer = self.transport.send(Method::GET, &address, HeaderMap::new(), Body::None);
        let Ok(answer) = answer.inspect(|answer| self.auth.learn(&origin, answer)) else { return false };
        // No registry redirects here; a web server does that leads everything to TLS.
        answer.status != 400 && !answer.status.is_redirection()
    }

    fn allows_plain(&self, host: &Host) -> bool {
        let plain = |host| Origin::new(Scheme::Http, host);
        host.is_loopback() || self.settings.insecure.iter().any(|insecure| plain(insecure) == plain(host))
    }

    /// Returns an address that `from` gave, if it is allowed: with TLS, or without if `from` has none either and plain HTTP
    /// is allowed for the host. A registry behind a proxy that ends TLS often names itself without: TLS is kept then.
    fn guard(&self, from: &Origin, address: &Uri, problem: &'static str) -> Result<Uri, RegistryError> {
        let insecure = |host: String| RegistryError::Insecure { host, problem };
        let Some(to) = origin_of(address) else { return Err(insecure(from.to_string())) };
        if to.scheme == Scheme::Https {
            return Ok(address.clone());
        }
        if from.scheme == Scheme::Https && to.host.name() == from.host.name() {
            let path = address.path_and_query().map_or("/", |path| path.as_str());
            self.notices.warn(format!(
                "{from} names itself as {to}; TLS is kept. Set X-Forwarded-Proto in its proxy"
            ));
            return format!("{from}{path}").parse().map_err(|_| insecure(to.to_string()));
        }
        if from.scheme == Scheme::Http && self.allows_plain(&to.host) {
            return Ok(address.clone());
        }
        Err(insecure(to.host.to_string()))
    }

    /// Returns the address to which an upload continues.
    pub(crate) fn upload_address(
        &self,
        call: &Call<'_>,
        base: &Uri,
        answer: &Answer,
    ) -> Result<Uri, RegistryError> {
        let place = self.place(call);
        let location = answer
            .header("location")
            .ok_or_else(|| place.protocol("starts an upload without saying where (no Location)"))?;
        let next = resolve(base, location)
            .ok_or_else(|| place.protocol("continues an upload at something that is not an address"))?;
        let from = origin_of(base).unwrap_or(self.origin(call)?);
        self.guard(&from, &next, "continues an upload at an address without TLS")
    }

    /// Returns the address of a list's next page (RFC 8288, as distribution-spec § Content Discovery uses it); `None` if
    /// this one is the last.
    pub(crate) fn next_page(
        &self,
        call: &Call<'_>,
        base: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<Uri>, RegistryError> {
        let mut links = headers.get_all("link").iter().filter_map(|links| links.to_str().ok());
        let Some(target) = links.find_map(next_link) else { return Ok(None) };
        let next = resolve(base, target)
            .ok_or_else(|| self.place(call).protocol("links a page that is not an address"))?;
        let from = self.origin(call)?;
        self.guard(&from, &next, "links a page without TLS").map(Some)
    }

    /// Returns the complete address of a call.
    pub(crate) fn address(&self, call: &Call<'_>) -> Result<Uri, RegistryError> {
        match &call.target {
            Target::Address(address) => Ok(address.clone()),
            Target::Root => format!("{}/v2/", self.origin(call)?)
                .parse()
                .map_err(|_| self.place(call).protocol("cannot be asked")),
            Target::Path(path) => format!("{}/v2/{}/{path}", self.origin(call)?, call.location.path)
                .parse()
                .map_err(|_| self.place(call).protocol("cannot be asked for this path")),
        }
    }

    pub(crate) fn place(&self, call: &Call<'_>) -> Place {
        self.place_of(call.location, call.action.clone())
    }

    /// Returns the context of an operation on a repository.
    pub(crate) fn place_of(&self, location: &Location, action: String) -> Place {
        Place { action, host: location.host.to_string(), repository: location.path.clone() }
    }
}

/// Returns the words of an error with its cause, for a note.
pub(crate) fn told(error: &RegistryError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Returns the number of attempts at a request. A server that refuses connections may be starting, but most often is not there.
fn attempts(result: &Result<Answer, RegistryError>) -> u32 {
    let Err(RegistryError::Unreachable { source, .. }) = result else { return ATTEMPTS };
    let is_absent = |error: &io::Error| {
        error.kind() == io::ErrorKind::ConnectionRefused
            || error.get_ref().is_some_and(|inner| inner.is::<Silent>())
    };
    if source.downcast_ref().is_some_and(is_absent) { ATTEMPTS / 2 } else { ATTEMPTS }
}

/// Returns whether an error of a connection stays: a name that does not exist, a certificate that is not trusted, a proxy
/// whose address is invalid.
fn is_final(error: &RegistryError) -> bool {
    let RegistryError::Unreachable { source, .. } = error else { return true };
    let Some(error) = source.downcast_ref::<io::Error>() else { return false };
    let stays = error.get_ref().is_some_and(|inner| {
        inner.is::<TlsFault>()
            || inner.is::<NotTls>()
            || inner.is::<CertificateFault>()
            || inner.is::<HostCertificatesError>()
            || inner.is::<NoRoots>()
            || inner.is::<ProxyError>()
            || inner.downcast_ref::<ProxyRefusal>().is_some_and(|refusal| refusal.is_final)
    });
    stays || is_unknown_name(error)
}

/// Returns whether a name was not resolved. The standard library has no kind for it.
fn is_unknown_name(error: &io::Error) -> bool {
    error.to_string().contains("failed to lookup address information: Name or service not known")
}

/// Returns whether the cause of an error of a connection is of this type.
fn inside<E: std::error::Error + 'static>(error: &ureq::Error) -> bool {
    let ureq::Error::Io(error) = error else { return false };
    error.get_ref().is_some_and(|inner| inner.is::<E>())
}

/// Returns the error of a blob whose bytes cannot be read, or are not its own: of a file, or of the registry that it is copied from.
pub(crate) fn unreadable(source: io::Error) -> RegistryError {
    let wrong = source.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(WrongDigest { expected, found }) = wrong {
        return BlobError::Corrupt { expected: *expected, found: *found }.into();
    }
    match source.downcast::<RegistryError>() {
        Ok(error) => error,
        Err(source) => {
            RegistryError::Blob(crossdock_fs::FileError::on("read", UNNAMED.as_ref())(source).into())
        }
    }
}

/// Returns the target with `rel="next"` among the links of a header (RFC 8288 § 3); an empty one if it is malformed, since
/// a list without its next page would look complete.
fn next_link(links: &str) -> Option<&str> {
    let is_next = |text: &str| text.contains("rel=\"next\"") || text.contains("rel=next");
    let mut rest = links;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, link)| link.split_once('>')) {
        let (parameters, _) = after.split_once('<').unwrap_or((after, ""));
        if is_next(parameters) {
            return Some(target);
        }
        rest = after;
    }
    is_next(rest).then_some("")
}

fn is_redirect(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        307 | 308 => true,
        301..=303 => matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn the_port_of_plain_http_need_not_be_named() {
        let settings = Settings::new().with_insecure(host("reg.example:80")).with_insecure(host("b.example"));
        let client = Client::new(settings).unwrap();
        for (text, expected) in [
            ("reg.example", true),
            ("reg.example:80", true),
            ("b.example:80", true),
            ("reg.example:81", false),
            ("b.example:443", false),
            ("localhost:81", true),
        ] {
            assert_eq!(client.allows_plain(&host(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_next_page_is_chosen_among_links() {
        for (links, next) in [
            ("</v2/a?last=b>; rel=\"next\"", Some("/v2/a?last=b")),
            ("</a,b>; rel=prev, </c>; rel=next", Some("/c")),
            ("</a>; rel=\"next\", </c>; rel=\"first\"", Some("/a")),
            ("</a>; rel=\"first\"", None),
            ("/v2/a?last=b; rel=\"next\"", Some("")),
            ("", None),
        ] {
            assert_eq!(next_link(links), next, "{links}");
        }
    }
}
