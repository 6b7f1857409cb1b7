//! How each platform's programs of a Go image are built.

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use super::error::PlanError;
use super::make::Maker;
use super::select::Selected;
use super::steps::Call;
use super::user_flags::check_goflags;
use super::{Expected, ProgramPlan, image};
use crate::doctor::Use;
use crate::project::{GoMain, GoModule, Program};
use crate::toolchain::{GoChoice, GoRequest, choose_go};

impl Maker<'_> {
    /// The programs of each platform, in the platforms' order; none where a platform misses its toolchain.
    pub(super) fn go_programs(
        &mut self,
        selected: &Selected<'_>,
        module: &GoModule,
        wanted: &[Platform],
    ) -> Result<Vec<Vec<ProgramPlan>>, PlanError> {
        let image = &selected.config;
        let programs = go_only(&selected.programs);
        let cgo_packages: Vec<String> =
            programs.iter().flat_map(|main| main.cgo_packages.iter().cloned()).collect();
        if !cgo_packages.is_empty() && image.cgo.is_none() {
            let packages = cgo_packages.join(", ");
            return Err(PlanError::Cgo { image: image.name.value.clone(), packages });
        }
        let each = wanted.iter().map(|platform| {
            let request = GoRequest {
                folder: &module.root,
                platform,
                cgo: image.cgo.as_ref(),
                cgo_packages: &cgo_packages,
                linkage: &image.linkage,
            };
            let choice = choose_go(&request, self.host, &self.request.cache);
            match self.need(&image.name.value, platform, choice) {
                Some(choice) => self.go_platform(selected, module, &programs, &choice),
                None => Ok(Vec::new()),
            }
        });
        each.collect()
    }

    fn go_platform(
        &mut self,
        selected: &Selected<'_>,
        module: &GoModule,
        programs: &[&GoMain],
        choice: &GoChoice,
    ) -> Result<Vec<ProgramPlan>, PlanError> {
        let image = &selected.config;
        let flags = self.host.go_of(&module.root).map(|go| go.flags.clone()).unwrap_or_default();
        check_goflags(image, &flags, choice)?;
        self.write_first(&choice.wrappers);
        self.uses(&image.name.value, &choice.platform, Use::Go(module.root.clone()), &choice.tools);
        let build_folder = image::go_build_folder(module, self.request);
        let place = (image.name.value.clone(), choice.platform.clone());
        let plans = programs.iter().map(|main| {
            let (call, artifact) = self.go.add(image, module, main, choice, &build_folder);
            self.made_by.entry(place.clone()).or_default().push(Call::Go(call));
            ProgramPlan {
                name: main.name.clone(),
                path: image::program_path(&main.name),
                artifact,
                expected: Expected::Go { settings: stated(&choice.environment) },
                why: choice.why.clone(),
            }
        });
        Ok(plans.collect())
    }
}

fn go_only<'a>(programs: &[Program<'a>]) -> Vec<&'a GoMain> {
    let go = programs.iter().filter_map(|program| match program {
        Program::Go(main) => Some(*main),
        Program::Rust { .. } => None,
    });
    go.collect()
}

/// What the build information of a program must state of the variables that it was built with.
fn stated(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let stated = |name: &str| name.starts_with("GO") && name != "GOFLAGS" || name == "CGO_ENABLED";
    environment
        .iter()
        .filter(|(name, _)| stated(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
