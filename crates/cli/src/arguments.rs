//! The arguments of the command line, parsed by clap. Doc comments are the texts of `--help`.

use std::ffi::OsString;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use crossdock::config::parse_jobs;
use crossdock::platform::Platform;
use crossdock::registry::ImagePath;
use crossdock::run::PublishedPort;

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
    /// Run as if started in this directory.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR", value_parser = path)]
    pub(crate) directory: Option<Utf8PathBuf>,
    /// Read this configuration file instead of the nearest crossdock.toml.
    #[arg(long, global = true, value_name = "FILE", value_parser = path)]
    pub(crate) config: Option<Utf8PathBuf>,
    /// Print JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more: commands with their environment, and all output of compilers.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use color.
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
    /// Compile and assemble images, without verifying or tagging them.
    Build(BuildCommand),
    /// Verify images or programs, whichever tool built them; by default this project's built images.
    Verify(VerifyCommand),
    /// Verify this project's built images and tag them.
    Tag(TagCommand),
    /// Build, verify and tag images, and push them with --push.
    Dist(DistCommand),
    /// Verify and tag this project's built images and push them; or push an OCI image layout or an archive as it is.
    Push(PushCommand),
    /// Pull an image from a registry into an OCI image layout.
    Pull(PullCommand),
    /// Show an image in a registry: its platforms, layers, configuration, annotations, and what is about it.
    Inspect(InspectCommand),
    /// Copy an image, byte for byte, with its signatures and attestations. Nothing is verified.
    Copy(CopyCommand),
    /// Verify an image in a registry now and, if it passes, give it new names: tags of the same bytes, in any registry.
    Promote(PromoteCommand),
    /// Replace the base of an image in a registry without a compiler, verify the result and, if it passes, push it.
    Rebase(RebaseCommand),
    /// Add digests to the images of Kubernetes manifests, kustomizations and Helm values, and print the result for kubectl.
    /// Nothing is built. Only digests are inserted; every other byte stays.
    Resolve(ResolveCommand),
    /// Check a user name and password against a registry, and store them where docker and podman find them too.
    Login(LoginCommand),
    /// Remove the credentials of a registry.
    Logout(LogoutCommand),
    /// Build an image for this machine's container engine and run it there, with its exposed ports published; Ctrl-C stops
    /// it.
    Run(RunCommand),
    /// Merge images that several machines built into one index.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Write the files with which a project is built, verified and deployed: crossdock.toml, an xtask crate (Rust),
    /// Dockerfiles, pipelines, manifests. Edited files are kept.
    Init(InitCommand),
    /// List the tools that the plan needs, and how to install missing ones.
    Doctor(DoctorCommand),
    /// Render the Dockerfiles with which a container engine builds this project's images.
    #[command(subcommand)]
    Render(RenderCommand),
    /// Find mistakes in Dockerfiles that ship a program that cannot start.
    Lint(LintCommand),
    /// Look up the tags of base images again, and write their digests to crossdock.lock.
    Update(UpdateCommand),
    /// Inspect the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Inspect or prune the cache.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Explain a description of a platform, a toolchain's target or a machine.
    Target(TargetCommand),
    /// Print the environment variables of a cross build, for a shell or another build system.
    Env(EnvCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the version.
    Version,
}

/// The images to build, and their platforms and nodes.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct SelectionArgs {
    /// Build for these platforms, e.g. linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) platform: Vec<String>,
    /// Verify for these nodes, and build for them unless --platform is given: a platform, a node type, e.g. m7g.large,
    /// or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) nodes: Vec<String>,
    /// Select these images; all by default.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "What is built")]
    pub(crate) image: Vec<String>,
    /// Build Go programs with or without cgo, whatever the configuration says.
    #[arg(long, value_name = "true|false", help_heading = "What is built")]
    pub(crate) cgo: Option<bool>,
    /// Write image layouts below this directory instead of target/crossdock (Cargo) or .crossdock (Go).
    #[arg(long, value_name = "DIR", help_heading = "What is built", value_parser = path)]
    pub(crate) output: Option<Utf8PathBuf>,
    /// Use these tag templates instead of the configured ones.
    #[arg(long, value_name = "TEMPLATE", help_heading = "What is built")]
    pub(crate) tag: Vec<String>,
    /// Use this repository instead of the configured one; if there are several images, their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is built")]
    pub(crate) repository: Option<String>,
}

