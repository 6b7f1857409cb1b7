//! The command line, as clap reads it.

use std::ffi::OsString;

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crossdock::config::parse_jobs;

use crate::error::EXIT_CODES;

/// Builds Go and Rust programs for every platform, assembles multi-architecture images of them without a container
/// engine, and verifies that each program will start on its nodes before anything is tagged.
#[derive(Debug, Parser)]
#[command(name = "crossdock", version, about, after_help = exit_codes(), propagate_version = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Run as if started in this folder.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(crate) directory: Option<Utf8PathBuf>,
    /// Read this configuration instead of the nearest crossdock.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<Utf8PathBuf>,
    /// Answer in JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: commands with their environment, all output of compilers.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what would be built and how; compiles nothing.
    Plan(PlanCommand),
    /// Compile and assemble; verify and tag nothing.
    Build(BuildCommand),
    /// Judge images or programs, whoever built them; without a subject this project's built images.
    Verify(VerifyCommand),
    /// Point this project's tags at its built images, once they are verified.
    Tag(TagCommand),
    /// Build, verify and tag.
    Dist(DistCommand),
    /// Write what a project needs to be built, verified, deployed and checked: crossdock.toml, an xtask crate (Rust),
    /// Dockerfiles, pipelines, manifests. What a person has edited stays.
    Init(InitCommand),
    /// List every tool that the plan needs and what brings the missing ones.
    Doctor(DoctorCommand),
    /// Print what a container engine builds this project's images from.
    #[command(subcommand)]
    Render(RenderCommand),
    /// Say what in Dockerfiles ships a program that cannot start.
    Lint(LintCommand),
    /// Read the configuration and say what it means.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after the cache.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Explain any description of a platform, a toolchain's target or a machine.
    Target(TargetCommand),
    /// Print the variables of a cross build, for a shell or another build system to evaluate.
    Env(EnvCommand),
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
pub(crate) struct SelectionArgs {
    /// Build for these platforms, as linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) platform: Vec<String>,
    /// Judge the result against these nodes, and build for them unless --platform says otherwise: a platform, a node
    /// type as m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) nodes: Vec<String>,
    /// Only these images.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) image: Vec<String>,
    /// Write image layouts below this folder instead of target/crossdock (Cargo) or dist (Go).
    #[arg(long, value_name = "DIR", help_heading = "What is built")]
    pub(crate) output: Option<Utf8PathBuf>,
    /// Tag templates instead of the configured ones.
    #[arg(long, value_name = "TEMPLATE", help_heading = "What is built")]
    pub(crate) tag: Vec<String>,
    /// The repository instead of the configured one; with several images their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is built")]
    pub(crate) repository: Option<String>,
}

/// How it is built.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    /// Also pack the programs as release archives with SHA256SUMS; then platforms without containers, as darwin/arm64,
    /// are built too.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) pack: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// What is done with images, newly built or there already.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct FinishArgs {
    /// Run this many things side by side; the number of processors by default.
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, help_heading = "How it is built")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Let no tool reach the network.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) offline: bool,
    /// Also write one archive per image, which docker, podman, skopeo and ctr load.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) archive: bool,
    /// Also give the image to an engine.
    #[arg(long, value_enum, value_name = "ENGINE", help_heading = "How it is built")]
    pub(crate) load: Option<EngineName>,
}

/// Who builds, and what is handed on to it.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct EngineArgs {
    /// Who compiles and assembles: embedded (crossdock itself), docker, podman, buildx, or buildx=NAME. The result is
    /// verified and tagged alike.
    #[arg(long, value_name = "BUILDER", help_heading = "How an engine builds it")]
    pub(crate) builder: Option<String>,
    #[command(flatten)]
    pub(crate) options: EngineOptionArgs,
}

