//! The version and the commit that Go programs report, as `debug.ReadBuildInfo` returns them.

use std::collections::BTreeMap;

use super::Planner;
use super::error::PlanError;
use super::goflags;
use super::images::{SelectedImage, git_of};
use crate::plan::{BuildInfo, StampedCommit};
use crate::text::rfc3339;
use crossdock_project::config::{BuildVcs, ImageConfig};
use crossdock_project::{Git, GoCheckout, GoMain, GoModule, Program, Project, go_version};

/// The first minor version of Go 1 that derives the version of the main module from git (<https://go.dev/doc/go1.24>).
const FIRST_WITH_VERSION: u32 = 24;

/// The version of a main module without a known one.
const DEVEL: &str = "(devel)";

impl Planner<'_> {
    /// Returns what each program of an image reports, and warns of one that will not report the version of its image.
    pub(super) fn build_infos(
        &mut self,
        selected: &SelectedImage<'_>,
        module: &GoModule,
        programs: &[&GoMain],
    ) -> Result<Vec<BuildInfo>, PlanError> {
        // Without a toolchain the plan is for a current one, as for a hypothetical host.
        let toolchain = self.host.go_toolchain(&module.root).ok();
        let setting = setting(&selected.config, toolchain.map(|go| go.flags.as_str()).unwrap_or_default());
        let minor = toolchain.and_then(|go| minor(&go.version));
        let image = &selected.config.name.value;
        let mut infos = Vec::new();
        for main in programs {
            let directory = &main.module_directory;
            let git = git_of(selected, &Program::Go(main), self.projects);
            let info = match (&self.request.engine, self.projects.git_unavailable(directory), &git) {
                (Some(_), ..) => unstamped("the build context of an engine has no git checkout"),
                (None, ..) if setting.value == BuildVcs::Never => unstamped(&setting.words),
                (None, Some(unavailable), _) => unstamped(&unavailable.why),
                (None, None, None) => unstamped("its module is in no git checkout"),
                (None, None, Some(git)) => match reason_against(main, git, setting.value, minor) {
                    Some(why) => unstamped(&why),
                    None => stamped(selected, main, git, minor)?,
                },
            };
            disappointment(image, main, &info, git.as_ref(), &setting)
                .into_iter()
                .for_each(|warning| self.warn(warning));
            infos.push(info);
        }
        Ok(infos)
    }
}

/// Whether programs are stamped, and the setting that says so.
struct Setting {
    value: BuildVcs,
    words: String,
    /// Whether the linker sets variables of the program, such as its version.
    sets_variables: bool,
}

/// Returns the setting of the image, else that of GOFLAGS, by which users switch stamping off for every go command.
fn setting(image: &ImageConfig, flags: &str) -> Setting {
    let (value, words) = match &image.buildvcs {
        Some(buildvcs) => (buildvcs.value, format!("`buildvcs = {}` ({})", buildvcs.value, buildvcs.source)),
        None if goflags::words(flags).iter().any(|flag| flag.trim_start_matches('-') == "buildvcs=false") => {
            (BuildVcs::Never, "`-buildvcs=false` in GOFLAGS".to_owned())
        }
        None => (BuildVcs::Auto, "`buildvcs = \"auto\"`, the default".to_owned()),
    };
    Setting { value, words, sets_variables: sets_variables(image) }
}

/// Returns whether the image's `ldflags` set variables of the program (`go tool link`, `-X`).
fn sets_variables(image: &ImageConfig) -> bool {
    let flags = image.ldflags.as_ref().map(|flags| flags.value.as_str()).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag.trim_start_matches('-') == "X" || flag.starts_with("-X="))
}

/// Returns what a reader of an image's Dockerfile must know about the version of its programs; `None` for a Rust program.
pub(super) fn dockerfile_note(selected: &SelectedImage<'_>) -> Option<String> {
    let image = &selected.config;
    let is_silent = image.buildvcs.as_ref().is_some_and(|buildvcs| buildvcs.value == BuildVcs::Never);
    if !matches!(selected.project, Project::Go(_)) || is_silent || sets_variables(image) {
        return None;
    }
    Some(format!(
        "{} reports the version {DEVEL} and no commit, because a build context has no git checkout: set a variable of the \
         program with `ldflags = \"-X main.version={{{{ version }}}}\"` in [image.{}], or accept it with `buildvcs = false`.",
        selected.entry_point.name(),
        image.name.value
    ))
}

/// Returns why go does not stamp a program with the commit; `None` if it does.
fn reason_against(main: &GoMain, git: &Git, setting: BuildVcs, minor: Option<u32>) -> Option<String> {
    let release = match (setting, &git.version, git.dirty) {
        (BuildVcs::Auto, None, _) => Some("no tag of this commit gives its version".to_owned()),
        (BuildVcs::Auto, Some(_), true) => Some("files differ from the commit".to_owned()),
        _ => None,
    };
    let unreadable = || git.go.as_ref().and_then(|checkout| checkout.unreadable.clone());
    // Such a program would report the version of another module.
    let misread = || {
        (minor == Some(FIRST_WITH_VERSION) && main.module_directory != git.root).then(|| {
            "Go 1.24 gives a module below the root of a checkout the version of the root; Go 1.25 gives it its own".to_owned()
        })
    };
    release.or_else(unreadable).or_else(misread)
}

