//! The table of credentials, the calls of helpers, and the files that logins write. Helpers are real programs.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::write_atomically;
use crossdock_registry::Host;
use crossdock_registry::credentials::{
    Credential, CredentialsError, Found, Helpers, Keychain, Logins, Search, Secret, Stored,
};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};
use serde::Deserialize;
use tempfile::TempDir;

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
    ours: String,
    #[serde(default)]
    warnings: usize,
}

#[test]
fn the_table_of_credentials() {
    let table: Table = toml::from_str(include_str!("credentials.toml")).unwrap();
    assert!(table.case.len() >= 25);
    let mut failed = Vec::new();
    for case in table.case {
        let home = Home::new(&case.files, &case.env);
        let (host, repository) = case.ask.split_once('/').expect("a case asks for a repository");
        let keychain = home.keychain();
        let answer = answer(&keychain.look_up(&host.parse().unwrap(), repository));
        let again = self::answer(&keychain.look_up(&host.parse().unwrap(), repository));
        let warnings = home.warnings();
        if answer != case.ours || again != answer || warnings.len() != case.warnings {
            failed
                .push(format!("{}: `{answer}` instead of `{}`; warnings {warnings:?}", case.name, case.ours));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_helper_is_asked_once_for_each_registry_and_one_at_a_time() {
    let script = "read server; mkdir \"$HOME/busy\" || exit 1; echo $server >> \"$HOME/calls\"; sleep 0.2; rmdir \"$HOME/busy\"
        echo '{\"Username\": \"me\", \"Secret\": \"pw\"}'";
    let config = r#"{"credHelpers": {"a.example": "slow", "b.example": "slow"}}"#;
    let home = Home::with(&[(".docker/config.json", config), ("bin/docker-credential-slow", script)]);
    let keychain = home.keychain();
    std::thread::scope(|scope| {
        for host in ["a.example", "b.example", "a.example", "b.example"] {
            let keychain = &keychain;
            scope.spawn(move || keychain.look_up(&host.parse().unwrap(), "app").unwrap());
        }
    });
    let calls = home.read("calls");
    let mut calls: Vec<&str> = calls.lines().collect();
    calls.sort_unstable();
    assert_eq!(calls, ["a.example", "b.example"]);
}

#[test]
fn a_helper_that_hangs_is_ended_and_named() {
    let config = r#"{"credHelpers": {"a.example": "slow"}}"#;
    let home = Home::with(&[(".docker/config.json", config), ("bin/docker-credential-slow", "sleep 60")]);
    let helpers = home.helpers().limit(Duration::from_millis(200));
    let keychain = Keychain::new(Search::new(&home.environment, None), helpers, Arc::new(|_| {}));
    let error = keychain.look_up(&"a.example".parse().unwrap(), "app").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`docker-credential-slow` did not answer within 200ms; it is the credential helper for `a.example` in \
             `{}/.docker/config.json`: repair it, or remove it from `credHelpers`",
            home.path()
        )
    );
}

#[test]
fn errors_and_sources_name_the_place_and_no_secret() {
    let config = r#"{"auths": {"a.example": {"auth": "aHVudGVyMg"}, "b.example": {"auth": ["hunter2"]},
        "c.example": {"username": "me", "password": "hunter2"}}, "credHelpers": {"d.example": "leaky", "e.example": "odd",
        "g.example": "plain", "h.example": "list", "i.example": "words"}}"#;
    let home = Home::with(&[
        (".docker/config.json", config),
        ("bin/docker-credential-leaky", "echo '{\"Secret\": \"hunter2\"}'; echo hunter2 >&2; exit 1"),
        ("bin/docker-credential-odd", "echo '{\"Username\": \"me\", \"Secret\": [\"hunter2\"]}'"),
        ("bin/docker-credential-plain", "echo hunter2; echo oops hunter2 >&2; exit 1"),
        ("bin/docker-credential-list", "echo '[\"a\", \"me\", \"hunter2\"]'"),
        ("bin/docker-credential-words", "echo 'run `gcloud auth login`' >&2; exit 1"),
    ]);
    let keychain = home.keychain();
    let mut texts = Vec::new();
    for host in ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|name| format!("{name}.example")) {
        match keychain.look_up(&host.parse().unwrap(), "app") {
            Ok(found) => texts.extend([format!("{found:?}"), found.source]),
            Err(error) => texts.extend([format!("{error:?}"), error.to_string()]),
        }
    }
    texts.push(format!("{keychain:?}"));
    let path = format!("`{}/.docker/config.json`", home.path());
    for text in &texts {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    }
    assert_eq!(
        texts[1],
        format!(
            "the key `a.example` in {path} is malformed: its `auth` has no colon between user name and password; log in \
             again with `crossdock login a.example`"
        )
    );
    assert_eq!(texts[5], format!("the credentials are those of the key `c.example` in {path}"));
    assert_eq!(texts[11], format!("no credentials for `f.example` were found in {path}"));
    for (text, words) in [
        (7, "`docker-credential-leaky` failed (exit status: 1); run `docker-credential-leaky get` with"),
        (13, "`docker-credential-plain` failed (exit status: 1); run `docker-credential-plain get` with"),
        (15, "`docker-credential-list` did not answer with the JSON object of a credential"),
        (17, "`docker-credential-words` failed (exit status: 1): run `gcloud auth login`"),
    ] {
        assert!(texts[text].starts_with(words), "{}", texts[text]);
    }
}

