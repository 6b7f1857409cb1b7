//! The user's flags that the compilers in a Dockerfile get, and those that they cannot get.
//!
//! A build on this machine gets flags from variables and from files outside of the project, of which an engine has neither.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use crossdock_dockerfile::render::Linking;
use crossdock_platform::{Platform, env_triple};
use crossdock_project::config::ImageConfig;
use crossdock_project::{CargoSettings, CargoWorkspace, GoModule, UserSetting, VariableSetting};

use super::super::compiler_flags::has_flags;
use super::super::error::PlanError;
use super::super::go::{Stamp, check_goflags, ineffective_level};
use super::super::request::MachineFlags;
use super::super::rust_flags::{effective, matching, reject_contradictions};

/// The flags for a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::planner) struct Carried {
    /// Variables with flags for compilers and build scripts.
    pub(in crate::planner) variables: BTreeMap<String, String>,
    /// All flags of the user's for rustc, for each platform for which the build would read others without them.
    pub(in crate::planner) rustflags: BTreeMap<Platform, Vec<String>>,
    /// A sentence about each setting that a build on this machine has and the Dockerfile has not.
    pub(in crate::planner) left_out: Vec<String>,
}

/// The build for which flags are collected.
pub(in crate::planner) struct Build<'a> {
    pub(in crate::planner) image: &'a ImageConfig,
    pub(in crate::planner) linking: Linking,
    pub(in crate::planner) platforms: &'a [Platform],
    /// Whether the settings of this machine belong into the file.
    pub(in crate::planner) machine: MachineFlags,
}

impl Carried {
    /// Adds a variable, which a shell must be able to set in one line.
    fn add(&mut self, build: &Build<'_>, name: String, setting: &UserSetting<String>) {
        let is_of_shell = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(is_of_shell) {
            self.leave_out(build, &setting.place, "a shell has no variable of that name");
        } else if setting.value.contains(char::is_control) {
            self.leave_out(build, &setting.place, "a value with control characters fits into no Dockerfile");
        } else {
            self.variables.insert(name, setting.value.clone());
        }
    }

    fn leave_out(&mut self, build: &Build<'_>, what: &str, why: &str) {
        let sentence =
            format!("the Dockerfile of image `{}` leaves out {what}: {why}", build.image.name.value);
        if !self.left_out.contains(&sentence) {
            self.left_out.push(sentence);
        }
    }
}

const OF_THIS_MACHINE: &str = "a file for every machine has no settings of this one";

/// Returns whether cargo in a build reads a place too: only the configuration in the root of the context is sent.
pub(super) fn is_sent(place: &str, context: &Utf8Path) -> bool {
    place.starts_with(&format!("{} (", context.join(".cargo/config.toml")))
}

