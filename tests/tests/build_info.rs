//! The version and the commit that Go programs report: a release says its version, and commits between releases keep the
//! program's digest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_tests::layout::Layout;
use crossdock_tests::outcome::run;
use crossdock_tests::{Machine, Sandbox, fixture};

/// A program that prints what `debug.ReadBuildInfo` returns.
const MAIN: &str = r#"package main

import (
	"fmt"
	"runtime/debug"
	"strings"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	fmt.Println(info.Main.Version)
	for _, setting := range info.Settings {
		if strings.HasPrefix(setting.Key, "vcs") {
			fmt.Printf("%s=%s\n", setting.Key, setting.Value)
		}
	}
}
"#;

/// The date of every commit that `fixture::commit` makes.
const TIME: &str = "2025-06-15T15:06:40Z";

struct Project {
    sandbox: Sandbox,
    root: PathBuf,
}

impl Project {
    /// Creates a module in the root of a checkout with one commit.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let root = sandbox.work().join("app");
        fixture::write(root.join("go.mod"), "module example.com/app\n\ngo 1.24\n");
        fixture::write(root.join("main.go"), MAIN);
        fixture::write(root.join(".gitignore"), "/out*\n");
        let project = Self { sandbox, root };
        project.commit();
        project
    }

    fn commit(&self) {
        fixture::commit(&self.sandbox, &self.root);
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.sandbox.tool(&self.root, "git", arguments).success().stdout.trim().to_owned()
    }

    fn configure(&self, keys: &str) {
        fixture::write(self.root.join("crossdock.toml"), format!("[image.app]\n{keys}\n"));
    }

    /// Returns the row of the plan that says what the program will report, and the warnings.
    fn plan(&self, options: &[&str]) -> (String, String) {
        let outcome = self.sandbox.crossdock(&self.root, &[&["plan"], options].concat()).success();
        let row = outcome
            .stdout
            .lines()
            .find_map(|line| line.split_once("reports: ").map(|(_, row)| row.to_owned()));
        let warnings = outcome.stdout.find("warning:").map(|at| outcome.stdout[at..].to_owned());
        let warnings = warnings.unwrap_or_default();
        (row.unwrap_or_else(|| panic!("no row: {outcome}")), warnings)
    }

    /// Builds the image for linux/amd64 and returns what its program prints, and the digest of the layer of the program.
    fn dist(&self, options: &[&str]) -> (Vec<String>, String) {
        dist(&self.sandbox, &self.root, options)
    }
}

fn dist(sandbox: &Sandbox, root: &Path, options: &[&str]) -> (Vec<String>, String) {
    let output = root.join("out");
    let call = ["dist", "--platform", "linux/amd64", "--output", output.to_str().unwrap()];
    sandbox.crossdock(root, &[&call, options].concat()).success();
    let layout = Layout::open(output.join("app"));
    let unpacked = tempfile::TempDir::new_in(sandbox.work()).unwrap();
    let program = layout.program("linux/amd64", unpacked.path());
    let printed = Machine::Amd64.run(&program, &[], Duration::from_secs(60)).success().stdout;
    let layers = layout.manifest("linux/amd64")["layers"].clone();
    let layer = layers.as_array().unwrap().last().unwrap()["digest"].as_str().unwrap().to_owned();
    (printed.lines().map(str::to_owned).collect(), layer)
}

/// Returns what a program prints that reports this version of this commit.
fn stamped(version: &str, sha: &str, modified: bool) -> Vec<String> {
    vec![
        version.to_owned(),
        "vcs=git".to_owned(),
        format!("vcs.revision={sha}"),
        format!("vcs.time={TIME}"),
        format!("vcs.modified={modified}"),
    ]
}