#[test]
fn a_syntax_error_quotes_no_secret() {
    for config in [r#"{"auths": "hunter2"}"#, r#"{"auths": {"a.example": hunter2}}"#, r#"["hunter2"]"#] {
        let home = Home::with(&[(".docker/config.json", config)]);
        let error = home.keychain().look_up(&"a.example".parse().unwrap(), "app").unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_login_as_plain_text_keeps_the_rest_of_the_file() {
    let config = "{\n\t\"psFormat\": \"x\",\n\t\"auths\": {\n\t\t\"https://b.example/v1/\": {\"auth\": \"old\"},\n\t\t\
                  \"b.example/team\": {}\n\t},\n\t\"n\": 1.50\n}\n";
    let home = Home::with(&[(".docker/config.json", config)]);
    let path = home.path().join(".docker/config.json");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let stored = home.logins().store(&"b.example".parse().unwrap(), "robot$x", &Secret::new("p:w")).unwrap();
    let Stored::PlainText { path: file, why } = stored else { panic!("{stored:?}") };
    assert_eq!(file, path);
    assert!(why.starts_with("no credential helper is set, and docker-credential-"), "{why}");
    let auth = base64::engine::general_purpose::STANDARD.encode("robot$x:p:w");
    let expected = format!(
        "{{\n\t\"psFormat\": \"x\",\n\t\"auths\": {{\n\t\t\"b.example/team\": {{}},\n\t\t\"b.example\": \
         {{\"auth\":\"{auth}\"}}\n\t}},\n\t\"n\": 1.50\n}}\n"
    );
    assert_eq!(home.read(".docker/config.json"), expected);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.answer("b.example"), "robot$x p:w");
    let removed = home.logins().remove(&"b.example".parse().unwrap()).unwrap();
    assert_eq!((removed.helper, removed.file), (None, Some(path)));
    assert_eq!(home.answer("b.example"), "anonymous");
    assert!(home.read(".docker/config.json").contains("b.example/team"));
}

#[test]
fn a_login_goes_to_the_helper_that_is_set() {
    let helper = "if test $1 = store; then cat > \"$HOME/stored\"; else cat > \"$HOME/$1\"; fi";
    let config = r#"{"credsStore": "own", "auths": {"https://index.docker.io/v1/": {"auth": "x"}}}"#;
    let home = Home::with(&[(".docker/config.json", config), ("bin/docker-credential-own", helper)]);
    let hub: Host = "docker.io".parse().unwrap();
    let stored = home.logins().store(&hub, "me", &Secret::new("pw")).unwrap();
    assert_eq!(stored, Stored::Helper { program: "docker-credential-own".to_owned(), set_in: None });
    let message: serde_json::Value = serde_json::from_str(&home.read("stored")).unwrap();
    let expected =
        serde_json::json!({"ServerURL": "https://index.docker.io/v1/", "Username": "me", "Secret": "pw"});
    assert_eq!(message, expected);
    // The plain text that an earlier login left is removed.
    assert_eq!(home.read(".docker/config.json"), "{\n\t\"credsStore\": \"own\",\n\t\"auths\": {}\n}\n");
    let removed = home.logins().remove(&hub).unwrap();
    assert_eq!((removed.helper.as_deref(), removed.file), (Some("docker-credential-own"), None));
    assert_eq!(home.read("erase"), "https://index.docker.io/v1/");
}

#[test]
fn a_helper_of_the_system_is_set_for_the_registry() {
    let name = if cfg!(target_os = "macos") { "osxkeychain" } else { "secretservice" };
    let program = format!("bin/docker-credential-{name}");
    let home = Home::with(&[(program.as_str(), "cat > \"$HOME/$1\"")]);
    let stored = home.logins().store(&"a.example".parse().unwrap(), "me", &Secret::new("pw")).unwrap();
    assert!(matches!(&stored, Stored::Helper { set_in: Some(_), .. }), "{stored:?}");
    let config = home.read(".docker/config.json");
    assert_eq!(config, format!("{{\n\t\"credHelpers\": {{\n\t\t\"a.example\": \"{name}\"\n\t}}\n}}\n"));
}

#[test]
fn a_broken_helper_that_is_set_is_no_reason_for_plain_text() {
    let config = r#"{"credsStore": "missing"}"#;
    let home = Home::with(&[(".docker/config.json", config)]);
    let error = home.logins().store(&"a.example".parse().unwrap(), "me", &Secret::new("pw")).unwrap_err();
    assert!(error.to_string().starts_with("`docker-credential-missing` is not installed"), "{error}");
    assert_eq!(home.read(".docker/config.json"), config);
}

#[test]
fn a_malformed_file_is_never_replaced() {
    for config in ["{\"auths\": {},}", "[]", "{\"auths\": []}"] {
        let home = Home::with(&[(".docker/config.json", config)]);
        let error = home.logins().store(&"a.example".parse().unwrap(), "me", &Secret::new("pw")).unwrap_err();
        assert!(error.to_string().contains("repair it first"), "{error}");
        assert_eq!(home.read(".docker/config.json"), config);
    }
}

#[test]
fn a_link_stays_a_link() {
    let home = Home::with(&[("dotfiles/docker.json", "{}"), (".docker/other", "")]);
    let link = home.path().join(".docker/config.json");
    std::os::unix::fs::symlink(home.path().join("dotfiles/docker.json"), &link).unwrap();
    home.logins().store(&"a.example".parse().unwrap(), "me", &Secret::new("pw")).unwrap();
    assert!(link.is_symlink());
    assert!(home.read("dotfiles/docker.json").contains("a.example"));
}

#[test]
fn logins_at_the_same_time_are_all_kept() {
    let home = Home::with(&[]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let logins = home.logins();
            scope.spawn(move || {
                let host = format!("host-{number}.example").parse().unwrap();
                logins.store(&host, "me", &Secret::new("pw")).unwrap();
            });
        }
    });
    for number in 0..8 {
        assert_eq!(home.answer(&format!("host-{number}.example")), "me pw");
    }
}