/// Returns the flags for a Rust image.
///
/// # Errors
/// A flag contradicts the plan.
pub(in crate::planner) fn rust(
    workspace: &CargoWorkspace,
    build: &Build<'_>,
    context: &Utf8Path,
    has_c_code: bool,
) -> Result<Carried, PlanError> {
    let mut carried = Carried::default();
    let of_context = workspace.settings.filtered(|place| is_sent(place, context));
    let settings = match build.machine {
        MachineFlags::Carried => &workspace.settings,
        MachineFlags::LeftOut => &of_context,
    };
    let mut triples = BTreeSet::new();
    for platform in build.platforms {
        let target = build.linking.rust_target(platform);
        // The renderer refuses a platform without a target.
        let Ok(rust) = target.rust() else { continue };
        triples.insert(rust.triple.to_owned());
        for left_out in effective(&workspace.settings, rust.triple) {
            if build.machine == MachineFlags::LeftOut && !is_sent(&left_out.place, context) {
                carried.leave_out(build, &left_out.place, OF_THIS_MACHINE);
            }
        }
        let theirs = effective(settings, rust.triple);
        for setting in &theirs {
            reject_contradictions(build.image, setting, platform, &rust.rustflags)?;
        }
        if let Some(linker) = matching(&workspace.settings.linkers, rust.triple).next() {
            let what = format!("the linker `{}` of {}", linker.value, linker.place);
            carried.leave_out(build, &what, "the builder's image has its own");
        }
        // The platform's own flags are those of its triple, which hide `build.rustflags`.
        let hides = !rust.rustflags.is_empty() && matching(&settings.targets, rust.triple).next().is_none();
        if theirs.is_empty() || theirs.iter().all(|one| is_sent(&one.place, context) && !hides) {
            continue;
        }
        let splits = |flag: &String| flag.contains(|c: char| c.is_whitespace() || c.is_control());
        match theirs.iter().find(|setting| setting.value.iter().any(splits)) {
            Some(setting) => {
                let why = "RUSTFLAGS, which the Dockerfile sets, holds no flag with a space";
                carried.leave_out(build, &setting.place, why);
            }
            None => {
                let flags = theirs.iter().flat_map(|setting| setting.value.clone());
                // An empty flag, as in `RUSTFLAGS=""`, is none.
                let flags = flags.filter(|flag| !flag.is_empty()).collect();
                carried.rustflags.insert(platform.clone(), flags);
            }
        }
    }
    profiles(workspace, build, context, &mut carried);
    env(&workspace.settings, build, context, &mut carried);
    if has_c_code {
        c_variables(&workspace.settings, build, context, &triples, &mut carried);
    }
    Ok(carried)
}

/// Carries variables that replace keys of `[profile]`, and names files with profiles that are not sent.
fn profiles(workspace: &CargoWorkspace, build: &Build<'_>, context: &Utf8Path, carried: &mut Carried) {
    let all = workspace.settings.cargo_variables.iter();
    // `other_toolchain` names this one.
    for VariableSetting { name, setting } in all.filter(|one| one.name != "RUSTUP_TOOLCHAIN") {
        match build.machine {
            MachineFlags::Carried => carried.add(build, name.clone(), setting),
            MachineFlags::LeftOut => carried.leave_out(build, name, OF_THIS_MACHINE),
        }
    }
    for place in workspace.settings.profiles.iter().filter(|place| !is_sent(place, context)) {
        carried.leave_out(build, place, "the file is not in the build context");
    }
}

/// Carries the variables of `[env]` in files that are not sent. The file sets them for cargo itself too, unlike `[env]`.
fn env(settings: &CargoSettings, build: &Build<'_>, context: &Utf8Path, carried: &mut Carried) {
    /// The beginnings of names that cargo, rustup or a shell read themselves.
    const OF_TOOLS: [&str; 3] = ["CARGO", "LD_", "RUST"];
    let is_of_tools =
        |name: &str| ["HOME", "PATH"].contains(&name) || OF_TOOLS.iter().any(|start| name.starts_with(start));
    for VariableSetting { name, setting } in
        settings.env.iter().filter(|one| !is_sent(&one.setting.place, context))
    {
        if build.machine == MachineFlags::LeftOut {
            carried.leave_out(build, &setting.place, OF_THIS_MACHINE);
        } else if is_of_tools(name) && name != "RUSTC_BOOTSTRAP" {
            carried.leave_out(build, &setting.place, "in the builder's image it would change cargo itself");
        } else if Utf8Path::new(&setting.value).is_absolute() {
            carried.leave_out(build, &setting.place, "its value is a path of this machine");
        } else {
            carried.add(build, name.clone(), setting);
        }
    }
}

/// Returns a sentence about RUSTUP_TOOLCHAIN, which selects another compiler here than the tag of the builder's image.
pub(super) fn other_toolchain(settings: &CargoSettings, image: &ImageConfig, tag: &str) -> Option<String> {
    let theirs = settings.rustup_toolchain().filter(|_| image.dockerfile.toolchain.is_none())?;
    // `1.89-x86_64-unknown-linux-gnu` names the host too.
    let version = theirs.split('-').next().unwrap_or(theirs);
    let is_numeric = version.starts_with(|first: char| first.is_ascii_digit());
    let is_same =
        version == tag && (is_numeric || version == theirs) || tag == "1" && theirs.starts_with("stable");
    (!is_same).then(|| {
        let name = &image.name.value;
        let toolchain = if is_numeric { version } else { "1.95" };
        format!(
            "the Dockerfile of image `{name}` leaves out the toolchain `{theirs}` of RUSTUP_TOOLCHAIN: its builder is \
             rust:{tag}; name a tag of the image `rust` as `toolchain = \"{toolchain}\"` in [image.{name}.dockerfile]"
        )
    })
}

