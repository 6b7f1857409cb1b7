//! Checks that the dynamic loader finds every symbol that it looks up.

use super::{Subject, dependent};
use crate::program::inspect::{Reference, Symbols, Version, is_satisfied, is_visible};
use crate::program::loader::{Family, Loaded, Object};
use crate::{Finding, codes};

/// The binding of functions that the image's environment selects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    AsLinked,
    AtOnce,
}

/// The time at which the loader looks up a symbol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// Before the program begins.
    Start,
    /// At the first call of the function.
    Call,
}

/// Checks that every symbol that is looked up is defined. Nothing is reported if a library is missing or was not
/// searched, which is then the problem.
pub(super) fn check(
    subject: &Subject<'_>,
    loaded: &Loaded,
    family: &Family,
    environment: Binding,
    findings: &mut Vec<Finding>,
) {
    if !loaded.missing.is_empty() || loaded.is_truncated {
        return;
    }
    if let Some(object) = loaded.objects.iter().find(|object| object.symbols.is_none()) {
        findings.push(not_compared(subject, object));
        return;
    }
    let all = loaded.objects.iter().filter_map(|object| object.symbols.as_ref()).collect();
    let scope = Scope { loaded, family, all };
    for (index, object) in loaded.objects.iter().enumerate() {
        // musl does not bind lazily.
        let at_once = *family != Family::Glibc
            || environment == Binding::AtOnce
            || object.dynamic.as_ref().is_some_and(|dynamic| dynamic.binds_at_once);
        let own = scope.all[index];
        let mut now = scope.failures(index, own.needed.iter(), Lookup::Start);
        let mut later = scope.failures(index, own.needed_lazily.iter(), Lookup::Call);
        if at_once {
            now.append(&mut later);
        }
        for (lookup, failures) in [(Lookup::Start, now), (Lookup::Call, later)] {
            findings.extend(scope.unresolved(subject, object, lookup, &failures));
        }
    }
}

/// Creates the note that no symbol was looked up, because those of this object are unknown.
fn not_compared(subject: &Subject<'_>, object: &Object) -> Finding {
    let message = format!(
        "The symbols of {} could not be read, so whether the libraries of {} have all symbols that it needs was not verified.",
        object.path, subject.path
    );
    subject.finding(codes::SYMBOLS_UNCHECKED, message)
}

/// The reason why a lookup fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// No object in memory defines the symbol with a version that fits.
    Undefined,
    /// glibc finds the symbol in the library that should have its version, and that library has no version table: the
    /// loader stops at an assertion of `check_match` (elf/dl-lookup.c).
    Unversioned,
}

/// A symbol whose lookup fails.
struct Failure<'a> {
    reference: &'a Reference,
    version: Option<&'a Version>,
    reason: Reason,
}

/// The objects in which symbols are looked up.
struct Scope<'a> {
    loaded: &'a Loaded,
    family: &'a Family,
    all: Vec<&'a Symbols>,
}

impl<'a> Scope<'a> {
    /// Returns those references of an object whose lookup fails.
    fn failures(
        &self,
        by: usize,
        references: impl Iterator<Item = &'a Reference>,
        lookup: Lookup,
    ) -> Vec<Failure<'a>> {
        let failure = |reference: &'a Reference| {
            let version = self.all[by].version_of(reference);
            let reason = self.fails(by, reference, version, lookup)?;
            Some(Failure { reference, version, reason })
        };
        references.filter_map(failure).collect()
    }

    /// Looks up a symbol as the loader does; `None` if that succeeds.
    fn fails(
        &self,
        by: usize,
        reference: &Reference,
        version: Option<&Version>,
        lookup: Lookup,
    ) -> Option<Reason> {
        for (index, (symbols, object)) in self.all.iter().zip(&self.loaded.objects).enumerate() {
            // The copy of data in a program is not its own original.
            if reference.is_copied && index == by {
                continue;
            }
            if lookup == Lookup::Start && symbols.addresses.contains(&reference.name) {
                return None;
            }
            let words = symbols.words_of(&reference.name);
            if words.is_empty() {
                continue;
            }
            let is_found = match (&symbols.versions, self.family) {
                (Some(versions), Family::Glibc) => is_satisfied(version, &words, versions),
                (Some(_), Family::Musl(_) | Family::Gcompat(_)) => is_visible(&words),
                (None, Family::Glibc) if self.is_expected(version, object) => {
                    return Some(Reason::Unversioned);
                }
                (None, _) => true,
            };
            if is_found {
                return None;
            }
        }
        Some(Reason::Undefined)
    }

    /// Returns whether this is the library that a version need names.
    fn is_expected(&self, version: Option<&Version>, object: &Object) -> bool {
        let library = version.and_then(|version| version.library.as_deref());
        library
            .and_then(|library| self.loaded.by_name(library))
            .is_some_and(|named| std::ptr::eq(named, object))
    }

    /// Returns the finding about symbols whose lookup fails; `None` without symbols.
    fn unresolved(
        &self,
        subject: &Subject<'_>,
        object: &Object,
        lookup: Lookup,
        failures: &[Failure<'_>],
    ) -> Option<Finding> {
        let (first, others) = failures.split_first()?;
        let name = &first.reference.name;
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let version = first.version.filter(|_| *self.family == Family::Glibc);
        let suffix = version.map_or_else(String::new, |version| format!(", version {}", version.name));
        let shown = match (self.family, first.reason) {
            (Family::Glibc, Reason::Undefined) => {
                format!(
                    "`{}: symbol lookup error: {}: undefined symbol: {name}{suffix}`",
                    subject.path, object.path
                )
            }
            (Family::Glibc, Reason::Unversioned) => {
                "`Inconsistency detected by ld.so: dl-lookup.c: check_match: Assertion … failed!`".to_owned()
            }
            (Family::Musl(_) | Family::Gcompat(_), _) => {
                format!("`Error relocating {}: {name}: symbol not found`", object.path)
            }
        };
        let (code, when) = match lookup {
            Lookup::Start => (codes::SYMBOL_MISSING, "a node shows"),
            Lookup::Call => (codes::FUNCTION_MISSING, "when it is first called, a node shows"),
        };
        let where_it_is = self.place_of(first);
        let message = format!(
            "{} needs the symbol {name}{suffix}{others}, which {where_it_is}: {when} {shown}, exit 127.",
            dependent(subject, &object.path)
        );
        let names: Vec<&str> = failures.iter().take(20).map(|failure| &*failure.reference.name).collect();
        Some(subject.finding(code, message).with_evidence("undefined symbols", names.join(" ")))
    }

    /// Describes where a symbol is found without the version that is needed, or that it is nowhere.
    fn place_of(&self, failure: &Failure<'_>) -> String {
        let mut objects = self.loaded.objects.iter().zip(&self.all);
        let has_it = |symbols: &Symbols| symbols.defines(&failure.reference.name);
        let found = objects.find(|(_, symbols)| !failure.reference.is_copied && has_it(symbols));
        match (failure.reason, found) {
            (Reason::Undefined, None) => "no library in the image has".to_owned(),
            (Reason::Undefined, Some((object, _))) => {
                format!("{} has only with another version", object.path)
            }
            (Reason::Unversioned, _) => {
                let library = failure.version.and_then(|version| version.library.as_deref());
                let path =
                    library.and_then(|library| self.loaded.by_name(library)).map(|object| &object.path);
                format!("{} has without versions", path.map_or("a library", String::as_str))
            }
        }
    }
}