#[test]
fn a_release_says_its_version_and_other_commits_keep_the_digest() {
    let project = Project::new();
    assert_eq!(
        project.plan(&[]),
        ("version (devel), no commit  no tag of this commit gives its version".to_owned(), String::new())
    );
    let (printed, first) = project.dist(&[]);
    assert_eq!(printed, ["(devel)"]);
    fixture::write(project.root.join("README.md"), "More words.\n");
    project.commit();
    assert_eq!(project.dist(&[]), (printed, first.clone()), "the program did not change");

    project.git(&["tag", "v1.4.4"]);
    let sha = project.git(&["rev-parse", "HEAD"]);
    let (row, warnings) = project.plan(&[]);
    assert_eq!(row, format!("version v1.4.4, commit {} of {TIME}  the tag `v1.4.4`", &sha[..12]));
    assert_eq!(warnings, "");
    let (printed, release) = project.dist(&[]);
    assert_eq!(printed, stamped("v1.4.4", &sha, false));
    assert_ne!(release, first);

    // Uncommitted changes are not released, and an explicit setting decides.
    fixture::write(project.root.join("README.md"), "Even more words.\n");
    let (row, warnings) = project.plan(&[]);
    assert_eq!(row, "version (devel), no commit  files differ from the commit");
    assert!(warnings.contains("app will report the version (devel), not 1.4.4: files differ"), "{warnings}");
    assert_eq!(project.dist(&[]).0, ["(devel)"]);
    project.configure("buildvcs = false");
    let (row, warnings) = project.plan(&[]);
    assert!(row.starts_with("version (devel), no commit  `buildvcs = false` (/"), "{row}");
    assert_eq!(warnings, "");
    project.configure("buildvcs = true");
    assert_eq!(project.dist(&[]).0, stamped("v1.4.4+dirty", &sha, true));
    project.commit();
    let sha = project.git(&["rev-parse", "HEAD"]);
    let pseudo = format!("v1.4.5-0.20250615150640-{}", &sha[..12]);
    assert!(project.plan(&[]).0.starts_with(&format!("version {pseudo}, commit ")));
    assert_eq!(project.dist(&[]).0, stamped(&pseudo, &sha, false));
}

#[test]
fn a_release_has_the_same_digest_in_every_clone_and_with_every_cache() {
    let project = Project::new();
    project.git(&["tag", "v1.4.4"]);
    let here = project.dist(&[]);
    let mut other = Sandbox::new();
    let cache = other.work().join("go-cache");
    other.set("GOCACHE", &cache);
    let clone = other.work().join("a directory/elsewhere");
    other
        .tool(
            &other.work(),
            "git",
            &["clone", "--quiet", project.root.to_str().unwrap(), clone.to_str().unwrap()],
        )
        .success();
    assert_eq!(dist(&other, &clone, &[]), here);
}

#[test]
fn offline_a_version_does_not_come_from_the_module_cache() {
    let mut project = Project::new();
    let modules = project.sandbox.work().join("modules");
    project.sandbox.set("GOMODCACHE", &modules).set("GOFLAGS", "-modcacherw");
    // go keeps the pseudo-version of the commit in the module cache, and prefers it with GOPROXY=off.
    project.configure("buildvcs = true");
    project.commit();
    let sha = project.git(&["rev-parse", "HEAD"]);
    let pseudo = format!("v0.0.0-20250615150640-{}", &sha[..12]);
    assert_eq!(project.dist(&["--offline"]).0, stamped(&pseudo, &sha, false));
    project.git(&["tag", "v1.0.0"]);
    let mut go = project.sandbox.command(crossdock_tests::tools::need("go"), &project.root);
    go.args(["build", "-buildvcs=true", "-o", "out-go", "."]).env("GOPROXY", "off");
    run(&mut go, Duration::from_secs(120)).success();
    let plain = run(
        &mut project.sandbox.command(project.root.join("out-go"), &project.root),
        Duration::from_secs(60),
    );
    let plain = plain.success().stdout;
    assert!(plain.starts_with(&pseudo), "go by itself is wrong: {plain}");
    assert_eq!(project.dist(&["--offline"]).0, stamped("v1.0.0", &sha, false));
    project.sandbox.set("GOPROXY", "off");
    assert_eq!(project.dist(&[]).0, stamped("v1.0.0", &sha, false));
}

