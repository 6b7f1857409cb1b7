//! The decisions: a pure function from configuration, projects, host and request to a [`Plan`].
//!
//! Nothing here touches the system. A requirement that the host does not satisfy is part of the plan, so that a plan can be
//! made for any machine, on any machine.

mod base_images;
pub(crate) mod bases;
mod build_info;
mod cargo;
mod cluster;
mod compiler_flags;
mod dockerfile_request;
mod engine;
mod error;
mod go;
mod goflags;
mod images;
mod inputs;
mod output;
mod path_conflicts;
mod platforms;
mod program_platforms;
mod request;
mod rust;
mod rust_flags;
mod steps;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{Os, Platform};

use crate::plan::ResolvedBase;
use crate::plan::{ImagePlan, Load, Missing, Plan, PlatformPlan, SCHEMA, Since};
use cargo::CargoCalls;
use cluster::cluster_load;
use crossdock_project::Project;
use crossdock_project::config::{Config, RenderedConfig};
use crossdock_system::availability::Unavailable;
use crossdock_system::process::Command;
use crossdock_toolchain::choice::Wrapper;
use crossdock_toolchain::doctor::Requirement;
use crossdock_toolchain::host::Host;
use go::GoCalls;
use inputs::{check_inputs, check_metadata_file, old_layouts, seen_metadata_file};
use output::{output_directory, own_directories};
use path_conflicts::{check_outputs, check_references};
use platforms::Platforms;
use program_platforms::program_platforms;
use steps::{Call, Compilation, ImagePlatform, steps};

pub use crossdock_project::Projects;
pub use dockerfile_request::{DockerfileRequest, bake, dockerfile_requests};
pub use error::{DockerfileError, PlanError};
pub use images::{SelectedImage, SelectedProgram, programs, select, template_values};
pub use platforms::named_targets;
pub use program_platforms::project_platforms;
pub use request::{Archive, DockerfileSettings, EngineRequest, Goal, MachineFlags, Pack, Request, Tagging};

/// Plans a call.
///
/// A requirement that the host does not satisfy is not an error: it is in [`Plan::missing`], with its remedies.
///
/// # Errors
/// If the call, the configuration or a project is wrong.
pub fn plan(
    config: &RenderedConfig,
    projects: &Projects,
    host: &Host,
    request: &Request,
) -> Result<Plan, PlanError> {
    let config = config.config();
    let all = select(config, projects, request)?;
    // The number of images decides about repositories, whichever images are left out.
    let mut planner = Planner::new(config, projects, host, request, all.len());
    if config.images.is_empty() {
        planner.notes.extend(unselected_programs(all.first().map(|image| image.project)));
    }
    let selected = planner.without_unchanged(all)?;
    for image in &selected {
        planner.add(image)?;
    }
    // Two images can conflict only after both are planned: `--output` and `--repository` apply to several.
    check_outputs(&planner.images)?;
    if matches!(request.goal, Goal::Build | Goal::Dist) {
        check_inputs(&selected, &planner.images, request)?;
    }
    // `tag` writes it too, and the next build would read it.
    check_metadata_file(&selected, request)?;
    old_layouts(&selected, request).into_iter().for_each(|warning| planner.warn(warning));
    seen_metadata_file(request).into_iter().for_each(|warning| planner.warn(warning));
    check_references(
        planner.images.iter().map(|image| (image.name.as_str(), &image.source, image.references().collect())),
    )?;
    let own = selected.iter().flat_map(|image| own_directories(image.project, request)).collect();
    planner.finish(own)
}

/// Returns a note that names programs without an image, if images follow only from the project.
fn unselected_programs(project: Option<&Project>) -> Option<String> {
    let programs: Vec<String> =
        project?.secondary_programs().iter().map(|program| program.package().to_owned()).collect();
    (!programs.is_empty()).then(|| {
        format!(
            "not built, because programs of the module's root and below cmd/ take precedence: {}; declare an [image.NAME] with \
             `package` to build one",
            programs.join(", ")
        )
    })
}

/// A plan that grows image by image. How each language or engine builds is in the modules named after them.
struct Planner<'a> {
    config: &'a Config,
    projects: &'a Projects,
    host: &'a Host,
    request: &'a Request,
    /// The number of images.
    count: usize,
    images: Vec<ImagePlan>,
    cargo: CargoCalls,
    go: GoCalls,
    wrappers: BTreeMap<Utf8PathBuf, Wrapper>,
    /// The calls that make the programs of an image's platform.
    calls: BTreeMap<ImagePlatform, Vec<Call>>,
    uses: Vec<(String, Requirement)>,
    missing: Vec<Missing>,
    warnings: Vec<String>,
    notes: Vec<String>,
    since: Option<Since>,
}