/// Carries the variables that the build scripts of C code read.
fn c_variables(
    settings: &CargoSettings,
    build: &Build<'_>,
    context: &Utf8Path,
    triples: &BTreeSet<String>,
    carried: &mut Carried,
) {
    let mut names = BTreeSet::new();
    for VariableSetting { name, setting } in &settings.variables {
        // The first setting of a name takes precedence.
        let is_first = names.insert(name.as_str());
        if !is_first || is_sent(&setting.place, context) || setting.value.trim().is_empty() {
            continue;
        }
        let (kind, of) = name.split_once('_').unwrap_or((name, ""));
        let of_triple = triples.iter().any(|triple| of == triple || of == env_triple(triple));
        if CargoSettings::is_compiler(name) {
            // Without arguments it names the compiler of this machine, as many environments do for its own programs.
            if of_triple || (of.is_empty() && has_flags(&setting.value)) {
                let what = format!("the compiler `{}` of {}", setting.value, setting.place);
                carried.leave_out(build, &what, "the builder's image has its own");
            }
        } else if ["CFLAGS", "CXXFLAGS"].contains(&kind) && !of.is_empty() && !of_triple {
            // Flags for another triple reach no compiler of this image.
        } else if build.machine == MachineFlags::LeftOut {
            carried.leave_out(build, &setting.place, OF_THIS_MACHINE);
        } else {
            // A shell has no variables with dashes. The crate cc prefers the spelling with dashes.
            let underscored = name.replace('-', "_");
            if name.contains('-') || !carried.variables.contains_key(&underscored) {
                carried.add(build, underscored, setting);
            }
        }
    }
}

/// Returns the flags for a Go image. `tags` are those that the Dockerfile itself passes.
///
/// # Errors
/// A flag contradicts the plan.
pub(in crate::planner) fn go(
    module: &GoModule,
    build: &Build<'_>,
    tags: Option<&str>,
) -> Result<Carried, PlanError> {
    let mut carried = Carried::default();
    for variable in &module.variables {
        let VariableSetting { name, setting } = variable;
        if variable.is_level() {
            carried.left_out.extend(
                build
                    .platforms
                    .iter()
                    .filter_map(|platform| ineffective_level(build.image, variable, platform)),
            );
            continue;
        }
        if name.starts_with("CGO_") && !build.linking.uses_cgo() {
            continue;
        }
        if ["CC", "CXX"].contains(&name.as_str()) {
            if build.linking.uses_cgo() && has_flags(&setting.value) {
                let what = format!("the compiler `{}` of {}", setting.value, setting.place);
                carried.leave_out(build, &what, "the builder's image has its own");
            }
            continue;
        }
        if name == "GOWORK" && setting.value != "off" {
            // Go finds the file above the module without the variable too.
            let found = module.modules.workspace.as_ref().map(|directory| directory.join("go.work"));
            if setting.value != "auto" && found.is_none_or(|found| found != setting.value) {
                let what = format!("the workspace `{}` of {}", setting.value, setting.place);
                carried.leave_out(
                    build,
                    &what,
                    "go reads only a go.work above the module in the build context",
                );
            }
            continue;
        }
        if build.machine == MachineFlags::LeftOut {
            carried.leave_out(build, &setting.place, OF_THIS_MACHINE);
            continue;
        }
        if name == "GOFLAGS" {
            check_goflags(build.image, &setting.value, tags, Stamp::None)?;
        }
        carried.add(build, name.clone(), setting);
    }
    Ok(carried)
}
