//! One call of `go build` per platform and set of flags for all programs of a module.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;

use super::cargo::{short_hash, slug};
use super::request::Request;
use super::{Artifact, GoBuild};
use crossdock_project::config::ImageConfig;
use crossdock_project::{GoMain, GoModule, Network};
use crossdock_system::process::Command;
use crossdock_toolchain::choice::GoChoice;

/// The calls that a plan makes, growing as images ask for programs.
#[derive(Default)]
pub(super) struct GoCalls {
    calls: Vec<Call>,
}

struct Call {
    choice: GoChoice,
    linker_flags: String,
    root: Utf8PathBuf,
    output: Utf8PathBuf,
    programs: Vec<(Artifact, GoMain)>,
}

impl GoCalls {
    /// Asks for one program for one platform and says which call will make it.
    pub(super) fn add(
        &mut self,
        image: &ImageConfig,
        module: &GoModule,
        main: &GoMain,
        choice: &GoChoice,
        build_folder: &Utf8Path,
    ) -> usize {
        let linker_flags = linker_flags(image, choice);
        let artifact = artifact(image, main, &choice.platform);
        let fits = |call: &Call| {
            call.choice == *choice
                && call.linker_flags == linker_flags
                && call.root == module.root
                && call.takes(main)
        };
        let place = self.calls.iter().position(fits).unwrap_or_else(|| {
            let output = build_folder.join(folder_name(module, main, choice, &linker_flags));
            self.calls.push(Call {
                choice: choice.clone(),
                linker_flags,
                root: module.root.clone(),
                output,
                programs: Vec::new(),
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
        if !call.programs.iter().any(|(known, _)| *known == artifact) {
            call.programs.push((artifact, main.clone()));
        }
        place
    }

    /// The calls, in the order in which they were first asked for, on a machine with so many processors.
    pub(super) fn finish(self, request: &Request, processors: usize) -> Vec<GoBuild> {
        let each = each(request.jobs.as_ref().map(|jobs| jobs.value), processors, self.calls.len());
        self.calls.into_iter().map(|call| call.finish(request, each)).collect()
    }
}

/// How many things each of several calls of `go build` may do at once (`-p`); none for Go's own choice, which is the
/// number of processors.
///
/// Calls run side by side, because Go leaves processors idle while it waits for a few large packages and while it links:
/// the Go example from nothing, two platforms on two busy cores, took 56, 62 and 69 s with two calls of `-p 2` at once,
/// 67, 95 and 87 s with one after the other, and 72 and 82 s with two of `-p 1` at once. So the calls together may do
/// twice as much as was asked for, and no more, however many platforms there are.
fn each(jobs: Option<usize>, processors: usize, calls: usize) -> Option<usize> {
    let together = jobs.unwrap_or(processors).max(1);
    let side_by_side = calls.clamp(1, together);
    let each = together.min((2 * together).div_ceil(side_by_side));
    (jobs.is_some() || each < processors).then_some(each)
}

/// Names a program. The image belongs to the name: one main may be built in several ways in one plan.
pub(super) fn artifact(image: &ImageConfig, main: &GoMain, platform: &Platform) -> Artifact {
    Artifact(format!("{}@{platform}#{}", main.import_path, image.name.value))
}

impl Call {
    /// `go build -o FOLDER/` names programs by the last element of their import path: two of one name go apart.
    fn takes(&self, main: &GoMain) -> bool {
        self.programs
            .iter()
            .all(|(_, known)| known.name != main.name || known.import_path == main.import_path)
    }

    fn finish(self, request: &Request, each: Option<usize>) -> GoBuild {
        let mut command = Command::new(self.choice.go.as_str(), self.root.clone())
            .args(["build", "-trimpath", "-buildvcs=false"])
            .args([format!("-ldflags={}", self.linker_flags)])
            .args(self.choice.arguments.clone());
        command.environment.extend(self.choice.environment.clone());
        if let Some(each) = each {
            command = command.args(["-p".to_owned(), each.to_string()]);
        }
        if request.network == Network::Offline {
            command = command.env("GOPROXY", "off").env("GONOPROXY", "none");
        }
        command = command.args(["-o".to_owned(), format!("{}/", self.output)]);
        let packages: BTreeSet<&String> = self.programs.iter().map(|(_, main)| &main.import_path).collect();
        command = command.args(packages.into_iter().cloned());
        let programs =
            self.programs.into_iter().map(|(artifact, main)| (artifact, self.output.join(main.name)));
        GoBuild { command, programs: programs.collect(), output: self.output }
    }
}

/// Without symbol table and DWARF, as release builds of Go are shipped; tracebacks stay whole.
fn linker_flags(image: &ImageConfig, choice: &GoChoice) -> String {
    let ours = ["-s", "-w"].into_iter().chain(choice.ldflags.iter().map(String::as_str));
    let theirs = image.ldflags.iter().map(|flags| flags.value.as_str());
    ours.chain(theirs).collect::<Vec<_>>().join(" ")
}

/// A folder for programs that are built in one way: two ways never write to one place, also not in two runs at once.
fn folder_name(module: &GoModule, main: &GoMain, choice: &GoChoice, linker_flags: &str) -> String {
    let same_name = module.mains.iter().filter(|other| other.name == main.name).count() > 1;
    let place = if same_name { main.import_path.as_str() } else { "" };
    let way = format!("{linker_flags}\n{:?}\n{:?}\n{place}", choice.environment, choice.arguments);
    format!("{}-{}", slug(&choice.platform), short_hash(&way))
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn calls_side_by_side_share_what_was_asked_for() {
        assert_eq!(each(None, 2, 2), None, "Go's own choice");
        assert_eq!(each(None, 8, 2), None);
        assert_eq!(each(None, 8, 7), Some(3));
        assert_eq!(each(None, 1, 5), None);
        assert_eq!(
            [each(Some(1), 8, 7), each(Some(2), 8, 2), each(Some(8), 8, 7)],
            [Some(1), Some(2), Some(3)]
        );
        for (jobs, calls) in (1..20).flat_map(|jobs| (1..20).map(move |calls| (jobs, calls))) {
            let together = each(Some(jobs), 4, calls).unwrap_or_default() * calls.min(jobs);
            assert!((1..3 * jobs).contains(&together), "{jobs} jobs, {calls} calls: {together}");
        }
    }
}
