//! The command line, as clap reads it.

use std::ffi::OsString;

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::error::EXIT_CODES;
use crossdock_project::config::jobs_of;

/// Builds Go and Rust programs for every platform, assembles multi-architecture images of them without a container
/// engine, and verifies that each program will start on its nodes before anything is tagged.
#[derive(Debug, Parser)]
#[command(name = "crossdock", version, about, after_help = exit_codes(), propagate_version = false)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Run as if started in this folder.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(super) directory: Option<Utf8PathBuf>,
    /// Read this configuration instead of the nearest crossdock.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<Utf8PathBuf>,
    /// Answer in JSON on standard output.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say only what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more: commands with their environment, all output of compilers.
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what would be built and how, and run nothing.
    Plan(PlanArguments),
    /// Compile and assemble; verify and tag nothing.
    Build(BuildArguments),
    /// Judge images or programs, whoever built them; without a subject this project's built images.
    Verify(VerifyArguments),
    /// Point this project's tags at its built images, once they are verified.
    Tag(TagArguments),
    /// Build, verify and tag.
    Dist(DistArguments),
    /// Write what a project needs to be built, verified, deployed and checked: crossdock.toml, an xtask crate (Rust),
    /// Dockerfiles, pipelines, manifests. What a person has edited stays.
    Init(InitArguments),
    /// List every tool that the plan needs and what brings the missing ones.
    Doctor(DoctorArguments),
    /// Print what a container engine builds this project's images from.
    #[command(subcommand)]
    Render(RenderCommand),
    /// Say what in Dockerfiles ships a program that cannot start.
    Lint(LintArguments),
    /// Read the configuration and say what it means.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after the cache.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Explain any description of a platform, a toolchain's target or a machine.
    Target(TargetArguments),
    /// Print the variables of a cross build, for a shell or another build system to evaluate.
    Env(EnvArguments),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the version.
    Version,
}

/// What is built and for which nodes.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Selection {
    /// Build for these platforms, as linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = "What is built")]
    pub(super) platform: Vec<String>,
    /// Judge the result against these nodes, and build for them unless --platform says otherwise: a platform, a node
    /// type as m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is built")]
    pub(super) nodes: Vec<String>,
    /// Only these images.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "What is built")]
    pub(super) image: Vec<String>,
    /// Write image layouts below this folder instead of target/crossdock (Cargo) or dist (Go).
    #[arg(long, value_name = "DIR", help_heading = "What is built")]
    pub(super) output: Option<Utf8PathBuf>,
    /// Tag templates instead of the configured ones.
    #[arg(long, value_name = "TEMPLATE", help_heading = "What is built")]
    pub(super) tag: Vec<String>,
    /// The repository instead of the configured one; with several images their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is built")]
    pub(super) repository: Option<String>,
}

/// How it is built.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Building {
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) finishing: Finishing,
    /// Also pack the programs as release archives with SHA256SUMS; then platforms without containers, as darwin/arm64,
    /// are built too.
    #[arg(long, help_heading = "How it is built")]
    pub(super) pack: bool,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
}

/// What is done with images, newly built or there already.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Finishing {
    /// Run this many things side by side; the number of processors by default.
    #[arg(short, long, value_name = "N", value_parser = jobs_of, help_heading = "How it is built")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Let no tool reach the network.
    #[arg(long, help_heading = "How it is built")]
    pub(super) offline: bool,
    /// Also write one archive per image, which docker, podman, skopeo and ctr load.
    #[arg(long, help_heading = "How it is built")]
    pub(super) archive: bool,
    /// Also give the image to an engine.
    #[arg(long, value_enum, value_name = "ENGINE", help_heading = "How it is built")]
    pub(super) load: Option<EngineName>,
}

/// Who builds, and what is handed on to it.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct EngineArguments {
    /// Who compiles and assembles: embedded (crossdock itself), docker, podman, buildx, or buildx=NAME. The result is
    /// verified and tagged alike.
    #[arg(long, value_name = "BUILDER", help_heading = "How an engine builds it")]
    pub(super) builder: Option<String>,
    #[command(flatten)]
    pub(super) handed: HandedOn,
}

/// What is handed on to an engine.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct HandedOn {
    /// Take the base image NAME from an OCI layout instead of a registry; `oci:PATH:TAG` chooses one of several.
    #[arg(long, value_name = "NAME=oci:PATH", help_heading = "How an engine builds it")]
    pub(super) base_from: Vec<String>,
    /// Set a build argument.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "How an engine builds it")]
    pub(super) build_arg: Vec<String>,
    /// Hand on a secret by a file or a variable; its value goes nowhere else.
    #[arg(long, value_name = "id=NAME[,src=FILE|,env=VARIABLE]", help_heading = "How an engine builds it")]
    pub(super) secret: Vec<String>,
    /// Hand on an ssh agent, as default or ID=SOCKET.
    #[arg(long, value_name = "default|ID=SOCKET", help_heading = "How an engine builds it")]
    pub(super) ssh: Vec<String>,
    /// Read a build cache.
    #[arg(long, value_name = "CACHE", help_heading = "How an engine builds it")]
    pub(super) cache_from: Vec<String>,
    /// Write a build cache.
    #[arg(long, value_name = "CACHE", help_heading = "How an engine builds it")]
    pub(super) cache_to: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineName {
    Docker,
    Podman,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) building: Building,
    /// Plan for another machine: a platform as darwin/arm64, or a file that describes a host.
    #[arg(long, value_name = "PLATFORM|FILE")]
    pub(super) host: Option<String>,
    /// Draw the steps as a graph.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(super) graph: Option<GraphFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    Mermaid,
    Dot,
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    #[command(flatten)]
    pub(super) building: Building,
    #[command(flatten)]
    pub(super) telling: Telling,
}

