//! How each platform's programs of a Go image are built.

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use super::error::PlanError;
use super::go::artifact;
use super::make::Maker;
use super::select::Selected;
use super::steps::Call;
use super::user_flags::check_goflags;
use super::{Expected, ProgramPlan, image};
use crossdock_project::config::{ImageConfig, Libc, Linkage};
use crossdock_project::{GoMain, GoModule, Program};
use crossdock_system::availability::Availability;
use crossdock_toolchain::choice::{GoChoice, GoRequest, choose_go, go_settings};
use crossdock_toolchain::doctor::Requirement;

impl Maker<'_> {
    /// The programs of each platform, in the platforms' order.
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
            let request = GoRequest::new(&module.root, platform, &image.linkage)
                .with_cgo(image.cgo.as_ref())
                .with_cgo_packages(&cgo_packages)
                .with_libc(image.libc.as_ref());
            let why = match self.engine_way() {
                Some(why) => why,
                None if needs_a_loader_of_musl(image) => return Err(no_loader_of_musl(image)),
                None => match choose_go(&request, self.host, &self.request.cache) {
                    Availability::Available(choice) => {
                        self.go_platform(selected, module, &programs, &choice)?;
                        choice.why
                    }
                    Availability::Unavailable(missing) => self.misses(&image.name.value, platform, missing),
                },
            };
            // A platform that Go does not know has no settings, and is missing for that reason.
            let settings = go_settings(&request).unwrap_or_default();
            Ok(programs.iter().map(|main| program(image, main, platform, &settings, &why)).collect())
        });
        each.collect()
    }

    fn go_platform(
        &mut self,
        selected: &Selected<'_>,
        module: &GoModule,
        programs: &[&GoMain],
        choice: &GoChoice,
    ) -> Result<(), PlanError> {
        let image = &selected.config;
        let flags = self.host.go_toolchain(&module.root).map(|go| go.flags.clone()).unwrap_or_default();
        check_goflags(image, &flags, choice)?;
        self.write_first(&choice.wrappers);
        self.uses(&image.name.value, &choice.platform, Requirement::Go(module.root.clone()), &choice.tools);
        let build_folder = image::go_build_folder(module, self.request);
        let place = (image.name.value.clone(), choice.platform.clone());
        for main in programs {
            let call = self.go.add(image, module, main, choice, &build_folder);
            self.made_by.entry(place.clone()).or_default().push(Call::Go(call));
        }
        Ok(())
    }
}

/// crossdock's own bases have no loader: a program that needs musl's starts only where `files` brings it.
fn needs_a_loader_of_musl(image: &ImageConfig) -> bool {
    let brings = |to: &str| ["/", "/lib"].contains(&to) || to.starts_with("/lib/ld-musl-");
    image.cgo.as_ref().is_some_and(|cgo| cgo.value)
        && image.linkage.value == Linkage::Dynamic
        && image.libc.as_ref().is_some_and(|libc| libc.value == Libc::Musl)
        && !image.files.iter().any(|file| brings(&file.value.to))
}

fn no_loader_of_musl(image: &ImageConfig) -> PlanError {
    let at = image.libc.as_ref().map(|libc| format!(" ({})", libc.source)).unwrap_or_default();
    PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!("`libc = \"musl\"`{at} with `linkage = \"dynamic\"` ({})", image.linkage.source),
        ours: format!("`base = \"{}\"`, which has no loader of musl", image.base.value.name()),
        help: "leave `linkage` out, which links musl statically, or bring the loader with `files` to /lib/ld-musl-….so.1"
            .to_owned(),
    }
}

fn program(
    image: &ImageConfig,
    main: &GoMain,
    platform: &Platform,
    settings: &BTreeMap<String, String>,
    why: &str,
) -> ProgramPlan {
    ProgramPlan {
        name: main.name.clone(),
        path: image::program_path(&main.name),
        artifact: artifact(image, main, platform),
        expected: Expected::Go { settings: settings.clone() },
        why: why.to_owned(),
    }
}

fn go_only<'a>(programs: &[Program<'a>]) -> Vec<&'a GoMain> {
    let go = programs.iter().filter_map(|program| match program {
        Program::Go(main) => Some(*main),
        Program::Rust { .. } => None,
    });
    go.collect()
}
