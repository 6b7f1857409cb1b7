//! The packages of Go programs that changed since a commit.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::{ChangeKind, Reasons};
use crate::discover::{GoInput, GoInputs, GoMain, GoModule, embed_reaches};
use crate::git::{Changes, PathState};

/// A Go module or workspace, compared.
pub(super) struct Module<'a> {
    inputs: Option<&'a GoInputs>,
    /// The reasons that hold for every program.
    common: Reasons,
    /// The reasons of each package that has any, by import path.
    packages: BTreeMap<&'a str, Reasons>,
    /// The files that name a changed version of each module.
    modules: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Module<'a> {
    pub(super) fn new(changes: &Changes, module: &'a GoModule) -> Self {
        let inputs = module.inputs.as_deref();
        let mut compared =
            Self { inputs, common: Reasons::default(), packages: BTreeMap::new(), modules: BTreeMap::new() };
        if inputs.is_none() {
            let why = format!("go is not installed, so that the packages of {} are unknown", module.path);
            compared.common.add(ChangeKind::Unknown, why);
        }
        compared.manifests(changes, module);
        compared.variables(module);
        for (path, package) in inputs.iter().flat_map(|inputs| inputs.all()) {
            let mut reasons = Reasons::default();
            if !package.is_cached {
                sources(changes, package, &mut reasons);
            }
            if reasons != Reasons::default() {
                compared.packages.insert(path, reasons);
            }
        }
        compared
    }

    /// Adds the reasons of a program.
    pub(super) fn program(&self, main: &GoMain, reasons: &mut Reasons) {
        reasons.extend(&self.common);
        let Some(inputs) = self.inputs else { return };
        let packages = inputs.of(&main.import_path);
        packages.iter().filter_map(|path| self.packages.get(path)).for_each(|found| reasons.extend(found));
        if packages.is_empty() {
            reasons.add(ChangeKind::Unknown, format!("go does not list {}", main.import_path));
        }
        if self.modules.is_empty() {
            return;
        }
        let modules: BTreeSet<&String> = inputs
            .all()
            .filter(|(path, _)| packages.contains(path))
            .filter_map(|(_, one)| one.module.as_ref())
            .collect();
        for module in modules {
            let files = self.modules.get(module).into_iter().flatten();
            reasons.add_all(ChangeKind::Dependencies, files.map(|file| format!("{module} in {file}")));
        }
    }

    /// Compares `go.mod`, `go.sum`, `go.work` and the list of vendored modules.
    fn manifests(&mut self, changes: &Changes, module: &GoModule) {
        let directories = module.modules.directories.iter().chain([&module.root]);
        let in_workspace = module.modules.workspace.is_some();
        for directory in directories.collect::<BTreeSet<_>>() {
            // In a workspace a version that one module requires may decide for all.
            let compare = if in_workspace { everything } else { required };
            self.manifest(changes, &directory.join("go.mod"), compare);
            self.manifest(changes, &directory.join("go.sum"), summed);
            self.manifest(changes, &directory.join("vendor/modules.txt"), vendored);
        }
        if let Some(workspace) = &module.modules.workspace {
            self.manifest(changes, &workspace.join("go.work"), everything);
            self.manifest(changes, &workspace.join("go.work.sum"), summed);
            self.manifest(changes, &workspace.join("vendor/modules.txt"), vendored);
        }
        // A module that appears or goes away inside of another one takes its packages along, and go.work applies to every
        // directory below it.
        for path in changes.changed() {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            let above = changes.root.join(above);
            let is_new_or_gone = !changes.root.join(path).exists() || changes.old_text(path).is_none();
            let counts = match name {
                "go.mod" => {
                    is_new_or_gone && (above.starts_with(&module.root) || module.root.starts_with(&above))
                }
                "go.work" => is_new_or_gone && module.root.starts_with(&above),
                _ => false,
            };
            if counts {
                self.common.add(ChangeKind::Dependencies, path);
            }
        }
    }

    fn manifest(&mut self, changes: &Changes, path: &Utf8Path, compare: Compare) {
        let Some(below) = changes.below(path) else {
            if path.exists() {
                self.common.add(ChangeKind::Unknown, format!("{path} is outside of the git checkout"));
            }
            return;
        };
        let state = if path.exists() {
            changes.state(path)
        } else if changes.changed_in(path).is_empty() {
            return;
        } else {
            PathState::Changed(below.clone())
        };
        match state {
            PathState::Same => {}
            PathState::Unknown(why) => self.common.add(ChangeKind::Unknown, why),
            PathState::Changed(_) => {
                let new = crossdock_fs::read_text(path.as_std_path()).unwrap_or_default();
                let old = changes.old_text(&below).unwrap_or_default();
                match compare(&old, &new) {
                    None => self.common.add(ChangeKind::Dependencies, below),
                    Some(modules) => {
                        for module in modules {
                            self.modules.entry(module).or_default().insert(below.clone());
                        }
                    }
                }
            }
        }
    }

    /// Adds flags of go that replace files or modules by others, which go does not list.
    fn variables(&mut self, module: &GoModule) {
        const FLAGS: [&str; 4] = ["-modfile", "-overlay", "-pgo", "-toolexec"];
        for variable in module.variables.iter().filter(|variable| variable.name == "GOFLAGS") {
            if let Some(flag) = FLAGS.iter().find(|flag| variable.setting.value.contains(*flag)) {
                let why = format!("`{flag}` in {} names files that go does not list", variable.setting.place);
                self.common.add(ChangeKind::Unknown, why);
            }
        }
    }
}

