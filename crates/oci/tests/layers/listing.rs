//! Lists a root as text: one line for each entry, the same for a directory on disk and for a [`RootView`].

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crossdock_oci::{EntryKind, RootView};

/// Lists the files that an engine unpacked.
pub(crate) fn of_directory(root: &Path) -> Result<String, String> {
    let mut names = BTreeMap::new();
    let mut lines = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            // In a directory that only one layer has, overlayfs lists the names of whiteouts without showing them.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            found => found.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let shown = format!("/{}", path.strip_prefix(root).unwrap().display());
        if metadata.is_dir() {
            let mut below: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            below.sort();
            todo.extend(below.into_iter().rev());
        }
        let kind = metadata.file_type();
        let (letter, mut detail) = if kind.is_dir() {
            ('d', String::new())
        } else if kind.is_symlink() {
            ('l', format!(" -> {}", text(fs::read_link(&path).unwrap().as_os_str().as_bytes())))
        } else if kind.is_char_device() {
            ('c', String::new())
        } else if kind.is_block_device() {
            ('b', String::new())
        } else if kind.is_fifo() {
            ('p', String::new())
        } else {
            ('f', format!(" = {}", text(&fs::read(&path).unwrap())))
        };
        let attributes = attributes(&path);
        if !metadata.is_dir() {
            same_file(&mut names, (metadata.dev(), metadata.ino()), &shown, &mut detail);
        }
        lines.push(line(
            letter,
            metadata.mode(),
            metadata.uid(),
            metadata.gid(),
            &shown,
            &detail,
            attributes,
        ));
    }
    Ok(joined(lines))
}

/// Lists crossdock's root.
pub(crate) fn of_view(root: &RootView) -> String {
    let mut names = BTreeMap::new();
    let mut lines = Vec::new();
    for entry in std::iter::once(root.lookup("/").unwrap()).chain(root.walk()) {
        let (letter, mut detail) = match &entry.kind {
            EntryKind::File => ('f', format!(" = {}", text(&root.read(&entry.path, 1 << 20).unwrap()))),
            EntryKind::Dir => ('d', String::new()),
            EntryKind::Symlink(target) => ('l', format!(" -> {}", text(target))),
            EntryKind::CharDevice => ('c', String::new()),
            EntryKind::BlockDevice => ('b', String::new()),
            EntryKind::Fifo => ('p', String::new()),
        };
        if entry.kind != EntryKind::Dir {
            same_file(&mut names, entry.file, &entry.path, &mut detail);
        }
        let attributes = root.attributes(&entry).unwrap();
        let attributes = attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
        // A link has no mode of its own (symlink(7)).
        let mode = if letter == 'l' { 0o777 } else { entry.mode };
        lines.push(line(letter, mode, entry.uid, entry.gid, &entry.path, &detail, attributes));
    }
    joined(lines)
}

/// Shows a further name of a file as a hard link to its first one.
fn same_file<K: Ord>(names: &mut BTreeMap<K, String>, file: K, path: &str, detail: &mut String) {
    match names.get(&file) {
        Some(first) => detail.push_str(&format!(" == {first}")),
        None => drop(names.insert(file, path.to_owned())),
    }
}

fn line(
    letter: char,
    mode: u32,
    uid: u32,
    gid: u32,
    path: &str,
    detail: &str,
    mut attributes: Vec<(String, String)>,
) -> String {
    attributes.sort();
    let attributes: String = attributes.iter().map(|(name, value)| format!(" [{name}={value}]")).collect();
    format!("{letter} {:04o} {uid}:{gid} {}{detail}{attributes}", mode & 0o7777, text(path.as_bytes()))
}

fn joined(lines: Vec<String>) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn attributes(path: &Path) -> Vec<(String, String)> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .filter(|name| !name.starts_with(b"trusted.overlay."))
        .map(|name| {
            let mut value = vec![0; 4096];
            let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
            (text(name), text(&value[..length]))
        })
        .collect()
}

/// Shows bytes in one line: unusual ones as `%` and two digits, and runs of one byte by their length.
fn text(bytes: &[u8]) -> String {
    bytes
        .chunk_by(|one, two| one == two)
        .map(|run| {
            let shown = match run[0] {
                byte @ (b'!'..=b'$' | b'&'..=b'~') => char::from(byte).to_string(),
                byte => format!("%{byte:02x}"),
            };
            if run.len() > 6 { format!("{{{shown}*{}}}", run.len()) } else { shown.repeat(run.len()) }
        })
        .collect()
}
