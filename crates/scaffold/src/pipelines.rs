//! The pipelines of GitHub and GitLab: a leg for each platform, the merge of the legs, and verification before the tags. Each
//! has at most 29 lines besides comments; the script that it calls gets crossdock.

use std::collections::BTreeSet;

use crossdock_oci::Repository;
use serde::Serialize;

use super::desired_file::{DesiredFile, render_template};
use super::error::ScaffoldError;
use super::image_files::ImageSummary;
use super::matrix::Forge;
use super::options::{Part, VERSION};
use super::resolved_options::{PipelineInstall, RememberedOptions};
use crossdock_project::Language;
use crossdock_project::config::Config;
use crossdock_system::process::quote;

/// The path of the GitHub Actions workflow.
pub(super) const GITHUB_WORKFLOW: &str = ".github/workflows/crossdock.yml";
/// The path of the GitLab pipeline.
pub(super) const GITLAB_PIPELINE: &str = ".gitlab-ci.yml";
/// The path of the script that the workflow calls.
const GITHUB_SCRIPT: &str = ".github/crossdock.sh";
/// The path of the script that the GitLab pipeline calls.
const GITLAB_SCRIPT: &str = ".gitlab/crossdock.sh";

/// GitHub's actions, pinned to commits: a tag can be moved. The version follows.
const CHECKOUT: (&str, &str) = ("actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "v4.2.2");
const CACHE: (&str, &str) = ("actions/cache@5a3ec84eff668545956fd18022155c47e93e2684", "v4.2.3");
const UPLOAD: (&str, &str) = ("actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2");
const DOWNLOAD: (&str, &str) =
    ("actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093", "v4.3.0");

/// The facts that a pipeline depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pipeline<'a> {
    pub(super) config: &'a Config,
    pub(super) images: &'a [ImageSummary],
    pub(super) language: Language,
    pub(super) install: &'a PipelineInstall,
}

/// Returns the GitHub Actions workflow and its script.
pub(super) fn github_workflow(
    pipeline: &Pipeline<'_>,
    remembered: &RememberedOptions,
) -> Result<[DesiredFile; 2], ScaffoldError> {
    let body = render_template("github.yml", &github_values(pipeline, remembered))?;
    let script = script(pipeline, Forge::Github)?;
    Ok([
        DesiredFile::generated(Part::Github, GITHUB_WORKFLOW, body),
        DesiredFile::generated(Part::Github, GITHUB_SCRIPT, script),
    ])
}

/// Returns the GitLab pipeline and its script.
pub(super) fn gitlab_pipeline(
    pipeline: &Pipeline<'_>,
    remembered: &RememberedOptions,
) -> Result<[DesiredFile; 2], ScaffoldError> {
    let body = render_template("gitlab.yml", &gitlab_values(pipeline, remembered))?;
    let script = script(pipeline, Forge::Gitlab)?;
    Ok([
        DesiredFile::generated(Part::Gitlab, GITLAB_PIPELINE, body),
        DesiredFile::generated(Part::Gitlab, GITLAB_SCRIPT, script),
    ])
}

#[derive(Serialize)]
struct GithubValues {
    script: String,
    check: String,
    /// Secrets that a person has to set.
    secrets: Vec<String>,
    writes_packages: bool,
    /// The repository that images without a configured one are pushed to.
    prefix: Option<&'static str>,
    /// The content of the variable DOCKER_AUTH_CONFIG.
    auth: String,
    publishes: &'static str,
    checkout: String,
    cache: String,
    upload: String,
    download: String,
    build: String,
    merge: String,
}

