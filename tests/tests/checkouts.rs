//! Versions and tags from the git checkout around a project, and the warnings if git does not give them.

use std::path::Path;

use crossdock_tests::{Sandbox, fixture};

/// Returns the plan's tags and warnings.
fn planned(sandbox: &Sandbox, project: &Path) -> (Vec<String>, String) {
    let plan = sandbox.crossdock(project, &["plan", "--json"]).success().json();
    let tags = plan["images"][0]["tags"].as_array().unwrap();
    (tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect(), plan["warnings"].to_string())
}

#[test]
fn a_module_below_the_root_uses_the_tags_of_its_directory() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("shop");
    let project = fixture::go_module(&root.join("services"), "api");
    fixture::commit(&sandbox, &root);
    let tag = |name: &str| sandbox.tool(&root, "git", &["tag", name]).success();
    for (name, tags) in [
        ("services/web/v3.0.0", &["latest"][..]),
        ("deploy-prod", &["latest"]),
        ("v9.9.9", &["9.9.9", "latest"]),
        ("services/api/v1.9.0", &["1.9.0", "latest"]),
        ("services/api/v1.10.0+build.7", &["1.10.0-build.7", "latest"]),
    ] {
        tag(name);
        assert_eq!(planned(&sandbox, &project).0, tags, "{name}");
    }
}

#[test]
fn a_version_with_build_metadata_is_a_tag_by_default() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("version = \"0.1.0\"", "version = \"1.2.3-rc.1+build.5\"");
    fixture::write(project.join("Cargo.toml"), &manifest);
    std::fs::remove_file(project.join("Cargo.lock")).ok();
    assert_eq!(planned(&sandbox, &project).0, ["1.2.3-rc.1-build.5", "latest"]);
    // A tag template of the user is taken as it is.
    let own = sandbox.crossdock(&project, &["plan", "--tag", "{{ version }}"]).ends_with(2);
    own.complains("the filter `slug`");
}

#[test]
fn a_refusal_of_git_is_reported() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    assert_eq!(planned(&sandbox, &project).1, "[]", "a directory without git gives no warning");
    sandbox.tool(&project, "git", &["init", "--quiet"]).success();
    assert!(planned(&sandbox, &project).1.contains("has no commit yet"));
    fixture::commit(&sandbox, &project);
    assert_eq!(planned(&sandbox, &project).1, "[]");
    // As in a pipeline's container, where another user owns the checkout. Only root can change the owner.
    std::os::unix::fs::chown(&project, Some(12_345), None).expect("the tests run as root");
    std::os::unix::fs::chown(project.join(".git"), Some(12_345), None).expect("the tests run as root");
    let (_, warnings) = planned(&sandbox, &project);
    assert!(warnings.contains("another user owns it") && warnings.contains("safe.directory"), "{warnings}");
    let tagged = sandbox.crossdock(&project, &["plan", "--tag", "{{ git.short }}"]).success();
    tagged.says("`git.short` has no value: git refuses to read");
}

/// Writes a workspace of two modules, of which `svc` has the program `api`, and commits it with tags of both.
fn workspace_of_modules(sandbox: &Sandbox) -> std::path::PathBuf {
    let root = sandbox.work().join("shop");
    fixture::write(root.join("go.work"), "go 1.24\n\nuse (\n\t.\n\t./svc\n)\n");
    fixture::write(root.join("go.mod"), "module example.com/shop\n\ngo 1.24\n");
    fixture::write(root.join("shop.go"), "package shop\n");
    fixture::write(root.join("svc/go.mod"), "module example.com/shop/svc\n\ngo 1.24\n");
    fixture::write(root.join("svc/cmd/api/main.go"), "package main\n\nfunc main() {}\n");
    fixture::commit(sandbox, &root);
    for tag in ["v5.0.0", "svc/v1.2.0", "agent-v0.7.0"] {
        sandbox.tool(&root, "git", &["tag", tag]).success();
    }
    root
}

#[test]
fn the_module_decides_about_the_version_and_not_the_current_directory() {
    let sandbox = Sandbox::new();
    let root = workspace_of_modules(&sandbox);
    let config = |image: &str| fixture::write(root.join("crossdock.toml"), format!("[image.api]\n{image}"));
    let asked = |arguments: &[&str]| {
        let plan = sandbox.crossdock(&root, &[arguments, &["plan", "--json"]].concat()).success().json();
        let image = &plan["images"][0];
        assert_eq!(image["annotations"]["org.opencontainers.image.version"], image["tags"][0], "{plan}");
        image["tags"][0].as_str().unwrap().to_owned()
    };
    let everywhere = || [&[][..], &["-C", "svc"], &["-C", "svc/cmd/api"]].map(asked);
    config("path = \"svc\"\n");
    assert_eq!(everywhere(), ["1.2.0"; 3]);
    config("package = \"example.com/shop/svc/cmd/api\"\npath = \"svc\"\n");
    assert_eq!(everywhere(), ["1.2.0"; 3]);
    config("path = \"svc\"\nversion-tag = \"agent-v{version}\"\n");
    assert_eq!(everywhere(), ["0.7.0"; 3]);
    fixture::write(
        root.join("crossdock.toml"),
        "version-tag = \"v{version}\"\n[image.api]\npath = \"svc\"\n",
    );
    assert_eq!(everywhere(), ["5.0.0"; 3]);

    // Without configuration, and without a module in the workspace's root.
    std::fs::remove_file(root.join("crossdock.toml")).unwrap();
    std::fs::remove_file(root.join("go.mod")).unwrap();
    fixture::write(root.join("go.work"), "go 1.24\n\nuse ./svc\n");
    assert_eq!(everywhere(), ["1.2.0"; 3]);
    config("package = \"example.com/shop/svc/cmd/api\"\n");
    assert_eq!(everywhere(), ["1.2.0"; 3]);
}

