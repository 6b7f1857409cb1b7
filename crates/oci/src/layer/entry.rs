use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use crossdock_fs::{FileError, FileStamp};

use super::{Content, LayerError, Owner};
use crate::model::Digest;

/// An entry of a layer without its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) mode: u32,
    pub(crate) owner: Owner,
    pub(crate) kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeKind {
    File(Content),
    Dir,
    /// A directory that exists only as the parent of another entry.
    ImpliedDir,
    Symlink(String),
}

impl Node {
    pub(super) fn file(path: &str, mode: u32, owner: Owner, content: Content) -> Result<Self, LayerError> {
        Ok(Self { mode: permissions(path, mode)?, owner, kind: NodeKind::File(content) })
    }

    pub(super) fn dir(path: &str, mode: u32, owner: Owner) -> Result<Self, LayerError> {
        Ok(Self { mode: permissions(path, mode)?, owner, kind: NodeKind::Dir })
    }

    pub(crate) fn implied_dir() -> Self {
        Self { mode: 0o755, owner: Owner::ROOT, kind: NodeKind::ImpliedDir }
    }

    pub(super) fn symlink(path: &str, target: &str) -> Result<Self, LayerError> {
        let fail = |reason| Err(LayerError::Path { path: path.to_owned(), reason });
        match target {
            "" => fail("the link has no target"),
            _ if target.contains('\0') => fail("the link's target contains a NUL"),
            _ => Ok(Self { mode: 0o777, owner: Owner::ROOT, kind: NodeKind::Symlink(target.to_owned()) }),
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        matches!(self.kind, NodeKind::Dir | NodeKind::ImpliedDir)
    }

    /// Returns whether `other` may replace this entry: it is equal, or an explicit directory where this one is implied.
    pub(super) fn gives_way_to(&self, other: &Self) -> Result<bool, LayerError> {
        match (&self.kind, &other.kind) {
            (NodeKind::ImpliedDir, NodeKind::Dir) => Ok(true),
            // The same file may be given by two paths of this machine, so the content decides.
            (NodeKind::File(one), NodeKind::File(two)) => {
                Ok(self.mode == other.mode && self.owner == other.owner && same_content(one, two)?)
            }
            _ => Ok(self == other),
        }
    }
}

fn permissions(path: &str, mode: u32) -> Result<u32, LayerError> {
    if mode > 0o7777 { Err(LayerError::Mode { path: path.to_owned(), mode }) } else { Ok(mode) }
}

/// Returns the path as a layer spells it: relative, without `.` and empty parts.
///
/// The limits are Linux's NAME_MAX and PATH_MAX: an engine could not create a longer path.
pub(super) fn image_path(path: &str) -> Result<String, LayerError> {
    let fail = |reason| Err(LayerError::Path { path: path.to_owned(), reason });
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return fail("it contains `..`; resolve it first"),
            _ if part.contains('\0') => return fail("it contains a NUL"),
            _ if part.len() > 255 => return fail("a part of it is longer than 255 bytes"),
            // image-spec, layer.md § Whiteouts: such a file would delete one of a lower layer.
            _ if part.starts_with(".wh.") => return fail("`.wh.` marks a deletion in a layer"),
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match joined.len() {
        0 => fail("it names no entry"),
        4096.. => fail("it is longer than 4095 bytes"),
        _ => Ok(joined),
    }
}

/// An open file's content and its length in bytes.
pub(super) struct OpenContent<'a> {
    pub(super) reader: Box<dyn Read + 'a>,
    pub(super) size: u64,
}

impl Content {
    pub(super) fn open(&self) -> Result<OpenContent<'_>, LayerError> {
        match self {
            Self::Bytes(bytes) => Ok(OpenContent { reader: Box::new(&bytes[..]), size: bytes.len() as u64 }),
            Self::File(path) | Self::Known { path, .. } => {
                // Checked before opening: opening a FIFO would block until a writer appears.
                let metadata = fs::metadata(path).map_err(FileError::on("read", path))?;
                if !metadata.is_file() {
                    return Err(LayerError::NotAFile { path: path.clone() });
                }
                let file = File::open(path).map_err(FileError::on("read", path))?;
                let size = file.metadata().map_err(FileError::on("read", path))?.len();
                Ok(OpenContent { reader: Box::new(file), size })
            }
        }
    }

    /// Returns a text that is equal only for equal content; `None` if it cannot be told without reading a file.
    pub(super) fn identity(&self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => Some(Digest::of(bytes).to_string()),
            Self::File(path) => {
                let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
                FileStamp::new(&metadata).filter(FileStamp::is_final).map(|stamp| stamp.to_string())
            }
            Self::Known { path, digest, stamp } => {
                (FileStamp::of(path).as_ref() == Some(stamp)).then(|| digest.to_string())
            }
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) => None,
            Self::File(path) | Self::Known { path, .. } => Some(path),
        }
    }
}

fn same_content(one: &Content, two: &Content) -> Result<bool, LayerError> {
    if one == two {
        return Ok(true);
    }
    let (left, right) = (one.open()?, two.open()?);
    if left.size != right.size {
        return Ok(false);
    }
    let mut right_bytes = BufReader::new(right.reader).bytes();
    for byte in BufReader::new(left.reader).bytes() {
        let byte = byte.map_err(reading(one))?;
        match right_bytes.next().transpose().map_err(reading(two))? {
            Some(other) if other == byte => {}
            _ => return Ok(false),
        }
    }
    Ok(right_bytes.next().is_none())
}

/// Returns a function for `map_err` that names the content's file, if it has one.
pub(super) fn reading(content: &Content) -> impl FnOnce(std::io::Error) -> LayerError {
    move |source| match content.file() {
        Some(path) => FileError::on("read", path)(source).into(),
        None => source.into(),
    }
}