#[derive(Debug, Args)]
pub(super) struct TagArguments {
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) finishing: Finishing,
    #[command(flatten)]
    pub(super) telling: Telling,
}

/// How it is judged and told.
#[derive(Debug, Args)]
pub(super) struct Telling {
    /// Also write the JSON answer to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) metadata_file: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(super) strictness: Strictness,
}

#[derive(Debug, Args)]
pub(super) struct DistArguments {
    #[command(flatten)]
    pub(super) build: BuildArguments,
    /// Install what is missing first, saying each command before it runs.
    #[arg(long)]
    pub(super) setup: bool,
}

/// How hard verification judges.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(super) struct Strictness {
    /// Take what cannot be proven for a failure.
    #[arg(long, help_heading = "How it is judged")]
    pub(super) strict: bool,
    /// Judge every program in the image, not only those that the plan put there.
    #[arg(long, help_heading = "How it is judged")]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// A program, an OCI image layout, or an archive of an image; none means this project's images.
    #[arg(value_name = "FILE|LAYOUT|ARCHIVE")]
    pub(super) subjects: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) strictness: Strictness,
}

#[derive(Debug, Subcommand)]
pub(super) enum RenderCommand {
    /// A multi-stage Dockerfile.
    Dockerfile(RenderDockerfileArguments),
    /// A bake file, with which `docker buildx bake` builds all images.
    Bake(RenderBakeArguments),
}

/// What is rendered.
#[derive(Debug, Args)]
pub(super) struct Rendering {
    /// Only these images.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) image: Vec<String>,
    /// For these platforms, as linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(super) platform: Vec<String>,
    /// For these nodes, unless --platform says otherwise: a platform, a node type as m5.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(super) nodes: Vec<String>,
    /// One file for all platforms, compiled on the builder's own; or one file fixed to each platform.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) mode: Option<ModeName>,
    /// Let no tool reach the network.
    #[arg(long)]
    pub(super) offline: bool,
    /// Replace files that crossdock did not make or that were changed since; a copy is kept beside each.
    #[arg(long, requires = "output")]
    pub(super) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeName {
    Cross,
    Fixed,
}

#[derive(Debug, Args)]
pub(super) struct RenderDockerfileArguments {
    #[command(flatten)]
    pub(super) rendering: Rendering,
    /// Write it there, and its .dockerignore beside it as PATH.dockerignore; into a folder every Dockerfile that the
    /// call means.
    #[arg(long, value_name = "PATH")]
    pub(super) output: Option<Utf8PathBuf>,
    /// Which builder will read it.
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = FrontendName::Buildkit)]
    pub(super) engine: FrontendName,
    /// The platform of the machine that builds, for the classic builder, which builds for no other; this one by default.
    #[arg(long, value_name = "PLATFORM")]
    pub(super) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FrontendName {
    /// BuildKit, in docker and buildx, and podman's buildah.
    Buildkit,
    /// docker's builder without BuildKit.
    Classic,
}

#[derive(Debug, Args)]
pub(super) struct RenderBakeArguments {
    #[command(flatten)]
    pub(super) rendering: Rendering,
    /// Write bake.json there, and beside it the Dockerfiles with their .dockerignore files, which otherwise stand in the
    /// bake file.
    #[arg(long, value_name = "DIR")]
    pub(super) output: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(super) handed: HandedOn,
}

