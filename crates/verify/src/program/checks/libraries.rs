//! Checks that the dynamic loader finds every shared library, with the versions and symbols that the program needs.

use super::start::{Start, unknown_loader};
use super::{Subject, circumstances, interpreter};
use crate::Finding;
use crate::program::inspect::{Inspection, Interpreter};
use crate::program::loader::Family;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (Inspection::Elf(elf), Some(image)) = (subject.facts, subject.container) else { return };
    let Some(Interpreter::Path(path)) = &elf.interpreter else { return };
    // A finding of `interpreter` explains a loader that is missing, unreadable or unfit.
    let Some(loader) = image.elf_file(path) else { return };
    if interpreter::unfit_elf(&loader.elf, elf).is_some() {
        return;
    }
    match Family::of(&loader.content, &loader.elf, path) {
        Some(family) => {
            let program = Start { subject, image, elf, interpreter: path, loader: &loader, family: &family };
            findings.extend(circumstances::findings(&program));
        }
        None if elf.dynamic.as_ref().is_some_and(|dynamic| !dynamic.needed.is_empty()) => {
            findings.push(unknown_loader(subject, path));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use object::elf::{DT_HASH, DT_NEEDED, DT_RELA, DT_RELASZ, DT_SONAME, DT_STRTAB, DT_SYMTAB};

    use crate::testing::ElfBuilder;
    use crate::{MemoryRoot, Program, Root, Target, verify_program};

    const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

    /// Returns the codes of the findings about a program that needs this many libraries and a symbol of the last of
    /// them.
    fn found(libraries: usize) -> Vec<&'static str> {
        let symbol =
            |section: u16| [&1u32.to_le_bytes()[..], &[0x12, 0], &section.to_le_bytes(), &[0; 16]].concat();
        let hash = [1u32, 2, 1, 0, 0].map(u32::to_le_bytes).concat();
        let offering =
            ElfBuilder::default().table(DT_SYMTAB, [vec![0; 24], symbol(1)].concat()).table(DT_HASH, hash);
        let offering = offering.table(DT_STRTAB, b"\0answer\0".to_vec()).bytes();
        let names: Vec<String> = (0..libraries).map(|index| format!("lib{index}.so")).collect();
        let plain = ElfBuilder::default().bytes();
        let loader = ElfBuilder::default().value(DT_SONAME, 0);
        let loader = loader.table(DT_STRTAB, b"ld-linux-x86-64.so.2\0".to_vec()).bytes();
        let mut root = MemoryRoot::new().file(LOADER, 0o755, loader);
        let (mut program, mut strings) = (ElfBuilder::default().interpreter(LOADER), b"\0answer\0".to_vec());
        for (index, name) in names.iter().enumerate() {
            let bytes = if index + 1 == libraries { &offering } else { &plain };
            root = root.file(&format!("/usr/lib/{name}"), 0o644, bytes.clone());
            program = program.value(DT_NEEDED, strings.len() as u64);
            strings.extend([name.as_bytes(), &[0]].concat());
        }
        let relocation = [0u64, 1 << 32, 0].map(u64::to_le_bytes).concat();
        let program = program.table(DT_SYMTAB, [vec![0; 24], symbol(0)].concat()).table(DT_STRTAB, strings);
        let bytes = program.table(DT_RELA, relocation).value(DT_RELASZ, 24).bytes();
        let target = Target::new(&crossdock_platform::Platform::LINUX_AMD64);
        let program = Program::new("/app", &bytes).with_mode(0o755);
        let findings = verify_program(&program, &target, None, Some(&root as &dyn Root));
        let about_libraries = findings.iter().map(|finding| finding.code.id());
        about_libraries.filter(|code| code.starts_with("librar") || code.starts_with("symbol")).collect()
    }

    #[test]
    fn a_symbol_of_an_unsearched_library_is_not_missing() {
        assert_eq!(found(10), [""; 0]);
        assert_eq!(found(0), ["symbol-missing"]);
        assert_eq!(found(1024), [""; 0]);
        assert_eq!(found(1025), ["libraries-unchecked"]);
    }
}
