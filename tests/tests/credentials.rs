//! Credentials of registries: `login` and `logout` with a real registry, no secret in any output, and what docker, skopeo,
//! podman and Go answer for the tables of `crates/registry/tests`.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossdock_tests::fixture::write;
use crossdock_tests::outcome::run;
use crossdock_tests::program::{crossdock, repository};
use crossdock_tests::registry::certificates::ISSUER;
use crossdock_tests::registry::encoding::base64;
use crossdock_tests::registry::http::{Answer, Connection, Flow, Handler, HttpServer, Request};
use crossdock_tests::registry::tokens::{PASSWORD, USER};

use crossdock_tests::registry::{Access, Distribution, Habits, MemoryRegistry, Program, Sample};
use crossdock_tests::terminal::on_terminal;
use crossdock_tests::tools::need;
use crossdock_tests::{Outcome, Sandbox};
use serde::Deserialize;
use tempfile::TempDir;

#[test]
fn a_login_is_checked_stored_used_and_removed() {
    let registry = Distribution::with(Program::Debian, Access::TlsHtpasswd);
    let (host, authority) = (registry.host(), registry.authority().expect("it has TLS"));
    let mut person = Person::new(&authority.display().to_string());

    // The authority is unknown, and named.
    person
        .login(&host, USER, PASSWORD, &[])
        .ends_with(5)
        .complains(&format!("it is issued by `CN={ISSUER}`, which is not trusted"));
    // A wrong password is refused by the registry and not stored.
    let with_authority = ["--ca-file", &person.authority.clone()];
    person
        .login(&host, USER, "wrong", &with_authority)
        .ends_with(5)
        .complains("does not accept this user name and password");
    assert!(!person.config().exists());

    let login = person.login(&host, USER, PASSWORD, &with_authority).success();
    login.says(&format!("logged in to {host} as {USER}")).complains("is stored as plain text in");
    assert_eq!(person.config().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let skopeo = person.sandbox.tool(&person.sandbox.work(), "skopeo", &["login", "--get-login", &host]);
    person.keep(skopeo).success().says(USER);

    // They are used, also with the authority of the environment.
    let sample = Sample::write(&person.sandbox.work().join("sample"), 1, 1000);
    let (layout, reference) = (sample.directory.display().to_string(), format!("{host}/team/app:1"));
    person.sandbox.set("SSL_CERT_FILE", &authority);
    person.run(&["push", "-v", &reference, &layout]).success();
    person.run(&["inspect", "--json", &reference]).success();

    person.run(&["logout", &host]).success().says(&format!("removed the credentials for {host} from "));
    person.run(&["logout", &host]).success().says("there were no credentials for");
    person.run(&["inspect", &reference]).ends_with(5).complains(&format!("crossdock login {host}"));
    person.reveals(&[PASSWORD, "wr0ng-pass", &base64(format!("{USER}:{PASSWORD}").as_bytes())]);
}

/// Push, pull and inspect with each way of access that Debian's registry has.
#[test]
fn images_go_to_registries_with_access_control_and_come_back() {
    for access in [Access::TlsHtpasswd, Access::Token] {
        let registry = Distribution::with(Program::Debian, access);
        let (host, authority) = (registry.host(), registry.authority());
        let mut person = Person::new("");
        let authority = authority.map(|path| path.display().to_string());
        let trust: Vec<&str> = authority.iter().flat_map(|path| ["--ca-file", path]).collect();
        let sample = Sample::write(&person.sandbox.work().join("sample"), 1, 100_000);
        let (layout, reference) = (sample.directory.display().to_string(), format!("{host}/team/app:1"));
        let push = [&["push", &reference, &layout], trust.as_slice()].concat();
        let pull = [&["pull", &reference, "--output", "pulled"], trust.as_slice()].concat();
        let inspect = [&["inspect", "--json", &reference], trust.as_slice()].concat();

        // Nobody may push.
        person
            .run(&push)
            .ends_with(5)
            .complains(&format!("crossdock login {host}"))
            .complains(&format!("no credentials for `{host}` were found"));
        // A wrong password ends alike at a login and at a push, which names its place.
        person.login(&host, USER, "wrong", &trust).ends_with(5);
        let file = person.sandbox.work().join("wrong.json");
        let auth = base64(format!("{USER}:wrong").as_bytes());
        write(&file, format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#));
        let wrong = [push.as_slice(), &["--auth-file", file.to_str().unwrap()]].concat();
        person
            .run(&wrong)
            .ends_with(5)
            .complains(&format!("the credentials are those of the key `{host}` in `{}`", file.display()));

        person.login(&host, USER, PASSWORD, &trust).success();
        person.run(&push).success().says(&format!("{reference}@{}", sample.digest));
        person.run(&inspect).success().says(&sample.digest);
        assert_eq!(person.run(&pull).success().digest(), sample.digest);
        let index = person.sandbox.work().join("pulled/blobs/sha256").join(&sample.digest["sha256:".len()..]);
        assert!(index.is_file());
        // Without a home directory, as in a container of a pipeline.
        let config = person.config().display().to_string();
        person.sandbox.unset("HOME").unset("CROSSDOCK_CACHE_DIR").unset("XDG_CACHE_HOME");
        for call in [&push, &inspect] {
            person.run(&[call.as_slice(), &["--auth-file", &config]].concat()).success();
        }
        person.reveals(&[PASSWORD, "wrong\"", &auth, &base64(format!("{USER}:{PASSWORD}").as_bytes())]);
    }
}

/// A registry that serves only clients with a certificate: skopeo reads the same directory.
#[test]
fn the_certificates_that_podman_and_docker_keep_for_a_host_are_used() {
    let registry = Distribution::with(Program::Debian, Access::TlsClients);
    let (host, authority) = (registry.host(), registry.authority().unwrap());
    let (certificate, key) = registry.client().unwrap();
    let mut person = Person::new("");
    let sample = Sample::write(&person.sandbox.work().join("sample"), 1, 1000);
    let (layout, reference) = (sample.directory.display().to_string(), format!("{host}/team/app:1"));
    let push = ["push", &reference, &layout];
    person.run(&push).ends_with(5).complains("is not trusted");

    let config = person.sandbox.work().with_file_name("home").join(".config");
    let directory = config.join("containers/certs.d").join(&host);
    let put = |name: &str, from: &Path| write(directory.join(name), std::fs::read(from).unwrap());
    put("ca.crt", &authority);
    person.run(&push).ends_with(5).complains("demands a client certificate");
    put("client.cert", &certificate);
    person.run(&push).ends_with(5).complains("client.key` is missing");
    put("client.key", &key);
    person.run(&push).success();
    let skopeo = ["inspect", "--format", "{{.Digest}}", &format!("docker://{reference}")];
    person.sandbox.tool(&person.sandbox.work(), "skopeo", &skopeo).success().says(&sample.digest);

    // The registry gets the one of two certificates that an authority has issued which it accepts.
    let (stranger, strangers_key) = registry.stranger().unwrap();
    put("a.cert", &stranger);
    put("a.key", &strangers_key);
    person.run(&["inspect", &reference]).success();
    person.sandbox.tool(&person.sandbox.work(), "skopeo", &skopeo).success().says(&sample.digest);
    for name in ["client.cert", "client.key"] {
        std::fs::remove_file(directory.join(name)).unwrap();
    }
    person.run(&["inspect", &reference]).ends_with(5).complains("demands a client certificate");
    for name in ["a.cert", "a.key"] {
        std::fs::remove_file(directory.join(name)).unwrap();
    }
    put("client.cert", &certificate);

    // A key that is not that of the certificate.
    put("client.key", &authority.with_file_name("server.key"));
    person.run(&push).ends_with(5).complains("client.cert` is not a certificate of the key next to it");
    // Docker's place for a user.
    std::fs::remove_file(directory.join("client.key")).unwrap();
    put("client.key", &key);
    std::fs::create_dir_all(config.join("docker/certs.d")).unwrap();
    std::fs::rename(&directory, config.join("docker/certs.d").join(&host)).unwrap();
    person.run(&["inspect", &reference]).success();
    person.reveals(&["PRIVATE KEY"]);
}

#[test]
fn a_host_without_a_repository_and_a_failed_pull_are_errors_that_leave_nothing() {
    let mut person = Person::new("");
    let sample = Sample::write(&person.sandbox.work().join("sample"), 1, 1000);
    let layout = sample.directory.display().to_string();
    person.run(&["push", "localhost:5511", &layout]).ends_with(2).complains(
        "`localhost` is a registry's host and names no repository; write e.g. `localhost:5000/team/app`",
    );
    let registry = Distribution::start();
    let reference = format!("{}/team/app:1", registry.host());
    person.run(&["push", &reference, &layout]).success();
    // The largest blob is gone: a pull fails in its middle.
    let blobs = person.sandbox.work().join("sample/blobs/sha256");
    let mut blobs: Vec<_> = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap()).collect();
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.metadata().unwrap().len()));
    registry.remove_blob(blobs[0].file_name().to_str().unwrap());
    std::fs::create_dir(person.sandbox.work().join("empty")).unwrap();
    for (directory, is_there) in [("new", false), ("empty", true)] {
        person.run(&["pull", &reference, "--output", directory]).ends_with(5);
        let directory = person.sandbox.work().join(directory);
        assert_eq!(directory.exists(), is_there);
        assert!(!is_there || std::fs::read_dir(directory).unwrap().next().is_none());
    }
}

