//! Where images are written: no build reads what an earlier one wrote, and no project takes the image of another.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crossdock_tests::{Layout, Outcome, Sandbox, fixture};

const ONE: [&str; 3] = ["dist", "--platform", "linux/amd64"];

/// Creates a Go project that embeds by a pattern, on line 5 of `main.go`, and has the usual directory of a web front end.
fn embedding(sandbox: &Sandbox, pattern: &str) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("dist/index.html"), "<p>");
    embeds(&project, pattern);
    project
}

fn embeds(project: &Path, pattern: &str) {
    let main = format!(
        "package main\n\nimport \"embed\"\n\n//go:embed {pattern}\nvar files embed.FS\n\n\
         func main() {{ entries, _ := files.ReadDir(\".\"); println(len(entries)) }}\n"
    );
    fixture::write(project.join("main.go"), main);
}

fn with<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&ONE[..], arguments].concat()
}

#[test]
fn a_go_program_that_embeds_dist_is_the_same_after_each_build() {
    let sandbox = Sandbox::new();
    let project = embedding(&sandbox, "dist");
    fixture::commit(&sandbox, &project);
    let first = sandbox.crossdock(&project, &with(&["--archive"])).success();
    assert!(!Layout::open(project.join(".crossdock/hello")).holds("oci-layout"), "it embeds an image");
    for _ in 0..2 {
        assert_eq!(sandbox.crossdock(&project, &with(&["--archive"])).success().digest(), first.digest());
    }
    assert_eq!(fixture::uncommitted(&sandbox, &project), "");
}

#[test]
fn an_embed_that_reaches_the_output_is_an_error_with_its_line() {
    let sandbox = Sandbox::new();
    let project = embedding(&sandbox, "*");
    let refused = |arguments: &[&str], column: &str, path: &str| {
        let outcome = sandbox.crossdock(&project, arguments).ends_with(2);
        outcome
            .complains(&format!("main.go:5:{column}: image `hello`: `//go:embed "))
            .complains(&format!("would embed {}", project.join(path).display()));
    };
    refused(&["plan"], "12", ".crossdock/hello");
    refused(&ONE, "12", ".crossdock/hello");
    embeds(&project, "go.mod all:*");
    refused(&ONE, "19", ".crossdock/hello");
    embeds(&project, "dist");
    for output in ["dist", "dist/images", "./x/../dist"] {
        refused(&with(&["--output", output]), "12", "dist");
    }
    sandbox.crossdock(&project, &with(&["--output", ".images"])).success();
    // Files that the program does not embed are not inputs.
    embeds(&project, "dist/*.html");
    sandbox.crossdock(&project, &with(&["--output", "dist"])).success();
}

/// Earlier versions wrote the images of Go projects to `dist`.
#[test]
fn an_image_of_an_earlier_version_is_named_and_no_program_embeds_it() {
    let sandbox = Sandbox::new();
    let project = embedding(&sandbox, "dist/*.html");
    let first = sandbox.crossdock(&project, &with(&["--output", "dist"])).success();
    let old = project.join("dist/hello");
    let second = sandbox.crossdock(&project, &ONE).success();
    assert_eq!(second.digest(), first.digest());
    let note = format!("earlier versions of crossdock wrote {}; images are in ", old.display());
    second.complains(&note);
    assert!(project.join(".crossdock/hello/index.json").is_file());
    embeds(&project, "dist");
    let refused = sandbox.crossdock(&project, &ONE).ends_with(2);
    refused
        .complains("main.go:5:12")
        .complains(&format!("would embed {}", old.display()))
        .complains("remove it");
    fs::remove_dir_all(&old).unwrap();
    let third = sandbox.crossdock(&project, &ONE).success();
    assert!(!third.stderr.contains("earlier versions"), "{third}");
}

#[test]
fn files_in_the_output_are_errors_with_their_line() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("assets/a.txt"), "a");
    sandbox.crossdock(&project, &with(&["--archive"])).success();
    std::os::unix::fs::symlink("../.crossdock/hello", project.join("assets/link")).unwrap();
    for from in [".crossdock", ".crossdock/hello", ".crossdock/hello.tar", "assets/link"] {
        fixture::configure_files(&project, from);
        let refused = sandbox.crossdock(&project, &ONE).ends_with(2);
        refused.complains("crossdock.toml:2:10: image `hello`: ").complains("which crossdock writes");
        // Wherever this run writes.
        sandbox
            .crossdock(&project, &with(&["--output", "elsewhere"]))
            .ends_with(2)
            .complains("crossdock.toml:2:10");
    }
    fixture::configure_files(&project, "assets");
    sandbox
        .crossdock(&project, &with(&["--output", "assets"]))
        .ends_with(2)
        .complains("crossdock.toml:2:10")
        .complains("--output");
}