/// How images are built.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Leave out the images whose inputs have not changed since this commit: a branch, a tag or any revision of git. Edited
    /// and untracked files count as changed.
    #[arg(long, value_name = "REVISION", help_heading = "What is built")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    /// Also pack the programs into release archives with SHA256SUMS; this also builds platforms without containers, e.g.
    /// darwin/arm64.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) pack: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// How a run proceeds, and the outputs besides the layout.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct FinishArgs {
    /// Number of parallel jobs; by default the number of processors.
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, help_heading = "How it is built")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Forbid tools to use the network.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) offline: bool,
    /// Fail if crossdock.lock lacks a base image, instead of adding it.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) locked: bool,
    /// Also write one archive per image, for docker, podman, skopeo and ctr to load.
    #[arg(long, help_heading = "How it is built")]
    pub(crate) archive: bool,
    /// Also load the image into an engine, or into every node of a kind cluster: docker, podman, kind or kind:CLUSTER.
    #[arg(long, value_name = "ENGINE", help_heading = "How it is built")]
    pub(crate) load: Option<LoadTarget>,
}

/// The builder and its options.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct EngineArgs {
    /// The builder that compiles and assembles: embedded (crossdock itself), docker, podman, buildx, or buildx=NAME. The
    /// result is verified and tagged in the same way.
    #[arg(long, value_name = "BUILDER", help_heading = "How an engine builds it")]
    pub(crate) builder: Option<String>,
    #[command(flatten)]
    pub(crate) options: EngineOptionArgs,
}

/// Options for a container engine.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct EngineOptionArgs {
    /// Take the base image NAME from an OCI layout instead of a registry; `oci:PATH:TAG` chooses one of several.
    #[arg(long, value_name = "NAME=oci:PATH", help_heading = "How an engine builds it")]
    pub(crate) base_from: Vec<String>,
    /// Set a build argument. Without a value, that of the environment variable NAME is used and shown nowhere.
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "How an engine builds it")]
    pub(crate) build_arg: Vec<String>,
    /// Pass a secret from a file or a variable to the engine only.
    #[arg(long, value_name = "id=NAME[,src=FILE|,env=VARIABLE]", help_heading = "How an engine builds it")]
    pub(crate) secret: Vec<String>,
    /// Pass an SSH agent, as default or ID=SOCKET.
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

/// The receiver of a finished image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoadTarget {
    Engine(EngineName),
    /// A cluster of kind by its name; kind's default if `None`.
    Kind(Option<String>),
}

