use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Call;
use super::error::Refusal;
use super::habits::Auth;
use super::route::Route;
use crate::registry::encoding::base64;
use crate::registry::http::Answer;

/// The bearer tokens that were handed out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    valid: BTreeMap<String, Token>,
    issued: usize,
}

#[derive(Debug)]
struct Token {
    until: Instant,
    /// Repository and action, such as `pull`.
    grants: Vec<(String, String)>,
}

impl Tokens {
    pub(super) fn expire(&mut self) {
        self.valid.clear();
    }

    fn issue(&mut self, life: Duration, grants: Vec<(String, String)>) -> String {
        self.issued += 1;
        let name = format!("token-{}", self.issued);
        self.valid.insert(name.clone(), Token { until: Instant::now() + life, grants });
        name
    }

    fn find(&self, name: &str) -> Option<&Token> {
        self.valid.get(name).filter(|token| token.until > Instant::now())
    }
}

/// Refuses a request without the right credentials.
pub(super) fn check(call: &Call<'_>, route: &Route<'_>) -> Result<(), Refusal> {
    let given = call.request.headers.get("Authorization");
    match (&call.habits.auth, route) {
        // The URL holds the right to it.
        (Auth::Anonymous, _) | (_, Route::Storage(..)) => Ok(()),
        (_, Route::Upload(..)) if call.habits.locations == super::Locations::OtherHost => Ok(()),
        (Auth::Basic { user, password }, _) => {
            let challenge = || Refusal::Unauthorized("Basic realm=\"Registry Realm\"".to_owned());
            if given == Some(&basic(user, password)) { Ok(()) } else { Err(challenge()) }
        }
        (Auth::Token { invalid, .. }, route) => check_token(call, *invalid, given, route),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

fn check_token(call: &Call<'_>, invalid: u16, given: Option<&str>, route: &Route<'_>) -> Result<(), Refusal> {
    let action = if ["GET", "HEAD"].contains(&call.request.method.as_str()) { "pull" } else { "push" };
    let challenge = |error: &str| {
        let scheme = call.request.headers.get("X-Forwarded-Proto").unwrap_or("http");
        let host = call.request.headers.get("Host").unwrap_or_default();
        let actions = if action == "pull" { "pull" } else { "pull,push" };
        let scope = route.repository().map(|name| format!(",scope=\"repository:{name}:{actions}\""));
        Refusal::Unauthorized(format!(
            "Bearer realm=\"{scheme}://{host}/token\",service=\"registry\"{}{error}",
            scope.unwrap_or_default()
        ))
    };
    let Some(given) = given.and_then(|given| given.strip_prefix("Bearer ")) else {
        return Err(challenge(""));
    };
    let state = call.shared.state();
    let Some(token) = state.tokens.find(given) else {
        let refusal = if invalid == 401 {
            challenge(",error=\"invalid_token\"")
        } else {
            Refusal::InvalidToken(invalid)
        };
        return Err(refusal);
    };
    let allows = |repository: &str, action: &str| {
        token.grants.iter().any(|(name, granted)| name == repository && granted == action)
    };
    let source = call.request.parameter("from").filter(|_| call.request.parameter("mount").is_some());
    let allowed = route.repository().is_none_or(|name| allows(name, action))
        && source.is_none_or(|source| allows(&source, "pull"));
    if allowed { Ok(()) } else { Err(challenge(",error=\"insufficient_scope\"")) }
}

/// Hands out a token. Without credentials it holds the right to pull only.
pub(super) fn token(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let Auth::Token { user, password, life, states_life, .. } = &call.habits.auth else {
        return Err(Refusal::NotFound);
    };
    if call.request.method != "GET" {
        return Err(Refusal::Unsupported);
    }
    let given = call.request.headers.get("Authorization");
    if given.is_some_and(|given| given != basic(user, password)) {
        return Err(Refusal::Unauthorized("Basic realm=\"token\"".to_owned()));
    }
    let scopes = call.request.parameters("scope");
    let mut grants = Vec::new();
    for scope in scopes.iter().flat_map(|scopes| scopes.split(' ')) {
        // The name may hold the port of a host, so the actions are after the last colon.
        let Some((_, rest)) = scope.split_once(':') else { continue };
        let Some((name, actions)) = rest.rsplit_once(':') else { continue };
        let allowed = actions.split(',').filter(|action| given.is_some() || *action == "pull");
        grants.extend(allowed.map(|action| (name.to_owned(), action.to_owned())));
    }
    let token = call.shared.state().tokens.issue(*life, grants);
    let mut document = json!({ "token": token });
    if *states_life {
        document["expires_in"] = life.as_secs().into();
    }
    Ok(Answer::new(200).body("application/json", document.to_string()))
}
