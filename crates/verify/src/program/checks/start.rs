//! One start of a program under given circumstances: what the dynamic loader finds, and what it does not.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_platform::Architecture;

use super::symbols::Binding;
use super::{Subject, dependent, level, pages, symbols};
use crate::program::container::{Container, Credentials, ElfFile};
use crate::program::inspect::Elf;
use crate::program::loader::{
    Family, Forbidden, Ignored, LoadContext, Loaded, LookupFailure, Missing, Object, Privilege, Processor,
    SUBDIRECTORIES, load,
};
use crate::{Finding, codes};

/// The number of directories and files that a message lists.
const MAX_SHOWN: usize = 64;

/// The circumstances of one start.
pub(super) struct Circumstances<'a> {
    /// The user whose rights the loader has.
    pub(super) user: &'a Credentials,
    pub(super) privilege: Privilege,
    pub(super) processor: &'a Processor,
}

impl Circumstances<'_> {
    /// Returns why the loader of this program searches fewer directories than usual, as a sentence; empty if it does
    /// not.
    pub(super) fn explanation(&self, path: &str) -> String {
        match self.privilege {
            Privilege::Usual => String::new(),
            Privilege::Secure => format!(
                " {path} gains rights from its file, so the loader ignores LD_LIBRARY_PATH and `$ORIGIN` (secure-execution \
                 mode, man 8 ld.so)."
            ),
        }
    }
}

/// A program with the loader that starts it.
pub(super) struct Start<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) image: Container<'a>,
    pub(super) elf: &'a Elf,
    pub(super) interpreter: &'a str,
    /// The file of that name.
    pub(super) loader: &'a ElfFile<'a>,
    pub(super) family: &'a Family,
}

/// The findings about one start.
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    /// Whether the libraries may be others on another processor.
    pub(super) depends_on_processor: bool,
}

impl Start<'_> {
    /// Starts the program under these circumstances.
    pub(super) fn run(&self, circumstances: &Circumstances<'_>) -> Outcome {
        let image = Container { user: circumstances.user, ..self.image };
        let context = LoadContext {
            image,
            target: self.subject.target,
            program: self.elf,
            loader: self.loader,
            privilege: circumstances.privilege,
            processor: circumstances.processor,
        };
        let (subject, family) = (self.subject, self.family);
        let mut findings = Vec::new();
        let Some(loaded) = load(&context, subject.path, subject.content, self.interpreter, family) else {
            // The finding about the loader explains it, unless it is the one that gcompat starts.
            if let Family::Gcompat(gcompat) = family {
                findings.push(unknown_loader(subject, &gcompat.loader));
            }
            return Outcome { findings, depends_on_processor: false };
        };
        if loaded.is_truncated {
            findings.push(not_searched(subject, &loaded));
        }
        for missing in &loaded.missing {
            findings.push(absent(subject, &loaded, missing, family, circumstances));
        }
        findings.extend(loaded.ignored.iter().map(|ignored| not_preloaded(subject, ignored, family)));
        // musl's loader does not check version needs, and it is its own C library.
        let before = findings.len();
        if *family == Family::Glibc {
            versions(subject, &loaded, &mut findings);
        }
        // The loader stops at a missing version before it looks up any symbol.
        let has_versions = findings.len() == before;
        if *family == Family::Glibc {
            releases(subject, &loaded, &mut findings);
        }
        demands(subject, &loaded, family, &mut findings);
        allocators(subject, &loaded, &mut findings);
        // man 8 ld.so: only a nonempty value counts.
        let binding = match image.variable("LD_BIND_NOW") {
            Some(value) if !value.is_empty() => Binding::AtOnce,
            _ => Binding::AsLinked,
        };
        // The symbols of a preloaded library that is in memory and was not read are unknown.
        let is_in_memory = |failure: &LookupFailure| {
            matches!(failure, LookupFailure::Mapped { .. } | LookupFailure::Unreadable(_))
        };
        if has_versions && !loaded.ignored.iter().any(|ignored| is_in_memory(&ignored.failure)) {
            symbols::check(subject, &loaded, family, binding, &mut findings);
        }
        Outcome { findings, depends_on_processor: loaded.depends_on_processor() }
    }
}