impl FromStr for LoadTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("kind:")) {
            ("docker", _) => Ok(Self::Engine(EngineName::Docker)),
            ("podman", _) => Ok(Self::Engine(EngineName::Podman)),
            ("kind", _) => Ok(Self::Kind(None)),
            (_, Some(cluster)) if !cluster.is_empty() => Ok(Self::Kind(Some(cluster.to_owned()))),
            _ => Err("choose docker, podman, kind or kind:CLUSTER".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlanCommand {
    #[command(flatten)]
    pub(crate) build: BuildArgs,
    /// Plan for another host: a platform, e.g. darwin/arm64, or a file that describes a host.
    #[arg(long, value_name = "PLATFORM|FILE")]
    pub(crate) host: Option<String>,
    /// Print the steps as a graph.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) graph: Option<GraphFormat>,
    /// Print the jobs of a pipeline, one for each platform on a hosted runner of its architecture: JSON for
    /// `strategy.matrix` of GitHub, or a child pipeline for GitLab.
    #[arg(long, value_enum, value_name = "FORGE", conflicts_with_all = ["graph", "json"])]
    pub(crate) matrix: Option<ForgeName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForgeName {
    Github,
    Gitlab,
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

/// How images are verified, and where the answer goes.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Also write the JSON answer to this file.
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub(crate) metadata_file: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DistCommand {
    #[command(flatten)]
    pub(crate) build: BuildCommand,
    /// Push each image to its repository, once all are verified.
    #[arg(long, help_heading = "How it is pushed")]
    pub(crate) push: bool,
    /// Push without tags: the images are reached by their digests, which the JSON answer lists.
    #[arg(long, requires = "push", help_heading = "How it is pushed")]
    pub(crate) by_digest: bool,
    /// Write `repository@digest` of each pushed image to this file, a line each.
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "How it is pushed", value_parser = path)]
    pub(crate) image_refs: Option<Utf8PathBuf>,
    /// Push one image to exactly the repository of --repository; an error if several are selected.
    #[arg(long, requires = "push", help_heading = "How it is pushed")]
    pub(crate) bare: bool,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Then add the digests to the images of these manifests, and print them for kubectl instead of the references; as
    /// `crossdock resolve --file`.
    #[arg(
        long = "resolve",
        value_name = "FILE|DIR|-",
        requires = "push",
        value_parser = path,
        help_heading = "How manifests get digests"
    )]
    pub(crate) manifests: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) resolve: ResolveArgs,
    /// Install missing tools first; each command is shown before it runs.
    #[arg(long)]
    pub(crate) setup: bool,
}

/// How registries are reached.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ConnectionArgs {
    /// Speak plain HTTP with this host if it has no TLS, e.g. registry.local:5000. Hosts of this machine need not be named.
    #[arg(long, value_name = "HOST", help_heading = "How registries are used")]
    pub(crate) insecure_registry: Vec<String>,
    /// Trust the authorities whose certificates this PEM file holds, besides Mozilla's and the system's.
    #[arg(long, value_name = "FILE", help_heading = "How registries are used", value_parser = path)]
    pub(crate) ca_file: Vec<Utf8PathBuf>,
    /// Keep credentials in this file only, instead of those of docker and podman.
    #[arg(long, value_name = "FILE", help_heading = "How registries are used", value_parser = path)]
    pub(crate) auth_file: Option<Utf8PathBuf>,
}

