//! The build of an image by a container engine: files, commands and results.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock_dockerfile::read::{Dockerfile, Keyword, ReadError, stages};
use crossdock_dockerfile::render::{self, Caching, Linking, RenderError, Rendered};
use crossdock_platform::Platform;

use super::Planner;
use super::base_images::{BaseImages, BuilderNodes, for_podman, name_suffix};
use super::dockerfile_request::{self, DockerfileRequest};
use super::error::{DockerfileError, PlanError};
use super::images::SelectedImage;
use super::inputs::without_outputs;
use super::output::output_directory;
use super::request::{EngineRequest, Pack};
use crate::engine::commands::{DockerfileBuild, EngineCommands, LoadedBases, TextFile, copied_context};
use crate::engine::{BaseFrom, Builder, Engine, Frontend, Options, csv};
use crate::plan::{CopiedContext, EnginePlan};
use crate::text::platform_slug;
use crossdock_project::Network;
use crossdock_project::config::DockerfileMode;
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_toolchain::doctor::Requirement;

impl Planner<'_> {
    /// Returns the `why` of programs that an engine builds; `None` if crossdock builds them itself.
    pub(super) fn engine_route(&self) -> Option<String> {
        let asked = self.request.engine.as_ref()?;
        Some(match &asked.engine {
            Availability::Available(engine) => format!("built by {}", engine.describe()),
            Availability::Unavailable(_) => format!("built by {}: see what is missing", asked.builder.value),
        })
    }

    /// Plans the build by an engine; `None` if crossdock builds the image itself.
    pub(super) fn engine_plan(
        &mut self,
        selected: &SelectedImage<'_>,
        images: usize,
        platforms: &[Platform],
    ) -> Result<Option<EnginePlan>, PlanError> {
        let Some(asked) = &self.request.engine else { return Ok(None) };
        let name = &selected.config.name.value;
        reject_packing(self.request.pack, name, asked)?;
        let mut plan = EnginePlan {
            builder: asked.builder.value.clone(),
            context: selected.project.root().to_owned(),
            folder: self.engine_directory(selected)?,
            files: Vec::new(),
            copied: None,
            bases: Vec::new(),
            calls: Vec::new(),
            results: Vec::new(),
        };
        let engine = match &asked.engine {
            Availability::Available(engine) => engine,
            Availability::Unavailable(why) => {
                self.record_missing(name, None, why.clone());
                return Ok(Some(plan));
            }
        };
        if let Some(why) = asked.options.refused_by(engine).into_iter().next() {
            return Err(PlanError::Engine { image: name.clone(), why });
        }
        self.record_engine(name, engine);
        let platforms = self.buildable(name, engine, platforms);
        for request in self.dockerfile_requests(selected, images, platforms, asked, engine)? {
            match request.render() {
                Ok(mut rendered) => {
                    let ignored = rendered.dockerignore;
                    rendered.dockerignore =
                        without_outputs(ignored, selected, self.request, &request.context);
                    self.add_dockerfile(&mut plan, &request, rendered, asked, engine)?;
                }
                Err(DockerfileError::Render { source, .. }) if is_for_another_builder(&source) => {
                    self.record_missing(name, None, Unavailable::because(source.to_string()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(plan))
    }

    /// Returns the directory of the engine's files, which is next to the layouts and so must not be one.
    fn engine_directory(&self, selected: &SelectedImage<'_>) -> Result<Utf8PathBuf, PlanError> {
        let image = &selected.config.name.value;
        let name = format!("{image}.engine");
        if self.config.images.iter().any(|image| image.name.value == name) {
            let why = format!(
                "the engine's files would be in the directory of the image `{name}`: rename one of the two"
            );
            return Err(PlanError::Engine { image: image.clone(), why });
        }
        Ok(output_directory(selected.project, self.request).join(name))
    }

    fn record_engine(&mut self, image: &str, engine: &Engine) {
        let used = Requirement::Engine {
            builder: engine.builder.to_string(),
            program: engine.program.clone(),
            about: engine.inventory(),
        };
        self.uses.push((image.to_owned(), used));
        if self.request.network == Network::Offline {
            self.warn(format!("`--offline` does not restrict network access by {}", engine.builder));
        }
    }

    /// Returns the platforms that the engine builds. The classic builder has no BUILDPLATFORM, so that it builds only its own
    /// platform: the others are recorded as missing.
    fn buildable(&mut self, image: &str, engine: &Engine, platforms: &[Platform]) -> Vec<Platform> {
        if engine.frontend != Frontend::Classic {
            return platforms.to_vec();
        }
        let (own, foreign): (Vec<Platform>, Vec<Platform>) =
            platforms.iter().cloned().partition(|platform| platform.baseline() == engine.platform.baseline());
        for platform in &foreign {
            let why = format!(
                "{} builds only for its own platform: build with BuildKit (`docker buildx`, or a client before version 23 \
                 without DOCKER_BUILDKIT=0), with podman, or with crossdock itself (--builder embedded)",
                engine.describe()
            );
            self.record_missing(image, Some(platform.clone()), Unavailable::because(why));
        }
        own
    }

    fn dockerfile_requests(
        &self,
        selected: &SelectedImage<'_>,
        images: usize,
        platforms: Vec<Platform>,
        asked: &EngineRequest,
        engine: &Engine,
    ) -> Result<Vec<DockerfileRequest>, PlanError> {
        let mut settings = asked.settings.clone();
        // The classic builder has neither BUILDPLATFORM, by which a file compiles for other platforms, nor cache mounts.
        if engine.frontend == Frontend::Classic {
            settings.mode = Some(DockerfileMode::Fixed);
            settings.engine = render::Engine::Classic(engine.platform.clone());
            settings.caching = Caching::Layer;
        }
        settings.caching = asked.options.caching().unwrap_or(settings.caching);
        if platforms.is_empty() {
            return Ok(Vec::new());
        }
        let call = dockerfile_request::Call {
            root: &self.config.root,
            images,
            projects: self.projects,
            request: self.request,
            settings: &settings,
        };
        dockerfile_request::for_image(selected, platforms, &call)
    }

    /// Adds the files and commands of one Dockerfile.
    fn add_dockerfile(
        &mut self,
        plan: &mut EnginePlan,
        request: &DockerfileRequest,
        rendered: Rendered,
        asked: &EngineRequest,
        engine: &Engine,
    ) -> Result<(), PlanError> {
        let image = &request.image;
        request.left_out.iter().for_each(|sentence| self.warn(sentence.clone()));
        if let Some(why) = missing_secrets(&rendered, &asked.options) {
            return Err(PlanError::Engine { image: image.clone(), why });
        }
        // The renderer reads what it writes. Skipping an unreadable file would build on other base images than the given.
        let file = Dockerfile::read(&rendered.dockerfile).map_err(|error| unreadable(image, &error))?;
        self.warn_of_unused(request, &file, asked, engine);
        plan.context.clone_from(&request.context);
        // In fixed mode each platform has a file of its own.
        let name = match &request.file.mode {
            render::Mode::Cross(_) => "Dockerfile".to_owned(),
            render::Mode::Fixed(platform) => format!("{}.Dockerfile", platform_slug(platform)),
        };
        let name_suffix = name_suffix(&asked.machine, &plan.folder);
        let base_images = BaseImages {
            given: &asked.options.base_from,
            platforms: &request.platforms,
            build_platform: &engine.platform,
            nodes: match engine.builder {
                Builder::Buildx(_) => BuilderNodes::Several,
                _ => BuilderNodes::One,
            },
            directory: &plan.folder,
            name_suffix: &name_suffix,
        };
        let (content, bases) = for_builder(&engine.builder, &base_images, image, &file, rendered.dockerfile)?;
        self.check_emulation(request, engine);
        if engine.frontend == Frontend::Classic {
            let rules = ignore_rules(&rendered.dockerignore);
            plan.copied = Some(CopiedContext { to: copied_context(&plan.folder), rules });
        }
        let dockerfile = plan.folder.join(&name);
        let ignore = plan.folder.join(format!("{name}.dockerignore"));
        plan.files.push(TextFile { path: dockerfile.clone(), content, origins: rendered.origins });
        let content = rendered.dockerignore;
        plan.files.push(TextFile { path: ignore.clone(), content, origins: Vec::new() });
        let build = DockerfileBuild {
            image,
            platforms: &request.platforms,
            context: &request.context,
            created: request.created,
            engine,
            options: &asked.options,
            directory: &plan.folder,
            dockerfile,
            ignore,
            bases,
            name_suffix,
            has_healthcheck: file.instructions().any(|one| one.keyword == Keyword::Healthcheck),
        };
        let commands = build.commands().map_err(|error| PlanError::internal(image, error.to_string()))?;
        append(plan, commands);
        Ok(())
    }

    /// Warns of options that have no effect, or not the one that their name promises.
    fn warn_of_unused(
        &mut self,
        request: &DockerfileRequest,
        file: &Dockerfile,
        asked: &EngineRequest,
        engine: &Engine,
    ) {
        let bases: BTreeSet<String> = stages(file).into_iter().filter_map(|stage| stage.image).collect();
        for base in asked.options.base_from.iter().filter(|base| !bases.contains(&base.name)) {
            let known: Vec<&str> =
                bases.iter().map(String::as_str).filter(|name| *name != "scratch").collect();
            self.warn(format!(
                "--base-from {}: no stage of the Dockerfile of `{}` begins with it; they begin with {}",
                base.name,
                request.image,
                known.join(", ")
            ));
        }
        self.warn_of_undeclared(request, file, &asked.options);
        asked.options.limited_by(engine).into_iter().for_each(|sentence| self.warn(sentence));
        if engine.nodes.len() > 1 && !asked.options.cache_to.is_empty() {
            self.warn(format!(
                "the {} nodes of {} all write --cache-to to the same place, where the last one replaces the others",
                engine.nodes.len(),
                engine.builder
            ));
        }
    }

    /// Warns of arguments and secrets that no instruction uses, which engines ignore silently.
    fn warn_of_undeclared(&mut self, request: &DockerfileRequest, file: &Dockerfile, options: &Options) {
        let declares = |name: &str| {
            let arguments = file.instructions().filter(|one| one.keyword == Keyword::Arg);
            let mut words = arguments.flat_map(|one| one.arguments.words());
            words.any(|word| word.split('=').next() == Some(name))
        };
        let names = options.build_args.iter().filter_map(|given| given.split('=').next());
        for name in names.filter(|name| !is_predefined(name) && !declares(name)) {
            self.warn(format!(
                "--build-arg {name}: no ARG of the Dockerfile of `{}` declares it, so that it has no effect there",
                request.image
            ));
        }
        let mounts: Vec<&str> = file
            .instructions()
            .flat_map(|one| &one.flags)
            .filter_map(|flag| flag.value.as_deref())
            .filter(|value| value.split(',').any(|part| part == "type=secret"))
            .collect();
        for given in &options.secrets {
            let Some(id) = csv::value(given, "id") else { continue };
            if !mounts.iter().any(|mount| csv::value(mount, "id").as_ref() == Some(&id)) {
                self.warn(format!(
                    "--secret id={id}: no step of the Dockerfile of `{}` mounts it; `private` in its [dockerfile] names \
                     the hosts that need one",
                    request.image
                ));
            }
        }
    }

    /// Checks that the builder runs programs of the image's platform, if a step of the Dockerfile does.
    fn check_emulation(&mut self, request: &DockerfileRequest, engine: &Engine) {
        let build = &request.file.build;
        if build.runtime_packages.is_empty() && request.file.linking != Linking::GoCgoMusl {
            return;
        }
        let native = std::slice::from_ref(&engine.platform);
        let runs = engine.runs.as_deref().unwrap_or(native);
        let foreign = request
            .platforms
            .iter()
            .filter(|platform| !runs.iter().any(|native| native.baseline() == platform.baseline()));
        if engine.runs.is_none() {
            for platform in foreign {
                self.warn(format!(
                    "image `{}`: a step of its Dockerfile runs programs of {platform}, and it is unknown whether {} can: \
                     its machine needs emulation for it (binfmt_misc)",
                    request.image,
                    engine.describe(),
                ));
            }
            return;
        }
        for platform in foreign {
            let why = format!(
                "a step of its Dockerfile runs programs of {platform}, and {} runs none: install emulation on its \
                 machine (`docker run --privileged --rm tonistiigi/binfmt --install {}`), or add a node of that platform",
                engine.describe(),
                platform.architecture(),
            );
            self.record_missing(&request.image, Some(platform.clone()), Unavailable::because(why));
        }
    }
}

/// Rejects `--pack`: release archives have programs that this machine compiled, and an engine compiles inside of images.
fn reject_packing(pack: Pack, image: &str, asked: &EngineRequest) -> Result<(), PlanError> {
    match pack {
        Pack::None => Ok(()),
        Pack::Releases => Err(PlanError::Engine {
            image: image.to_owned(),
            why: format!(
                "--pack packs programs that crossdock compiled itself, and {} compiles inside of an image; leave out \
                 one of --pack and --builder",
                asked.builder.value
            ),
        }),
    }
}

fn append(plan: &mut EnginePlan, commands: EngineCommands) {
    let EngineCommands { files, bases, calls, results } = commands;
    plan.files.extend(files);
    for base in bases {
        // In fixed mode several Dockerfiles may have one base image.
        if !plan.bases.contains(&base) {
            plan.bases.push(base);
        }
    }
    plan.calls.extend(calls);
    plan.results.extend(results);
}

/// Returns the text of a Dockerfile as the builder needs it, and the base images that it needs in the engine's store.
fn for_builder(
    builder: &Builder,
    base_images: &BaseImages<'_>,
    image: &str,
    file: &Dockerfile,
    text: String,
) -> Result<(String, LoadedBases), PlanError> {
    if let Some((base, wanted)) = base_images.unfit(file) {
        return Err(unfit(image, base, &wanted));
    }
    Ok(match builder {
        Builder::Docker => base_images.rename(file, &text),
        Builder::Podman => {
            let (text, bases) = base_images.rename(file, &text);
            (for_podman(&text).map_err(|error| unreadable(image, &error))?, bases)
        }
        // A builder of buildx takes layouts by the names in the file.
        Builder::Buildx(_) | Builder::Embedded => (text, LoadedBases::default()),
    })
}

fn unreadable(image: &str, error: &ReadError) -> PlanError {
    PlanError::internal(image, format!("its Dockerfile is unreadable: {error}"))
}

/// Returns whether BuildKit would build what the classic builder cannot.
fn is_for_another_builder(error: &RenderError) -> bool {
    matches!(
        error,
        RenderError::ClassicCross { .. }
            | RenderError::ClassicForeign { .. }
            | RenderError::ClassicFeature { .. }
    )
}

fn unfit(image: &str, base: &BaseFrom, wanted: &Platform) -> PlanError {
    let BaseFrom { name, layout, platforms, .. } = base;
    PlanError::Engine {
        image: image.to_owned(),
        why: format!(
            "--base-from {name}: {layout} has it for {}, and a stage of the Dockerfile uses it for {wanted}; give a layout \
             that has it for {wanted} too, or leave that platform out",
            platforms.join(", ")
        ),
    }
}

/// Returns an error message that names the secrets that the Dockerfile needs and the call does not give.
fn missing_secrets(rendered: &Rendered, options: &Options) -> Option<String> {
    let is_given =
        |id: &String| options.secrets.iter().any(|given| csv::value(given, "id").as_ref() == Some(id));
    let secrets = rendered.secrets.iter().filter(|id| !is_given(id));
    let mut wanted: Vec<String> = secrets.map(|id| format!("--secret id={id},src=FILE")).collect();
    if rendered.ssh && options.ssh.is_empty() {
        wanted.push("--ssh default".to_owned());
    }
    let wanted = wanted.join(" ");
    (!wanted.is_empty())
        .then(|| format!("its Dockerfile cannot be built without {wanted}: add it to the call"))
}

/// Returns the patterns of a `.dockerignore`.
fn ignore_rules(dockerignore: &str) -> Vec<String> {
    let lines = dockerignore.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Returns whether an engine takes an argument undeclared (Dockerfile reference, "Predefined ARGs"), or BuildKit itself
/// reads it.
fn is_predefined(name: &str) -> bool {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    proxies.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
        || name == "SOURCE_DATE_EPOCH"
        || name.starts_with("BUILDKIT_")
}