#[test]
fn a_terminal_asks_for_the_password_and_does_not_show_it() {
    let registry = Distribution::with(Program::Debian, Access::TlsHtpasswd);
    let host = registry.host();
    let mut person = Person::new(&registry.authority().expect("it has TLS").display().to_string());
    let work = person.sandbox.work();
    let call = format!(
        "'{}' login {host} --username '{USER}' --ca-file '{}' 2> asked; stty -a > after",
        crossdock().display(),
        person.authority
    );
    let terminal = on_terminal(&person.sandbox, &work, 80, &call);
    for (typed, is_stored) in [("\\003", false), (&*format!("x\\010{PASSWORD}\\r"), true)] {
        // A person types once the question is there.
        write(work.join("asked"), "");
        let keys = format!(
            "while ! grep -q 'it is not shown' asked; do sleep 0.1; done; printf '{typed}'; \
             while [ ! -s after ]; do sleep 0.1; done; mv after restored"
        );
        let mut shell = person.sandbox.command("/bin/sh", &work);
        shell.args(["-c", &format!("({keys}) | \"$@\""), "sh"]);
        shell.arg(terminal.get_program()).args(terminal.get_args());
        let outcome = person.keep(run(&mut shell, Duration::from_secs(120)));
        let asked = std::fs::read_to_string(work.join("asked")).unwrap();
        assert_eq!(outcome.stdout.contains(&format!("logged in to {host}")), is_stored, "{outcome}{asked}");
        assert_eq!(asked.contains("interrupted"), !is_stored, "{asked}");
        assert_eq!(person.config().exists(), is_stored);
        let restored = std::fs::read_to_string(work.join("restored")).unwrap();
        assert!(restored.contains(" echo ") && restored.contains(" icanon "), "{restored}");
        person.outputs.push(asked);
    }
    person.reveals(&[PASSWORD]);
}