/// Creates the finding about a program whose loader is unknown.
pub(super) fn unknown_loader(subject: &Subject<'_>, interpreter: &str) -> Finding {
    let message = format!(
        "{} needs shared libraries, and crossdock does not know how its loader {interpreter} searches for them.",
        subject.path
    );
    subject.finding(codes::LIBRARIES_UNCHECKED, message).with_evidence("PT_INTERP", interpreter)
}

/// Creates the finding about a program that exceeds the limits of the search. No real program is near them.
fn not_searched(subject: &Subject<'_>, loaded: &Loaded) -> Finding {
    let message = format!(
        "{} needs libraries, directly or indirectly, that crossdock did not search for: they are too many, or a name cannot be \
         read. The {} that were found were verified, the others were not.",
        subject.path,
        loaded.objects.len() - 1
    );
    let help = "Start the image once on each platform, or link statically.";
    subject.finding(codes::LIBRARIES_UNCHECKED, message).with_help(help)
}

fn absent(
    subject: &Subject<'_>,
    loaded: &Loaded,
    missing: &Missing,
    family: &Family,
    circumstances: &Circumstances<'_>,
) -> Finding {
    let by = &loaded.objects[missing.by];
    let (dependent, name, path) = (dependent(subject, &by.path), &missing.name, subject.path);
    let shown = |text: &str| match family {
        Family::Glibc => format!("`{path}: error while loading shared libraries: {name}: {text}`, exit 127"),
        Family::Musl(_) | Family::Gcompat(_) => {
            format!("`Error loading shared library {name}: {text} (needed by {})`, exit 127", by.path)
        }
    };
    let (code, message) = match &missing.failure {
        LookupFailure::Absent { searched, skipped, forbidden } => {
            let others = skipped.iter().take(MAX_SHOWN).map(|(path, what)| format!(" {path} {what}."));
            let others: String = others.collect();
            let why = circumstances.explanation(path);
            let (code, text, unread) = match forbidden.first() {
                None if loaded.is_platform_unknown => {
                    let unknown = " The kernel chooses the value of `$PLATFORM`.".to_owned();
                    (codes::LIBRARIES_UNCHECKED, "No such file or directory", unknown)
                }
                None => (codes::LIBRARY_MISSING, "No such file or directory", String::new()),
                Some(first) => {
                    let text = "Permission denied";
                    (codes::LIBRARY_NOT_READABLE, text, unread(first, circumstances.user))
                }
            };
            let text = match family {
                Family::Glibc => format!("cannot open shared object file: {text}"),
                Family::Musl(_) | Family::Gcompat(_) => text.to_owned(),
            };
            let message = format!(
                "{dependent} needs {name}, which is in none of the directories that the loader searches ({}).{unread}{others}{why} \
                 A node shows {}.",
                shown_directories(searched),
                shown(&text)
            );
            (code, message)
        }
        LookupFailure::Broken { path: library, why } => {
            let message = format!(
                "{dependent} needs {name}, and {library} cannot be loaded: {why}. A node shows {}.",
                shown(why)
            );
            (codes::LIBRARY_WRONG, message)
        }
        LookupFailure::Mapped { path: library, why } => {
            let message = format!(
                "{dependent} needs {name}, and {library} {why}. The loader maps it, and a node kills the program (exit 135, 139 or \
                 132)."
            );
            (codes::LIBRARY_WRONG, message)
        }
        LookupFailure::Unreadable(why) => (codes::UNREADABLE, format!("{dependent} needs {name}: {why}.")),
    };
    subject.finding(code, message).with_evidence("DT_NEEDED", name)
}

