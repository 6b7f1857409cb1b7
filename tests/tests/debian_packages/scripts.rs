//! The shell scripts of the packages, each as the entry point of an image that is its own package's root.

use std::collections::BTreeMap;
use std::fmt;

use crossdock_platform::Platform;
use crossdock_verify::{
    EntryKind, Finding, ImageFacts, Inspection, PlatformText, Root, Target, Verdict, inspect, verify_image,
};

use crate::archive::Archive;
use crate::root::PackageRoot;
use crate::sweep::Count;

/// The directories of docker's PATH that packages have files in.
const DIRECTORIES: [&str; 2] = ["/usr/bin/", "/usr/sbin/"];

/// The arguments of each script: none, an option that all understand, and a file.
const ARGUMENTS: [&[&str]; 3] = [&[], &["--help"], &["/etc/debian_version"]];

/// The counted verdicts of the scripts.
#[derive(Default)]
pub(crate) struct Scripts {
    packages: usize,
    scripts: usize,
    counts: [Count; ARGUMENTS.len()],
    /// The unproven verdicts, except those about a script that certainly ends with a failure itself: it asks for
    /// arguments.
    unfollowed: usize,
    /// Every verdict other than that the script starts, with its findings.
    surprises: Vec<String>,
}

impl Scripts {
    /// Verifies every shell script of a package that is in a directory of PATH.
    pub(crate) fn package(&mut self, archive: &Archive, package: &str) {
        let closure = archive.closure(package);
        let root = PackageRoot::new(archive, &closure);
        let is_in_path = |path: &&str| DIRECTORIES.iter().any(|directory| path.starts_with(directory));
        let before = self.scripts;
        for path in archive.executables(package).filter(is_in_path) {
            let Ok(Some(entry)) = root.entry(path) else { continue };
            if entry.kind == EntryKind::File && is_shell_script(&root, path) {
                self.scripts += 1;
                for (number, arguments) in ARGUMENTS.iter().enumerate() {
                    self.script(&root, path, number, arguments);
                }
            }
        }
        self.packages += usize::from(self.scripts > before);
    }

    fn script(&mut self, root: &PackageRoot<'_>, path: &str, number: usize, arguments: &[&str]) {
        let image = ImageFacts::default()
            .with_config_platform(PlatformText::new("linux", "amd64", None))
            .with_entrypoint([path])
            .with_cmd(arguments.iter().copied());
        let findings = verify_image(&image, root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new());
        let verdict = Verdict::of(&findings);
        self.counts[number].add(verdict);
        self.unfollowed += usize::from(verdict == Verdict::Unproven && !fails_by_itself(&findings));
        if verdict != Verdict::Starts {
            self.surprises.push(format!("{path} {}: {verdict} {}", arguments.join(" "), listed(&findings)));
        }
    }

    /// No alarm, and at most 10 % of the runs cannot be followed.
    pub(crate) fn assert_goals(&self) {
        assert!(self.packages >= 30 && self.scripts >= 80, "too few scripts: {self}");
        let runs = self.scripts * ARGUMENTS.len();
        assert!(self.unfollowed * 100 <= 10 * runs, "too many cannot be followed: {self}");
        for count in &self.counts {
            assert_eq!(count.fails, 0, "alarms: {self}");
        }
    }
}

impl fmt::Display for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packages, scripts, unfollowed, .. } = self;
        writeln!(f, "{scripts} scripts of {packages} packages, {unfollowed} runs not followed")?;
        for (arguments, Count { starts, unproven, fails }) in ARGUMENTS.iter().zip(&self.counts) {
            writeln!(f, "  with {arguments:?}: {starts} start, {unproven} unproven, {fails} alarms")?;
        }
        self.surprises.iter().try_for_each(|surprise| writeln!(f, "  {surprise}"))
    }
}

fn listed(findings: &[Finding]) -> String {
    let found: Vec<String> =
        findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
    found.join(" | ")
}

/// Returns whether the script is followed up to its end, which is a failure.
fn fails_by_itself(findings: &[Finding]) -> bool {
    let says = |text: &str| findings.iter().any(|finding| finding.message.contains(text));
    says("ends it with exit status") || says("which the image does not set")
}

fn is_shell_script(root: &PackageRoot<'_>, path: &str) -> bool {
    let content = root.content(path).expect("a file of the package");
    let Inspection::Script(script) = inspect(content) else { return false };
    ["/bin/sh", "/bin/bash", "/bin/dash"].iter().any(|shell| script.interpreter.ends_with(shell))
}
