//! The project that engines build in these tests: a Go program that prints where it runs, and its compiler in a layout.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Base;
use crate::emulator::Machine;
use crate::fixture;
use crate::layout::Layout;
use crate::outcome::run;
use crate::sandbox::Sandbox;
use crate::tools::need;

const MINUTE: Duration = Duration::from_secs(60);

/// The name that the program of [`go_project`] prints for each machine.
pub const GO_WORDS: [(Machine, &str); 3] =
    [(Machine::Amd64, "amd64"), (Machine::Arm64, "arm64"), (Machine::ArmV7, "arm")];

/// Creates a sandbox with a Go module in a git repository.
pub fn go_project() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::commit(&sandbox, &project);
    (sandbox, project)
}

/// Returns `NAME=oci:PATH` for `--base-from`, which replaces the compiler's image by the layout.
pub fn base_from(sandbox: &Sandbox, project: &Path, layout: &Path) -> String {
    format!("{}=oci:{}", compiler_image(sandbox, project), layout.display())
}

/// Returns the compiler's image, with which the rendered Dockerfile begins.
pub fn compiler_image(sandbox: &Sandbox, project: &Path) -> String {
    let dockerfile = sandbox.crossdock(project, &["render", "dockerfile", "--quiet"]).success().stdout;
    let from = dockerfile.lines().find(|line| line.starts_with("FROM --platform="));
    let image = from.and_then(|line| line.split_whitespace().nth(2)).expect("it begins with a compiler");
    let arguments = dockerfile.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once('='));
    arguments.fold(image.to_owned(), |image, (name, value)| image.replace(&format!("${{{name}}}"), value))
}

/// Starts the program of each machine, a foreign one under qemu-user.
pub fn says_hello(sandbox: &Sandbox, layout: &Layout, machines: &[(Machine, &str)]) {
    for (machine, word) in machines {
        let into = sandbox.work().join(format!("unpacked-{}-{}", machine.name(), layout.digest()));
        let program = layout.program(machine.platform(), &into);
        let outcome = machine.run(&program, &[], MINUTE).success();
        let output = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(output.contains(&format!("hello from {word}")), "{output}");
    }
}

/// A replacement for `golang` whose `go` copies a program that this machine's Go compiled before: it takes no time, and can
/// inspect the step that calls it.
#[derive(Debug)]
pub struct RecordedGo<'s> {
    sandbox: &'s Sandbox,
    arm64: &'static str,
    before: String,
    with: fn(Base) -> Base,
}

impl<'s> RecordedGo<'s> {
    /// Creates one for the program of the sandbox's [`go_project`].
    pub fn new(sandbox: &'s Sandbox) -> Self {
        Self { sandbox, arm64: "arm64", before: String::new(), with: |base| base }
    }

    /// Makes `go` give programs for amd64 even for other targets.
    #[must_use]
    pub fn only_for_amd64(mut self) -> Self {
        self.arm64 = "amd64";
        self
    }

    /// Sets a shell script that `go` runs first in every call.
    #[must_use]
    pub fn first(mut self, script: &str) -> Self {
        self.before.push_str(script);
        self.before.push('\n');
        self
    }

    /// Adds to the image.
    #[must_use]
    pub fn with(mut self, more: fn(Base) -> Base) -> Self {
        self.with = more;
        self
    }

    /// Writes the image as a layout of the given name in the sandbox.
    pub fn layout(&self, name: &str) -> PathBuf {
        let work = self.sandbox.work();
        let base = ["amd64", "arm64"].into_iter().fold(
            Base::new(work.join(format!("{name}-root"))),
            |base, architecture| {
                let makes = if architecture == "arm64" { self.arm64 } else { architecture };
                base.with_file(&self.record(makes), &format!("/recorded/{architecture}"))
            },
        );
        let go = format!(
            "{}[ \"$1\" = build ] || exit 0\n\
             [ ! -e broken.go ] || {{ echo './broken.go:1:1: it is broken' >&2; exit 1; }}\n\
             while [ \"$1\" != -o ]; do shift; done\n\
             install -D -m 0755 \"/recorded/$GOARCH\" \"$2\"",
            self.before
        );
        (self.with)(base).with_script("/usr/bin/go", &go).layout(&work.join(name))
    }

    fn record(&self, architecture: &str) -> PathBuf {
        let project = self.sandbox.work().join("hello");
        let program = self.sandbox.work().join(format!("recorded-{architecture}"));
        if !program.exists() {
            let mut build = self.sandbox.command(need("go"), &project);
            build.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&program).arg(".");
            build.envs([("CGO_ENABLED", "0"), ("GOOS", "linux"), ("GOARCH", architecture)]);
            run(&mut build, 5 * MINUTE).success();
        }
        program
    }
}
