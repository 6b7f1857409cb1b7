//! The commands with which each engine builds one Dockerfile. A person can run every one of them by hand.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Origin;
use crossdock_platform::Platform;
use serde::Serialize;

use super::bake_file::{Bake, Group, Target, literal, target_name, variables};
use super::options::{BaseFrom, Options};
use super::{Builder, Engine, Frontend, csv, listed, spelled};
use crate::text::platform_slug;
use crossdock_system::process::Command;

/// One command of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EngineCall {
    /// The line that a person sees while the command runs.
    pub title: String,
    /// The command.
    pub command: Command,
    /// The purpose of the command.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// The purpose of an engine's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "purpose")]
#[non_exhaustive]
pub enum Purpose {
    /// Loads a base image into the engine's store.
    Load,
    /// Prints what the engine understood of a bake file.
    Check {
        /// The bake file.
        file: Utf8PathBuf,
    },
    /// Builds.
    Build {
        /// The Dockerfile, to whose lines a failure is traced.
        dockerfile: Utf8PathBuf,
        /// The archives that it writes, if the engine builds into files.
        makes: Vec<Utf8PathBuf>,
    },
    /// Saves a built image to a file.
    Save {
        /// The file.
        makes: Utf8PathBuf,
    },
    /// Removes a temporary name of a built or loaded image. A failure loses nothing.
    Forget,
}

/// An archive that an engine writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EngineResult {
    /// The path of the archive.
    pub archive: Utf8PathBuf,
    /// The platforms that it must hold.
    pub platforms: Vec<Platform>,
}

/// A file that is written for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TextFile {
    /// The path of the file.
    pub path: Utf8PathBuf,
    /// Its text.
    pub content: String,
    /// For each instruction of a Dockerfile, the line of the template that made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}

/// A base image that is loaded into an engine's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EngineBase {
    /// The layout that holds the image, and the name by which the Dockerfile knows it.
    #[serde(flatten)]
    pub from: BaseFrom,
    /// The temporary name of the image in the engine's store.
    pub own_name: String,
    /// The platform of the image that is loaded.
    pub platform: Platform,
    /// The archive that the engine loads.
    pub archive: Utf8PathBuf,
}

/// The base images that an engine needs in its store for one Dockerfile.
#[derive(Debug, Default)]
pub(crate) struct LoadedBases {
    /// Images that every build uses, mostly those of stages on the builder's own platform.
    pub(crate) shared: Vec<EngineBase>,
    /// Images of the platform that is built for. Their name moves from one build to the next.
    pub(crate) per_platform: Vec<EngineBase>,
}

/// One Dockerfile, the engine that builds it, and the options of the build.
pub(crate) struct DockerfileBuild<'a> {
    pub(crate) image: &'a str,
    pub(crate) platforms: &'a [Platform],
    /// The build context. Absolute.
    pub(crate) context: &'a Utf8Path,
    /// The date of the image in seconds since the Unix epoch.
    pub(crate) created: i64,
    pub(crate) engine: &'a Engine,
    pub(crate) options: &'a Options,
    /// The directory of everything that is written for the engine and by it.
    pub(crate) directory: &'a Utf8Path,
    pub(crate) dockerfile: Utf8PathBuf,
    pub(crate) ignore: Utf8PathBuf,
    /// Empty for buildx, which reads base images from layouts.
    pub(crate) bases: LoadedBases,
    /// The end of each temporary name in the engine's store.
    pub(crate) name_suffix: String,
    /// Whether the Dockerfile has a `HEALTHCHECK`.
    pub(crate) has_healthcheck: bool,
}

/// The commands for one Dockerfile, in the order in which they run, with the files that they read and write.
#[derive(Debug, Default)]
pub(crate) struct EngineCommands {
    pub(crate) files: Vec<TextFile>,
    pub(crate) bases: Vec<EngineBase>,
    pub(crate) calls: Vec<EngineCall>,
    pub(crate) results: Vec<EngineResult>,
}