impl<'a> Planner<'a> {
    fn new(
        config: &'a Config,
        projects: &'a Projects,
        host: &'a Host,
        request: &'a Request,
        count: usize,
    ) -> Self {
        Self {
            config,
            projects,
            host,
            request,
            count,
            images: Vec::new(),
            cargo: CargoCalls::default(),
            go: GoCalls::default(),
            wrappers: BTreeMap::new(),
            calls: BTreeMap::new(),
            uses: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            since: request.since.clone(),
        }
    }

    /// Returns the images that the comparison with a commit does not leave out, and records where those are.
    fn without_unchanged(
        &mut self,
        images: Vec<SelectedImage<'a>>,
    ) -> Result<Vec<SelectedImage<'a>>, PlanError> {
        let Some(since) = &mut self.since else { return Ok(images) };
        let (left_out, taken): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| since.leaves_out(&image.config.name.value));
        for (image, unchanged) in left_out.iter().zip(&mut since.unchanged) {
            unchanged.image.clone_from(&image.config.name.value);
            unchanged.repository = images::repository(&image.config, self.request, self.count)?;
        }
        Ok(taken)
    }

    fn add(&mut self, selected: &SelectedImage<'_>) -> Result<(), PlanError> {
        let image = &selected.config;
        let Platforms { built, targets, warnings, notes } =
            program_platforms(self.config, selected, self.request)?;
        warnings.into_iter().for_each(|warning| self.warn(warning));
        for note in notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let shape = platforms::shape(image, &targets, &built)?;
        let base = bases::resolved(image, self.request)?;
        let (platforms, others) = self.platform_plans(selected, built, base)?;
        let mut container = images::container(selected);
        let mut replaced = Vec::new();
        if let Some(base) = base {
            bases::inherit(&mut container, image, base);
            replaced = bases::replaced(&container, image, base);
        }
        if let Some(without) = self.projects.git_unavailable(selected.entry_point.source_directory()) {
            self.warn(format!("the images do not name their commit: {without}"));
        }
        version::warnings(selected, self.projects).into_iter().for_each(|warning| self.warn(warning));
        let name = image.name.value.clone();
        let created = images::created(selected, self.projects, self.request);
        let (tags, skipped_tags) = images::tags(selected, self.projects, self.request)?;
        for skipped in &skipped_tags {
            self.warn(format!("image `{name}`: no tag `{}`: {}", skipped.template, skipped.why));
        }
        let directory = output_directory(selected.project, self.request);
        let is_archived = self.request.archive == Archive::Tar || self.request.load.is_some();
        let archive = is_archived.then(|| directory.join(format!("{name}.tar")));
        // A node of another system starts programs of a release archive, never an image.
        let targets = targets.into_iter().filter(|target| target.platform.os() == Os::Linux).collect();
        let single = self.single(&platforms);
        let built: Vec<Platform> = platforms.iter().map(|plan| plan.platform.clone()).collect();
        let engine = self.engine_plan(selected, self.count, &built)?;
        let cluster = self.request.cluster.as_ref();
        let cluster = cluster
            .filter(|_| !built.is_empty())
            .map(|cluster| cluster_load(cluster, &name, &built, &directory.join(&name), &self.config.root));
        let release = images::release(selected, &platforms, &others, self.projects, self.request);
        if platforms.is_empty() && release.is_none() {
            return Err(PlanError::internal(&name, "it has no platforms, and so would have no layers"));
        }
        self.images.push(ImagePlan {
            source: image.name.source.clone(),
            project: images::project_id(selected),
            layout: directory.join(&name),
            shape,
            targets,
            base: image.base.value.clone(),
            base_digest: base.map(|base| base.digest),
            replaced,
            timezones: image.timezones.value,
            container,
            files: images::files(image),
            annotations: match engine {
                None => images::annotations(selected, self.projects, created, base),
                Some(_) => dockerfile_request::annotations(selected, self.projects, created, base),
            },
            created,
            repository: images::repository(image, self.request, self.count)?,
            tags,
            skipped_tags,
            load: self.load(&single, archive.as_deref()),
            cluster: cluster.transpose()?,
            archive,
            engine,
            single,
            release,
            others,
            platforms,
            name,
        });
        Ok(())
    }

    /// Plans the programs of each platform. The second list has the platforms that run no containers.
    fn platform_plans(
        &mut self,
        selected: &SelectedImage<'_>,
        built: Vec<(Platform, String)>,
        base: Option<&ResolvedBase>,
    ) -> Result<(Vec<PlatformPlan>, Vec<PlatformPlan>), PlanError> {
        let wanted: Vec<Platform> = built.iter().map(|(platform, _)| platform.clone()).collect();
        let programs = match selected.project {
            Project::Rust(workspace) => self.rust_programs(selected, workspace, &wanted)?,
            Project::Go(module) => self.go_programs(selected, module, &wanted)?,
        };
        let plans = built.into_iter().zip(programs).map(|((platform, reason), programs)| {
            // A platform that runs no containers has no base.
            let base = base.filter(|_| platform.os() == Os::Linux);
            let base = base.map(|base| bases::for_platform(&selected.config, base, &platform)).transpose()?;
            Ok(PlatformPlan { platform, reason, programs, base })
        });
        let plans = plans.collect::<Result<Vec<_>, PlanError>>()?;
        Ok(plans.into_iter().partition(|plan| plan.platform.os() == Os::Linux))
    }

    /// Returns the platform for engines that load only one: the server's if it is built, else the host's architecture on
    /// linux, else the first. An image that is made only for its release archives has none, and is never loaded.
    fn single(&mut self, platforms: &[PlatformPlan]) -> Platform {
        let server = self.request.load.as_ref().map(|(_, server)| server.clone());
        let runs_natively = |platform: &Platform| match &server {
            Some(server) => platform == server,
            None => platform.architecture() == self.host.platform.architecture(),
        };
        let built = || platforms.iter().map(|plan| &plan.platform);
        if let Some(platform) = built().find(|platform| runs_natively(platform)) {
            return platform.clone();
        }
        let first = built().next().cloned().unwrap_or(Platform::LINUX_AMD64);
        if let Some(server) = server {
            self.warnings.push(format!(
                "the engine's server is {server}, which is not built: {first} is loaded, and runs only under emulation"
            ));
        }
        first
    }

    fn load(&self, platform: &Platform, archive: Option<&Utf8Path>) -> Option<Load> {
        let (engine, _) = self.request.load.as_ref()?;
        let command = Command::new(engine.as_str(), self.config.root.clone()).args([
            "load",
            "--input",
            archive?.as_str(),
        ]);
        Some(Load { engine: *engine, platform: platform.clone(), command })
    }

    /// Records the compiler of an image's platform and the tools that the compiler calls.
    fn record_uses(&mut self, image: &str, platform: &Platform, compiler: Requirement, tools: &[String]) {
        let by = format!("{image} for {platform}");
        let tools = tools.iter().cloned().map(Requirement::Tool);
        self.uses.extend([compiler].into_iter().chain(tools).map(|used| (by.clone(), used)));
    }

    fn record_missing(&mut self, image: &str, platform: Option<Platform>, unavailable: Unavailable) {
        self.missing.push(Missing { image: image.to_owned(), platform, unavailable });
    }

    /// Records why this machine cannot build an image's platform, and returns the `why` of its programs.
    fn record_unbuildable(&mut self, image: &str, platform: &Platform, unavailable: Unavailable) -> String {
        self.record_missing(image, Some(platform.clone()), unavailable);
        "cannot be built on this machine: see what is missing".to_owned()
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds wrappers, which are written before anything is compiled.
    fn add_wrappers(&mut self, wrappers: &[Wrapper]) {
        self.wrappers.extend(wrappers.iter().map(|wrapper| (wrapper.path.clone(), wrapper.clone())));
    }

    fn finish(mut self, own_directories: BTreeSet<Utf8PathBuf>) -> Result<Plan, PlanError> {
        let (cargo, places) = self.cargo.finish(self.request);
        for calls in self.calls.values_mut() {
            let mut known = Vec::new();
            for call in std::mem::take(calls) {
                let call = match call {
                    Call::Cargo(index) => Call::Cargo(places[index]),
                    other => other,
                };
                if !known.contains(&call) {
                    known.push(call);
                }
            }
            *calls = known;
        }
        let compilation = Compilation {
            wrappers: self.wrappers.into_values().collect(),
            cargo,
            go: self.go.finish(self.request, self.host.processors),
            calls: self.calls,
        };
        Ok(Plan {
            schema: SCHEMA,
            crossdock: env!("CARGO_PKG_VERSION"),
            root: self.config.root.clone(),
            host: self.host.platform.clone(),
            steps: steps(
                self.request.goal,
                &self.images,
                compilation,
                bases::fetches(&self.images, self.request),
                &self.missing,
            )?,
            images: self.images,
            since: self.since,
            uses: self.uses,
            missing: self.missing,
            own_directories,
            warnings: self.warnings,
            notes: self.notes,
        })
    }
}