#[test]
fn the_module_path_decides_which_major_version_counts() {
    let sandbox = Sandbox::new();
    let root = fixture::go_module(&sandbox.work(), "lib");
    fixture::write(root.join("v2/go.mod"), "module example.com/lib/v2\n\ngo 1.24\n");
    fixture::write(root.join("v2/main.go"), "package main\n\nfunc main() {}\n");
    fixture::write(root.join("go.mod"), "module example.com/lib\n\ngo 1.24\n");
    fixture::commit(&sandbox, &root);
    for tag in ["v1.5.0", "v2.3.0"] {
        sandbox.tool(&root, "git", &["tag", tag]).success();
    }
    let reports = |directory: &str| {
        let plan = sandbox.crossdock(&root, &["-C", directory, "plan", "--json"]).success().json();
        let image = &plan["images"][0];
        assert_eq!(image["tags"][0], image["annotations"]["org.opencontainers.image.version"], "{plan}");
        (image["tags"][0].as_str().unwrap().to_owned(), plan["warnings"].to_string())
    };
    assert_eq!(reports("."), ("1.5.0".to_owned(), "[]".to_owned()));
    assert_eq!(reports("v2"), ("2.3.0".to_owned(), "[]".to_owned()));
}

#[test]
fn a_tag_that_contradicts_the_manifest_is_reported() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("team");
    let project = fixture::rust_package(&root, "agent");
    fixture::commit(&sandbox, &root);
    let tag = |name: &str| sandbox.tool(&root, "git", &["tag", name]).success();
    let configure = |version_tag: &str| {
        fixture::write(project.join("crossdock.toml"), format!("[image.agent]\n{version_tag}\n"));
    };
    tag("v9.0.0");
    tag("deploy/v8.0.0");
    assert_eq!(planned(&sandbox, &project), (vec!["0.1.0".to_owned(), "latest".to_owned()], "[]".to_owned()));
    tag("agent/v0.3.0");
    let (tags, warnings) = planned(&sandbox, &project);
    assert_eq!(tags, ["0.1.0", "latest"]);
    assert!(
        warnings.contains("Cargo.toml says version 0.1.0, and the commit has the tag `agent/v0.3.0`"),
        "{warnings}"
    );
    configure("version-tag = \"agent/v{version}\"");
    let (tags, warnings) = planned(&sandbox, &project);
    assert_eq!(tags, ["0.3.0", "latest"]);
    assert!(warnings.contains("the image has the version of the tag"), "{warnings}");
    configure("version-tag = \"other/v{version}\"");
    assert_eq!(planned(&sandbox, &project), (vec!["0.1.0".to_owned(), "latest".to_owned()], "[]".to_owned()));

    configure("version-tag = \"agent/v{{version}}\"");
    let refused = sandbox.crossdock(&project, &["plan"]).ends_with(2);
    refused
        .complains("crossdock.toml:2:15")
        .complains("`version-tag`: `agent/v{{version}}` must contain `{version}`");
}

#[test]
fn a_clone_that_may_lack_tags_is_reported() {
    let sandbox = Sandbox::new();
    let origin = fixture::go_module(&sandbox.work().join("origin"), "app");
    fixture::commit(&sandbox, &origin);
    let cloned = |name: &str, options: &[&str]| {
        let url = format!("file://{}", origin.display());
        let to = sandbox.work().join(name);
        let arguments = [&["clone", "--quiet"], options, &[url.as_str(), to.to_str().unwrap()]].concat();
        sandbox.tool(&sandbox.work(), "git", &arguments).success();
        planned(&sandbox, &to)
    };
    assert_eq!(cloned("untagged", &[]).1, "[]", "a project without tags is complete");
    sandbox.tool(&origin, "git", &["tag", "v1.0.0"]).success();
    assert_eq!(cloned("whole", &[]), (vec!["1.0.0".to_owned(), "latest".to_owned()], "[]".to_owned()));
    let (tags, warnings) = cloned("tagless", &["--no-tags"]);
    assert_eq!(tags, ["latest"]);
    assert!(warnings.contains("was made without tags: run `git fetch --tags`"), "{warnings}");
    fixture::commit(&sandbox, &origin);
    let (tags, warnings) = cloned("shallow", &["--depth=1"]);
    assert_eq!(tags, ["latest"]);
    assert!(warnings.contains("is shallow and may lack tags"), "{warnings}");
}
