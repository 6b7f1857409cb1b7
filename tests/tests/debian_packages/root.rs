//! The root of a package, and roots that differ from it in one file.

use std::collections::BTreeSet;

use crossdock_verify::{Entry, EntryKind, ReadAt, Root, RootError};

use crate::archive::{Archive, File};

/// The directories that are links into `/usr`.
const LINKS: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

/// The links that packages make with `update-alternatives` when they are configured, in the directory of the target.
const ALTERNATIVES: [(&str, &str); 3] =
    [("awk", "mawk"), ("libblas.so.3", "blas/libblas.so.3"), ("liblapack.so.3", "lapack/liblapack.so.3")];

/// The files of a package and of everything that it depends on, with at most one file removed or replaced.
#[derive(Clone)]
pub(crate) struct PackageRoot<'a> {
    archive: &'a Archive,
    packages: &'a BTreeSet<usize>,
    change: Option<(String, Option<Vec<u8>>)>,
}

impl<'a> PackageRoot<'a> {
    pub(crate) fn new(archive: &'a Archive, packages: &'a BTreeSet<usize>) -> Self {
        Self { archive, packages, change: None }
    }

    /// Returns this root without the file.
    pub(crate) fn without(&self, path: &str) -> Self {
        Self { change: Some((path.to_owned(), None)), ..self.clone() }
    }

    /// Returns this root with another content of the file.
    pub(crate) fn with(&self, path: &str, content: Vec<u8>) -> Self {
        Self { change: Some((path.to_owned(), Some(content))), ..self.clone() }
    }

    /// Returns the content of the regular file at exactly this path.
    pub(crate) fn content(&self, path: &str) -> Result<&[u8], RootError> {
        match (self.changed(path), self.file(path)) {
            (Some(Some(content)), _) => Ok(content),
            (None, Some(file)) if file.entry.kind == EntryKind::File => Ok(&file.content),
            _ => Err(RootError::new(path, "it is not a regular file")),
        }
    }

    fn file(&self, path: &str) -> Option<&'a File> {
        let files = self.archive.files.get(path)?;
        files.iter().find(|(package, _)| self.packages.contains(package)).map(|(_, file)| file)
    }

    /// Returns the changed content of the file, which is `None` inside if it is removed.
    fn changed(&self, path: &str) -> Option<&Option<Vec<u8>>> {
        self.change.as_ref().filter(|(changed, _)| changed == path).map(|(_, content)| content)
    }
}

impl Root for PackageRoot<'_> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        let fixed = |kind| Entry { kind, mode: 0o755, uid: 0, gid: 0, size: 0 };
        if path == "/" {
            return Ok(Some(fixed(EntryKind::Directory)));
        }
        if LINKS.contains(&&path[1..]) {
            return Ok(Some(fixed(EntryKind::Link(format!("usr{path}")))));
        }
        let found = self.file(path).map(|file| file.entry.clone());
        if let (None, Some((directory, name))) = (&found, path.rsplit_once('/'))
            && let Some((_, target)) = ALTERNATIVES.iter().find(|(known, _)| *known == name)
            && self.file(&format!("{directory}/{target}")).is_some()
        {
            return Ok(Some(fixed(EntryKind::Link((*target).to_owned()))));
        }
        Ok(match (self.changed(path), found) {
            (Some(None), _) => None,
            (Some(Some(content)), Some(entry)) => Some(Entry { size: content.len() as u64, ..entry }),
            (_, found) => found,
        })
    }

    fn open<'b>(&'b self, path: &str) -> Result<Box<dyn ReadAt + 'b>, RootError> {
        self.content(path).map(|content| -> Box<dyn ReadAt + 'b> { Box::new(content) })
    }
}
