//! Errors of the planner.

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::RenderError;

use crossdock_platform::Platform;
use crossdock_project::SelectError;
use crossdock_project::config::{Source, Sourced};

/// An error that leaves no plan. Each is a mistake in the call, the configuration or the project, never of the host:
/// requirements that the host does not satisfy are part of a plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No image has the name.
    #[error("there is no image `{name}` (requested by {asked}); the images are: {}{}", .known.join(", "), did_you_mean(.nearest))]
    UnknownImage {
        /// The name.
        name: String,
        /// The source of the name.
        asked: Source,
        /// The names that exist.
        known: Vec<String>,
        /// The nearest of them, if one is near.
        nearest: Option<String>,
    },
    /// A description of a platform or a node is unknown.
    #[error("`{text}` ({asked}) {why}")]
    Description {
        /// The description.
        text: String,
        /// The source of the description.
        asked: Source,
        /// The fault, and the nearest known ones.
        why: String,
    },
    /// A Dockerfile would build nothing for a node that the call names. Nothing verifies Dockerfiles, so that no later
    /// step would find it.
    #[error("{why}")]
    Unserved {
        /// The nodes, and what to do.
        why: String,
    },
    /// The caller of the library did not look up a base image.
    #[error("image `{image}`: the base `{base}` was not looked up")]
    BaseNotResolved {
        /// The image.
        image: String,
        /// The base.
        base: String,
    },
    /// A base image lacks a platform.
    #[error("{at}: image `{image}`: {why}: leave the platform out, or take another base")]
    BasePlatform {
        /// The image.
        image: String,
        /// The place of `base`.
        at: Source,
        /// The base with the platform, and the platforms that it has.
        why: String,
    },
    /// No deploy target has the name.
    #[error("there is no deploy target `{name}` (requested by {asked}); {help}")]
    UnknownDeploy {
        /// The name.
        name: String,
        /// The source of the name.
        asked: Source,
        /// The nearest name, or all names.
        help: String,
    },
    /// It is ambiguous which programs go into an image.
    #[error(transparent)]
    Programs(#[from] SelectError),
    /// It is ambiguous which programs go into a declared image.
    #[error("{at}: the programs of image `{image}` are ambiguous")]
    Declared {
        /// The image.
        image: String,
        /// The place of the declaration.
        at: Source,
        /// The ambiguity.
        source: Box<SelectError>,
    },
    /// The caller of the library did not discover a project that the configuration names.
    #[error("an image names {directory}, which is not among the projects given to the planner")]
    NotDiscovered {
        /// The project's directory.
        directory: Utf8PathBuf,
    },
    /// Two images have one name, and so one layout.
    #[error("two images are named `{name}`: {first} and {second}; give one of them another name")]
    SameName {
        /// The name.
        name: String,
        /// The source of the first.
        first: Source,
        /// The source of the second.
        second: Source,
    },
    /// Two images would be written to one path.
    #[error(
        "the images `{first}` and `{second}` ({at}) would both be written to {path}; give one of them another name"
    )]
    SameOutput {
        /// The first image.
        first: String,
        /// The second image.
        second: String,
        /// The source of the second.
        at: Source,
        /// The path.
        path: Utf8PathBuf,
    },
    /// Two images would have one reference.
    #[error(
        "the images `{}` ({}) and `{}` ({}) would both be `{reference}`, and whichever is pushed last would replace the \
         other; give them different `repository` or `tags`",
        .images[0].value, .images[0].source, .images[1].value, .images[1].source
    )]
    SameReference {
        /// The reference.
        reference: String,
        /// The names of the images.
        images: Box<[Sourced<String>; 2]>,
    },
    /// A file cannot be at its configured path, or cannot be an input because crossdock writes it.
    #[error("{at}: {what} {why}; {help}")]
    File {
        /// The image, and the entry or pattern that names the file.
        what: String,
        /// The place of that entry or pattern.
        at: Source,
        /// The fault.
        why: String,
        /// The remedy.
        help: String,
    },
    /// A platform runs no containers.
    #[error(
        "`{platform}` ({asked}) runs no containers; images are built for linux, and `--pack` makes release archives for others"
    )]
    NoContainers {
        /// The platform.
        platform: String,
        /// The source of the platform.
        asked: Source,
    },
    /// A service that takes the manifest of one platform would get an index.
    #[error(
        "`{node}` ({asked}) takes an image of one platform, and image `{image}` would have {platforms}; name one architecture \
         with `--for lambda/arm64` or `--for lambda/x86_64`, and run crossdock once for each, with a tag of its own"
    )]
    OnePlatform {
        /// The image.
        image: String,
        /// The service.
        node: String,
        /// The source of the service.
        asked: Source,
        /// The platforms.
        platforms: String,
    },
    /// C code would be dropped silently.
    #[error(
        "image `{image}`: CGO_ENABLED=0 would silently drop a part of {packages}; decide with `--cgo=true` or `--cgo=false`, \
         or with `cgo = true` or `cgo = false` in [image.{image}] of crossdock.toml"
    )]
    Cgo {
        /// The image.
        image: String,
        /// The import paths of the packages, each with what it loses.
        packages: String,
    },
    /// A choice about cgo has nothing to apply to.
    #[error(
        "the choice about cgo ({asked}) applies to Go programs, and no selected image has one; leave it out"
    )]
    CgoWithoutGo {
        /// The source of the choice.
        asked: Source,
    },
    /// A program has no source files for a platform.
    #[error(
        "image `{image}`: the program `{program}` has no Go files for {platform} ({asked}); leave out that platform, or \
         select other images with `--image`"
    )]
    NoFiles {
        /// The image.
        image: String,
        /// The program.
        program: String,
        /// The platform.
        platform: Box<Platform>,
        /// The reason why the platform is built.
        asked: String,
    },
    /// A setting of the user's environment or files contradicts the plan.
    #[error("image `{image}`: {theirs} contradicts {ours}; {help}")]
    Conflict {
        /// The image.
        image: String,
        /// The user's setting and its place.
        theirs: String,
        /// The plan's setting and its reason.
        ours: String,
        /// The remedy.
        help: String,
    },
    /// The Dockerfile of an image is missing.
    #[error(transparent)]
    Dockerfile(Box<DockerfileError>),
    /// A setting contradicts the engine that builds.
    #[error("image `{image}`: {why}")]
    Engine {
        /// The image.
        image: String,
        /// The fault and the remedy.
        why: String,
    },
    /// A tag or a repository is invalid by the OCI distribution specification.
    #[error("{at}: image `{image}`: {why}")]
    Reference {
        /// The image.
        image: String,
        /// The source of the tag or repository.
        at: Source,
        /// The fault.
        why: String,
    },
    /// A node of a cluster runs none of the built platforms.
    #[error("image `{image}`: {node}, which is not built: the image has {built}; add it to --platform")]
    NodeNotBuilt {
        /// The image.
        image: String,
        /// The node, its cluster and its platform, as a clause.
        node: String,
        /// The built platforms.
        built: String,
    },
    /// An invariant of the planner is broken: without this error the plan would silently lack a part of the image.
    #[error("internal error: image `{image}`: {what}; please report it")]
    Internal {
        /// The image.
        image: String,
        /// The invariant that is broken.
        what: String,
    },
}

