//! Verifies every executable file in directories of a root file system on disk: `verify_root ROOT PLATFORM DIRECTORY…`.
//! Prints one line for each finding except notes, and the number of verified files.
//!
//! With `--scripts` before the directories only shell scripts are verified, each as the entry point of an image with what it
//! starts, and their verdicts are counted.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossdock_platform::Platform;
use crossdock_verify::{
    Entry, EntryKind, Finding, ImageFacts, Inspection, PlatformText, ReadAt, Root, RootError, Severity,
    Target, Verdict, inspect, verify_image, verify_others,
};

struct Disk(PathBuf);

impl Disk {
    fn place(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Root for Disk {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        let place = self.place(path);
        let Ok(found) = place.symlink_metadata() else { return Ok(None) };
        let kind = if found.is_symlink() {
            let target =
                std::fs::read_link(&place).map_err(|error| RootError::new(path, error.to_string()))?;
            EntryKind::Link(target.to_string_lossy().into_owned())
        } else if found.is_dir() {
            EntryKind::Directory
        } else if found.is_file() {
            EntryKind::File
        } else {
            EntryKind::Special
        };
        let mode = found.mode() & 0o7777;
        Ok(Some(Entry { kind, mode, uid: found.uid(), gid: found.gid(), size: found.len() }))
    }

    fn list(&self, path: &str) -> Result<Option<Vec<String>>, RootError> {
        let entries =
            std::fs::read_dir(self.place(path)).map_err(|error| RootError::new(path, error.to_string()))?;
        Ok(Some(
            entries
                .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
                .collect(),
        ))
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        let failed = |error: std::io::Error| RootError::new(path, error.to_string());
        let file = std::fs::File::open(self.place(path)).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        Ok(Box::new(OnDisk { file, size }))
    }
}

struct OnDisk {
    file: std::fs::File,
    size: u64,
}

impl ReadAt for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// Verifies an image that starts this file.
fn started(path: &str, root: &Disk, target: &Target) -> Vec<Finding> {
    let platform = target.platform();
    let text =
        PlatformText::new(platform.os().as_str(), platform.architecture().as_str(), platform.variant());
    let image = ImageFacts::default().with_config_platform(text).with_entrypoint([path]);
    verify_image(&image, root, target, &BTreeMap::new())
}

fn is_shell_script(root: &Disk, path: &str) -> bool {
    let bytes = std::fs::read(root.place(path)).unwrap_or_default();
    let Inspection::Script(script) = inspect(&bytes) else { return false };
    script.env_target().unwrap_or(&script.interpreter).ends_with("sh")
}

#[expect(clippy::print_stdout, reason = "this is a command line")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, root, platform, directories @ ..] = arguments.as_slice() else { return ExitCode::from(2) };
    let only_scripts = directories.first().is_some_and(|first| first == "--scripts");
    let Ok(platform) = Platform::parse(platform) else { return ExitCode::from(2) };
    let (root, target) = (Disk(Path::new(root).to_owned()), Target::new(&platform));
    let (mut verified, mut verdicts) = (0, BTreeMap::new());
    for directory in directories.iter().skip(usize::from(only_scripts)) {
        let Ok(entries) = std::fs::read_dir(root.place(directory)) else { return ExitCode::from(5) };
        for name in entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()) {
            let path = format!("{directory}/{name}");
            let Ok(Some(entry)) = root.entry(&path) else { continue };
            if entry.kind != EntryKind::File || entry.mode & 0o111 == 0 {
                continue;
            }
            if only_scripts && !is_shell_script(&root, &path) {
                continue;
            }
            verified += 1;
            let findings = if only_scripts {
                started(&path, &root, &target)
            } else {
                verify_others([path.clone()], &ImageFacts::default(), &root, &target)
            };
            *verdicts.entry(Verdict::of(&findings)).or_insert(0) += 1;
            for finding in findings {
                if finding.severity != Severity::Note {
                    println!("{} {} {}: {}", finding.severity, finding.code, finding.path, finding.message);
                }
            }
        }
    }
    println!("{verified} files verified: {verdicts:?}");
    ExitCode::SUCCESS
}