/// What is handed on to an engine.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct EngineOptionArgs {
    /// Take the base image NAME from an OCI layout instead of a registry; `oci:PATH:TAG` chooses one of several.
    #[arg(long, value_name = "NAME=oci:PATH", help_heading = "How an engine builds it")]
    pub(crate) base_from: Vec<String>,
    /// Set a build argument.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "How an engine builds it")]
    pub(crate) build_arg: Vec<String>,
    /// Hand on a secret by a file or a variable; its value goes nowhere else.
    #[arg(long, value_name = "id=NAME[,src=FILE|,env=VARIABLE]", help_heading = "How an engine builds it")]
    pub(crate) secret: Vec<String>,
    /// Hand on an ssh agent, as default or ID=SOCKET.
    #[arg(long, value_name = "default|ID=SOCKET", help_heading = "How an engine builds it")]
    pub(crate) ssh: Vec<String>,
    /// Read a build cache.
    #[arg(long, value_name = "CACHE", help_heading = "How an engine builds it")]
    pub(crate) cache_from: Vec<String>,
    /// Write a build cache.
    #[arg(long, value_name = "CACHE", help_heading = "How an engine builds it")]
    pub(crate) cache_to: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    Docker,
    Podman,
}

#[derive(Debug, Args)]
pub(crate) struct PlanCommand {
    #[command(flatten)]
    pub(crate) build: BuildArgs,
    /// Plan for another machine: a platform as darwin/arm64, or a file that describes a host.
    #[arg(long, value_name = "PLATFORM|FILE")]
    pub(crate) host: Option<String>,
    /// Draw the steps as a graph.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) graph: Option<GraphFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Mermaid,
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct BuildCommand {
    #[command(flatten)]
    pub(crate) build: BuildArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TagCommand {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How it is judged and told.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Also write the JSON answer to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_file: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DistCommand {
    #[command(flatten)]
    pub(crate) build: BuildCommand,
    /// Install what is missing first, saying each command before it runs.
    #[arg(long)]
    pub(crate) setup: bool,
}

/// How hard verification judges.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct StrictnessArgs {
    /// Take what cannot be proven for a failure.
    #[arg(long, help_heading = "How it is judged")]
    pub(crate) strict: bool,
    /// Judge every program in the image, not only those that the plan put there.
    #[arg(long, help_heading = "How it is judged")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCommand {
    /// A program, an OCI image layout, or an archive of an image; none means this project's images.
    #[arg(value_name = "FILE|LAYOUT|ARCHIVE")]
    pub(crate) subjects: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RenderCommand {
    /// A multi-stage Dockerfile.
    Dockerfile(RenderDockerfileCommand),
    /// A bake file, with which `docker buildx bake` builds all images.
    Bake(RenderBakeCommand),
}

/// What is rendered.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Only these images.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) image: Vec<String>,
    /// For these platforms, as linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// For these nodes, unless --platform says otherwise: a platform, a node type as m5.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// One file for all platforms, compiled on the builder's own; or one file fixed to each platform.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) mode: Option<ModeName>,
    /// Let no tool reach the network.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Replace files that crossdock did not make or that were changed since; a copy is kept beside each.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeName {
    Cross,
    Fixed,
}

#[derive(Debug, Args)]
pub(crate) struct RenderDockerfileCommand {
    #[command(flatten)]
    pub(crate) render: RenderArgs,
    /// Write it there, and its .dockerignore beside it as PATH.dockerignore; into a folder every Dockerfile that the
    /// call means.
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<Utf8PathBuf>,
    /// Which builder will read it.
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = FrontendName::Buildkit)]
    pub(crate) engine: FrontendName,
    /// The platform of the machine that builds, for the classic builder, which builds for no other; this one by default.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrontendName {
    /// BuildKit, in docker and buildx, and podman's buildah.
    Buildkit,
    /// docker's builder without BuildKit.
    Classic,
}