/// Looks up base images again.
#[derive(Debug, Args)]
pub(crate) struct UpdateCommand {
    /// Base images as crossdock.toml or crossdock.lock names them, e.g. alpine:3.22; all by default.
    #[arg(value_name = "REFERENCE")]
    pub(crate) references: Vec<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Logs in to a registry.
#[derive(Debug, Args)]
pub(crate) struct LoginCommand {
    /// The registry, e.g. ghcr.io or registry.example:5000.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// The user name. Amazon's registries need none.
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,
    /// Read the password or token from standard input. Otherwise it is asked for on the terminal.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Refused with an explanation: every user of the machine can read command lines.
    #[arg(short, long, value_name = "PASSWORD", hide = true)]
    pub(crate) password: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutCommand {
    /// The registry, e.g. ghcr.io or registry.example:5000.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How registries are used.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Upload blobs in parts of this size, e.g. 50MB; by default whole, and in parts where a server refuses that.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "How registries are used")]
    pub(crate) chunk_size: Option<NonZeroU64>,
}

/// How the destination of a push is treated.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct DestinationArgs {
    /// Read each tag back after the push, and fail if the registry shows another digest. Also look up the blobs of an image whose
    /// tag, index and manifests the registry has, and send those that it lost; without this option none is looked up then.
    #[arg(long, help_heading = "How registries are used")]
    pub(crate) verify_remote: bool,
    /// Create a repository that Amazon ECR says not to have, with the program `aws`.
    #[arg(long, help_heading = "How registries are used")]
    pub(crate) create_repository: bool,
    /// The tags of images in the created repository cannot be moved.
    #[arg(long, requires = "create_repository", help_heading = "How registries are used")]
    pub(crate) immutable_tags: bool,
    /// Give the created repository a tag of AWS, e.g. team=web; may be repeated.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        requires = "create_repository",
        help_heading = "How registries are used"
    )]
    pub(crate) repository_tag: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PushCommand {
    /// Where to push, e.g. registry.example/team/app:1.0. For this project's images it may be left out: the configuration or
    /// CROSSDOCK_REPOSITORY then names the repository.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: Option<String>,
    /// An OCI image layout, an archive, docker-daemon:NAME:TAG or podman:NAME:TAG, or names of this project's images; by
    /// default all of them.
    #[arg(value_name = "LAYOUT|ARCHIVE|IMAGE")]
    pub(crate) sources: Vec<String>,
    #[command(flatten)]
    pub(crate) output: PushOutputArgs,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Where the answer of a push goes.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct PushOutputArgs {
    /// Also write the digest and the names as `docker buildx build --metadata-file` does.
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub(crate) metadata_file: Option<Utf8PathBuf>,
    /// Write `repository@digest` of each pushed image to this file, a line each.
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub(crate) image_refs: Option<Utf8PathBuf>,
    /// Push one image to exactly the given repository; an error if several are selected.
    #[arg(long)]
    pub(crate) bare: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PullCommand {
    /// The image, by tag or digest, e.g. registry.example/team/app:1.0.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// The directory of the OCI image layout, which is created if missing.
    #[arg(long, value_name = "DIR", value_parser = path)]
    pub(crate) output: Utf8PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectCommand {
    /// The image, by tag or digest, e.g. registry.example/team/app:1.0; or a layout, an archive, docker-daemon:NAME:TAG or
    /// podman:NAME:TAG.
    #[arg(value_name = "REFERENCE|LAYOUT|ARCHIVE")]
    pub(crate) subject: String,
    /// Also fetch its layers and tell whether it starts on its own platforms.
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CopyCommand {
    /// The image: docker://REFERENCE, oci:DIRECTORY[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME],
    /// docker-daemon:NAME:TAG or podman:NAME:TAG.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Where to copy it, in the same forms.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// Copy only the image for this platform, without the index, e.g. linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_parser = parse_platform)]
    pub(crate) platform: Option<Platform>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveCommand {
    /// A file, a directory whose .yaml, .yml and .json files are read, or - for standard input; may be repeated.
    #[arg(short, long, value_name = "FILE|DIR|-", required = true, value_parser = path)]
    pub(crate) file: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) resolve: ResolveArgs,
    /// Ask no registry: only `crossdock://NAME` and images that were just pushed get digests.
    #[arg(long)]
    pub(crate) only_own: bool,
    /// Verify each image first, for the nodes of --for, else for the deploy targets of crossdock.toml, else for its own
    /// platforms. One that does not start is refused.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Verify each image first for these nodes: a platform, a node type, e.g. m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How manifests are read and written.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ResolveArgs {
    /// Also read the directories below a directory of manifests.
    #[arg(short = 'R', long, help_heading = "How manifests get digests")]
    pub(crate) recursive: bool,
    /// Rewrite the files instead of printing them.
    #[arg(long, help_heading = "How manifests get digests")]
    pub(crate) in_place: bool,
    /// Write NAME@DIGEST instead of NAME:TAG@DIGEST.
    #[arg(long, help_heading = "How manifests get digests")]
    pub(crate) drop_tag: bool,
    /// A field of a custom resource that holds an image, e.g. Runner:spec.runnerImage; may be repeated.
    #[arg(long, value_name = "KIND:PATH", help_heading = "How manifests get digests")]
    pub(crate) path: Vec<ImagePath>,
    /// Add node affinity for the platforms that all images of a pod have.
    #[arg(long, help_heading = "How manifests get digests")]
    pub(crate) affinity: bool,
}

/// The nodes on which an image in a registry must start before it gets a name.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Verify for these nodes: a platform, a node type, e.g. m7g.large, or deploy:NAME; by default those of the image in the
    /// configuration. The image's own platforms are verified too.
    #[arg(
        long = "for",
        value_name = "DESCRIPTION",
        value_delimiter = ',',
        help_heading = "How it is verified"
    )]
    pub(crate) nodes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteCommand {
    /// The image, by digest or tag, e.g. registry.example/team/app@sha256:…. A tag is resolved once: the digest that is
    /// verified is the one that gets the names.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// New names, e.g. registry.example/team/app:1.0; by default the tags that this project gives to the image of the source's
    /// repository. Tags are written last.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destinations: Vec<String>,
    /// Give the image these tags in the source's repository; templates as of `dist`.
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "destinations")]
    pub(crate) tag: Vec<String>,
    #[command(flatten)]
    pub(crate) nodes: NodeArgs,
    /// The image of the configuration whose nodes are meant; by default the one with the repository of the source or of a
    /// destination.
    #[arg(long, value_name = "NAME", help_heading = "How it is verified")]
    pub(crate) image: Option<String>,
    /// Move no tag: one that names another image is an error, and nothing is tagged.
    #[arg(long)]
    pub(crate) immutable: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Replaces the base of an image.
#[derive(Debug, Args)]
pub(crate) struct RebaseCommand {
    /// The image in its registry, e.g. registry.example/team/app:1.0.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Names of the result, e.g. registry.example/team/app:1.0-rebased; by default the source's tag, which then moves.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destinations: Vec<String>,
    /// The new base, e.g. debian:trixie-slim, or a layout, e.g. oci:DIRECTORY.
    #[arg(long, value_name = "BASE")]
    pub(crate) onto: String,
    /// The base on which the image is built; by default the one that its annotations name.
    #[arg(long, value_name = "BASE")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) nodes: NodeArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Parses a platform in the spelling of OCI and Go.
fn parse_platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map(|platform| platform.normalized()).map_err(|error| error.to_string())
}

/// Parses a number of bytes: `1048576`, `50MB`, `4MiB`.
fn parse_size(text: &str) -> Result<NonZeroU64, String> {
    let split = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err("use a number with an optional unit, e.g. 50MB or 4MiB".to_owned()),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.and_then(NonZeroU64::new).ok_or_else(|| "use a number from 1 up, e.g. 50MB or 4MiB".to_owned())
}

/// Parses a path. An empty one, as of an unset variable of a script, would mean the working directory.
fn path(text: &str) -> Result<Utf8PathBuf, String> {
    if text.is_empty() { Err("it is empty; name a path".to_owned()) } else { Ok(text.into()) }
}

/// How strictly images are verified.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct StrictnessArgs {
    /// Treat an unproven result as a failure.
    #[arg(long, help_heading = "How it is verified")]
    pub(crate) strict: bool,
    /// Verify every program in the image, not only those that the plan added.
    #[arg(long, help_heading = "How it is verified")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCommand {
    /// Programs, OCI image layouts, archives of images, or images in registries and engines, e.g.
    /// registry.example/app@sha256:… or docker-daemon:app:1.0; by default this project's images.
    #[arg(value_name = "FILE|LAYOUT|ARCHIVE|REFERENCE")]
    pub(crate) subjects: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) strictness: StrictnessArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunCommand {
    /// An image of this project, by default its only one; or any other image: a reference with a host, a layout, an archive,
    /// docker-daemon:NAME:TAG or podman:NAME:TAG.
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Arguments for the program instead of the image's own.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
    /// The engine that runs it; by default docker if it answers, else podman.
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) load: Option<EngineName>,
    /// Publish a port under another number, or at another address than 127.0.0.1.
    #[arg(short, long, value_name = "[ADDRESS:]PORT:PORT")]
    pub(crate) publish: Vec<PublishedPort>,
    /// Number of parallel jobs; by default the number of processors.
    #[arg(short, long, value_name = "N", value_parser = parse_jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Forbid tools to use the network.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Write one index of the images in several sources, verify it, and then give it its name.
    #[command(visible_alias = "merge")]
    Create(IndexCreateCommand),
}

