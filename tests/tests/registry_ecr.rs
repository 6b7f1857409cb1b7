//! Amazon's ECR: its names, its login, and repositories that do not exist yet. The data plane is a registry of ours with ECR's
//! habits under ECR's name. In the quick tests `aws` is a script that records its calls; in the long ones the control plane is
//! moto, and Amazon's own clients talk to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_tests::fixture::{self, write};
use crossdock_tests::program::crossdock;
use crossdock_tests::registry::memory::{Auth, Tags};
use crossdock_tests::registry::{Habits, MemoryRegistry, Moto, Sample, Tunnel};
use crossdock_tests::tools::need_go;
use crossdock_tests::{Outcome, Sandbox};
use serde_json::Value;

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// `aws` of a person who is logged in. A call to create something waits until the test has done it.
const AWS: &str = r#"
cd "$HOME/aws"
echo "$@" >> calls
case "$2" in
get-login-password) echo ecr-password;;
create-repository)
    if test -e denied; then
        echo >&2; echo "An error occurred (AccessDeniedException) when calling CreateRepository: no" >&2; exit 254
    fi
    echo "$4" > wanted.new; mv wanted.new wanted
    while test -e wanted; do sleep 0.05; done
    if test -e exists; then
        echo "An error occurred (RepositoryAlreadyExistsException) when calling CreateRepository" >&2; exit 254
    fi;;
esac
"#;

/// The real `aws`, with a record of its calls. What it creates is created in the registry, too, before it ends.
const REAL_AWS: &str = r#"
cd "$HOME/aws"
echo "$@" >> calls
"$REAL" "$@" || exit
case "$2" in
create-repository)
    echo "$4" > wanted.new; mv wanted.new wanted
    while test -e wanted; do sleep 0.05; done;;
esac
"#;

struct Account {
    sandbox: Sandbox,
    registry: MemoryRegistry,
    _tunnel: Tunnel,
    directory: PathBuf,
    sample: Sample,
}

impl Account {
    /// An account whose `aws` is a script.
    fn new() -> Self {
        Self::with(Habits::ecr(), AWS)
    }

    /// An account that moto keeps. Its tags cannot be moved.
    fn of(moto: &Moto) -> Self {
        let auth = Auth::Basic { user: "AWS".to_owned(), password: Moto::PASSWORD.to_owned() };
        let mut account =
            Self::with(Habits { auth, tags: Tags::ImmutableEvenIfEqual, ..Habits::ecr() }, REAL_AWS);
        moto.serve(&mut account.sandbox);
        account.sandbox.set("NO_PROXY", "127.0.0.1");
        account
    }

    fn with(habits: Habits, aws: &str) -> Self {
        let registry = MemoryRegistry::start(habits);
        let tunnel = Tunnel::to(registry.port());
        let mut sandbox = Sandbox::new();
        for variable in ["NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
            sandbox.unset(variable);
        }
        sandbox.set("HTTPS_PROXY", tunnel.address()).set("HTTP_PROXY", tunnel.address());
        let runtime = sandbox.work().join("run");
        sandbox.set("XDG_RUNTIME_DIR", runtime).shim("aws", aws);
        let directory = sandbox.work().with_file_name("home").join("aws");
        fs::create_dir_all(&directory).unwrap();
        let sample = Sample::write(&sandbox.work().join("sample"), 1, 1000);
        Self { sandbox, registry, _tunnel: tunnel, directory, sample }
    }

    fn login(&self) {
        let script = "program=$1; aws ecr get-login-password --region eu-west-1 |
            \"$program\" login --password-stdin --insecure-registry $2 $2";
        let program = crossdock().display().to_string();
        let login = self.sandbox.tool(&self.sandbox.work(), "sh", &["-c", script, "sh", &program, HOST]);
        login.success().says(&format!("logged in to {HOST} as AWS"));
    }

    fn push(&self, repository: &str, more: &[&str]) -> Outcome {
        let (layout, reference) =
            (self.sample.directory.display().to_string(), format!("{HOST}/{repository}:1"));
        self.crossdock(&self.sandbox.work(), &[&["push", &reference, &layout], more].concat())
    }

    /// Runs crossdock, and creates the repository that `aws` is told to.
    fn crossdock(&self, directory: &Path, arguments: &[&str]) -> Outcome {
        let call = [arguments, &["--insecure-registry", HOST]].concat();
        let wanted = self.directory.join("wanted");
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| self.sandbox.crossdock(directory, &call));
            let end = Instant::now() + Duration::from_secs(120);
            while !pushed.is_finished() && Instant::now() < end {
                if let Ok(name) = fs::read_to_string(&wanted) {
                    self.registry.create(name.trim());
                    fs::remove_file(&wanted).unwrap();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            pushed.join().unwrap()
        })
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.directory.join("calls")).unwrap_or_default();
        calls.lines().filter(|call| call.contains("create")).map(str::to_owned).collect()
    }

    fn mark(&self, name: &str) -> PathBuf {
        let path: &Path = &self.directory.join(name);
        write(path, "");
        path.to_owned()
    }
}