/// Tells which file the loader passes over, as a sentence.
fn unread(forbidden: &Forbidden, user: &Credentials) -> String {
    let Forbidden { path, at, mode } = forbidden;
    let at = if at == path { String::new() } else { format!("{at} with ") };
    let user = user.to_string();
    format!(" {}{} may not read {path} ({at}{mode}).", user[..1].to_uppercase(), &user[1..])
}

/// Creates the finding about a library that is to be preloaded and is not, at which no loader stops.
fn not_preloaded(subject: &Subject<'_>, ignored: &Ignored, family: &Family) -> Finding {
    let (name, source) = (&ignored.preload.name, ignored.preload.source.name());
    let why = match &ignored.failure {
        LookupFailure::Mapped { path, why } => {
            let message = format!(
                "{source} names {name}, and {path} {why}: the loader of {} maps it, and the program is killed if it uses it.",
                subject.path
            );
            return subject.finding(codes::LIBRARIES_UNCHECKED, message).with_evidence(source, name);
        }
        LookupFailure::Absent { forbidden, .. } if !forbidden.is_empty() => {
            "the user may not read it".to_owned()
        }
        LookupFailure::Absent { skipped, .. } => match skipped.first() {
            Some((path, what)) => format!("{path} {what}"),
            None => "the image does not have it".to_owned(),
        },
        LookupFailure::Broken { why, .. } | LookupFailure::Unreadable(why) => why.clone(),
    };
    let shown = match family {
        Family::Glibc => format!(
            "prints `ERROR: ld.so: object '{name}' from {source} cannot be preloaded: ignored.` at each start"
        ),
        Family::Musl(_) | Family::Gcompat(_) => "says nothing".to_owned(),
    };
    let message = format!(
        "{source} names {name}, which the loader of {} does not load: {why}. It goes on without the library and {shown}.",
        subject.path
    );
    subject.finding(codes::PRELOAD_IGNORED, message).with_evidence(source, name)
}