/// An error that leaves an image without a Dockerfile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerfileError {
    /// The base is in a layout, which a Dockerfile cannot name.
    #[error(
        "image `{image}` has no Dockerfile: a FROM cannot name the layout `{base}`; push it to a registry, or name another base \
         in `[image.{image}.dockerfile]`"
    )]
    LayoutBase {
        /// The image.
        image: String,
        /// The base.
        base: String,
    },
    /// The request cannot be rendered.
    #[error("image `{image}` has no Dockerfile")]
    Render {
        /// The image.
        image: String,
        /// The cause.
        source: Box<RenderError>,
    },
    /// The user is a name, which Kubernetes cannot check.
    #[error(
        "image `{image}`: the user `{user}` is a name, and `runAsNonRoot` can check only numbers; write \
         `user = \"65532:65532\"`"
    )]
    User {
        /// The image.
        image: String,
        /// The user.
        user: String,
    },
    /// No image of the compiler has the project's toolchain.
    #[error(
        "image `{image}`: {file} selects the toolchain `{channel}`, which has no image on Debian 12 or newer; name a tag of \
         the image `rust` as `toolchain = \"1.95\"` in [image.{image}.dockerfile]"
    )]
    Toolchain {
        /// The image.
        image: String,
        /// The channel.
        channel: String,
        /// The file that selects it.
        file: Utf8PathBuf,
    },
    /// The configured compiler is older than the project requires.
    #[error(
        "{at}: image `{image}`: `toolchain` is `{version}`, but the module asks for `{asked}`; name that version or a newer one"
    )]
    TooOld {
        /// The image.
        image: String,
        /// The place of the configured version.
        at: Source,
        /// The configured version.
        version: String,
        /// The version that the project requires.
        asked: String,
    },
    /// An entry of `files` is the whole build context, of which a Dockerfile would copy another part than `dist` packs.
    #[error(
        "image `{image}`: an entry of `files` is the whole build context {path}, which a Dockerfile cannot copy as \
         `dist` packs it; name the files and directories in it"
    )]
    WholeContext {
        /// The image.
        image: String,
        /// The build context.
        path: Utf8PathBuf,
    },
    /// A path is outside of the build context.
    #[error(
        "image `{image}`: {what} {path} is outside of the build context {context}; move it there, or make a directory \
         above both the project's root"
    )]
    Outside {
        /// The image.
        image: String,
        /// The kind of the path.
        what: &'static str,
        /// The path.
        path: Utf8PathBuf,
        /// The build context.
        context: Utf8PathBuf,
    },
}

impl From<DockerfileError> for PlanError {
    fn from(error: DockerfileError) -> Self {
        Self::Dockerfile(Box::new(error))
    }
}

impl PlanError {
    pub(super) fn internal(image: &str, what: impl Into<String>) -> Self {
        Self::Internal { image: image.to_owned(), what: what.into() }
    }
}

/// Returns `; did you mean …?`, or nothing if no name is near.
fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
