//! The pipelines of GitHub and GitLab: a runner of each architecture builds, verification is a gate, layouts are handed on.

use crossdock_platform::Platform;
use serde::Serialize;

use super::choices::Choices;
use super::error::ScaffoldError;
use super::outline::Outline;
use super::part::Part;
use super::sheet::Sheet;
use super::source::VERSION;
use super::text::fill;
use crossdock_project::Language;
use crossdock_runner::plan::slug;

#[derive(Serialize)]
struct Values<'a> {
    version: &'static str,
    archives: String,
    check: String,
    install: String,
    image: &'static str,
    builds: Vec<Build>,
    verify: Vec<String>,
    actions: Actions<'a>,
}

/// Actions are pinned to commits: a tag can be moved.
#[derive(Serialize)]
struct Actions<'a> {
    checkout: &'a str,
    upload: &'a str,
    download: &'a str,
}

const ACTIONS: Actions<'static> = Actions {
    checkout: "11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2",
    upload: "ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    download: "d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
};

#[derive(Serialize)]
struct Build {
    platform: String,
    /// The platform as part of a name.
    artifact: String,
    runner: &'static str,
    /// Whether the runner is of the platform's architecture.
    native: bool,
}

#[derive(Serialize)]
struct Install {
    /// How later steps find the program.
    path: &'static str,
}

/// The workflow of GitHub Actions.
pub(super) fn github(images: &[Outline], choices: &Choices) -> Result<Sheet, ScaffoldError> {
    // https://docs.github.com/actions/reference/runners/github-hosted-runners
    let runners = Runners { amd64: "ubuntu-24.04", arm64: "ubuntu-24.04-arm" };
    let path = r#"echo "$folder/$name" >> "$GITHUB_PATH""#;
    let values = values(images, choices, &runners, path, "layouts/", "")?;
    Ok(Sheet::ours(Part::Github, ".github/workflows/crossdock.yml", fill("github.yml", &values)?))
}

/// The pipeline of GitLab.
pub(super) fn gitlab(
    images: &[Outline],
    choices: &Choices,
    language: Language,
) -> Result<Sheet, ScaffoldError> {
    // https://docs.gitlab.com/ci/runners/hosted_runners/linux/
    let runners = Runners { amd64: "saas-linux-small-amd64", arm64: "saas-linux-small-arm64" };
    let path = r#"export PATH="$folder/$name:$PATH""#;
    let image = match language {
        Language::Go => "golang:1",
        Language::Rust => "rust:1",
    };
    let values = values(images, choices, &runners, path, "", image)?;
    Ok(Sheet::ours(Part::Gitlab, ".gitlab-ci.yml", fill("gitlab.yml", &values)?))
}

struct Runners {
    amd64: &'static str,
    arm64: &'static str,
}

fn values(
    images: &[Outline],
    choices: &Choices,
    runners: &Runners,
    path: &'static str,
    below: &str,
    image: &'static str,
) -> Result<Values<'static>, ScaffoldError> {
    let mut builds: Vec<Build> = Vec::new();
    for platform in images.iter().flat_map(|image| &image.platforms) {
        let build = build(platform, runners);
        if !builds.iter().any(|known| known.platform == build.platform) {
            builds.push(build);
        }
    }
    let verify = images.iter().flat_map(|image| {
        image.platforms.iter().map(move |platform| {
            let folder = format!("layouts-{}/{below}{}", slug(platform), image.name);
            format!("crossdock verify {folder} --for {platform} --strict")
        })
    });
    Ok(Values {
        version: VERSION,
        archives: choices.archives(),
        check: choices.check(),
        install: fill("install.sh", &Install { path })?,
        image,
        verify: verify.collect(),
        builds,
        actions: ACTIONS,
    })
}

fn build(platform: &Platform, runners: &Runners) -> Build {
    let (runner, native) = match platform.architecture().as_str() {
        "amd64" | "386" => (runners.amd64, true),
        "arm64" => (runners.arm64, true),
        _ => (runners.amd64, false),
    };
    Build { platform: platform.to_string(), artifact: slug(platform), runner, native }
}