/// A home directory with files, programs and an environment.
struct Home {
    directory: TempDir,
    environment: Environment,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::new(&files, &BTreeMap::new())
    }

    fn new(files: &BTreeMap<String, String>, variables: &BTreeMap<String, String>) -> Self {
        let directory = tempfile::tempdir().expect("the test can prepare its home");
        let path = Utf8Path::from_path(directory.path()).expect("the test can prepare its home").to_owned();
        for (name, text) in files {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().expect("the test can prepare its home"))
                .expect("the test can prepare its home");
            let text = if name.starts_with("bin/") { format!("#!/bin/sh\n{text}\n") } else { text.clone() };
            write_atomically(&file, encoded(&text).as_bytes()).expect("the test can prepare its home");
            if name.starts_with("bin/") {
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755))
                    .expect("the test can prepare its home");
            }
        }
        let mut environment = Environment::new(path.clone())
            .with_variable("HOME", path.as_str())
            .with_variable("XDG_RUNTIME_DIR", path.join("run").as_str())
            .with_variable("PATH", format!("{path}/bin:/usr/bin:/bin"));
        for (name, value) in variables {
            environment = environment.with_variable(name, encoded(value).replace("$HOME", path.as_str()));
        }
        Self { directory, environment, warnings: Arc::default() }
    }

    fn path(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().to_owned()).expect("the test can prepare its home")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).expect("the test can prepare its home")
    }

    fn helpers(&self) -> Helpers {
        Helpers::new(Processes::new(Arc::new(self.environment.clone()), Cancel::default()))
    }

    fn keychain(&self) -> Keychain {
        let warnings = self.warnings.clone();
        let warn = Arc::new(move |warning: &str| {
            warnings.lock().expect("the test can prepare its home").push(warning.to_owned())
        });
        Keychain::new(Search::new(&self.environment, None), self.helpers(), warn)
    }

    fn logins(&self) -> Logins {
        Logins::new(Search::new(&self.environment, None), self.helpers())
    }

    fn answer(&self, host: &str) -> String {
        answer(&self.keychain().look_up(&host.parse().expect("the test can prepare its home"), "app"))
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().expect("the test can prepare its home").clone()
    }
}

/// Replaces `<<TEXT>>` by its base64.
fn encoded(text: &str) -> String {
    let mut parts = text.split("<<");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (secret, rest) = part.split_once(">>").expect("`<<` is closed");
        all += &base64::engine::general_purpose::STANDARD.encode(secret.replace("\\\"", "\""));
        all += rest;
    }
    all
}

fn answer(found: &Result<Found, CredentialsError>) -> String {
    match found.as_ref().map(|found| &found.credential) {
        Err(_) => "error".to_owned(),
        Ok(Credential::Anonymous) => "anonymous".to_owned(),
        Ok(Credential::Basic { username, password }) => format!("{username} {}", password.expose()),
        Ok(Credential::IdentityToken(token)) => format!("identity {}", token.expose()),
        Ok(Credential::RegistryToken(token)) => format!("registry {}", token.expose()),
    }
}
