//! Amazon's ECR: its names, its login, and repositories that do not exist yet. The data plane is a registry of ours with ECR's
//! habits under ECR's name, and `aws` is a program that records its calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_tests::fixture::write;
use crossdock_tests::program::crossdock;
use crossdock_tests::registry::{Habits, MemoryRegistry, Sample, Tunnel};
use crossdock_tests::{Outcome, Sandbox};

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

struct Account {
    sandbox: Sandbox,
    registry: MemoryRegistry,
    _tunnel: Tunnel,
    directory: PathBuf,
    sample: Sample,
}

impl Account {
    fn new() -> Self {
        let registry = MemoryRegistry::start(Habits::ecr());
        let tunnel = Tunnel::to(registry.port());
        let mut sandbox = Sandbox::new();
        for variable in ["NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
            sandbox.unset(variable);
        }
        sandbox.set("HTTPS_PROXY", tunnel.address()).set("HTTP_PROXY", tunnel.address());
        let runtime = sandbox.work().join("run");
        sandbox.set("XDG_RUNTIME_DIR", runtime).shim("aws", AWS);
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

    /// Pushes, and creates the repository that `aws` is told to.
    fn push(&self, repository: &str, more: &[&str]) -> Outcome {
        let (layout, reference) =
            (self.sample.directory.display().to_string(), format!("{HOST}/{repository}:1"));
        let call = [&["push", &reference, &layout, "--insecure-registry", HOST], more].concat();
        let wanted = self.directory.join("wanted");
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| self.sandbox.crossdock(&self.sandbox.work(), &call));
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