/// Each report names the digest of its image, and would change that of the next one.
#[test]
fn a_metadata_file_that_the_next_build_would_read_is_an_error_with_its_line() {
    let sandbox = Sandbox::new();
    let project = embedding(&sandbox, "dist");
    let command = |command: &'static str, file: &'static str| {
        sandbox.crossdock(&project, &[command, "--platform", "linux/amd64", "--metadata-file", file])
    };
    let first = sandbox.crossdock(&project, &ONE).success();
    for name in ["build", "dist", "tag"] {
        for file in ["dist/meta.json", "./x/../dist/a/meta.json"] {
            command(name, file)
                .ends_with(2)
                .complains("main.go:5:12: image `hello`: `//go:embed dist` would embed ")
                .complains("meta.json, which crossdock writes")
                .complains("another file with `--metadata-file`");
        }
    }
    assert!(!project.join("dist/meta.json").exists());
    for file in ["meta.json", "dist/.meta.json", "dist/_meta.json"] {
        assert_eq!(command("dist", file).success().digest(), first.digest(), "{file}");
        assert_eq!(command("dist", file).success().digest(), first.digest(), "{file}");
    }
    embeds(&project, "dist/*.html");
    fixture::configure_files(&project, "dist");
    for file in ["dist/meta.json", "dist/a/b/meta.json", "dist/.meta.json"] {
        let refused = command("dist", file).ends_with(2);
        refused
            .complains("crossdock.toml:2:10: image `hello`: files[0].from = ")
            .complains("--metadata-file");
    }
}

#[test]
fn a_metadata_file_that_git_sees_is_reported() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join(".gitignore"), "*.tmp\n");
    fixture::commit(&sandbox, &project);
    let warning = |file: &str| {
        let call = ["dist", "--platform", "linux/amd64", "--metadata-file", file];
        sandbox.crossdock(&project, &call).success().stderr.contains("git does not ignore")
    };
    assert!(!warning("meta.tmp") && !warning("../meta.json"));
    sandbox
        .crossdock(&project, &["dist", "--platform", "linux/amd64", "--metadata-file", "out/meta.json"])
        .success()
        .complains("the next build is one of a changed checkout, and its tags and annotations say `dirty`")
        .complains("add the line `/out/meta.json` to ");
    fixture::write(project.join(".gitignore"), "*.tmp\n/out/meta.json\n");
    assert!(!warning("out/meta.json"));
}

/// Output of earlier runs in a directory of the user's is never an input of a later one.
#[test]
fn files_leaves_out_everything_that_earlier_runs_wrote() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("web/out/page.html"), "<p>");
    fixture::configure_files(&project, "web");
    let output = ["--output", "web/out"];
    let first =
        sandbox.crossdock(&project, &with(&[&output[..], &["--archive", "--pack"]].concat())).success();
    assert!(project.join("web/out/hello.release/SHA256SUMS").is_file());
    assert_eq!(sandbox.crossdock(&project, &with(&output)).success().digest(), first.digest());
    assert_eq!(sandbox.crossdock(&project, &ONE).success().digest(), first.digest());
}

#[test]
fn cargo_directories_and_archives_do_not_make_a_checkout_dirty() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join(".cargo/config.toml"), "[build]\ntarget-dir = \"build\"\n");
    fixture::write(project.join("web/page.html"), "<p>");
    fixture::commit(&sandbox, &project);
    let tag = ["--tag", "{{ git.short }}{% if git.dirty %}-dirty{% endif %}"];
    for output in [&[][..], &["--output", "images"], &["--output", "web"]] {
        let first = sandbox.crossdock(&project, &with(&[&tag[..], output].concat())).success();
        assert_eq!(fixture::uncommitted(&sandbox, &project), "", "{output:?}");
        assert!(!first.stdout.contains("-dirty"), "{first}");
    }
    let seen = sandbox.crossdock(&project, &with(&["--output", "web", "--archive"])).ends_with(2);
    seen.complains("git does not ignore").complains("add `/web/hello.tar` to").complains("nothing was built");
    fixture::write(project.join(".gitignore"), "*.tar\n");
    fixture::commit(&sandbox, &project);
    sandbox.crossdock(&project, &with(&["--output", "web", "--archive"])).success();
    assert_eq!(fixture::uncommitted(&sandbox, &project), "");
    // A directory with files of the user's cannot ignore itself.
    fs::remove_dir_all(project.join("build")).unwrap();
    fixture::write(project.join("build/script.sh"), "true");
    fixture::commit(&sandbox, &project);
    sandbox.crossdock(&project, &ONE).ends_with(2).complains("add `/build` to");
}

