//! Checks that the base image is for the target: a static program starts on any, and everything else in it does not.

use crate::program::checks::loaders_present;
use crate::program::inspect::{Elf, Inspection, inspect_file};
use crate::program::machine;
use crate::root::{EntryKind, Resolved, Root, resolve};
use crate::{Code, Finding, Target, codes};

/// The findings that a base image for another architecture explains.
const EXPLAINED: [Code; 4] =
    [codes::INTERPRETER_MISSING, codes::INTERPRETER_WRONG, codes::LIBRARY_MISSING, codes::LIBRARY_WRONG];

/// Adds the finding about a shell or loader for another architecture. Where another finding reports that the image
/// needs it, its remedy becomes that for the base image.
pub(super) fn check(root: &dyn Root, target: &Target, findings: &mut Vec<Finding>) {
    let Some((path, file, elf)) = foreign(root, target) else { return };
    let remedy = codes::FOREIGN_USERLAND.remedy().unwrap_or_default();
    for finding in findings.iter_mut() {
        let is_file = finding.code == codes::WRONG_MACHINE && finding.path == file.path;
        if is_file || EXPLAINED.contains(&finding.code) {
            remedy.clone_into(&mut finding.help);
        }
    }
    let message = format!(
        "{path} of the image is for {}, and the target is {}: the base image is for another architecture, and only a static program \
         starts on it.",
        machine::describe(&elf),
        target.name()
    );
    findings.push(
        Finding::new(codes::FOREIGN_USERLAND, target.name(), &file.path, message)
            .with_evidence("e_machine", elf.machine.to_string()),
    );
}

/// Returns the shell if it is for another architecture. In an image without one the loaders tell: one for the target
/// among them shows that the others were added.
fn foreign(root: &dyn Root, target: &Target) -> Option<(&'static str, Resolved, Elf)> {
    const SHELL: &str = "/bin/sh";
    if let Some((file, elf)) = program(root, SHELL) {
        return (!is_for(&elf, target)).then_some((SHELL, file, elf));
    }
    let mut loaders = loaders_present(root).into_iter().filter_map(|path| Some((path, program(root, path)?)));
    let (path, (file, elf)) = loaders.next()?;
    let has_own = is_for(&elf, target) || loaders.any(|(_, (_, elf))| is_for(&elf, target));
    (!has_own).then_some((path, file, elf))
}

fn program(root: &dyn Root, path: &str) -> Option<(Resolved, Elf)> {
    let found = resolve(root, path).ok().filter(|found| found.entry.kind == EntryKind::File)?;
    match inspect_file(root, &found.path).ok()?.facts {
        Inspection::Elf(elf) => Some((found, *elf)),
        _ => None,
    }
}

fn is_for(elf: &Elf, target: &Target) -> bool {
    let own = machine::architecture_of(elf);
    own == Some(target.architecture()) || own == machine::compatible_32_bit(target.architecture())
}