#[derive(Debug, Args)]
pub(crate) struct IndexCreateCommand {
    /// The index to write: REPOSITORY:TAG in a registry, or only REPOSITORY to push it by its digest; oci:DIRECTORY[:TAG] or
    /// oci:DIRECTORY:REPOSITORY:TAG in a layout.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Images to merge: REPOSITORY@sha256:…, JSON files of `dist --push --by-digest --metadata-file`, layouts as
    /// oci:DIRECTORY[:NAME], archives as oci-archive:FILE[:NAME], images in engines as docker-daemon:NAME:TAG or
    /// podman:NAME:TAG.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<String>,
    /// The platforms that the index must have, no more and no fewer; by default those of the project's plan.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// The image of the project that is meant: its platforms, and its entry in JSON files with several images.
    #[arg(long, value_name = "NAME")]
    pub(crate) image: Option<String>,
    /// Set an annotation of the index instead of the sources' own.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) annotation: Vec<(String, String)>,
    /// Verify for these nodes: a platform, a node type, e.g. m7g.large, or deploy:NAME; by default the index's platforms.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum RenderCommand {
    /// Render multi-stage Dockerfiles.
    Dockerfile(RenderDockerfileCommand),
    /// Render a bake file, with which `docker buildx bake` builds all images.
    Bake(RenderBakeCommand),
}

