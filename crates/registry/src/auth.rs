//! Authorization of requests: challenges, credentials and tokens.

mod challenge;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::{HeaderMap, HeaderValue, Method, Uri};

use crate::credentials::{Credential, Credentials, Secret};
use crate::error::{Place, RegistryError};
use crate::host::{Host, Origin};
use crate::transport::{Answer, Body, Transport, plain};
pub(crate) use challenge::{Challenge, challenge_of, rejects_token};

/// The access that requests need, as token servers name it: `repository:team/app:pull,push`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(BTreeMap<String, BTreeSet<&'static str>>);

impl Scope {
    /// No access to any repository.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn pull(repository: &str) -> Self {
        Self([(repository.to_owned(), ["pull"].into())].into())
    }

    pub(crate) fn push(repository: &str) -> Self {
        Self([(repository.to_owned(), ["pull", "push"].into())].into())
    }

    /// Adds read access to another repository.
    #[must_use]
    pub(crate) fn and_pull(mut self, repository: &str) -> Self {
        self.0.entry(repository.to_owned()).or_default().insert("pull");
        self
    }

    fn names(&self) -> Vec<String> {
        let name = |(repository, actions): (&String, &BTreeSet<&str>)| {
            let actions: Vec<_> = actions.iter().copied().collect();
            format!("repository:{repository}:{}", actions.join(","))
        };
        self.0.iter().map(name).collect()
    }
}

/// The life of a token whose server does not state one (distribution, docs/spec/auth/token.md, `expires_in`).
const UNSTATED_LIFE: Duration = Duration::from_secs(60);
/// The age from which a token may be the reason of a refusal, or half of its life if that is shorter.
const OLD: Duration = Duration::from_secs(20);

/// Credentials and tokens of all hosts of a client.
pub(crate) struct Auth {
    credentials: Arc<dyn Credentials>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenges: BTreeMap<Origin, Challenge>,
    tokens: BTreeMap<(Origin, Scope), Token>,
    found: BTreeMap<(Origin, String), Credential>,
}

struct Token {
    header: HeaderValue,
    old: Instant,
    renew: Instant,
}

/// The authorization of a request.
pub(crate) enum Used {
    Nothing,
    /// A credential, or a token that is too young to have expired.
    Fresh,
    /// A token that may have expired before its time.
    Old,
}

impl Used {
    /// Returns whether an answer with this status may be due to an expired token. Public ECR answers 400.
    pub(crate) fn explains(&self, status: u16) -> bool {
        matches!(self, Self::Old) && matches!(status, 400 | 401 | 403)
    }
}

/// A request that is to be authorized.
pub(crate) struct Subject<'a> {
    /// The origin of the API.
    pub(crate) origin: &'a Origin,
    /// The host as references and configurations name it.
    pub(crate) host: &'a Host,
    pub(crate) repository: &'a str,
    pub(crate) scope: &'a Scope,
    pub(crate) place: &'a Place,
}

/// Decides whether an address may be used, see [`crate::client::Client`].
pub(crate) type Guard<'a> = &'a dyn Fn(&Uri) -> Result<Uri, RegistryError>;

impl Auth {
    pub(crate) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, state: Mutex::default() }
    }

    /// Returns the header for a request: none before the first challenge of its host.
    ///
    /// The lock is held while a token is fetched, so that parallel requests fetch one.
    pub(crate) fn header(
        &self,
        transport: &Transport,
        subject: &Subject<'_>,
        guard: Guard<'_>,
    ) -> Result<(Option<HeaderValue>, Used), RegistryError> {
        let mut state = self.lock();
        let Some(challenge) = state.challenges.get(subject.origin).cloned() else {
            return Ok((None, Used::Nothing));
        };
        let credential = self.credential(&mut state, subject)?;
        match (challenge, credential) {
            (_, Credential::RegistryToken(token)) => Ok((Some(bearer(&token, subject.place)?), Used::Fresh)),
            (Challenge::Basic, Credential::Basic { username, password }) => {
                Ok((Some(basic(&username, &password, subject.place)?), Used::Fresh))
            }
            (Challenge::Basic, Credential::Anonymous) => Ok((None, Used::Nothing)),
            (Challenge::Basic, Credential::IdentityToken(_)) => Err(subject.place.protocol(
                "asks for a user's name and password, but the credentials are an identity token; log in again",
            )),
            (Challenge::Bearer { realm, service, scope }, credential) => {
                let key = (subject.origin.clone(), subject.scope.clone());
                let now = Instant::now();
                if let Some(token) = state.tokens.get(&key).filter(|token| token.renew > now) {
                    let is_old = token.old <= now;
                    return Ok((Some(token.header.clone()), if is_old { Used::Old } else { Used::Fresh }));
                }
                let request = TokenRequest { realm: &realm, service: service.as_deref(), extra: &scope };
                let token = request.send(transport, subject, &credential, guard).map_err(|error| {
                    error.with_source(|| self.source(subject.host, subject.repository))
                })?;
                let header = token.header.clone();
                state.tokens.insert(key, token);
                Ok((Some(header), Used::Fresh))
            }
        }
    }

    /// Takes note of a challenge, and returns whether a request with another header may succeed.
    pub(crate) fn challenged(&self, subject: &Subject<'_>, answer: &Answer, used: &Used) -> bool {
        let Some(challenge) = challenge_of(&answer.headers) else { return matches!(used, Used::Old) };
        let mut state = self.lock();
        let is_new = state.challenges.insert(subject.origin.clone(), challenge.clone()) != Some(challenge);
        is_new || !matches!(used, Used::Fresh) || rejects_token(&answer.headers)
    }

    /// Takes note of the challenge in an answer to a request without authorization.
    pub(crate) fn learn(&self, origin: &Origin, answer: &Answer) {
        if let Some(challenge) = challenge_of(&answer.headers).filter(|_| answer.status == 401) {
            self.lock().challenges.insert(origin.clone(), challenge);
        }
    }

    /// Returns whether a host has asked for authorization.
    pub(crate) fn is_challenged(&self, origin: &Origin) -> bool {
        self.lock().challenges.contains_key(origin)
    }

    /// Returns where the credential for a repository comes from, see [`Credentials::source`].
    pub(crate) fn source(&self, host: &Host, repository: &str) -> Option<String> {
        self.credentials.source(host, repository)
    }

    /// Forgets the token of a request, which was refused.
    pub(crate) fn forget(&self, subject: &Subject<'_>) {
        self.lock().tokens.remove(&(subject.origin.clone(), subject.scope.clone()));
    }

    fn credential(&self, state: &mut State, subject: &Subject<'_>) -> Result<Credential, RegistryError> {
        let key = (subject.origin.clone(), subject.repository.to_owned());
        if let Some(found) = state.found.get(&key) {
            return Ok(found.clone());
        }
        let found = self
            .credentials
            .find(subject.host, subject.repository)
            .map_err(|source| RegistryError::Credentials { host: subject.host.to_string(), source })?;
        state.found.insert(key, found.clone());
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request for a token.
struct TokenRequest<'a> {
    realm: &'a str,
    service: Option<&'a str>,
    /// The access that the registry asks for besides that to repositories.
    extra: &'a [String],
}