#[test]
fn a_cargo_directory_among_the_sources_is_refused_and_never_ignored() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work().join("in/a"), "hello");
    fixture::commit(&sandbox, &project);
    let target = |directory: &str| {
        let config = format!("[build]\ntarget-dir = \"{directory}\"\n");
        fixture::write(project.join(".cargo/config.toml"), config);
        fixture::commit(&sandbox, &project);
    };
    let refused = || sandbox.crossdock(&project, &ONE).ends_with(2).complains("nothing was built");
    for directory in [".", "./", "src/.."] {
        target(directory);
        refused().complains("cargo's target directory").complains("CARGO_TARGET_DIR");
        assert_eq!(fixture::uncommitted(&sandbox, &project), "", "{directory}");
    }
    // A build of cargo's own leaves the file that its directories have.
    target("src");
    fixture::write(project.join("src/.rustc_info.json"), "{}");
    refused().complains("add `/src` to");
    assert!(!project.join("src/.gitignore").exists());
    fs::remove_file(project.join("src/.rustc_info.json")).unwrap();
    target("out");
    sandbox.crossdock(&project, &ONE).success();
    assert_eq!(fixture::uncommitted(&sandbox, &project), "");
}

/// Creates two packages of one name, which print different texts.
fn two_packages(sandbox: &Sandbox) -> [PathBuf; 2] {
    ["one", "two"].map(|place| {
        let project = fixture::rust_package(&sandbox.work().join(place), "app");
        fixture::write(
            project.join("src/main.rs"),
            format!("fn main() {{\n    println!(\"{place}\");\n}}\n"),
        );
        project
    })
}

fn report(outcome: Outcome) -> (String, PathBuf) {
    let report = outcome.success().json();
    let text = |key: &str| report["images"][0][key].as_str().unwrap().to_owned();
    (text("digest"), PathBuf::from(text("layout")))
}

/// They also build at the same time: cargo writes both programs to one path.
#[test]
fn two_packages_of_one_name_share_a_target_directory_but_no_layout() {
    let mut sandbox = Sandbox::new();
    let projects = two_packages(&sandbox);
    let alone = projects.each_ref().map(|project| report(sandbox.crossdock(project, &with(&["--json"]))).0);
    let shared = sandbox.work().join("shared");
    sandbox.set("CARGO_TARGET_DIR", &shared);
    let sandbox = &sandbox;
    let dist = |project: &PathBuf| report(sandbox.crossdock(project, &with(&["--json"])));
    let both = thread::scope(|scope| {
        let runs = projects.each_ref().map(|project| scope.spawn(move || dist(project)));
        runs.map(|run| run.join().unwrap())
    });
    for ((digest, layout), (alone, project)) in both.iter().zip(alone.iter().zip(&projects)) {
        assert_eq!(digest, alone, "the image of {} depends on the other project", project.display());
        assert!(layout.starts_with(shared.join("crossdock")), "{}", layout.display());
        let tagged =
            sandbox.crossdock(project, &["tag", "--json", "--platform", "linux/amd64", "--tag", "v9"]);
        assert_eq!(report(tagged), (digest.clone(), layout.clone()));
        let layout = Layout::open(layout);
        assert_eq!(layout.digest(), digest);
        assert!(layout.tags().iter().all(|tag| tag.ends_with("v9")), "{:?}", layout.tags());
    }
    assert_ne!(both[0].1, both[1].1);
}

#[test]
fn the_image_of_another_project_is_neither_replaced_nor_tagged() {
    let sandbox = Sandbox::new();
    let projects = ["one", "two"].map(|place| fixture::go_module(&sandbox.work().join(place), "app"));
    let output = sandbox.work().join("images");
    let in_output = |project: &Path, command: &str| {
        let output = ["--output", output.to_str().unwrap(), "--platform", "linux/amd64"];
        sandbox.crossdock(project, &[&[command], &output[..]].concat())
    };
    let first = in_output(&projects[0], "dist").success();
    for command in ["build", "dist", "tag", "verify"] {
        let refused = in_output(&projects[1], command).ends_with(2);
        refused
            .complains(&format!("image `app`: {}", output.join("app").display()))
            .complains(&format!("of the package `example.com/app` in {}", projects[0].display()))
            .complains("--output");
    }
    assert_eq!(Layout::open(output.join("app")).digest(), first.digest());
    // The same project in another place, to which it was moved.
    let moved = sandbox.work().join("moved");
    fs::rename(projects[0].parent().unwrap(), &moved).unwrap();
    in_output(&moved.join("app"), "verify").success();
    in_output(&moved.join("app"), "tag").success();
    assert_eq!(in_output(&moved.join("app"), "dist").success().digest(), first.digest());
    in_output(&projects[1], "tag").ends_with(2).complains(&moved.join("app").display().to_string());
}

