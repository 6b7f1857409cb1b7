//! What an engine is told to build of an image: files, commands, and what comes back.

use std::collections::BTreeSet;

use crossdock_dockerfile::read::{Dockerfile, Keyword, stages};
use crossdock_dockerfile::render::{self, Caching, Linking, RenderError, Rendered};
use crossdock_platform::Platform;

use super::bases::{self, Bases, Building, Nodes};
use super::cargo::slug;
use super::engine_calls::Calls;
use super::error::PlanError;
use super::make::Maker;
use super::recipe::{self, Recipe, RecipeError};
use super::request::{EngineRequest, Pack};
use super::select::Selected;
use super::{CopiedContext, EnginePlan, Missing, TextFile, image};
use crate::engine::{BaseFrom, Builder, Engine, Frontend, Options, csv};
use crossdock_project::Network;
use crossdock_project::config::DockerfileMode;
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_toolchain::doctor::Requirement;

impl Maker<'_> {
    /// Why a program is made as it is, where an engine makes it.
    pub(super) fn engine_way(&self) -> Option<String> {
        let asked = self.request.engine.as_ref()?;
        Some(match &asked.engine {
            Availability::Available(engine) => format!("built by {}", engine.describe()),
            Availability::Unavailable(_) => format!("built by {}: see what is missing", asked.builder.value),
        })
    }

    /// How an engine builds the image; none where crossdock builds it itself.
    pub(super) fn engine_plan(
        &mut self,
        selected: &Selected<'_>,
        images: usize,
        platforms: &[Platform],
    ) -> Result<Option<EnginePlan>, PlanError> {
        let Some(asked) = &self.request.engine else { return Ok(None) };
        let name = selected.config.name.value.clone();
        self.refuse_what_needs_programs(&name, asked)?;
        let beside = format!("{name}.engine");
        if self.config.images.iter().any(|image| image.name.value == beside) {
            let why = format!(
                "the engine's files would lie in the folder of the image `{beside}`: rename one of the two"
            );
            return Err(PlanError::Engine { image: name, why });
        }
        let folder = image::output_folder(selected.project, self.request).join(beside);
        let mut plan = EnginePlan {
            builder: asked.builder.value.clone(),
            context: selected.project.root().to_owned(),
            folder,
            files: Vec::new(),
            copied: None,
            bases: Vec::new(),
            calls: Vec::new(),
            results: Vec::new(),
        };
        let engine = match &asked.engine {
            Availability::Available(engine) => engine,
            Availability::Unavailable(why) => {
                self.miss(&name, None, why.clone());
                return Ok(Some(plan));
            }
        };
        if let Some(why) = asked.options.refused_by(engine).into_iter().next() {
            return Err(PlanError::Engine { image: name, why });
        }
        let used = Requirement::Engine {
            builder: engine.builder.to_string(),
            program: engine.program.clone(),
            about: engine.inventory(),
        };
        self.uses.push((name.clone(), used));
        if self.request.network == Network::Offline {
            self.warn(format!(
                "--offline keeps this machine's tools from the network; what {} fetches while it builds is its own affair",
                engine.builder
            ));
        }
        let platforms = self.buildable(&name, engine, platforms);
        let recipes = self.recipes(selected, images, platforms, asked, engine)?;
        for recipe in &recipes {
            match self.add_recipe(&mut plan, recipe, asked, engine) {
                Err(RecipeError::Render { source, .. }) if is_for_another_builder(&source) => {
                    self.miss(&name, None, Unavailable::because(source.to_string()));
                }
                added => added?,
            }
        }
        Ok(Some(plan))
    }

    /// Release archives are packed of programs that this machine compiled.
    fn refuse_what_needs_programs(&self, image: &str, asked: &EngineRequest) -> Result<(), PlanError> {
        match self.request.pack {
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

    /// The classic builder knows no BUILDPLATFORM: what is not its own platform is missing.
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
            self.miss(image, Some(platform.clone()), Unavailable::because(why));
        }
        own
    }

    fn recipes(
        &self,
        selected: &Selected<'_>,
        images: usize,
        platforms: Vec<Platform>,
        asked: &EngineRequest,
        engine: &Engine,
    ) -> Result<Vec<Recipe>, PlanError> {
        let mut settings = asked.settings.clone();
        if engine.frontend == Frontend::Classic {
            settings.mode = Some(DockerfileMode::Fixed);
            settings.engine = render::Engine::Classic(engine.platform.clone());
            settings.caching = Caching::Layer;
        }
        settings.caching = asked.options.caching().unwrap_or(settings.caching);
        if platforms.is_empty() {
            return Ok(Vec::new());
        }
        let call = recipe::Call {
            root: &self.config.root,
            images,
            projects: self.projects,
            request: self.request,
            settings: &settings,
        };
        recipe::of_image(selected, platforms, &call).map_err(PlanError::from)
    }

    fn add_recipe(
        &mut self,
        plan: &mut EnginePlan,
        recipe: &Recipe,
        asked: &EngineRequest,
        engine: &Engine,
    ) -> Result<(), RecipeError> {
        let rendered = recipe.render()?;
        if let Some(why) = kept_back(&rendered, &asked.options) {
            return Err(PlanError::Engine { image: recipe.image.clone(), why }.into());
        }
        let checks_health = checks_health(&rendered.dockerfile);
        plan.context.clone_from(&recipe.context);
        // In fixed mode each platform has a file of its own.
        let name = match &recipe.request.mode {
            render::Mode::Cross(_) => "Dockerfile".to_owned(),
            render::Mode::Fixed(platform) => format!("{}.Dockerfile", slug(platform)),
        };
        let dockerfile = plan.folder.join(&name);
        let ignore = plan.folder.join(format!("{name}.dockerignore"));
        self.unused(recipe, &rendered.dockerfile, asked, engine);
        let mark = bases::mark(&asked.machine, &plan.folder);
        let building = Building {
            given: &asked.options.base_from,
            platforms: &recipe.platforms,
            own: &engine.platform,
            nodes: match engine.builder {
                Builder::Buildx(_) => Nodes::Several,
                _ => Nodes::One,
            },
            folder: &plan.folder,
            mark: &mark,
        };
        if let Some((base, wanted)) = building.unfit(&rendered.dockerfile) {
            return Err(unfit(&recipe.image, base, &wanted).into());
        }
        let (content, bases) = match engine.builder {
            Builder::Docker => building.rename(&rendered.dockerfile),
            Builder::Podman => {
                let (content, bases) = building.rename(&rendered.dockerfile);
                (bases::for_podman(&content), bases)
            }
            // A builder of buildx is given layouts by the names that the file has.
            Builder::Buildx(_) | Builder::Embedded => (rendered.dockerfile, Bases::default()),
        };
        plan.files.push(TextFile { path: dockerfile.clone(), content, origins: rendered.origins });
        if engine.frontend == Frontend::Classic {
            plan.copied =
                Some(CopiedContext { to: plan.folder.join("context"), rules: rules(&rendered.dockerignore) });
        }
        let content = rendered.dockerignore;
        plan.files.push(TextFile { path: ignore.clone(), content, origins: Vec::new() });
        self.emulation(recipe, engine);
        let options = &asked.options;
        Calls { recipe, engine, options, dockerfile, ignore, bases, mark, checks_health }.add_to(plan);
        Ok(())
    }

    /// What is handed on and does not do what its name says.
    fn unused(&mut self, recipe: &Recipe, dockerfile: &str, asked: &EngineRequest, engine: &Engine) {
        let Ok(file) = Dockerfile::read(dockerfile) else { return };
        let begins: BTreeSet<String> = stages(&file).into_iter().filter_map(|stage| stage.image).collect();
        for base in asked.options.base_from.iter().filter(|base| !begins.contains(&base.name)) {
            let known: Vec<&str> =
                begins.iter().map(String::as_str).filter(|name| *name != "scratch").collect();
            self.warn(format!(
                "--base-from {}: no stage of the Dockerfile of `{}` begins with it; they begin with {}",
                base.name,
                recipe.image,
                known.join(", ")
            ));
        }
        self.undeclared(recipe, &file, &asked.options);
        asked.options.limited_by(engine).into_iter().for_each(|sentence| self.warn(sentence));
        if engine.nodes.len() > 1 && !asked.options.cache_to.is_empty() {
            self.warn(format!(
                "each of the {} nodes of {} writes its own --cache-to to the same place, and the last one stays",
                engine.nodes.len(),
                engine.builder
            ));
        }
    }

    /// Arguments and secrets that no instruction takes: engines pass over them without a word.
    fn undeclared(&mut self, recipe: &Recipe, file: &Dockerfile, options: &Options) {
        let declares = |name: &str| {
            let arguments = file.instructions().filter(|one| one.keyword == Keyword::Arg);
            let mut words = arguments.flat_map(|one| one.arguments.words());
            words.any(|word| word.split('=').next() == Some(name))
        };
        let names = options.build_args.iter().filter_map(|given| given.split_once('=')).map(|(name, _)| name);
        for name in names.filter(|name| !is_predefined(name) && !declares(name)) {
            self.warn(format!(
                "--build-arg {name}: no ARG of the Dockerfile of `{}` declares it, and so it changes nothing there",
                recipe.image
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
                    recipe.image
                ));
            }
        }
    }

    /// A step that runs on the image's platform needs a builder that runs such programs.
    fn emulation(&mut self, recipe: &Recipe, engine: &Engine) {
        let build = &recipe.request.build;
        if build.runtime_packages.is_empty() && recipe.request.linking != Linking::GoCgoMusl {
            return;
        }
        let native = std::slice::from_ref(&engine.platform);
        let runs = engine.runs.as_deref().unwrap_or(native);
        let foreign = recipe
            .platforms
            .iter()
            .filter(|platform| !runs.iter().any(|native| native.baseline() == platform.baseline()));
        if engine.runs.is_none() {
            for platform in foreign {
                self.warn(format!(
                    "image `{}`: a step of its Dockerfile runs programs of {platform}, and it is not known whether {} can: \
                     its machine needs emulation for it (binfmt_misc)",
                    recipe.image,
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
            self.miss(&recipe.image, Some(platform.clone()), Unavailable::because(why));
        }
    }

    pub(super) fn miss(&mut self, image: &str, platform: Option<Platform>, unavailable: Unavailable) {
        let missing = Missing { image: image.to_owned(), platform, unavailable };
        self.missing.push(missing);
    }
}

/// Whether BuildKit would build what the classic builder cannot.
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
            "--base-from {name}: {layout} holds it for {}, and a stage of the Dockerfile lies on it for {wanted}; give a \
             layout that holds it for {wanted} too, or leave that platform out",
            platforms.join(", ")
        ),
    }
}

/// What the Dockerfile's steps cannot do without and is not handed on.
fn kept_back(rendered: &Rendered, options: &Options) -> Option<String> {
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

/// In our templates or in a user's own.
fn checks_health(dockerfile: &str) -> bool {
    let file = Dockerfile::read(dockerfile);
    file.is_ok_and(|file| file.instructions().any(|one| one.keyword == Keyword::Healthcheck))
}

/// The lines of a `.dockerignore` that say something.
fn rules(dockerignore: &str) -> Vec<String> {
    let lines = dockerignore.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Arguments that every engine takes undeclared (Dockerfile reference, "Predefined ARGs"), and BuildKit's own.
fn is_predefined(name: &str) -> bool {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    proxies.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
        || name == "SOURCE_DATE_EPOCH"
        || name.starts_with("BUILDKIT_")
}