impl TokenRequest<'_> {
    fn send(
        &self,
        transport: &Transport,
        subject: &Subject<'_>,
        credential: &Credential,
        guard: Guard<'_>,
    ) -> Result<Token, RegistryError> {
        let place =
            Place { action: format!("get a token to {}", subject.place.action), ..subject.place.clone() };
        let realm: Uri = self.realm.parse().map_err(|_| {
            place.protocol(format!(
                "names a token server that is not an address: `{}`",
                self.realm.escape_debug()
            ))
        })?;
        let realm = guard(&realm)?;
        let asked = Instant::now();
        let answer = match credential {
            Credential::IdentityToken(token) => {
                let mut form = self.query(subject.scope);
                form.push(("grant_type", "refresh_token".to_owned()));
                form.push(("client_id", "crossdock".to_owned()));
                form.push(("refresh_token", token.expose().to_owned()));
                let mut headers = HeaderMap::new();
                headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
                transport.send(Method::POST, &realm, headers, Body::Bytes(encode(&form).as_bytes()))
            }
            _ => {
                let mut headers = HeaderMap::new();
                if let Credential::Basic { username, password } = credential {
                    headers.insert("authorization", basic(username, password, &place)?);
                }
                let separator = if realm.query().is_some() { '&' } else { '?' };
                let address = format!("{realm}{separator}{}", encode(&self.query(subject.scope)));
                let address: Uri = address
                    .parse()
                    .map_err(|_| place.protocol("names a token server that is not an address"))?;
                transport.send(Method::GET, &address, headers, Body::None)
            }
        };
        let host = crate::transport::origin_of(&realm).map_or_else(String::new, |origin| origin.to_string());
        let answer = answer.map_err(|error| Place { host, ..place.clone() }.unreachable(plain(error)))?;
        if !answer.status.is_success() {
            return Err(place.refused(answer));
        }
        let body = answer.document().map_err(|error| place.read(error))?;
        Token::parse(&body, asked, &place)
    }

    fn query(&self, scope: &Scope) -> Vec<(&'static str, String)> {
        let mut query: Vec<_> =
            self.service.iter().map(|service| ("service", (*service).to_owned())).collect();
        query.extend(self.extra.iter().cloned().chain(scope.names()).map(|name| ("scope", name)));
        query
    }
}

impl Token {
    fn parse(body: &[u8], asked: Instant, place: &Place) -> Result<Self, RegistryError> {
        #[derive(serde::Deserialize)]
        struct Fields {
            #[serde(default)]
            token: Option<String>,
            #[serde(default)]
            access_token: Option<String>,
            #[serde(default)]
            expires_in: Option<f64>,
        }
        let fields: Fields = serde_json::from_slice(body).map_err(|_| {
            place.protocol("has a token server that answers with something else than a token")
        })?;
        let text = fields.token.filter(|token| !token.is_empty()).or(fields.access_token);
        let text = text
            .filter(|token| !token.is_empty())
            .ok_or_else(|| place.protocol("has a token server that answers without a token"))?;
        // Measured from the request and not from `issued_at`: clocks differ by an hour.
        let seconds = fields.expires_in.filter(|seconds| *seconds > 0.0).map(|seconds| seconds.min(86_400.0));
        let life = seconds.map_or(UNSTATED_LIFE, Duration::from_secs_f64);
        let ahead = (life / 5).min(Duration::from_secs(30));
        let header = bearer(&Secret::new(text), place)?;
        Ok(Self { header, old: asked + OLD.min(life / 2), renew: asked + (life - ahead) })
    }
}

fn bearer(token: &Secret, place: &Place) -> Result<HeaderValue, RegistryError> {
    sensitive(format!("Bearer {}", token.expose()), place)
}

fn basic(username: &str, password: &Secret, place: &Place) -> Result<HeaderValue, RegistryError> {
    sensitive(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.expose()))), place)
}

fn sensitive(text: String, place: &Place) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| place.protocol("cannot be sent this token, which has characters that HTTP forbids"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Encodes a form or query (WHATWG URL § application/x-www-form-urlencoded).
pub(crate) fn encode(pairs: &[(&str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| format!("{name}={}", percent_encode(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Encodes a value of a query: everything except unreserved characters (RFC 3986 § 2.3).
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth")
    }
}