/// The files to render.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Select these images; all by default.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) image: Vec<String>,
    /// Render for these platforms, e.g. linux/amd64 or linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// Render for these nodes unless --platform is given: a platform, a node type, e.g. m5.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// Build Go programs with or without cgo, whatever the configuration says.
    #[arg(long, value_name = "true|false")]
    pub(crate) cgo: Option<bool>,
    /// One file that cross-compiles for all platforms, or one file fixed to each platform.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) mode: Option<ModeName>,
    /// Forbid tools to use the network.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Also replace files that were edited or not generated by crossdock; a copy is kept next to each.
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
    /// Write the Dockerfile to this path, and its .dockerignore to PATH.dockerignore; or all files into a directory.
    #[arg(long, value_name = "PATH", value_parser = path)]
    pub(crate) output: Option<Utf8PathBuf>,
    /// The builder that will read the file.
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = FrontendName::Buildkit)]
    pub(crate) engine: FrontendName,
    /// The platform of the build machine for the classic builder, which builds for no other; by default this machine's.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrontendName {
    /// BuildKit, in docker and buildx, and podman's buildah.
    Buildkit,
    /// Docker's builder without BuildKit.
    Classic,
}

#[derive(Debug, Args)]
pub(crate) struct RenderBakeCommand {
    #[command(flatten)]
    pub(crate) render: RenderArgs,
    /// Write bake.json and separate Dockerfiles with their .dockerignore files into this directory; by default the
    /// Dockerfiles are inline in the bake file.
    #[arg(long, value_name = "DIR", value_parser = path)]
    pub(crate) output: Option<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) options: EngineOptionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LintCommand {
    /// Dockerfiles to check; - reads standard input.
    #[arg(value_name = "DOCKERFILE", required = true)]
    pub(crate) files: Vec<Utf8PathBuf>,
    /// The output format of findings.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) format: Option<LintFormat>,
    /// The nodes on which the image will run: a platform, a node type, e.g. m7g.large, or deploy:NAME.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// The platform of the build machine.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    Human,
    Json,
    /// For code scanning.
    Sarif,
    /// For annotations in GitHub workflows.
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct InitCommand {
    /// The project's directory; by default the working directory.
    pub(crate) path: Option<Utf8PathBuf>,
    /// Start from a small program, in an empty directory.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) template: Option<Language>,
    /// Write only these parts: config, xtask, dockerfile, dockerignore, github, gitlab, kubernetes, readme. In an
    /// initialized project the selection applies to this call only.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) only: Vec<String>,
    /// Write all parts except these; crossdock.toml stores the choice for later calls.
    #[arg(long, value_name = "PART", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) without: Vec<String>,
    /// The source of crossdock for the xtask crate, and for pipelines without --archives: path:DIR, git:URL, registry or
    /// registry:VERSION.
    #[arg(long, value_name = "SOURCE", help_heading = "What is written")]
    pub(crate) crossdock: Option<String>,
    /// The URL at which pipelines find crossdock's release archives and their SHA256SUMS.
    #[arg(long, value_name = "URL", help_heading = "What is written")]
    pub(crate) archives: Option<String>,
    /// The nodes on which images will run: platforms, or node types, e.g. m7g.large; by default linux/amd64 and
    /// linux/arm64.
    #[arg(long = "for", value_name = "DESCRIPTION", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) nodes: Vec<String>,
    /// Ports on which the program listens, e.g. 8080 or 53/udp.
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "What is written")]
    pub(crate) expose: Vec<String>,
    /// The image's repository, e.g. registry.example/team/name; if there are several images, their names are appended.
    #[arg(long, value_name = "REPOSITORY", help_heading = "What is written")]
    pub(crate) repository: Option<String>,
    /// Also replace files that were edited or written by hand; each is saved as NAME.orig.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) force: bool,
    /// Print the changes as a unified diff, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) diff: bool,
    /// Write nothing, and exit with 1 if a generated file is missing, stale or edited.
    #[arg(long, help_heading = "How it is written", conflicts_with = "force")]
    pub(crate) check: bool,
    /// Show what would be written, and write nothing.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) dry_run: bool,
    /// Forbid tools to use the network.
    #[arg(long, help_heading = "How it is written")]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Install missing tools; each command is shown before it runs.
    #[arg(long, visible_alias = "fix")]
    pub(crate) setup: bool,
    /// Consent to all changes of the system.
    #[arg(long, requires = "setup")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct TargetCommand {
    /// Platforms, triples, machine types, or architecture names of any tool.
    #[arg(value_name = "DESCRIPTION", required_unless_present = "stdin")]
    pub(crate) descriptions: Vec<OsString>,
    /// Interpret descriptions in this vocabulary only; `target list` lists all.
    #[arg(long = "as", value_name = "VOCABULARY")]
    pub(crate) vocabulary: Option<String>,
    /// Read JSON lines {"vocabulary": …, "input": …}, and print one line for each.
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
    /// Show the platforms of this machine: the process, the kernel, its programs and its container engines.
    Host,
    /// Show which platforms a host accepts, best first, by containerd's rules.
    Match {
        /// The host: a platform, or any description of a machine.
        #[arg(required_unless_present = "stdin")]
        host: Option<String>,
        /// The platforms to match.
        #[arg(value_name = "PLATFORM", required_unless_present = "stdin")]
        platforms: Vec<String>,
        /// Interpret the host in this vocabulary only.
        #[arg(long = "as", value_name = "VOCABULARY", conflicts_with = "stdin")]
        vocabulary: Option<String>,
        /// Read JSON lines {"host": …, "platforms": […]}, optionally with a "vocabulary", and print one line for each.
        #[arg(long, conflicts_with_all = ["host", "platforms"])]
        stdin: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EnvCommand {
    /// The target of the build: a platform, a machine, or any other description.
    pub(crate) description: OsString,
    /// The language to compile.
    #[arg(long, value_enum)]
    pub(crate) lang: Language,
    /// The linkage of programs; by default static, if the platform has static programs.
    #[arg(long, value_enum)]
    pub(crate) linkage: Option<LinkageName>,
    /// The shell that evaluates the output; by default sh, or json with --json.
    #[arg(long, value_enum)]
    pub(crate) shell: Option<ShellName>,
    /// Interpret the description in this vocabulary only.
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
    /// Check the configuration and show its meaning.
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show the cache's directory and size.
    Info,
    /// Remove files that no recent build has used.
    Prune {
        /// Keep files used within this many days; 0 removes everything.
        #[arg(long, default_value_t = 14, value_name = "DAYS")]
        keep_days: u64,
    },
}

fn exit_codes() -> String {
    let lines = EXIT_CODES.map(|(code, meaning)| format!("  {:>3}  {meaning}", code as i32));
    format!("Exit codes:\n{}", lines.join("\n"))
}