/// Adds the changed files of a package.
///
/// A file in its directory counts if go could read it, because a build constraint may have come or gone with the change, and
/// a file that is gone is in no list.
fn sources(changes: &Changes, package: &GoInput, reasons: &mut Reasons) {
    let directory = &package.directory;
    for file in &package.files {
        reasons.add_state(ChangeKind::Sources, changes.state(&directory.join(file)));
    }
    for path in changes.changed_in(directory) {
        let absolute = changes.root.join(path);
        let real = directory.canonicalize_utf8();
        let below = [Some(directory.as_path()), real.as_deref().ok()].into_iter().flatten();
        let below = below.filter_map(|directory| absolute.strip_prefix(directory).ok()).next();
        let is_read = match below {
            // The directory is reached through a symbolic link.
            None => true,
            Some(below) => {
                (below.components().count() == 1 && is_source(below.as_str()))
                    || package.embed_patterns.iter().any(|pattern| embed_reaches(pattern, below))
            }
        };
        if is_read {
            reasons.add(ChangeKind::Sources, path);
        }
    }
    if package.has_native_code {
        native_sources(changes, package, reasons);
    }
}

/// Adds files that a C compiler or an assembler may read: nothing lists what C includes and links.
fn native_sources(changes: &Changes, package: &GoInput, reasons: &mut Reasons) {
    let may_be_read = |path: &&str| !path.ends_with(".go") && !path.ends_with(".md");
    reasons.add_all(ChangeKind::Sources, changes.changed().filter(may_be_read));
    for directory in &package.search_directories {
        let ignored = changes.ignored_in(directory);
        reasons.add_all(ChangeKind::Unknown, ignored.into_iter().map(|path| format!("git ignores {path}")));
    }
}

/// Returns whether go could read a file in the directory of a package (`go help packages`, and build.Package of go/build). Go
/// 1.21 and later read a profile, too.
fn is_source(name: &str) -> bool {
    const ENDINGS: [&str; 20] = [
        "c", "cc", "cpp", "cxx", "f", "F", "f90", "for", "go", "h", "hh", "hpp", "hxx", "m", "s", "S",
        "swig", "swigcxx", "syso", "sx",
    ];
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    name == "default.pgo"
        || (ending.is_some_and(|ending| ENDINGS.contains(&ending)) && !name.ends_with("_test.go"))
}

/// Compares two versions of a file: returns the paths of the modules about which they differ, or `None` if anything else
/// differs.
type Compare = fn(&str, &str) -> Option<BTreeSet<String>>;

fn everything(_: &str, _: &str) -> Option<BTreeSet<String>> {
    None
}

/// Compares two versions of a `go.mod`. Since Go 1.17 it requires every module that has a package of the build, so that a
/// version changes nowhere else (Go Modules Reference, "Module graph pruning").
fn required(old: &str, new: &str) -> Option<BTreeSet<String>> {
    let (old, new) = (Manifest::parse(old), Manifest::parse(new));
    (old.others == new.others && new.lists_all()).then(|| {
        let differ = old.requirements.symmetric_difference(&new.requirements);
        differ
            .filter_map(|line| line.split_whitespace().next())
            .map(|path| path.trim_matches('"').to_owned())
            .collect()
    })
}

/// The lines of a `go.mod`.
#[derive(Debug, Default)]
struct Manifest {
    /// `PATH VERSION` of each required module.
    requirements: BTreeSet<String>,
    /// All other lines.
    others: BTreeSet<String>,
}