#[derive(Debug, Args)]
pub(super) struct LintArguments {
    /// The files; - reads standard input.
    #[arg(value_name = "DOCKERFILE", required = true)]
    pub(super) files: Vec<Utf8PathBuf>,
    /// In which form findings are printed.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(super) format: Option<LintFormat>,
    /// The image will run on these nodes: a platform, a node type as m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(super) nodes: Vec<String>,
    /// The platform of the machine that builds the file.
    #[arg(long, value_name = "PLATFORM")]
    pub(super) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LintFormat {
    Human,
    Json,
    /// For code scanning.
    Sarif,
    /// For annotations in GitHub's workflows.
    Github,
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The project's folder; the working directory when not given.
    pub(super) path: Option<Utf8PathBuf>,
    /// Begin with a small program, in an empty folder.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(super) template: Option<Language>,
    /// Only these parts: config, xtask, dockerfile, dockerignore, github, gitlab, kubernetes, readme. In a project with a
    /// scaffold it holds for this call alone.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(super) only: Vec<String>,
    /// All parts but these, from now on: crossdock.toml remembers it.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(super) without: Vec<String>,
    /// Where the xtask crate takes crossdock from: path:DIR, git:URL, registry or registry:VERSION.
    #[arg(long, value_name = "SOURCE", help_heading = "What is written")]
    pub(super) crossdock: Option<String>,
    /// Where pipelines find crossdock's release archives and their SHA256SUMS.
    #[arg(long, value_name = "URL", help_heading = "What is written")]
    pub(super) archives: Option<String>,
    /// Where images will run: platforms, or node types as m7g.large; linux/amd64 and linux/arm64 when not given.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is written")]
    pub(super) nodes: Vec<String>,
    /// Ports on which the program listens, as 8080 or 53/udp.
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "What is written")]
    pub(super) expose: Vec<String>,
    /// The image's repository, as registry.example/team/name; with several images their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is written")]
    pub(super) repository: Option<String>,
    /// Also replace files that were edited or written by hand; each is kept as NAME.orig.
    #[arg(long, help_heading = "How it is written")]
    pub(super) force: bool,
    /// Print a unified diff of what would change, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(super) diff: bool,
    /// Write nothing, and end with 1 when a generated file is missing, stale or edited.
    #[arg(long, help_heading = "How it is written", conflicts_with = "force")]
    pub(super) check: bool,
    /// Say what would be written, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(super) dry_run: bool,
    /// Let no tool reach the network.
    #[arg(long, help_heading = "How it is written")]
    pub(super) offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    /// Install what is missing.
    #[arg(long)]
    pub(super) fix: bool,
    /// Consent to every change of the system.
    #[arg(long, requires = "fix")]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct TargetArguments {
    /// Platforms, triples, machine types, architecture names of any tool.
    #[arg(value_name = "DESCRIPTION", required_unless_present = "stdin")]
    pub(super) descriptions: Vec<OsString>,
    /// Read them in this vocabulary alone; `target list` names them.
    #[arg(long = "as", value_name = "VOCABULARY")]
    pub(super) vocabulary: Option<String>,
    /// Read JSON lines {"vocabulary": …, "input": …} and answer one line each.
    #[arg(long, conflicts_with_all = ["descriptions", "vocabulary"])]
    pub(super) stdin: bool,
    #[command(subcommand)]
    pub(super) command: Option<TargetCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TargetCommand {
    /// List the vocabularies, or the names of one.
    List {
        /// The vocabulary.
        #[arg(long, value_name = "VOCABULARY")]
        vocabulary: Option<String>,
    },
    /// Say what this machine is: the process, the kernel, its programs and its container engines.
    Host,
    /// Say which platforms a host accepts, best first, as containerd decides it.
    Match {
        /// The host: a platform, or any machine.
        #[arg(required_unless_present = "stdin")]
        host: Option<String>,
        /// The platforms.
        #[arg(value_name = "PLATFORM", required_unless_present = "stdin")]
        platforms: Vec<String>,
        /// Read the host in this vocabulary alone.
        #[arg(long = "as", value_name = "VOCABULARY", conflicts_with = "stdin")]
        vocabulary: Option<String>,
        /// Read JSON lines {"host": …, "platforms": […]}, with a "vocabulary" if need be, and answer one line each.
        #[arg(long, conflicts_with_all = ["host", "platforms"])]
        stdin: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct EnvArguments {
    /// What to build for: a platform, a machine, or any other description.
    pub(super) description: OsString,
    /// The language.
    #[arg(long, value_enum)]
    pub(super) lang: Language,
    /// Whether the program carries its libraries: static unless the platform has no static programs.
    #[arg(long, value_enum)]
    pub(super) linkage: Option<LinkageName>,
    /// Who evaluates it: sh unless it is said; --json is json.
    #[arg(long, value_enum)]
    pub(super) shell: Option<ShellName>,
    /// Read the description in this vocabulary alone.
    #[arg(long = "as", value_name = "VOCABULARY")]
    pub(super) vocabulary: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Go,
    Rust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LinkageName {
    Static,
    Dynamic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShellName {
    /// sh, bash, zsh.
    Sh,
    Fish,
    Powershell,
    /// A .env file.
    Dotenv,
    /// For the file that $GITHUB_ENV names.
    Github,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration and say what it means.
    Check,
}

#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Where the cache lies and what it holds.
    Info,
    /// Remove what no build of the last days has used.
    Prune {
        /// Keep what was used within this many days; 0 removes everything.
        #[arg(long, default_value_t = 14, value_name = "DAYS")]
        keep_days: u64,
    },
}

fn exit_codes() -> String {
    let lines = EXIT_CODES.map(|(code, meaning)| format!("  {:>3}  {meaning}", code as i32));
    format!("Exit codes:\n{}", lines.join("\n"))
}
