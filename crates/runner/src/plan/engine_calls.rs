//! The commands of each engine. Every one can be run by hand.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::bases::{Bases, EngineBase, own_name};
use super::cargo::slug;
use super::recipe::Recipe;
use super::recipe::bake::{Bake, Group, Target, literal, target, target_name};
use super::{EngineCall, EnginePlan, EngineResult, Purpose, TextFile};
use crate::engine::{Builder, Engine, Frontend, Options, csv, listed, spelled};
use crossdock_system::process::Command;

/// What the commands for one Dockerfile are made of.
pub(super) struct Calls<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) engine: &'a Engine,
    pub(super) options: &'a Options,
    pub(super) dockerfile: Utf8PathBuf,
    pub(super) ignore: Utf8PathBuf,
    /// What docker and podman, which take base images from their own store, are given first.
    pub(super) bases: Bases,
    /// What our names in the engine's store end with.
    pub(super) mark: String,
    /// Whether the Dockerfile has a `HEALTHCHECK`.
    pub(super) checks_health: bool,
}

impl Calls<'_> {
    /// Adds the commands, in the order in which they run, and the archives that come back.
    pub(super) fn add_to(&self, plan: &mut EnginePlan) {
        match self.engine.builder {
            Builder::Embedded => {}
            Builder::Docker => self.one_by_one(plan, Self::docker),
            Builder::Podman => self.one_by_one(plan, Self::podman),
            Builder::Buildx(_) => self.buildx(plan),
        }
    }

    /// Builds one platform after the other, each on its own bases.
    fn one_by_one(&self, plan: &mut EnginePlan, build: fn(&Self, &mut EnginePlan, &Platform)) {
        let Bases { shared, of_each } = &self.bases;
        shared.iter().for_each(|base| self.load_base(plan, base));
        for platform in &self.recipe.platforms {
            let own = || of_each.iter().filter(|base| base.platform == *platform);
            own().for_each(|base| self.load_base(plan, base));
            build(self, plan, platform);
            own().for_each(|base| self.forget_base(plan, base));
        }
        shared.iter().for_each(|base| self.forget_base(plan, base));
    }

    fn load_base(&self, plan: &mut EnginePlan, base: &EngineBase) {
        plan.calls.push(EngineCall {
            title: format!("give {} the base {} for {}", self.engine.builder, base.from.name, base.platform),
            command: self.command().args(["load", "--quiet", "--input", base.archive.as_str()]),
            purpose: Purpose::Load,
        });
        if !plan.bases.contains(base) {
            plan.bases.push(base.clone());
        }
    }

    fn forget_base(&self, plan: &mut EnginePlan, base: &EngineBase) {
        plan.calls.push(EngineCall {
            title: format!("forget our name of the base {} for {}", base.from.name, base.platform),
            command: self.without_name(&base.own_name),
            purpose: Purpose::Forget,
        });
    }

    /// Takes a name of ours away; what else has that image keeps it.
    fn without_name(&self, name: &str) -> Command {
        match self.engine.builder {
            Builder::Podman => self.command().args(["untag", name, name]),
            _ => self.command().args(["image", "rm", "--no-prune", name]),
        }
    }

    fn docker(&self, plan: &mut EnginePlan, platform: &Platform) {
        let (tag, archive) = (self.tag(platform), self.archive(plan, platform));
        let mut build = self.command().args(["build", "--platform", &platform.to_string()]);
        build = match self.engine.frontend {
            Frontend::Classic => build.env("DOCKER_BUILDKIT", "0"),
            // Its own BuildKit loads what it builds; a builder of buildx has to be told.
            Frontend::Buildx => build
                .args(["--builder", self.engine.nodes.first().map_or("default", |node| &node.name)])
                .args(["--load", "--progress", "plain"])
                .env("DOCKER_BUILDKIT", "1")
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1"),
            _ => build.args(["--progress", "plain"]).env("DOCKER_BUILDKIT", "1"),
        };
        if self.engine.frontend != Frontend::Classic {
            build = build.args(["--build-arg", &format!("SOURCE_DATE_EPOCH={}", self.recipe.created)]);
        }
        build = self.shared(build).args(["--file", self.dockerfile.as_str(), "--tag", &tag]);
        self.one_platform(plan, platform, build.args([self.context(plan).as_str()]));
        let save = self.command().args(["save", "--output", archive.as_str(), &tag]);
        self.take_back(plan, platform, save, archive);
        self.forget(plan, platform, self.without_name(&tag));
    }

    fn podman(&self, plan: &mut EnginePlan, platform: &Platform) {
        let (tag, archive) = (self.tag(platform), self.archive(plan, platform));
        let mut build = self.command().args(["build", "--platform", &platform.to_string()]);
        let (format, archives) = self.formats();
        build = build.args(["--format", format, "--timestamp", &self.recipe.created.to_string()]);
        // Podman 4.3 leaves it empty, and so takes the builder's image for the platform that is asked for.
        build = build.args(["--build-arg", &format!("BUILDPLATFORM={}", self.engine.platform)]);
        if self.options.caching().is_some() {
            build = build.args(["--layers"]);
        }
        build = self.shared(build).args(["--ignorefile", self.ignore.as_str()]);
        build = build.args(["--file", self.dockerfile.as_str(), "--tag", &tag, self.recipe.context.as_str()]);
        self.one_platform(plan, platform, build);
        let save = self.command().args(["save", "--format", archives, "--output", archive.as_str(), &tag]);
        self.take_back(plan, platform, save, archive);
        self.forget(plan, platform, self.without_name(&tag));
    }

    /// The formats in which podman builds and saves: OCI's has no place for a health check, and podman leaves one out.
    fn formats(&self) -> (&'static str, &'static str) {
        match self.checks_health {
            true => ("docker", "docker-archive"),
            false => ("oci", "oci-archive"),
        }
    }

    fn buildx(&self, plan: &mut EnginePlan) {
        let stem = self.dockerfile.file_name().unwrap_or("Dockerfile").trim_end_matches("Dockerfile");
        let file = plan.folder.join(format!("{stem}bake.json"));
        let results = self.bake_results(plan, stem);
        let content = self.bake_file(&results);
        plan.files.push(TextFile { path: file.clone(), content, origins: Vec::new() });
        let bake = || {
            self.command()
                .args(["bake", "--file", file.as_str()])
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
                // Since 0.18 a bake file must be allowed to read and write outside of the working directory.
                .env("BUILDX_BAKE_ENTITLEMENTS_FS", "0")
        };
        plan.calls.push(EngineCall {
            title: format!("check the bake file of {}", self.recipe.image),
            command: bake().args(["--print"]),
            purpose: Purpose::Check { file: file.clone() },
        });
        let mut build = bake();
        if let Builder::Buildx(Some(name)) = &self.engine.builder {
            build = build.args(["--builder", name]);
        }
        plan.calls.push(EngineCall {
            title: format!("build {} for {} (buildx)", self.recipe.image, listed(&self.recipe.platforms)),
            command: build.args(["--progress", "plain"]),
            purpose: Purpose::Build {
                dockerfile: self.dockerfile.clone(),
                makes: results.iter().map(|result| result.archive.clone()).collect(),
            },
        });
        plan.results.extend(results);
    }

    /// One archive for all platforms; of a builder with several nodes one for each, because buildx joins what its nodes
    /// made in no file.
    fn bake_results(&self, plan: &EnginePlan, stem: &str) -> Vec<EngineResult> {
        let platforms = &self.recipe.platforms;
        if self.engine.nodes.len() < 2 {
            let archive = plan.folder.join(format!("{stem}image.tar"));
            return vec![EngineResult { archive, platforms: platforms.clone() }];
        }
        let each = platforms.iter().map(|platform| EngineResult {
            archive: self.archive(plan, platform),
            platforms: vec![platform.clone()],
        });
        each.collect()
    }

    fn bake_file(&self, results: &[EngineResult]) -> String {
        let name = |result: &EngineResult| match results {
            [_] => target_name(&self.recipe.image),
            _ => target_name(&format!("{}-{}", self.recipe.image, listed(&result.platforms))),
        };
        let bake = Bake {
            group: BTreeMap::from([(
                "default".to_owned(),
                Group { targets: results.iter().map(name).collect() },
            )]),
            target: results.iter().map(|result| (name(result), self.target(result))).collect(),
            ..Bake::default()
        };
        // Maps of texts have a JSON form.
        format!("{:#}\n", serde_json::to_value(&bake).unwrap_or_default())
    }

    fn target(&self, result: &EngineResult) -> Target {
        Target {
            context: literal(self.recipe.context.as_str()),
            dockerfile: Some(literal(self.dockerfile.as_str())),
            output: vec![literal(&format!(
                "type=oci,{},rewrite-timestamp=true",
                csv::field("dest", result.archive.as_str())
            ))],
            ..target(self.recipe, &result.platforms, self.options)
        }
    }

    /// The engine's program in the project's folder.
    fn command(&self) -> Command {
        let (program, rest) = self
            .engine
            .program
            .split_first()
            .map_or(("docker", &[][..]), |(first, rest)| (first.as_str(), rest));
        Command::new(program, self.recipe.context.clone()).args(rest.iter().cloned())
    }

    /// The classic builder reads a `.dockerignore` in the context alone: it gets a copy of what belongs there.
    fn context(&self, plan: &EnginePlan) -> Utf8PathBuf {
        match self.engine.frontend {
            Frontend::Classic => plan.folder.join("context"),
            _ => self.recipe.context.clone(),
        }
    }

    /// What docker and podman spell alike.
    fn shared(&self, mut command: Command) -> Command {
        let options = self.options;
        let rows = [
            ("--build-arg", &options.build_args),
            ("--secret", &options.secrets),
            ("--ssh", &options.ssh),
            ("--cache-from", &options.cache_from),
            ("--cache-to", &options.cache_to),
        ];
        for (option, values) in rows {
            for value in values {
                command = command.args([option, &spelled(self.engine, option, value)]);
            }
        }
        command
    }

    fn tag(&self, platform: &Platform) -> String {
        own_name(&self.mark, &self.recipe.image, &slug(platform))
    }

    fn archive(&self, plan: &EnginePlan, platform: &Platform) -> Utf8PathBuf {
        plan.folder.join(format!("{}.tar", slug(platform)))
    }

    fn one_platform(&self, plan: &mut EnginePlan, platform: &Platform, command: Command) {
        plan.calls.push(EngineCall {
            title: format!("build {} for {platform} ({})", self.recipe.image, self.engine.builder),
            command,
            purpose: Purpose::Build { dockerfile: self.dockerfile.clone(), makes: Vec::new() },
        });
    }

    fn take_back(&self, plan: &mut EnginePlan, platform: &Platform, command: Command, archive: Utf8PathBuf) {
        plan.calls.push(EngineCall {
            title: format!("take {} for {platform} out of {}", self.recipe.image, self.engine.builder),
            command,
            purpose: Purpose::Save { makes: archive.clone() },
        });
        plan.results.push(EngineResult { archive, platforms: vec![platform.clone()] });
    }

    fn forget(&self, plan: &mut EnginePlan, platform: &Platform, command: Command) {
        plan.calls.push(EngineCall {
            title: format!("forget the name of {} for {platform}", self.recipe.image),
            command,
            purpose: Purpose::Forget,
        });
    }
}