/// A broken invariant: no command can be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandsError {
    #[error("the engine has no program")]
    NoProgram,
    #[error("the bake file cannot be encoded as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl DockerfileBuild<'_> {
    /// Returns the commands of the engine.
    pub(crate) fn commands(&self) -> Result<EngineCommands, CommandsError> {
        let (program, arguments) = self.engine.program.split_first().ok_or(CommandsError::NoProgram)?;
        let program = Command::new(program.as_str(), self.context.to_owned()).args(arguments.iter().cloned());
        let mut writer = Writer { build: self, program, written: EngineCommands::default() };
        match self.engine.builder {
            Builder::Embedded => {}
            Builder::Docker => writer.one_by_one(Writer::docker),
            Builder::Podman => writer.one_by_one(Writer::podman),
            Builder::Buildx(_) => writer.buildx()?,
        }
        Ok(writer.written)
    }

    /// Returns the temporary name of the image for a platform.
    fn tag(&self, platform: &Platform) -> String {
        temporary_name(&self.name_suffix, self.image, &platform_slug(platform))
    }

    fn archive(&self, platform: &Platform) -> Utf8PathBuf {
        self.directory.join(format!("{}.tar", platform_slug(platform)))
    }

    /// Returns the format in which podman builds, and the one in which it saves. OCI's image configuration has no health
    /// check, and podman drops one there.
    fn podman_formats(&self) -> (&'static str, &'static str) {
        if self.has_healthcheck { ("docker", "docker-archive") } else { ("oci", "oci-archive") }
    }

    /// The classic builder reads only the `.dockerignore` at the root of the context: it gets a copy of the sources.
    fn docker_context(&self) -> Utf8PathBuf {
        match self.engine.frontend {
            Frontend::Classic => copied_context(self.directory),
            _ => self.context.to_owned(),
        }
    }

    /// Adds the options that docker and podman spell alike.
    fn with_options(&self, mut command: Command) -> Command {
        let rows = [
            ("--build-arg", &self.options.build_args),
            ("--secret", &self.options.secrets),
            ("--ssh", &self.options.ssh),
            ("--cache-from", &self.options.cache_from),
            ("--cache-to", &self.options.cache_to),
        ];
        for (option, values) in rows {
            for value in values {
                command = command.args([option, &spelled(self.engine, option, value)]);
            }
        }
        command
    }

    fn bake_target(&self, result: &EngineResult) -> Target {
        Target {
            context: literal(self.context.as_str()),
            dockerfile: Some(literal(self.dockerfile.as_str())),
            // By itself SOURCE_DATE_EPOCH dates the configuration, but not the files in the layers.
            output: vec![literal(&format!(
                "type=oci,{},rewrite-timestamp=true",
                csv::field("dest", result.archive.as_str())
            ))],
            ..Target::with_options(&result.platforms, self.created, self.options)
        }
    }

    fn bake_file(&self, results: &[EngineResult]) -> Result<String, CommandsError> {
        let name = |result: &EngineResult| match results {
            [_] => target_name(self.image),
            _ => target_name(&format!("{}-{}", self.image, listed(&result.platforms))),
        };
        let bake = Bake {
            group: BTreeMap::from([(
                "default".to_owned(),
                Group { targets: results.iter().map(name).collect() },
            )]),
            target: results.iter().map(|result| (name(result), self.bake_target(result))).collect(),
            variable: variables(self.options),
        };
        Ok(format!("{:#}\n", serde_json::to_value(&bake)?))
    }

    /// Returns the archives that bake writes: one for all platforms, but one for each platform if the builder has several
    /// nodes, because buildx cannot export the results of several nodes to one file.
    fn bake_results(&self, stem: &str) -> Vec<EngineResult> {
        if self.engine.nodes.len() < 2 {
            let archive = self.directory.join(format!("{stem}image.tar"));
            return vec![EngineResult { archive, platforms: self.platforms.to_vec() }];
        }
        let each = self.platforms.iter().map(|platform| EngineResult {
            archive: self.archive(platform),
            platforms: vec![platform.clone()],
        });
        each.collect()
    }
}