#[test]
fn what_go_cannot_report_is_told() {
    let mut project = Project::new();
    let told = |project: &Project, version: &str, tagged: &str, why: &str| {
        let (row, warnings) = project.plan(&[]);
        assert!(row.starts_with(&format!("version {version}, ")) && row.contains(why), "{row}");
        let warning = format!("app will report the version {version}, not {tagged}: ");
        assert!(warnings.contains(&warning) && warnings.contains(why), "{warnings}");
        assert!(warnings.contains("ldflags = \"-X main.version={{ version }}\""), "{warnings}");
        project.dist(&[]).0.remove(0)
    };
    let sha = project.git(&["rev-parse", "HEAD"]);
    project.git(&["tag", "1.0.0"]);
    let pseudo = format!("v0.0.0-20250615150640-{}", &sha[..12]);
    assert_eq!(told(&project, &pseudo, "1.0.0", "`1.0.0` is not a version to go"), pseudo);
    project.git(&["tag", "v5.0.0"]);
    assert_eq!(told(&project, &pseudo, "5.0.0", "only for a module path that ends in /v5"), pseudo);
    project.configure("version-tag = \"app-{version}\"");
    project.commit();
    let sha = project.git(&["rev-parse", "HEAD"]);
    let pseudo = format!("v0.0.0-20250615150640-{}", &sha[..12]);
    project.git(&["tag", "app-2.0.0"]);
    assert_eq!(told(&project, &pseudo, "2.0.0", "`app-2.0.0` is not a version to go"), pseudo);

    // go reads no worktree, and in one below the checkout it would stamp the commit of the checkout.
    project.git(&["worktree", "add", "--quiet", "--detach", "out-tree"]);
    let checkout = std::mem::replace(&mut project.root, PathBuf::new());
    project.root = checkout.join("out-tree");
    assert_eq!(told(&project, "(devel)", "2.0.0", "is not a directory, as in a worktree"), "(devel)");
    project.configure("buildvcs = true");
    let (_, warnings) = project.plan(&[]);
    assert!(warnings.contains("will not report its commit, in spite of `buildvcs = true`"), "{warnings}");
    assert_eq!(project.dist(&[]).0, ["(devel)"]);
}

#[test]
fn modules_of_a_workspace_report_their_own_versions() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("shop");
    fixture::write(root.join("go.work"), "go 1.24\n\nuse (\n\t.\n\t./svc\n)\n");
    fixture::write(root.join("go.mod"), "module example.com/shop\n\ngo 1.24\n");
    fixture::write(root.join("main.go"), MAIN);
    fixture::write(root.join("svc/go.mod"), "module example.com/shop/svc\n\ngo 1.24\n");
    fixture::write(root.join("svc/main.go"), MAIN);
    fixture::write(root.join(".gitignore"), "out/\n");
    let images = "[image.shop]\n[image.app]\npath = \"svc\"\n";
    fixture::write(root.join("crossdock.toml"), images);
    fixture::commit(&sandbox, &root);
    let project = Project { sandbox, root };
    project.git(&["tag", "v0.5.0"]);
    project.git(&["tag", "svc/v1.2.0"]);
    let sha = project.git(&["rev-parse", "HEAD"]);
    assert_eq!(project.dist(&["--image", "app"]).0, stamped("v1.2.0", &sha, false));
    let svc = Project { root: project.root.join("svc"), sandbox: project.sandbox };
    let (here, layer) = svc.dist(&["--image", "app"]);
    assert_eq!(here, stamped("v1.2.0", &sha, false));

    // Without a module in the root of the checkout go knows no version.
    let root = svc.root.parent().unwrap().to_owned();
    let project = Project { root, sandbox: svc.sandbox };
    // The image is of another project there.
    std::fs::remove_dir_all(project.root.join("out")).unwrap();
    for file in ["go.mod", "main.go"] {
        std::fs::remove_file(project.root.join(file)).unwrap();
    }
    fixture::write(project.root.join("go.work"), "go 1.24\n\nuse ./svc\n");
    fixture::write(project.root.join("crossdock.toml"), "[image.app]\n");
    project.commit();
    project.git(&["tag", "svc/v1.3.0"]);
    let (row, warnings) = project.plan(&[]);
    assert!(row.starts_with("version (devel), commit "), "{row}");
    assert!(
        warnings.contains("not 1.3.0: go derives versions from the module path of the checkout's root"),
        "{warnings}"
    );
    let sha = project.git(&["rev-parse", "HEAD"]);
    let (printed, other) = project.dist(&[]);
    assert_eq!(printed, stamped("(devel)", &sha, false));
    assert_ne!(other, layer);
}