/// Lists the directories that were searched, up to the limit of a message. Their subdirectories for certain processors,
/// up to six of each, are usually absent and only counted.
fn shown_directories(searched: &[String]) -> String {
    let all: BTreeSet<&str> = searched.iter().map(String::as_str).collect();
    let (of_processors, others): (Vec<&str>, Vec<&str>) =
        searched.iter().map(String::as_str).partition(|directory| is_of_processor(directory, &all));
    let shown = others[..others.len().min(MAX_SHOWN)].join(", ");
    let more = match others.len().saturating_sub(MAX_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match of_processors.len() {
        0 => format!("{shown}{more}"),
        count => format!("{shown}{more}, and {count} of their subdirectories for certain processors"),
    }
}

/// Returns whether a directory is the subdirectory of another one for certain processors.
fn is_of_processor(directory: &str, all: &BTreeSet<&str>) -> bool {
    let parts = SUBDIRECTORIES.iter().filter_map(|name| directory.split_once(&format!("/{name}")));
    let mut ends = parts.filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'));
    ends.any(|(parent, _)| all.contains(parent))
}

/// Checks that every needed symbol version is defined. Only equal names match, since the loader does not order versions
/// either.
fn versions(subject: &Subject<'_>, loaded: &Loaded, findings: &mut Vec<Finding>) {
    for object in &loaded.objects {
        let mut undefined: BTreeMap<&str, (String, Vec<&str>)> = BTreeMap::new();
        for need in object.dynamic.iter().flat_map(|dynamic| &dynamic.version_needs) {
            // A library that was not found has a finding of its own.
            let Some(library) = loaded.by_name(&need.library) else { continue };
            let defined = library
                .dynamic
                .as_ref()
                .map(|dynamic| dynamic.version_definitions.as_slice())
                .unwrap_or_default();
            // The loader accepts a library without any version, with a warning.
            if need.is_weak || defined.is_empty() || defined.contains(&need.version) {
                continue;
            }
            let entry = undefined.entry(&need.library).or_insert_with(|| (library.path.clone(), Vec::new()));
            entry.1.push(&need.version);
        }
        for (library, (path, versions)) in undefined {
            findings.extend(too_old(subject, object, library, &path, &versions));
        }
    }
}

/// Returns the finding about versions that a library does not define; `None` without versions.
fn too_old(
    subject: &Subject<'_>,
    object: &Object,
    library: &str,
    path: &str,
    versions: &[&str],
) -> Option<Finding> {
    let first = versions.first()?;
    let message = format!(
        "{} needs {} of {library}, which {path} in the image does not define: a node shows `{}: {path}: version `{first}' not \
         found (required by {})`, exit 1.",
        dependent(subject, &object.path),
        versions.join(", "),
        subject.path,
        object.path
    );
    let finding = subject.finding(codes::SYMBOL_VERSION_MISSING, message);
    Some(finding.with_evidence("DT_VERNEED", versions.join(" ")))
}

/// Checks that loader and C library are of one build, since they share private structures.
fn releases(subject: &Subject<'_>, loaded: &Loaded, findings: &mut Vec<Finding>) {
    // The program has no release, so these are the loader and the C library.
    let parts = loaded.objects.iter().filter(|object| object.parent.is_none() || object.name == "libc.so.6");
    let named: Vec<(&str, &str)> =
        parts.filter_map(|object| Some((object.path.as_str(), object.release.as_deref()?))).collect();
    let Some(((loader, own), rest)) = named.split_first() else { return };
    for (library, release) in rest.iter().filter(|(_, release)| release != own) {
        let message = format!(
            "{} is loaded by {loader} of {own} with {library} of {release}: the two are from different builds of glibc, and the \
             program crashes before its first line (exit 139, or an error about GLIBC_PRIVATE).",
            subject.path
        );
        let finding = subject.finding(codes::LOADER_LIBRARY_PAIR, message);
        findings.push(finding.with_evidence(*loader, *own).with_evidence(*library, *release));
    }
}

/// Checks that the target has the processor level that each object in memory demands.
fn demands(subject: &Subject<'_>, loaded: &Loaded, family: &Family, findings: &mut Vec<Finding>) {
    if subject.target.architecture() != Architecture::Amd64 {
        return;
    }
    let loader = match family {
        Family::Glibc if checks_demands(loaded) => level::Loader::Obeys,
        _ => level::Loader::Ignores,
    };
    let found = loaded.objects.iter();
    findings.extend(
        found.filter_map(|object| level::demanded_level(subject, &object.path, object.isa_needed, loader)),
    );
}

/// Checks the jemalloc in libraries. That of the program is checked without an image too.
fn allocators(subject: &Subject<'_>, loaded: &Loaded, findings: &mut Vec<Finding>) {
    let libraries = loaded.objects.iter().skip(1);
    let found =
        libraries.filter_map(|object| pages::unsupported_page(subject, &object.path, object.jemalloc?));
    findings.extend(found);
}

/// Returns whether the image's glibc is 2.33 or newer, which checks the processor level that libraries demand.
fn checks_demands(loaded: &Loaded) -> bool {
    let release = loaded.objects.iter().find_map(|object| object.release.as_deref());
    let version = release.and_then(|release| release.rsplit_once(", 2.")).map(|(_, minor)| minor);
    let digits = |text: &str| text.split('.').next().and_then(|minor| minor.parse::<u32>().ok());
    version.and_then(digits).is_some_and(|minor| minor >= 33)
}

#[cfg(test)]
mod tests {
    use super::shown_directories;

    #[test]
    fn subdirectories_for_processors_are_counted() {
        let shown =
            |searched: &str| shown_directories(&searched.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(shown("/lib/x86_64-linux-gnu /lib  /opt/tls"), "/lib/x86_64-linux-gnu, /lib, , /opt/tls");
        let legacy = "/a/glibc-hwcaps/x86-64-v2 /a/tls/x86_64 /a/tls /a/x86_64 /a /lib/x86_64-linux-gnu /lib";
        assert_eq!(
            shown(legacy),
            "/a, /lib/x86_64-linux-gnu, /lib, and 4 of their subdirectories for certain processors"
        );
    }
}