/// Collects the commands of a build.
struct Writer<'a> {
    build: &'a DockerfileBuild<'a>,
    /// The engine's program with its first arguments, in the build context.
    program: Command,
    written: EngineCommands,
}

impl Writer<'_> {
    /// Builds one platform after the other, each on its own bases.
    fn one_by_one(&mut self, build_one: fn(&mut Self, &Platform)) {
        let LoadedBases { shared, per_platform } = &self.build.bases;
        shared.iter().for_each(|base| self.load_base(base));
        for platform in self.build.platforms {
            let own = || per_platform.iter().filter(|base| base.platform == *platform);
            own().for_each(|base| self.load_base(base));
            build_one(self, platform);
            own().for_each(|base| self.forget_base(base));
        }
        shared.iter().for_each(|base| self.forget_base(base));
    }

    fn docker(&mut self, platform: &Platform) {
        let DockerfileBuild { engine, created, dockerfile, .. } = self.build;
        let tag = self.build.tag(platform);
        let mut build = self.program().args(["build", "--platform", &platform.to_string()]);
        build = match engine.frontend {
            // Docker's clients of version 23 and newer use BuildKit unless they are told not to.
            Frontend::Classic => build.env("DOCKER_BUILDKIT", "0"),
            // The BuildKit of docker's server loads what it builds; a builder of buildx must be told to.
            Frontend::Buildx => build
                .args(["--builder", engine.nodes.first().map_or("default", |node| &node.name)])
                .args(["--load", "--progress", "plain"])
                .env("DOCKER_BUILDKIT", "1")
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1"),
            _ => build.args(["--progress", "plain"]).env("DOCKER_BUILDKIT", "1"),
        };
        // BuildKit dates the image by it. The classic builder has no such argument, and warns of undeclared ones.
        if engine.frontend != Frontend::Classic {
            build = build.args(["--build-arg", &format!("SOURCE_DATE_EPOCH={created}")]);
        }
        build = self.build.with_options(build).args(["--file", dockerfile.as_str(), "--tag", &tag]);
        self.push_build(platform, build.args([self.build.docker_context().as_str()]));
        let archive = self.build.archive(platform);
        let save = self.program().args(["save", "--output", archive.as_str(), &tag]);
        self.push_save(platform, save, archive);
        self.push_forget(platform, &tag);
    }

    fn podman(&mut self, platform: &Platform) {
        let DockerfileBuild { engine, created, dockerfile, ignore, context, .. } = self.build;
        let tag = self.build.tag(platform);
        let (format, archive_format) = self.build.podman_formats();
        let mut build = self.program().args(["build", "--platform", &platform.to_string()]);
        build = build.args(["--format", format, "--timestamp", &created.to_string()]);
        // Podman 4.3 leaves it empty, and then takes the base image of the build stage for the requested platform.
        build = build.args(["--build-arg", &format!("BUILDPLATFORM={}", engine.platform)]);
        // BUILDAH_LAYERS=false would disable the layers that a cache consists of.
        if self.build.options.caching().is_some() {
            build = build.args(["--layers"]);
        }
        build = self.build.with_options(build).args(["--ignorefile", ignore.as_str()]);
        build = build.args(["--file", dockerfile.as_str(), "--tag", &tag, context.as_str()]);
        self.push_build(platform, build);
        let archive = self.build.archive(platform);
        let save =
            self.program().args(["save", "--format", archive_format, "--output", archive.as_str(), &tag]);
        self.push_save(platform, save, archive);
        self.push_forget(platform, &tag);
    }

    fn buildx(&mut self) -> Result<(), CommandsError> {
        let DockerfileBuild { image, platforms, engine, directory, dockerfile, .. } = self.build;
        let stem = dockerfile.file_name().unwrap_or("Dockerfile").trim_end_matches("Dockerfile");
        let file = directory.join(format!("{stem}bake.json"));
        let results = self.build.bake_results(stem);
        let content = self.build.bake_file(&results)?;
        self.written.files.push(TextFile { path: file.clone(), content, origins: Vec::new() });
        let bake = self
            .program()
            .args(["bake", "--file", file.as_str()])
            // Provenance has the time of the build, so that no two indexes would be the same.
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
            // Since 0.18 a bake file may access files outside of the working directory only if that is allowed.
            .env("BUILDX_BAKE_ENTITLEMENTS_FS", "0");
        self.written.calls.push(EngineCall {
            title: format!("check the bake file of {image}"),
            command: bake.clone().args(["--print"]),
            purpose: Purpose::Check { file },
        });
        let mut build = bake;
        if let Builder::Buildx(Some(name)) = &engine.builder {
            build = build.args(["--builder", name]);
        }
        self.written.calls.push(EngineCall {
            title: format!("build {image} for {} (buildx)", listed(platforms)),
            command: build.args(["--progress", "plain"]),
            purpose: Purpose::Build {
                dockerfile: dockerfile.clone(),
                makes: results.iter().map(|result| result.archive.clone()).collect(),
            },
        });
        self.written.results.extend(results);
        Ok(())
    }

    fn program(&self) -> Command {
        self.program.clone()
    }

    fn load_base(&mut self, base: &EngineBase) {
        let engine = &self.build.engine.builder;
        self.written.calls.push(EngineCall {
            title: format!("give {engine} the base {} for {}", base.from.name, base.platform),
            command: self.program().args(["load", "--quiet", "--input", base.archive.as_str()]),
            purpose: Purpose::Load,
        });
        self.written.bases.push(base.clone());
    }

    fn forget_base(&mut self, base: &EngineBase) {
        let title = format!("forget our name of the base {} for {}", base.from.name, base.platform);
        self.forget(title, &base.own_name);
    }

    fn push_build(&mut self, platform: &Platform, command: Command) {
        let DockerfileBuild { image, engine, dockerfile, .. } = self.build;
        self.written.calls.push(EngineCall {
            title: format!("build {image} for {platform} ({})", engine.builder),
            command,
            purpose: Purpose::Build { dockerfile: dockerfile.clone(), makes: Vec::new() },
        });
    }

    fn push_save(&mut self, platform: &Platform, command: Command, archive: Utf8PathBuf) {
        let DockerfileBuild { image, engine, .. } = self.build;
        self.written.calls.push(EngineCall {
            title: format!("take {image} for {platform} out of {}", engine.builder),
            command,
            purpose: Purpose::Save { makes: archive.clone() },
        });
        self.written.results.push(EngineResult { archive, platforms: vec![platform.clone()] });
    }

    fn push_forget(&mut self, platform: &Platform, name: &str) {
        self.forget(format!("forget the name of {} for {platform}", self.build.image), name);
    }

    /// Removes a temporary name. An image that has another name stays.
    fn forget(&mut self, title: String, name: &str) {
        let command = match self.build.engine.builder {
            // With one argument `podman untag` would remove all names of the image.
            Builder::Podman => self.program().args(["untag", name, name]),
            // Pruning would remove the untagged layers that are the cache of the next build.
            _ => self.program().args(["image", "rm", "--no-prune", name]),
        };
        self.written.calls.push(EngineCall { title, command, purpose: Purpose::Forget });
    }
}

/// Returns the directory into which the sources are copied for the classic builder.
pub(crate) fn copied_context(directory: &Utf8Path) -> Utf8PathBuf {
    directory.join("context")
}

/// Returns a temporary name in an engine's store. A user's tag is given only after verification, hence no build may use
/// one. The lock of the layout keeps two runs on one machine from sharing a name; the suffix tells machines apart.
pub(crate) fn temporary_name(suffix: &str, name: &str, tag: &str) -> String {
    format!("localhost/crossdock-build/{name}:{tag}-{suffix}")
}