#[derive(Debug, Args)]
pub(crate) struct RenderBakeCommand {
    #[command(flatten)]
    pub(crate) render: RenderArgs,
    /// Write bake.json there, and beside it the Dockerfiles with their .dockerignore files, which otherwise stand in the
    /// bake file.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) options: EngineOptionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LintCommand {
    /// The files; - reads standard input.
    #[arg(value_name = "DOCKERFILE", required = true)]
    pub(crate) files: Vec<Utf8PathBuf>,
    /// In which form findings are printed.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) format: Option<LintFormat>,
    /// The image will run on these nodes: a platform, a node type as m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// The platform of the machine that builds the file.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    Human,
    Json,
    /// For code scanning.
    Sarif,
    /// For annotations in GitHub's workflows.
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct InitCommand {
    /// The project's folder; the working directory when not given.
    pub(crate) path: Option<Utf8PathBuf>,
    /// Begin with a small program, in an empty folder.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) template: Option<Language>,
    /// Only these parts: config, xtask, dockerfile, dockerignore, github, gitlab, kubernetes, readme. In a project with a
    /// scaffold it holds for this call alone.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) only: Vec<String>,
    /// All parts but these, from now on: crossdock.toml remembers it.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) without: Vec<String>,
    /// Where the xtask crate takes crossdock from: path:DIR, git:URL, registry or registry:VERSION.
    #[arg(long, value_name = "SOURCE", help_heading = "What is written")]
    pub(crate) crossdock: Option<String>,
    /// Where pipelines find crossdock's release archives and their SHA256SUMS.
    #[arg(long, value_name = "URL", help_heading = "What is written")]
    pub(crate) archives: Option<String>,
    /// Where images will run: platforms, or node types as m7g.large; linux/amd64 and linux/arm64 when not given.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) nodes: Vec<String>,
    /// Ports on which the program listens, as 8080 or 53/udp.
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) expose: Vec<String>,
    /// The image's repository, as registry.example/team/name; with several images their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is written")]
    pub(crate) repository: Option<String>,
    /// Also replace files that were edited or written by hand; each is kept as NAME.orig.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) force: bool,
    /// Print a unified diff of what would change, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) diff: bool,
    /// Write nothing, and end with 1 when a generated file is missing, stale or edited.
    #[arg(long, help_heading = "How it is written", conflicts_with = "force")]
    pub(crate) check: bool,
    /// Say what would be written, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) dry_run: bool,
    /// Let no tool reach the network.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Install what is missing.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Consent to every change of the system.
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct TargetCommand {
    /// Platforms, triples, machine types, architecture names of any tool.
    #[arg(value_name = "DESCRIPTION", required_unless_present = "stdin")]
    pub(crate) descriptions: Vec<OsString>,
    /// Read them in this vocabulary alone; `target list` names them.
    #[arg(long = "as", value_name = "VOCABULARY")]
    pub(crate) vocabulary: Option<String>,
    /// Read JSON lines {"vocabulary": …, "input": …} and answer one line each.
    #[arg(long, conflicts_with_all = ["descriptions", "vocabulary"])]
    pub(crate) stdin: bool,
    #[command(subcommand)]
    pub(crate) command: Option<TargetSubcommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TargetSubcommand {
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
pub(crate) struct EnvCommand {
    /// What to build for: a platform, a machine, or any other description.
    pub(crate) description: OsString,
    /// The language.
    #[arg(long, value_enum)]
    pub(crate) lang: Language,
    /// Whether the program carries its libraries: static unless the platform has no static programs.
    #[arg(long, value_enum)]
    pub(crate) linkage: Option<LinkageName>,
    /// Who evaluates it: sh unless it is said; --json is json.
    #[arg(long, value_enum)]
    pub(crate) shell: Option<ShellName>,
    /// Read the description in this vocabulary alone.
    #[arg(long = "as", value_name = "VOCABULARY")]
    pub(crate) vocabulary: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Go,
    Rust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkageName {
    Static,
    Dynamic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
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
pub(crate) enum ConfigCommand {
    /// Read the configuration and say what it means.
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
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