fn github_values(pipeline: &Pipeline<'_>, remembered: &RememberedOptions) -> GithubValues {
    let script = format!("sh {GITHUB_SCRIPT}");
    let registries = pipeline.registries("ghcr.io");
    let publishes = "github.ref_type == 'tag' || github.ref_name == github.event.repository.default_branch";
    let history = if pipeline.versions_come_from_tags() { "fetch-depth: 0, " } else { "" };
    let (paths, lock) = match pipeline.language {
        Language::Go => (r"~/.cache/go-build\n~/go/pkg/mod", "**/go.sum"),
        Language::Rust => {
            (r"~/.cargo/registry/index\n~/.cargo/registry/cache\n~/.cargo/git/db\ntarget", "**/Cargo.lock")
        }
    };
    let key = "crossdock-${{ matrix.artifact }}-";
    let file = "${{ matrix.artifact }}.json";
    GithubValues {
        check: format!("{script} {}", remembered.check_arguments(pipeline.install)),
        secrets: registries.iter().filter_map(Registry::stored).flatten().collect(),
        writes_packages: registries.iter().any(|registry| registry.login == Login::Forge),
        prefix: (!pipeline.repositories_are_configured()).then_some("ghcr.io/${{ github.repository }}"),
        auth: github_auth(&registries),
        publishes,
        checkout: action(CHECKOUT, &format!("{history}persist-credentials: false")),
        cache: action(
            CACHE,
            &format!(r#"path: "{paths}", key: "{key}${{{{ hashFiles('{lock}') }}}}", restore-keys: "{key}""#),
        ),
        upload: action(
            UPLOAD,
            &format!(
                r#"name: "leg-${{{{ matrix.artifact }}}}", path: "${{{{ runner.temp }}}}/{file}", if-no-files-found: error"#
            ),
        ),
        download: action(
            DOWNLOAD,
            r#"pattern: leg-*, merge-multiple: true, path: "${{ runner.temp }}/legs""#,
        ),
        build: format!(
            "{} --platform ${{{{ matrix.platform }}}} --image ${{{{ matrix.images }}}} --metadata-file \"$RUNNER_TEMP/{file}\" \
             ${{{{ ({publishes}) && '--push --by-digest' || '' }}}}",
            dist(&script)
        ),
        // The workflow's shell is bash, which ends at a command that fails.
        merge: pipeline.merge(&script, "${CROSSDOCK_REPOSITORY,,}", "\"$RUNNER_TEMP\"/legs/*.json"),
        script,
    }
}

/// Returns a step that uses an action.
fn action((uses, version): (&str, &str), with: &str) -> String {
    format!("{{ uses: {uses}, with: {{ {with} }} }} # {version}")
}

/// Returns the content of DOCKER_AUTH_CONFIG, which docker, podman and crossdock read. Nothing is written to a disk.
fn github_auth(registries: &[Registry]) -> String {
    let entries = registries.iter().map(|registry| {
        let [user, password] = match registry.stored() {
            None => ["${{ github.actor }}", "${{ github.token }}"].map(|word| format!("\"{word}\"")),
            // A password may hold what JSON has to escape.
            Some(names) => names.map(|name| format!("${{{{ toJSON(secrets.{name}) }}}}")),
        };
        format!(r#""{}":{{"username":{user},"password":{password}}}"#, registry.host)
    });
    format!(r#"{{"auths":{{{}}}}}"#, entries.collect::<Vec<_>>().join(","))
}

#[derive(Serialize)]
struct GitlabValues {
    script: String,
    check: String,
    /// Variables that a person has to set.
    secrets: Vec<String>,
    image: &'static str,
    variables: String,
    /// The commands that log in to the registries.
    logins: Vec<String>,
    publishes: &'static str,
    cache: String,
    build: String,
    merge: String,
}

fn gitlab_values(pipeline: &Pipeline<'_>, remembered: &RememberedOptions) -> GitlabValues {
    let script = format!("sh {GITLAB_SCRIPT}");
    let registries = pipeline.registries("registry.gitlab.com");
    // A cache has to be inside of the clone.
    let (image, places, lock, paths) = match pipeline.language {
        Language::Go => (
            "golang:1",
            "GOCACHE: $CI_PROJECT_DIR/.gitlab/cache/go-build, GOMODCACHE: $CI_PROJECT_DIR/.gitlab/cache/go-mod",
            "go.sum",
            ".gitlab/cache/go-build, .gitlab/cache/go-mod",
        ),
        Language::Rust => (
            "rust:1",
            "CARGO_HOME: $CI_PROJECT_DIR/.gitlab/cache/cargo",
            "Cargo.lock",
            ".gitlab/cache/cargo, target",
        ),
    };
    let repository = "CROSSDOCK_REPOSITORY: $CI_REGISTRY_IMAGE";
    let variables = [
        pipeline.versions_come_from_tags().then_some("GIT_DEPTH: \"0\""),
        (!pipeline.repositories_are_configured()).then_some(repository),
        Some(places),
    ];
    GitlabValues {
        check: format!("{script} {}", remembered.check_arguments(pipeline.install)),
        secrets: registries.iter().filter_map(Registry::stored).flatten().collect(),
        image,
        variables: variables.into_iter().flatten().collect::<Vec<_>>().join(", "),
        logins: registries.iter().map(|registry| gitlab_login(&script, registry)).collect(),
        publishes: "$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
        cache: format!("{{ key: {{ files: [{lock}], prefix: $ARTIFACT }}, paths: [{paths}] }}"),
        build: format!(
            "{} --platform $PLATFORM --image $IMAGES --metadata-file .gitlab/cache/legs/$ARTIFACT.json $PUSH",
            dist(&script)
        ),
        // The runner's shell ends at a command that fails.
        merge: pipeline.merge(&script, "$CROSSDOCK_REPOSITORY", ".gitlab/cache/legs/*.json"),
        script,
    }
}

fn gitlab_login(script: &str, registry: &Registry) -> String {
    let host = if registry.login == Login::Forge { "\"$CI_REGISTRY\"" } else { &registry.host };
    let given = || ["CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"].map(str::to_owned);
    let [user, password] = registry.stored().unwrap_or_else(given);
    format!(r#"echo "${password}" | {script} login {host} --username "${user}" --password-stdin"#)
}

/// Returns the beginning of the command that builds a leg.
fn dist(script: &str) -> String {
    format!("{script} dist --setup --strict")
}

/// A registry, and the credentials for it.
struct Registry {
    host: String,
    login: Login,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    /// Those that the forge gives to each job.
    Forge,
    /// Those that a person has stored under `REGISTRY_USER` and `REGISTRY_PASSWORD`, each with a suffix.
    Stored { suffix: String },
}

impl Registry {
    /// Returns the names of the stored user and password; `None` if the forge gives them.
    fn stored(&self) -> Option<[String; 2]> {
        match &self.login {
            Login::Forge => None,
            Login::Stored { suffix } => {
                Some(["USER", "PASSWORD"].map(|word| format!("REGISTRY_{word}{suffix}")))
            }
        }
    }
}

impl Pipeline<'_> {
    /// Returns whether each image has a repository in a registry, so that the forge's own is not needed.
    fn repositories_are_configured(&self) -> bool {
        self.images.iter().all(|image| image.repository.contains('/'))
    }

    /// Returns the registries of the images.
    fn registries(&self, forge: &str) -> Vec<Registry> {
        let host = |image: &ImageSummary| {
            let name = image.repository.parse::<Repository>().ok()?.full_name();
            name.split_once('/').map(|(host, _)| host.to_owned())
        };
        let hosts: BTreeSet<String> = match self.repositories_are_configured() {
            true => self.images.iter().filter_map(host).collect(),
            false => BTreeSet::from([forge.to_owned()]),
        };
        let stored = hosts.iter().filter(|host| *host != forge).count();
        let login = |host: &str| {
            let plain =
                |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
            match host {
                _ if host == forge => Login::Forge,
                _ if stored == 1 => Login::Stored { suffix: String::new() },
                // Each registry has its own: a password of one must not be sent to another.
                _ => Login::Stored { suffix: format!("_{}", host.chars().map(plain).collect::<String>()) },
            }
        };
        hosts.iter().map(|host| Registry { login: login(host), host: host.clone() }).collect()
    }

    /// Returns whether a shallow clone, which lacks tags, would give other versions.
    fn versions_come_from_tags(&self) -> bool {
        self.language == Language::Go || self.config.images.iter().any(|image| image.reads_git_tags())
    }

    /// Returns the shell command that merges the legs of each image and gives the tags to what is verified. A shell that ends
    /// at a failing command runs it.
    fn merge(&self, script: &str, prefix: &str, legs: &str) -> String {
        let one = |repository: &str, image: &str| {
            format!(
                "index=\"$({script} index create {image}{repository} {legs})\"; {script} promote --strict \"$index\""
            )
        };
        let is_configured = self.repositories_are_configured();
        match self.images {
            [image] if is_configured => one(&quote(&image.repository), ""),
            [_] => one(&format!("\"{prefix}\""), ""),
            images if is_configured => {
                let each = images
                    .iter()
                    .map(|image| one(&quote(&image.repository), &format!("--image {} ", quote(&image.name))));
                each.collect::<Vec<_>>().join("; ")
            }
            images => {
                let names: Vec<String> = images.iter().map(|image| quote(&image.name)).collect();
                let body = one(&format!("\"{prefix}/$image\""), "--image \"$image\" ");
                format!("for image in {}; do {body}; done", names.join(" "))
            }
        }
    }
}

#[derive(Serialize)]
struct ScriptValues {
    version: &'static str,
    /// The address of the archives, quoted for the shell; `None` if crossdock is built from its source.
    archives: Option<String>,
    /// The arguments of `cargo install` that name the source.
    arguments: String,
    /// Whether the image lacks rustup.
    needs_rust: bool,
    /// Whether the forge's names may have capitals.
    has_capitals: bool,
    /// A directory of the clone that git must not see.
    hidden: Option<&'static str>,
    /// The directory of the program, as a word of the shell: empty when a job begins, and outside of what git sees.
    directory: &'static str,
}

/// Returns the script that gets crossdock and runs it.
fn script(pipeline: &Pipeline<'_>, forge: Forge) -> Result<String, ScaffoldError> {
    let (archives, arguments) = match pipeline.install {
        PipelineInstall::Archives(url) => (Some(quote(url)), String::new()),
        PipelineInstall::Source(source) => (None, source.install_arguments()),
    };
    let (hidden, directory) = match forge {
        // https://docs.github.com/actions/reference/workflows-and-actions/variables: emptied for each job.
        Forge::Github => (None, "\"$RUNNER_TEMP/crossdock\""),
        // Between jobs, the runner removes files that git ignores.
        Forge::Gitlab => (Some(".gitlab/cache"), ".gitlab/cache/crossdock"),
    };
    let values = ScriptValues {
        version: VERSION,
        archives,
        arguments,
        // GitHub's runners have rustup.
        needs_rust: forge == Forge::Gitlab && pipeline.language == Language::Go,
        has_capitals: forge == Forge::Github && !pipeline.repositories_are_configured(),
        hidden,
        directory,
    };
    render_template("crossdock.sh", &values)
}
