//! Secrets that a build may read and an image must not keep: a token, an ssh agent, and a compiler that looks for both.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Base, RecordedGo};
use crate::fixture::write;
use crate::outcome::{Running, run};
use crate::sandbox::Sandbox;
use crate::tools::need;

const LIMIT: Duration = Duration::from_secs(60);

/// The configuration that requests both. `{engine}` of these tests builds the image `hello`.
const CONFIGURATION: &str = "[image.hello]\npath = \".\"\n\n[image.hello.dockerfile]\n\
                             private = { netrc = [\"git.example\"], ssh = [\"ssh.example\"] }\n";

/// A text that the step leaves in the discarded stage. A search of the engine's store must find it, or finding no token
/// would prove nothing.
pub const TRACE: &str = "the step had token, host and key";

/// A token in a `.netrc`, a file of known hosts, and an agent with one key.
#[derive(Debug)]
pub struct Secrets {
    /// The password: forty letters that occur nowhere else.
    pub token: String,
    /// The `.netrc` with the password.
    pub netrc: PathBuf,
    /// The file of known hosts.
    pub known_hosts: PathBuf,
    agent: Agent,
}

impl Secrets {
    /// Creates all of them, writes the project's configuration, and points the sandbox at the agent.
    pub fn new(sandbox: &mut Sandbox, project: &Path) -> Self {
        let work = sandbox.work();
        let (netrc, known_hosts) = (work.join("netrc"), work.join("known_hosts"));
        let agent = Agent::start();
        // The key's text is as random as a token must be.
        let token: String = agent.key.chars().filter(char::is_ascii_alphanumeric).take(68).skip(28).collect();
        write(&netrc, format!("machine git.example login robot password {token}\n"));
        write(&known_hosts, format!("ssh.example {}\n", agent.key));
        write(project.join("crossdock.toml"), CONFIGURATION);
        sandbox.set("SSH_AUTH_SOCK", agent.socket());
        Self { token, netrc, known_hosts, agent }
    }

    /// Returns the values of `--secret` for both files.
    pub fn options(&self) -> [String; 2] {
        let option = |id: &str, file: &Path| format!("id={id},src={}", file.display());
        [option("netrc", &self.netrc), option("known_hosts", &self.known_hosts)]
    }

    /// Creates a replacement for `golang` whose `go mod download` fails unless token, host and key are present. So does its
    /// `go build`, because the downloads may have left the cache by then. It checks their form and does not know their
    /// values.
    pub fn compiler(&self, sandbox: &Sandbox) -> PathBuf {
        let key = run(self.agent.command("ssh-add").arg("-l"), LIMIT).success().stdout;
        let key = key.split_whitespace().nth(1).expect("ssh-add names the key's digest").to_owned();
        let look = format!(
            "fail() {{ echo \"go $asked: $1\" >&2; exit 1; }}\n\
             look() {{\n\
             \x20 set -- $(cat /root/.netrc)\n\
             \x20 [ \"$2 $4 ${{#6}}\" = 'git.example robot 40' ] || fail 'no token in /root/.netrc'\n\
             \x20 set -- $(cat /root/.ssh/known_hosts)\n\
             \x20 [ \"$1\" = ssh.example ] || fail 'the host is unknown'\n\
             \x20 case \"$(ssh-add -l)\" in *{key}*) ;; *) fail 'the agent has no key' ;; esac\n\
             }}\n\
             asked=$1\n\
             case $asked in mod | build) look ;; esac\n\
             [ \"$asked\" != mod ] || {{ echo '{TRACE}' > /downloaded; exit 0; }}\n\
             [ \"$asked\" != build ] || [ -s /downloaded ] || fail 'nothing was downloaded'"
        );
        let tools = |base: Base| base.with_program(&need("git")).with_program(&need("ssh-add"));
        RecordedGo::new(sandbox).first(&look).with(tools).layout("private")
    }
}

/// An ssh agent that holds one key, until it is dropped.
#[derive(Debug)]
struct Agent {
    _process: Running,
    dir: TempDir,
    key: String,
}

impl Agent {
    fn start() -> Self {
        let dir = TempDir::with_prefix("agent-").expect("a temporary directory can be created");
        let mut keygen = Command::new(need("ssh-keygen"));
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(dir.path().join("key"));
        run(&mut keygen, LIMIT).success();
        let key =
            std::fs::read_to_string(dir.path().join("key.pub")).expect("ssh-keygen writes a public key");
        let key = key.rsplit_once(' ').expect("it ends with a comment").0.to_owned();
        let mut command = Command::new(need("ssh-agent"));
        let process = Running::start(command.arg("-D").arg("-a").arg(dir.path().join("socket")));
        let agent = Self { _process: process, dir, key };
        crate::processes::wait_until(
            LIMIT,
            || agent.socket().exists(),
            || "ssh-agent makes no socket".into(),
        );
        run(agent.command("ssh-add").arg(agent.dir.path().join("key")), LIMIT).success();
        agent
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(need(tool));
        command.env("SSH_AUTH_SOCK", self.socket());
        command
    }
}