#[test]
fn a_password_in_the_arguments_is_refused_and_not_shown() {
    let mut person = Person::new("");
    for arguments in [["-p", "hunter2"], ["--password", "hunter2"]] {
        let call = [&["login", "registry.example", "-u", "me"], arguments.as_slice()].concat();
        person.run(&call).ends_with(2).complains("--password-stdin");
    }
    person.run(&["login", "registry.example", "-u", "me"]).ends_with(2).complains("--password-stdin");
    person.login("registry.example", "me", "", &[]).ends_with(2).complains("standard input has no password");
    person.login("registry.example/team", "me", "hunter2", &[]).ends_with(2).complains("is not a host");
    for (user, problem) in [
        ("", "the user name `` is empty"),
        ("me:too", "the user name `me:too` has a colon"),
        ("me\ttoo", "the user name `me\\ttoo` has a control character"),
    ] {
        // Nothing is sent: the host does not exist.
        person.login("registry.invalid", user, "hunter2", &[]).ends_with(2).complains(problem);
    }
    person.reveals(&["hunter2"]);
}

#[test]
fn a_registry_that_asks_for_no_login_is_named_and_nothing_is_stored() {
    let registry = MemoryRegistry::start(Habits::default());
    let (host, mut person) = (registry.host(), Person::new(""));
    let login = person.login(&host, "me", "hunter2", &[]).success();
    login.says(&format!("{host} asks for no login; nothing was stored"));
    let answer = person.login(&host, "me", "hunter2", &["--json"]).success().json();
    assert!(answer["helper"].is_null() && answer["file"].is_null(), "{answer}");
    assert!(!person.config().exists());
    person.reveals(&["hunter2", &base64(b"me:hunter2")]);
    assert!(registry.record().entries.iter().all(|entry| entry.target == "/v2/"), "{}", registry.record());
}