impl Manifest {
    fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            let line =
                line.split("//").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            match (&block, line.as_str()) {
                (_, "") => {}
                (Some(_), ")") => block = None,
                (Some(directive), line) => manifest.add(directive, line),
                (None, line) => match line.strip_suffix('(') {
                    Some(directive) => block = Some(directive.trim().to_owned()),
                    None => match line.split_once(' ') {
                        Some((directive, rest)) => manifest.add(directive, rest),
                        None => manifest.add("", line),
                    },
                },
            }
        }
        manifest
    }

    fn add(&mut self, directive: &str, line: &str) {
        match directive {
            "require" => self.requirements.insert(line.to_owned()),
            _ => self.others.insert(format!("{directive} {line}")),
        };
    }

    fn lists_all(&self) -> bool {
        let version = self.others.iter().find_map(|line| line.strip_prefix("go 1."));
        let minor = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        minor.is_some_and(|minor| minor >= 17)
    }
}

/// Compares two versions of a `go.sum`, which has lines of a module, its version and a hash.
fn summed(old: &str, new: &str) -> Option<BTreeSet<String>> {
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let (old, new) = (lines(old), lines(new));
    let differ = old.symmetric_difference(&new);
    Some(differ.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Compares two versions of `vendor/modules.txt`, in which `# PATH VERSION` begins what it says about a module.
fn vendored(old: &str, new: &str) -> Option<BTreeSet<String>> {
    let blocks =
        |text: &str| -> BTreeSet<String> { format!("\n{text}").split("\n# ").map(str::to_owned).collect() };
    let (old, new) = (blocks(old), blocks(new));
    let differ = old.symmetric_difference(&new).map(|block| {
        let first = block.lines().next().unwrap_or_default();
        first.split_whitespace().next().filter(|path| !path.starts_with('#')).map(str::to_owned)
    });
    differ.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(modules: Option<BTreeSet<String>>) -> String {
        modules.map_or_else(|| "all".to_owned(), |modules| Vec::from_iter(modules).join(" "))
    }

    #[test]
    fn a_changed_requirement_names_its_module() {
        let old =
            "module m\n\ngo 1.24\n\nrequire (\n\ta.example/x v1.0.0\n\tb.example/y v1.0.0 // indirect\n)\n";
        let with = |new: &str| names(required(old, new));
        assert_eq!(with(old), "");
        assert_eq!(with(&old.replace(" // indirect", "")), "");
        assert_eq!(with(&old.replace("x v1.0.0", "x v1.1.0")), "a.example/x");
        assert_eq!(with(&format!("{old}require c.example/z v1.0.0\n")), "c.example/z");
        assert_eq!(with(&old.replace("\tb.example/y v1.0.0 // indirect\n", "")), "b.example/y");
        assert_eq!(with(&old.replace("go 1.24", "go 1.25")), "all");
        assert_eq!(with(&format!("{old}replace a.example/x => ../x\n")), "all");
        assert_eq!(with(&format!("{old}toolchain go1.26.0\n")), "all");
        let before_pruning = |text: &str| text.replace("go 1.24", "go 1.16");
        let new = before_pruning(&old.replace("x v1.0.0", "x v1.1.0"));
        assert_eq!(names(required(&before_pruning(old), &new)), "all");
    }

    #[test]
    fn changed_sums_and_vendored_modules_are_named() {
        let sum = "a v1.0.0 h1:x=\na v1.0.0/go.mod h1:y=\nb v1.0.0 h1:z=\n";
        assert_eq!(names(summed(sum, &sum.replace("x=", "w="))), "a");
        assert_eq!(names(summed("", sum)), "a b");
        let vendor = "# a v1.0.0\n## explicit\na\na/sub\n# b v1.0.0\nb\n";
        assert_eq!(names(vendored(vendor, &vendor.replace("a/sub\n", ""))), "a");
        assert_eq!(names(vendored(vendor, &vendor.replace("# b v1.0.0", "# b v1.0.1"))), "b");
        assert_eq!(names(vendored(vendor, &format!("## workspace\n{vendor}"))), "all");
    }

    #[test]
    fn go_reads_sources_and_no_tests() {
        for name in ["a.go", "a.s", "a.h", "default.pgo", "a.syso"] {
            assert!(is_source(name), "{name}");
        }
        for name in ["a_test.go", "README.md", "a.txt", "go", "Makefile"] {
            assert!(!is_source(name), "{name}");
        }
    }
}
