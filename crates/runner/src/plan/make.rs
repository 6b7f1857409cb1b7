//! Makes a plan: a pure function of configuration, projects, host and request.

use std::collections::BTreeMap;

use crossdock_platform::{Os, Platform};

use super::cargo::CargoCalls;
use super::error::PlanError;
use super::go::GoCalls;
use super::places::{check_outputs, check_references};
use super::platforms::{Platforms, platforms};
use super::request::{Archive, Projects, Request};
use super::select::{Selected, select};
use super::steps::{Call, Compiled, steps};
use super::{ImagePlan, Load, Missing, Plan, PlatformPlan, SCHEMA, image, recipe};
use crossdock_project::Project;
use crossdock_project::config::Config;
use crossdock_system::availability::Unavailable;
use crossdock_system::process::Command;
use crossdock_toolchain::choice::Wrapper;
use crossdock_toolchain::doctor::Requirement;
use crossdock_toolchain::host::Host;

/// Plans what a call asks for.
///
/// What the host lacks is no error: it stands in [`Plan::missing`] with what brings it.
pub fn plan(config: &Config, projects: &Projects, host: &Host, request: &Request) -> Result<Plan, PlanError> {
    let selected = select(config, projects, request)?;
    let mut maker = Maker::new(config, projects, host, request, selected.len());
    if config.images.is_empty() {
        maker.notes.extend(left_out(selected.first().map(|image| image.project)));
    }
    for image in &selected {
        maker.add(image)?;
    }
    check_outputs(&maker.images)?;
    check_references(
        maker.images.iter().map(|image| (image.name.as_str(), &image.source, image.references().collect())),
    )?;
    Ok(maker.finish())
}

/// What a person may miss where images follow from the project alone.
fn left_out(project: Option<&Project>) -> Option<String> {
    let programs: Vec<String> =
        project?.secondary_programs().iter().map(|program| program.package().to_owned()).collect();
    (!programs.is_empty()).then(|| {
        format!(
            "left out, because programs of the module's root and below cmd/ come first: {}; an [image.NAME] with `package` \
             builds one",
            programs.join(", ")
        )
    })
}

pub(super) struct Maker<'a> {
    pub(super) config: &'a Config,
    pub(super) projects: &'a Projects,
    pub(super) host: &'a Host,
    pub(super) request: &'a Request,
    count: usize,
    images: Vec<ImagePlan>,
    pub(super) cargo: CargoCalls,
    pub(super) go: GoCalls,
    wrappers: BTreeMap<camino::Utf8PathBuf, Wrapper>,
    /// Which calls make the programs of an image's platform.
    pub(super) made_by: BTreeMap<(String, Platform), Vec<Call>>,
    pub(super) uses: Vec<(String, Requirement)>,
    pub(super) missing: Vec<Missing>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Maker<'a> {
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
            made_by: BTreeMap::new(),
            uses: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn add(&mut self, selected: &Selected<'_>) -> Result<(), PlanError> {
        let image = &selected.config;
        let Platforms { built, targets, warnings, notes } = platforms(self.config, image, self.request)?;
        warnings.into_iter().for_each(|warning| self.warn(warning));
        for note in notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let wanted: Vec<Platform> = built.iter().map(|(platform, _)| platform.clone()).collect();
        let programs = match selected.project {
            Project::Rust(workspace) => self.rust_programs(selected, workspace, &wanted)?,
            Project::Go(module) => self.go_programs(selected, module, &wanted)?,
        };
        let platforms: Vec<PlatformPlan> = built
            .into_iter()
            .zip(programs)
            .map(|((platform, reason), programs)| PlatformPlan { platform, reason, programs })
            .collect();
        if let Some(without) = self.projects.git_unavailable(&image.path.value) {
            self.warn(format!("the images say nothing of the commit that they are of: {without}"));
        }
        let name = image.name.value.clone();
        let created = image::created(&image.path.value, self.projects, self.request);
        let (tags, skipped_tags) = image::tags(selected, self.projects, self.request)?;
        for skipped in &skipped_tags {
            self.warn(format!("image `{name}`: no tag `{}`: {}", skipped.template, skipped.why));
        }
        let folder = image::output_folder(selected.project, self.request);
        let archived = self.request.archive == Archive::Beside || self.request.load.is_some();
        let archive = archived.then(|| folder.join(format!("{name}.tar")));
        let (platforms, others): (Vec<_>, Vec<_>) =
            platforms.into_iter().partition(|plan| plan.platform.os() == Os::Linux);
        let targets = targets.into_iter().filter(|target| target.platform.os() == Os::Linux).collect();
        let single = self.single(&platforms);
        let built: Vec<Platform> = platforms.iter().map(|plan| plan.platform.clone()).collect();
        let engine = self.engine_plan(selected, self.count, &built)?;
        let release = image::release(selected, &platforms, &others, self.projects, self.request);
        self.images.push(ImagePlan {
            source: image.name.source.clone(),
            layout: folder.join(&name),
            targets,
            base: image.base.value,
            timezones: image.timezones.value,
            container: image::container(selected),
            files: image::files(image),
            annotations: match engine {
                None => image::annotations(selected, self.projects, created),
                Some(_) => recipe::annotations(selected, self.projects, created),
            },
            created,
            repository: image::repository(image, self.request, self.count)?,
            tags,
            skipped_tags,
            load: self.load(&single, archive.as_deref()),
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

    /// Notes what keeps this machine from building an image's platform, and says of its programs where to look.
    pub(super) fn misses(&mut self, image: &str, platform: &Platform, unavailable: Unavailable) -> String {
        self.miss(image, Some(platform.clone()), unavailable);
        "cannot be built on this machine: see what is missing".to_owned()
    }

    /// The platform for engines that take one: the server's when it was built, else the host's processor on linux, else
    /// the first.
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
                "the engine's server is {server} and that was not built: it gets {first} and runs it under emulation, if it can"
            ));
        }
        first
    }

    fn load(&self, platform: &Platform, archive: Option<&camino::Utf8Path>) -> Option<Load> {
        let (engine, _) = self.request.load.as_ref()?;
        let command = Command::new(engine.as_str(), self.config.root.clone()).args([
            "load",
            "--input",
            archive?.as_str(),
        ]);
        Some(Load { engine: *engine, platform: platform.clone(), command })
    }

    /// Notes what an image's platform uses: its compiler, and the tools that the compiler calls.
    pub(super) fn uses(&mut self, image: &str, platform: &Platform, compiler: Requirement, tools: &[String]) {
        let by = format!("{image} for {platform}");
        let tools = tools.iter().cloned().map(Requirement::Tool);
        self.uses.extend([compiler].into_iter().chain(tools).map(|used| (by.clone(), used)));
    }

    pub(super) fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn write_first(&mut self, wrappers: &[Wrapper]) {
        self.wrappers.extend(wrappers.iter().map(|wrapper| (wrapper.path.clone(), wrapper.clone())));
    }

    fn finish(self) -> Plan {
        let compiled = Compiled {
            wrappers: self.wrappers.into_values().collect(),
            cargo: self.cargo.finish(self.request),
            go: self.go.finish(self.request, self.host.processors),
            made_by: self.made_by,
        };
        Plan {
            schema: SCHEMA,
            crossdock: env!("CARGO_PKG_VERSION"),
            root: self.config.root.clone(),
            host: self.host.platform.clone(),
            steps: steps(self.request.goal, &self.images, compiled),
            images: self.images,
            uses: self.uses,
            missing: self.missing,
            warnings: self.warnings,
            notes: self.notes,
        }
    }
}
