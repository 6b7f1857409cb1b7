//! A token server, as the [token authentication specification] has it: what Docker Hub's is for Docker Hub.
//!
//! [token authentication specification]: https://distribution.github.io/distribution/spec/auth/token/

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::certificates::SigningKey;
use super::encoding::{base64, base64_url};
use super::http::{Answer, Connection, Flow, Handler, HttpServer, Request};

/// The `issuer` and the `service` of the tokens.
pub const ISSUER: &str = "crossdock-tests";
/// See [`ISSUER`].
pub const SERVICE: &str = "registry";

/// The user who may push; anybody may pull.
pub const USER: &str = "robot$ci";
/// Its password, with a colon.
pub const PASSWORD: &str = "pa:ss";

/// A running token server, which ends when it is dropped.
#[derive(Debug)]
pub struct TokenServer {
    server: HttpServer,
}

impl TokenServer {
    /// Starts one whose signing key is below `directory`; returns it and the certificate that a registry must trust.
    pub fn start(directory: &Path) -> (Self, std::path::PathBuf) {
        let key = SigningKey::new(directory);
        let certificate = key.certificate();
        (Self { server: HttpServer::start(Signer(key)) }, certificate)
    }

    /// Returns the URL, for `realm`. crane refuses one with a private address, but not a name of it.
    pub fn realm(&self) -> String {
        format!("http://localhost:{}/token", self.server.port())
    }
}

struct Signer(SigningKey);

impl Handler for Signer {
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow> {
        let body = connection.whole_body(request)?;
        let login = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()));
        let given = request.headers.get("Authorization");
        let answer = if request.method != "GET" || !body.is_empty() {
            // Clients that POST a form fall back to GET.
            Answer::new(405)
        } else if given.is_some_and(|given| given != login) {
            let error = json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "incorrect username or password" }] });
            Answer::new(401).body("application/json", error.to_string())
        } else {
            let token = self.token(&request.parameters("scope"), given.is_some());
            let document = json!({ "token": token, "access_token": token, "expires_in": 300 });
            Answer::new(200).body("application/json", document.to_string())
        };
        answer.write(connection.writer())?;
        Ok(Flow::Continue)
    }
}

impl Signer {
    fn token(&self, scopes: &[String], may_push: bool) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let access: Vec<Value> = scopes
            .iter()
            .flat_map(|scopes| scopes.split(' '))
            .filter_map(|scope| {
                let (kind, rest) = scope.split_once(':')?;
                let (name, actions) = rest.rsplit_once(':')?;
                let granted = actions.split(',').filter(|action| may_push || *action == "pull");
                Some(json!({ "type": kind, "name": name, "actions": granted.collect::<Vec<_>>() }))
            })
            .collect();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [self.0.certificate_base64()] });
        let claims = json!({
            "iss": ISSUER, "sub": if may_push { USER } else { "" }, "aud": SERVICE, "exp": now + 300, "nbf": now - 10,
            "iat": now, "jti": format!("{now}"), "access": access,
        });
        let encode = |value: &Value| base64_url(value.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = base64_url(&self.0.sign(&signed));
        format!("{signed}.{signature}")
    }
}