#[test]
fn a_program_of_another_commit_is_not_tagged() {
    let project = Project::new();
    project.git(&["tag", "v1.0.0"]);
    project.dist(&[]);
    let output = project.root.join("out");
    let call = ["tag", "--platform", "linux/amd64", "--output", output.to_str().unwrap()];
    project.sandbox.crossdock(&project.root, &call).success();
    // The same commit with another tag is another version.
    project.git(&["tag", "v1.1.0"]);
    let refused = project.sandbox.crossdock(&project.root, &call).ends_with(1);
    refused.complains("go-setting-mismatch").complains("version=v1.1.0");
    project.commit();
    project.git(&["tag", "v1.2.0"]);
    let refused = project.sandbox.crossdock(&project.root, &call).ends_with(1);
    refused.complains("vcs.revision=");
}

#[test]
fn goflags_switch_stamping_off_and_contradictions_are_errors() {
    let mut project = Project::new();
    project.git(&["tag", "v1.0.0"]);
    project.sandbox.set("GOFLAGS", "-buildvcs=false");
    assert_eq!(project.plan(&[]).0, "version (devel), no commit  `-buildvcs=false` in GOFLAGS");
    project.configure("buildvcs = true");
    let refused = project.sandbox.crossdock(&project.root, &["plan"]).ends_with(2);
    refused.complains("`-buildvcs=false` in GOFLAGS contradicts `-buildvcs=true` of the plan");
    project.sandbox.set("GOFLAGS", "-buildvcs=true");
    project.sandbox.crossdock(&project.root, &["plan"]).success();
    project.configure("buildvcs = \"never\"");
    let refused = project.sandbox.crossdock(&project.root, &["plan"]).ends_with(2);
    refused.complains("crossdock.toml:2:12").complains("expected \"auto\", true or false");
}

#[test]
fn git_refuses_a_checkout_of_another_user_and_the_plan_says_so() {
    let project = Project::new();
    project.git(&["tag", "v1.0.0"]);
    for path in [&project.root, &project.root.join(".git")] {
        std::os::unix::fs::chown(path, Some(12_345), None).expect("the tests run as root");
    }
    let (row, warnings) = project.plan(&[]);
    assert!(row.starts_with("version (devel), no commit  git refuses to read"), "{row}");
    assert!(warnings.contains("git config --global --add safe.directory"), "{warnings}");
    assert_eq!(project.dist(&[]).0, ["(devel)"]);
    // A pipeline names the directory by variables, which reach the git that go starts, too.
    let mut project = project;
    let all =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
    for (name, value) in all {
        project.sandbox.set(name, value);
    }
    assert_eq!(project.dist(&[]).0[0], "v1.0.0");
}

#[test]
fn go_runs_no_program_that_a_checkout_names() {
    let project = Project::new();
    project.git(&["tag", "v1.0.0"]);
    let ran = project.sandbox.work().join("ran");
    let monitor = format!("touch {}; false", ran.display());
    project.git(&["config", "core.fsmonitor", &monitor]);
    project.sandbox.tool(&project.root, "go", &["build", "-buildvcs=true", "-o", "out-go", "."]).success();
    assert!(ran.exists(), "a plain `go build` runs the monitor");
    std::fs::remove_file(&ran).unwrap();
    let index = std::fs::read(project.root.join(".git/index")).unwrap();
    assert_eq!(project.dist(&[]).0[0], "v1.0.0");
    assert!(!ran.exists(), "`dist` ran the monitor");
    assert!(std::fs::read(project.root.join(".git/index")).unwrap() == index, "`dist` wrote to the checkout");
}

#[test]
fn dockerfiles_say_that_they_do_not_stamp() {
    let project = Project::new();
    project.git(&["tag", "v1.0.0"]);
    let said =
        "note: app reports the version (devel) and no commit, because a build context has no git checkout";
    for render in ["dockerfile", "bake"] {
        let call = ["render", render];
        project.sandbox.crossdock(&project.root, &call).success().complains(said);
    }
    for keys in ["buildvcs = false", "ldflags = \"-X main.version=1\""] {
        project.configure(keys);
        let silent = project.sandbox.crossdock(&project.root, &["render", "dockerfile"]).success();
        assert!(!silent.stderr.contains("reports the version"), "{silent}");
    }
}