#[test]
#[ignore = "waits between the attempts at each of its many requests"]
fn long_no_output_shows_a_secret() {
    const SECRETS: [&str; 4] = ["hunter2", "s3cr3t", "t0ken", "pr0xy"];
    let sample_host = "registry.invalid";
    let mut person = Person::new("");
    let bin = person.sandbox.work().join("bin");
    let helpers = [
        ("good", "echo '{\"Username\": \"me\", \"Secret\": \"hunter2\"}'; echo hunter2 >&2"),
        ("leaky", "echo '{\"Username\": \"me\", \"Secret\": \"hunter2\"}'; exit 1"),
        ("odd", "echo '{\"Username\": \"me\", \"Secret\": [\"hunter2\"]}'"),
    ];
    for (name, script) in helpers {
        person.sandbox.shim(&format!("docker-credential-{name}"), script);
    }
    let auth = base64(b"me:s3cr3t");
    let configs = [
        format!(r#"{{"auths": {{"{sample_host}": {{"auth": "{auth}"}}}}}}"#),
        format!(r#"{{"auths": {{"{sample_host}": {{"username": "me", "password": ["s3cr3t"]}}}}}}"#),
        format!(r#"{{"auths": {{"{sample_host}": {{"auth": "{}"}}}}}}"#, base64(b"s3cr3t")),
        format!(r#"{{"auths": {{"{sample_host}": {{"identitytoken": "t0ken"}}}}}}"#),
        format!(r#"{{"auths": {{"{sample_host}": {{"registrytoken": "t0ken"}}}}}}"#),
        r#"{"auths": "s3cr3t"}"#.to_owned(),
        r#"{"auths": s3cr3t}"#.to_owned(),
        format!(r#"{{"credHelpers": {{"{sample_host}": "good"}}}}"#),
        format!(r#"{{"credHelpers": {{"{sample_host}": "leaky"}}}}"#),
        format!(r#"{{"credHelpers": {{"{sample_host}": "odd"}}}}"#),
        r#"{"credsStore": "leaky"}"#.to_owned(),
    ];
    // A server that asks for credentials and refuses them, as the proxy for every host.
    let server = HttpServer::start(Refuser);
    let proxy = format!("http://proxyuser:pr0xy@localhost:{}", server.port());
    let sample = Sample::write(&bin.join("sample"), 1, 1000);
    let (layout, reference) = (sample.directory.display().to_string(), format!("{sample_host}/team/app:1"));
    person.sandbox.set("HTTP_PROXY", &proxy).set("HTTPS_PROXY", &proxy);
    for config in configs {
        for variable in [false, true] {
            write(person.config(), if variable { "{}" } else { &config });
            match variable {
                true => person.sandbox.set("DOCKER_AUTH_CONFIG", &config),
                false => person.sandbox.unset("DOCKER_AUTH_CONFIG"),
            };
            let insecure = ["--insecure-registry", sample_host];
            for call in [
                [&["push", "-v", &reference, &layout], insecure.as_slice()].concat(),
                [&["inspect", "--json", &reference], insecure.as_slice()].concat(),
                vec!["logout", "--json", sample_host],
            ] {
                person.run(&call);
            }
        }
    }
    person.sandbox.set("HTTPS_PROXY", "http://me:pr0xy%zz@localhost:1");
    person.run(&["inspect", "-v", &reference]).complains("HTTPS_PROXY is not the address of a proxy");
    assert!(person.outputs.len() > 60);
    let encoded = base64(b"proxyuser:pr0xy");
    person.reveals(&[SECRETS.as_slice(), &[&auth, &encoded]].concat());
}

/// Answers as a registry that refuses all credentials.
struct Refuser;

impl Handler for Refuser {
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow> {
        connection.whole_body(request)?;
        let answer = match request.method.as_str() {
            "CONNECT" => Answer::new(403),
            _ => Answer::new(401).with("WWW-Authenticate", "Basic realm=\"test\""),
        };
        answer.write(connection.writer())?;
        Ok(Flow::Close)
    }
}

/// Somebody at a machine without credentials, and everything that the program has shown.
struct Person {
    sandbox: Sandbox,
    authority: String,
    outputs: Vec<String>,
}

impl Person {
    fn new(authority: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let runtime = sandbox.work().join("run");
        sandbox.set("XDG_RUNTIME_DIR", runtime);
        // Without the proxies of this machine.
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
            sandbox.unset(variable);
        }
        Self { sandbox, authority: authority.to_owned(), outputs: Vec::new() }
    }

    fn config(&self) -> std::path::PathBuf {
        self.sandbox.work().with_file_name("home").join(".docker/config.json")
    }

    fn run(&mut self, arguments: &[&str]) -> Outcome {
        let outcome = self.sandbox.crossdock(&self.sandbox.work(), arguments);
        self.keep(outcome)
    }

    /// Runs `crossdock login` with a password on standard input.
    fn login(&mut self, host: &str, user: &str, password: &str, more: &[&str]) -> Outcome {
        let file = self.sandbox.work().join("password");
        write(&file, format!("{password}\n"));
        let script = "program=$1; shift; exec \"$program\" login --password-stdin \"$@\" < password";
        let program = crossdock().display().to_string();
        let arguments = [&["-c", script, "sh", &program, host, "--username", user], more].concat();
        let outcome = self.sandbox.tool(&self.sandbox.work(), "sh", &arguments);
        self.keep(outcome)
    }

    fn keep(&mut self, outcome: Outcome) -> Outcome {
        self.outputs.extend([outcome.stdout.clone(), outcome.stderr.clone()]);
        outcome
    }

    /// Checks that nothing shown holds a secret.
    #[track_caller]
    fn reveals(&self, secrets: &[&str]) {
        for output in &self.outputs {
            for secret in secrets {
                assert!(!output.contains(secret), "`{secret}` is shown in:\n{output}");
            }
        }
    }
}

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    ask: String,
    docker: String,
    /// Docker's other answer, where its answers vary.
    docker_also: Option<String>,
    skopeo: String,
    podman: Option<String>,
}

#[test]
#[ignore = "asks three programs for each row"]
fn long_docker_skopeo_and_podman_answer_as_recorded() {
    let table = repository().join("crates/registry/tests/credentials.toml");
    let table: Table = toml::from_str(&std::fs::read_to_string(table).unwrap()).unwrap();
    let server = Recorder::default();
    let heard = Arc::clone(&server.heard);
    let server = HttpServer::start(server);
    let mut failed = Vec::new();
    for case in &table.case {
        let podman = case.podman.as_ref().unwrap_or(&case.skopeo);
        for (tool, expected) in [("docker", &case.docker), ("skopeo", &case.skopeo), ("podman", podman)] {
            heard.lock().unwrap().clear();
            let outcome = ask(case, tool, server.port());
            let mut answers = heard.lock().unwrap().clone();
            answers.dedup();
            let answer = if answers.is_empty() { "error".to_owned() } else { answers.join(" | ") };
            let other = case.docker_also.as_ref().filter(|_| tool == "docker");
            if answer != *expected && other != Some(&answer) {
                failed.push(format!(
                    "{}: {tool} answers `{answer}` instead of `{expected}`: {outcome}",
                    case.name
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Lets a program pull the image of a case; it cannot succeed.
fn ask(case: &Case, tool: &str, port: u16) -> Outcome {
    let home = TempDir::new().unwrap();
    let path = home.path().display().to_string();
    for (name, text) in &case.files {
        let is_program = name.starts_with("bin/");
        let text = if is_program { format!("#!/bin/sh\n{text}\n") } else { text.clone() };
        let file = home.path().join(name);
        write(&file, encoded(&text));
        if is_program {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
    }
    std::fs::create_dir_all(home.path().join("run")).unwrap();
    let mut command = Command::new(need(tool));
    let here = std::env::var("PATH").unwrap();
    command.env_clear().env("HOME", &path).env("XDG_RUNTIME_DIR", home.path().join("run"));
    command.env("PATH", format!("{path}/bin:{here}")).stdin(Stdio::null());
    for (name, value) in &case.env {
        command.env(name, encoded(value).replace("$HOME", &path));
    }
    let image = format!("{}:1", case.ask);
    let server = format!("http://127.0.0.1:{port}");
    match tool {
        // docker only tells its engine, which is the recorder.
        "docker" => {
            command.env("DOCKER_HOST", format!("tcp://127.0.0.1:{port}")).args(["pull", "-q", &image])
        }
        "skopeo" => command.args(["inspect", "--tls-verify=false", &format!("docker://{image}")]),
        _ => {
            let (root, state) = (format!("{path}/storage"), format!("{path}/state"));
            let storage = ["--root", &root, "--runroot", &state, "--storage-driver", "vfs"];
            command.args(storage).args(["pull", "-q", "--tls-verify=false", &image])
        }
    };
    // The recorder is the proxy for every registry; docker's connection to its engine is on the loopback.
    command.env("HTTP_PROXY", &server).env("HTTPS_PROXY", &server);
    run(&mut command, Duration::from_secs(120))
}

/// A docker engine, the proxy of all registries, and their token server; notes the credentials that it is given.
#[derive(Default)]
struct Recorder {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Handler for Recorder {
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow> {
        let body = connection.whole_body(request)?;
        let answer = self.answer(request, &String::from_utf8_lossy(&body));
        answer.with("Connection", "close").write(connection.writer())?;
        Ok(Flow::Close)
    }
}

impl Recorder {
    fn answer(&self, request: &Request, body: &str) -> Answer {
        let target = request.target.strip_prefix("http://").unwrap_or(&request.target);
        let (host, path) = target.split_at(target.find('/').unwrap_or(target.len()));
        let path = path.split('?').next().unwrap_or_default();
        if path.ends_with("/_ping") {
            return Answer::new(200)
                .with("API-Version", "1.41")
                .with("OSType", "linux")
                .body("text/plain", "OK");
        }
        if path.ends_with("/images/create") {
            self.note(engine_credential(request.headers.get("X-Registry-Auth").unwrap_or_default()));
            return Answer::new(500).body("application/json", r#"{"message": "noted"}"#);
        }
        if path == "/token" {
            let token = body.split('&').find_map(|field| field.strip_prefix("refresh_token="));
            let basic = request.headers.get("Authorization").and_then(|value| value.strip_prefix("Basic "));
            self.note(match (token, basic) {
                (Some(token), _) => format!("identity {token}"),
                (None, Some(basic)) => decoded(basic).replacen(':', " ", 1),
                (None, None) => "anonymous".to_owned(),
            });
            return Answer::new(403);
        }
        if path.starts_with("/v2") {
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"test\"");
            return Answer::new(401).with("WWW-Authenticate", challenge);
        }
        Answer::new(502)
    }

    fn note(&self, credential: String) {
        self.heard.lock().unwrap().push(credential);
    }
}

/// Returns the credential in docker's header for its engine.
fn engine_credential(header: &str) -> String {
    let fields: serde_json::Value = serde_json::from_str(&decoded(header)).unwrap_or_default();
    let field = |name: &str| fields[name].as_str().filter(|text| !text.is_empty());
    match (field("registrytoken"), field("identitytoken"), field("username")) {
        (Some(token), ..) => format!("registry {token}"),
        (None, Some(token), _) => format!("identity {token}"),
        (None, None, Some(user)) => format!("{user} {}", field("password").unwrap_or_default()),
        (None, None, None) => "anonymous".to_owned(),
    }
}

/// Replaces `<<TEXT>>` by its base64.
fn encoded(text: &str) -> String {
    let mut parts = text.split("<<");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (secret, rest) = part.split_once(">>").unwrap();
        all += &base64(secret.replace("\\\"", "\"").as_bytes());
        all += rest;
    }
    all
}

/// Decodes base64 of either alphabet.
fn decoded(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = text.replace('-', "+").replace('_', "/");
    let digits: Vec<usize> = text.chars().filter_map(|letter| ALPHABET.find(letter)).collect();
    let bytes = digits.chunks(4).flat_map(|group| {
        let bits = group.iter().chain([0, 0, 0].iter()).take(4).fold(0, |bits, digit| bits << 6 | digit);
        [bits >> 16, bits >> 8, bits].map(|byte| (byte & 0xff) as u8).into_iter().take(group.len() - 1)
    });
    String::from_utf8(bytes.collect()).unwrap()
}

#[test]
#[ignore = "builds a Go program"]
fn long_go_answers_as_recorded() {
    let table = std::fs::read_to_string(repository().join("crates/registry/tests/proxy.tsv")).unwrap();
    let recorded: Vec<String> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').take(3).collect::<Vec<_>>().join("\t"))
        .collect();
    assert!(recorded.len() >= 30);
    let directory = TempDir::new().unwrap();
    let (program, rows) = (directory.path().join("oracle"), directory.path().join("rows"));
    let mut build = Command::new(need("go"));
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(repository().join("tests/oracles/proxy"));
    run(build.env("GOFLAGS", "-buildvcs=false"), Duration::from_secs(300)).success();
    write(&rows, recorded.join("\n"));
    let asked = ask_go(&program, &rows);
    let answers: Vec<&str> = asked.stdout.lines().collect();
    for (answer, recorded) in answers.iter().zip(&recorded) {
        assert_eq!(answer, recorded);
    }
    assert_eq!(answers.len(), recorded.len());
}

fn ask_go(program: &Path, rows: &Path) -> Outcome {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$1\" < \"$2\"", "sh"]).args([program, rows]);
    run(&mut shell, Duration::from_secs(60)).success()
}