#[test]
fn a_project_and_its_output_are_moved_together() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let first = sandbox.crossdock(&project, &ONE).success();
    let moved = sandbox.work().join("elsewhere");
    fs::rename(&project, &moved).unwrap();
    let tag = ["tag", "--platform", "linux/amd64", "--tag", "v2"];
    assert_eq!(sandbox.crossdock(&moved, &tag).success().digest(), first.digest());
}

/// The configuration may give a name to another program of the project after an image was built.
#[test]
fn an_image_of_another_program_is_built_anew_and_not_tagged() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("cmd/other/main.go"), "package main\n\nfunc main() { println(1) }\n");
    let image = |package: &str| {
        fixture::write(project.join("crossdock.toml"), format!("[image.app]\npackage = \"{package}\"\n"));
    };
    image("./cmd/other");
    sandbox.crossdock(&project, &ONE).success();
    image("example.com/hello");
    for command in ["tag", "verify"] {
        let refused = sandbox.crossdock(&project, &[command, "--platform", "linux/amd64"]).ends_with(2);
        refused.complains("`other` of the package `example.com/hello/cmd/other`").complains("run `dist`");
    }
    sandbox.crossdock(&project, &ONE).success();
    sandbox.crossdock(&project, &["tag", "--platform", "linux/amd64"]).success();
}

/// The tags of the new version must not name the image of the old one.
#[test]
fn an_image_of_another_version_or_commit_is_not_tagged() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    fixture::write(project.join(".gitignore"), "/target\n");
    fixture::commit(&sandbox, &project);
    let first = sandbox.crossdock(&project, &ONE).success().digest().to_owned();
    let tag = || sandbox.crossdock(&project, &["tag", "--platform", "linux/amd64"]);
    let commit = || fixture::short_commit(&sandbox, &project);
    assert_eq!(tag().success().digest(), first);
    let old = commit();
    let refused = |wanted: &str| {
        let layout = project.join("target/crossdock/app");
        let holds = format!("image `app`: {} holds version 0.1.0 of commit {old}", layout.display());
        tag().ends_with(2).complains(&format!("{holds}, not {wanted}; run `build` again"));
        let layout = Layout::open(&layout);
        assert_eq!((layout.digest(), layout.tags().len()), (first.as_str(), 2));
    };

    fixture::write(project.join("notes"), "a file that is not committed");
    refused(&format!("version 0.1.0 of commit {old}-dirty"));
    fixture::commit(&sandbox, &project);
    refused(&format!("version 0.1.0 of commit {}", commit()));
    for file in ["Cargo.toml", "Cargo.lock"] {
        let text = fs::read_to_string(project.join(file)).unwrap();
        fixture::write(project.join(file), text.replace("0.1.0", "0.2.0"));
    }
    fixture::commit(&sandbox, &project);
    refused(&format!("version 0.2.0 of commit {}", commit()));
    sandbox.crossdock(&project, &["verify", "--platform", "linux/amd64"]).success();
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    assert_ne!(tag().success().digest(), first);
}

/// Configured annotations are compared as they are rendered; one that has no value here is not.
#[test]
fn configured_versions_of_an_image_are_compared() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let configure = |version: &str| {
        let annotations = format!("annotations = {{ \"org.opencontainers.image.version\" = \"{version}\" }}");
        let config = format!("[image.hello]\ntag-env = [\"BUILD\"]\ntags = [\"latest\"]\n{annotations}\n");
        fixture::write(project.join("crossdock.toml"), config);
    };
    let tag = ["tag", "--platform", "linux/amd64"];
    configure("v{{ env.BUILD }}");
    sandbox.set("BUILD", "1");
    sandbox.crossdock(&project, &ONE).success();
    sandbox.crossdock(&project, &tag).success();
    sandbox.set("BUILD", "2");
    sandbox.crossdock(&project, &tag).ends_with(2).complains("holds version v1, not version v2;");
    sandbox.unset("BUILD");
    sandbox.crossdock(&project, &tag).success();
    configure("3");
    sandbox.crossdock(&project, &tag).ends_with(2).complains("holds version v1, not version 3;");
}