#[test]
fn a_repository_is_created_only_on_request_and_only_if_it_is_missing() {
    let account = Account::new();
    account.login();
    let create =
        "aws ecr create-repository --repository-name team/app --registry-id 123456789012 --region eu-west-1";
    account
        .push("team/app", &[])
        .ends_with(5)
        .complains("NAME_UNKNOWN")
        .complains(&format!("create the repository: `{create}`, or pass `--create-repository`"));
    assert_eq!(account.calls(), [""; 0]);

    let wanted = ["--create-repository", "--immutable-tags", "--repository-tag", "team=web, shop"];
    let reference = format!("{HOST}/team/app:1@{}", account.sample.digest);
    account
        .push("team/app", &wanted)
        .success()
        .says(&reference)
        .complains("creating the repository `team/app`");
    let options = r#"--image-tag-mutability IMMUTABLE --tags [{"Key":"team","Value":"web, shop"}]"#;
    assert_eq!(account.calls(), [format!("{} {options}", &create["aws ".len()..])]);
    assert_eq!(account.registry.tag("team/app", "1").as_deref(), Some(account.sample.digest.as_str()));

    // It is there now.
    account.push("team/app", &wanted).success();
    assert_eq!(account.calls().len(), 1);

    // Another run was faster.
    let exists = account.mark("exists");
    account.push("team/other", &["--create-repository"]).success();
    fs::remove_file(exists).unwrap();

    account.mark("denied");
    account
        .push("team/third", &["--create-repository"])
        .ends_with(4)
        .complains("the repository `team/third` on")
        .complains("AccessDeniedException");
    account.push("x", &["--immutable-tags"]).ends_with(2).complains("--create-repository");
    account
        .push("x", &["--create-repository", "--repository-tag", "team"])
        .ends_with(2)
        .complains("`team=web`");
    assert_eq!(account.registry.faults(), [""; 0]);
}

#[test]
fn a_missing_aws_is_a_missing_tool() {
    let mut account = Account::new();
    account.login();
    account.sandbox.only(&["sh"]);
    account.push("team/app", &["--create-repository"]).ends_with(3).complains("install the AWS CLI");
}

impl Account {
    /// Returns the JSON that the real `aws` prints.
    fn ask(&self, arguments: &[&str]) -> Value {
        self.sandbox.tool(&self.sandbox.work(), "aws", &[&["ecr"], arguments].concat()).success().json()
    }

    /// Returns the names of the account's repositories, each with the rule for its tags.
    fn repositories(&self) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let found = self.ask(&["describe-repositories"]);
        let one = |found: &Value| {
            format!("{} {}", word(&found["repositoryName"]), word(&found["imageTagMutability"]))
        };
        found["repositories"].as_array().unwrap().iter().map(one).collect()
    }
}

/// From the source to a tag, with what Amazon's own client says about the repositories in between.
#[test]
#[ignore = "needs Amazon's client and moto: `cargo xtask test --long` runs it"]
fn long_the_real_aws_creates_each_repository_once_and_what_is_verified_gets_its_tag() {
    let moto = Moto::start();
    let account = Account::of(&moto);
    account.login();
    let create = ["--create-repository", "--immutable-tags", "--repository-tag", "team=x"];
    account.push("team/app", &create).success().complains("creating the repository `team/app`");
    assert_eq!(account.repositories(), ["team/app IMMUTABLE"]);
    let name = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app";
    let tags = account.ask(&["list-tags-for-resource", "--resource-arn", name]);
    assert_eq!(tags["tags"], serde_json::json!([{ "Key": "team", "Value": "x" }]));

    // The second push finds the repository, and the tag, which it need not move.
    let again = account.push("team/app", &create).success();
    assert!(!again.stderr.contains("creating"), "{again}");
    assert_eq!(account.calls().len(), 1);

    source_to_tag(&account, &create);
}

/// Builds, pushes by digest, verifies and promotes on nodes that the image does not start on, and on others.
fn source_to_tag(account: &Account, create: &[&str]) {
    let project = fixture::go_module(&account.sandbox.work(), "hello");
    fixture::commit(&account.sandbox, &project);
    let repository = format!("{HOST}/team/hello");
    let dist = ["dist", "--push", "--by-digest", "--repository", &repository, "--platform", "linux/amd64"];
    let dist = || account.crossdock(&project, &[&dist[..], create].concat()).success();
    assert_eq!(dist().digest(), dist().digest());
    assert_eq!(account.repositories(), ["team/app IMMUTABLE", "team/hello IMMUTABLE"]);
    assert_eq!(account.calls().len(), 2);

    let digest = dist().digest().to_owned();
    let (image, tag) = (format!("{repository}@{digest}"), format!("{repository}:1.0"));
    let verify = |node: &str| account.crossdock(&project, &["verify", &image, "--for", node]);
    let promote = |node: &str| account.crossdock(&project, &["promote", &image, &tag, "--for", node]);
    verify("m7g.large").ends_with(1);
    promote("m7g.large").ends_with(1);
    assert_eq!(account.registry.tags("team/hello"), [""; 0]);
    verify("m5.large").success();
    promote("m5.large").success();
    assert_eq!(account.registry.tag("team/hello", "1.0"), Some(digest));
    assert_eq!(account.registry.faults(), [""; 0]);
}

/// Amazon's credential helper.
const HELPER: (&str, &str) =
    ("github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login", "v0.12.0");

/// Amazon's helper asks for a token of the region in the registry's name.
#[test]
#[ignore = "builds Amazon's credential helper: `cargo xtask test --long` runs it"]
fn long_the_real_helper_logs_in_to_ecr() {
    let moto = Moto::start();
    let mut account = Account::of(&moto);
    account.registry.create("team/app");
    account.push("team/app", &[]).ends_with(5).complains("no credentials for");
    let helper = need_go(HELPER.0, HELPER.1);
    account.sandbox.shim("docker-credential-ecr-login", &format!("exec '{}' \"$@\"", helper.display()));
    let config = format!(r#"{{ "credHelpers": {{ "{HOST}": "ecr-login" }} }}"#);
    write(account.directory.with_file_name(".docker").join("config.json"), config);
    account.push("team/app", &[]).success();
    assert_eq!(account.registry.tag("team/app", "1").as_deref(), Some(account.sample.digest.as_str()));
}