fn unstamped(why: &str) -> BuildInfo {
    BuildInfo { version: DEVEL.to_owned(), commit: None, why: why.to_owned() }
}

fn stamped(
    selected: &SelectedImage<'_>,
    main: &GoMain,
    git: &Git,
    minor: Option<u32>,
) -> Result<BuildInfo, PlanError> {
    let Some(checkout) = &git.go else {
        let image = &selected.config.name.value;
        return Err(PlanError::internal(image, "it is unknown what go reads of its checkout".to_owned()));
    };
    let (version, why) = match minor.filter(|minor| *minor < FIRST_WITH_VERSION) {
        Some(minor) => (
            None,
            format!("Go 1.{minor} knows no version of the main module; Go 1.24 is the first that does"),
        ),
        None => main_version(main, git, checkout),
    };
    Ok(BuildInfo {
        version: version.unwrap_or_else(|| DEVEL.to_owned()),
        commit: Some(StampedCommit {
            revision: git.sha.clone(),
            time: rfc3339(git.time),
            modified: git.dirty,
        }),
        why,
    })
}

/// Returns the version that go gives to the main module, and the reason.
fn main_version(main: &GoMain, git: &Git, checkout: &GoCheckout) -> (Option<String>, String) {
    let found = go_version(git, checkout, &main.module_path, &main.module_directory);
    let why = found.why.or_else(|| Some(format!("the tag `{}`", git.tag.as_ref()?))).unwrap_or_default();
    let version = found.version.map(|version| if git.dirty { format!("{version}+dirty") } else { version });
    (version, why)
}

/// Returns the minor version of a Go 1: 26 of `1.26.8`, `1.26rc1` and `devel go1.26-0123456`.
fn minor(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once("1.")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Returns the warning for a program that does not report the version of its image, or not the commit that the user asked
/// for.
fn disappointment(
    image: &str,
    main: &GoMain,
    info: &BuildInfo,
    git: Option<&Git>,
    setting: &Setting,
) -> Option<String> {
    let name = &main.name;
    // A program that gets its version by a flag prints that one.
    let tagged = git.and_then(|git| git.version.as_ref()).filter(|_| !setting.sets_variables);
    match tagged.filter(|version| info.version.strip_prefix('v') != Some(version)) {
        _ if setting.value == BuildVcs::Never => None,
        Some(version) => Some(format!(
            "image `{image}`: {name} will report the version {}, not {version}: {}; to print {version} all the same, set a \
             variable of the program: `ldflags = \"-X main.version={{{{ version }}}}\"`",
            info.version, info.why
        )),
        None if setting.value == BuildVcs::Always && info.commit.is_none() => Some(format!(
            "image `{image}`: {name} will not report its commit, in spite of {}: {}",
            setting.words, info.why
        )),
        None => None,
    }
}

impl BuildInfo {
    /// Returns the settings that go writes into the program.
    pub(super) fn settings(&self) -> BTreeMap<String, String> {
        let Some(StampedCommit { revision, time, modified }) = &self.commit else { return BTreeMap::new() };
        let settings = [
            ("vcs", "git".to_owned()),
            ("vcs.revision", revision.clone()),
            ("vcs.time", time.clone()),
            ("vcs.modified", modified.to_string()),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns the version that the program must report; `None` if verification must not insist on one.
    pub(super) fn expected_version(&self) -> Option<String> {
        let is_clean = self.commit.as_ref().is_some_and(|commit| !commit.modified);
        is_clean.then(|| self.version.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::request::testing::{image, stated};

    #[test]
    fn versions_of_go_have_a_minor_number() {
        for (version, expected) in [("1.26.8", 26), ("1.24rc1", 24), ("1.9", 9), ("devel go1.27-0123456", 27)]
        {
            assert_eq!(minor(version), Some(expected), "{version}");
        }
        assert_eq!(minor("unknown"), None);
    }

    #[test]
    fn the_image_decides_before_goflags() {
        let mut image = image("app");
        let value = |image: &ImageConfig, flags: &str| setting(image, flags).value;
        assert_eq!(value(&image, ""), BuildVcs::Auto);
        assert_eq!(value(&image, "-mod=mod -buildvcs=false"), BuildVcs::Never);
        assert_eq!(value(&image, "--buildvcs=false"), BuildVcs::Never);
        assert_eq!(value(&image, "'-buildvcs=false' \"-v\""), BuildVcs::Never);
        assert_eq!(value(&image, "-tags=buildvcs=false"), BuildVcs::Auto);
        image.buildvcs = Some(stated(BuildVcs::Always));
        assert_eq!(value(&image, "-buildvcs=false"), BuildVcs::Always);
    }
}
