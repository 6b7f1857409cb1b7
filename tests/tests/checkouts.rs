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
