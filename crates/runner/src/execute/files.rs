//! Packs what `files` names: nothing from outside of the project, and nothing that git, cargo or crossdock keep in it.

use std::collections::BTreeSet;
use std::fs::Metadata;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use crossdock_fs::is_marked_output;
use crossdock_oci::{Content, LayerBuilder, Owner, Timestamp};

use super::image::about;
use super::report_lines::Reporter;
use super::{ExecuteError, StepContext, lock};
use crate::plan::{FilePlan, ImagePlan, Plan};

/// What `files` of an image names and no image can hold.
#[derive(Debug, thiserror::Error)]
#[error("image `{image}`: `files` takes {from}, and {path} {fault}")]
pub struct UnfitFile {
    /// The image.
    pub image: String,
    /// What `files` names.
    pub from: Utf8PathBuf,
    /// What cannot be packed.
    pub path: Utf8PathBuf,
    /// Why not.
    pub fault: FileFault,
}

/// Why a file or a folder cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// A link leads out of the project: what is there is this machine's, and another one would pack something else.
    #[error(
        "is a symbolic link to {target}, outside of the project's folder, {root}: copy what it leads to into the project, or \
         remove the link"
    )]
    Outside {
        /// Where it leads.
        target: Utf8PathBuf,
        /// The project's folder.
        root: Utf8PathBuf,
    },
    /// A link leads nowhere.
    #[error("is a symbolic link to {target} and leads to nothing: make what it names, or remove the link")]
    Dangling {
        /// What the link says.
        target: Utf8PathBuf,
    },
    /// A link cannot be followed.
    #[error("is a symbolic link to {target}, which cannot be followed ({why}): correct or remove the link")]
    Unfollowed {
        /// What the link says.
        target: Utf8PathBuf,
        /// The system's reason.
        why: String,
    },
    /// A link leads to a folder that it lies in.
    #[error("is a symbolic link to {target}, a folder that it lies in, and has no end: remove the link")]
    Circle {
        /// Where it leads.
        target: Utf8PathBuf,
    },
    /// It is a pipe, a socket or a device.
    #[error("is neither a file nor a folder: remove it, or let `files` name what lies beside it")]
    Special,
    /// Its path would be too long for an image.
    #[error("lies more than {MAX_DEPTH} folders deep: let `files` name a folder further down")]
    Deep,
}

/// Deeper than any tree that people copy into an image, and shallow enough for every path to stay short.
const MAX_DEPTH: usize = 64;

impl StepContext<'_> {
    /// A layer of what `files` names. What is left out is said once for each image.
    pub(super) fn files(
        &self,
        image: &ImagePlan,
        reporter: &Reporter<'_>,
    ) -> Result<LayerBuilder, ExecuteError> {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let mut left_out = BTreeSet::new();
        let written = written_by(self.plan);
        for file in &image.files {
            let mut packing = Packing::new(&self.plan.root, &written, image, file, &mut builder)?;
            packing.entry(&file.from, &file.to)?;
            left_out.append(&mut packing.left_out);
        }
        if !left_out.is_empty() && lock(&self.state).noted.insert(image.name.clone()) {
            reporter.note(format!(
                "image `{}`: `files` leaves out what git, cargo and crossdock keep: {}",
                image.name,
                some_of(&left_out)
            ));
        }
        Ok(builder)
    }
}

/// The first few; a project may have hundreds of such folders.
fn some_of(paths: &BTreeSet<Utf8PathBuf>) -> String {
    const SHOWN: usize = 4;
    let first: Vec<&str> = paths.iter().take(SHOWN).map(|path| path.as_str()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// One entry of `files` on its way into a layer.
struct Packing<'a> {
    image: &'a ImagePlan,
    file: &'a FilePlan,
    builder: &'a mut LayerBuilder,
    /// What `files` names and the folder that no link may leave, all links followed.
    from: Utf8PathBuf,
    root: Utf8PathBuf,
    /// What this run writes, all links followed.
    written: &'a BTreeSet<Utf8PathBuf>,
    /// The folders that are being packed, all links followed.
    open: Vec<Utf8PathBuf>,
    left_out: BTreeSet<Utf8PathBuf>,
}

impl<'a> Packing<'a> {
    fn new(
        project: &Utf8Path,
        written: &'a BTreeSet<Utf8PathBuf>,
        image: &'a ImagePlan,
        file: &'a FilePlan,
        builder: &'a mut LayerBuilder,
    ) -> Result<Self, ExecuteError> {
        let real = |path: &Utf8Path| path.canonicalize_utf8().map_err(failed(path));
        // An image's own folder may lie beside the configuration's: then nothing leads out of what `files` names.
        let root = if file.from.starts_with(project) { project } else { &file.from };
        let (from, root) = (real(&file.from)?, real(root)?);
        Ok(Self { image, file, builder, from, root, written, open: Vec::new(), left_out: BTreeSet::new() })
    }

    /// Adds a file, or a folder with all that is in it. Links are followed: nothing promises their targets a place in
    /// the image.
    fn entry(&mut self, path: &Utf8Path, to: &str) -> Result<(), ExecuteError> {
        let is_link = path.symlink_metadata().map_err(failed(path))?.is_symlink();
        let real =
            if is_link { self.followed(path)? } else { path.canonicalize_utf8().map_err(failed(path))? };
        if !real.starts_with(&self.root) {
            return Err(self.unfit(path, FileFault::Outside { target: real, root: self.root.clone() }));
        }
        // What lies in a folder that is packed was found to be wanted up to there; a link can lead anywhere.
        let unasked = if is_link { usize::MAX } else { 1 };
        if self.is_left_out(real.ancestors().take(unasked))? {
            self.left_out.insert(path.to_owned());
            return Ok(());
        }
        let metadata = real.metadata().map_err(failed(path))?;
        match () {
            () if metadata.is_dir() && self.open.contains(&real) => {
                Err(self.unfit(path, FileFault::Circle { target: real }))
            }
            () if metadata.is_dir() && self.open.len() > MAX_DEPTH => Err(self.unfit(path, FileFault::Deep)),
            () if metadata.is_dir() => self.folder(path, real, to),
            () if metadata.is_file() => self.regular(&real, &metadata, to),
            () => Err(self.unfit(path, FileFault::Special)),
        }
    }

    fn folder(&mut self, path: &Utf8Path, real: Utf8PathBuf, to: &str) -> Result<(), ExecuteError> {
        let entries = path.read_dir_utf8().and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(failed(path))?;
        entries.sort_by(|left, right| left.file_name().cmp(right.file_name()));
        self.builder.add_dir(to, 0o755, Owner::ROOT).map_err(about(self.image))?;
        self.open.push(real);
        let below = |entry: &Utf8DirEntry| format!("{}/{}", to.trim_end_matches('/'), entry.file_name());
        entries.iter().try_for_each(|entry| self.entry(entry.path(), &below(entry)))?;
        self.open.pop();
        Ok(())
    }

    fn regular(&mut self, real: &Utf8Path, metadata: &Metadata, to: &str) -> Result<(), ExecuteError> {
        let mode = self.file.mode.unwrap_or(if is_executable(metadata) { 0o755 } else { 0o644 });
        self.builder.add_file(to, mode, Owner::ROOT, Content::File(real.into())).map_err(about(self.image))
    }

    /// Where a link leads in the end.
    fn followed(&self, link: &Utf8Path) -> Result<Utf8PathBuf, ExecuteError> {
        link.canonicalize_utf8().map_err(|error| match (error.kind(), link.read_link_utf8()) {
            (std::io::ErrorKind::NotFound, Ok(target)) => self.unfit(link, FileFault::Dangling { target }),
            (_, Ok(target)) => self.unfit(link, FileFault::Unfollowed { target, why: error.to_string() }),
            _ => failed(link)(error),
        })
    }

    /// Whether one of a path and the folders above it is not part of what people mean by a folder of their project.
    /// What `files` names itself is meant, and so is every folder above it.
    fn is_left_out<'p>(&self, upwards: impl Iterator<Item = &'p Utf8Path>) -> Result<bool, ExecuteError> {
        let below_root = upwards.take_while(|above| *above != self.root);
        for path in below_root.filter(|above| !self.from.starts_with(above)) {
            if path.file_name() == Some(".git") || self.written.contains(path) || is_kept(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unfit(&self, path: &Utf8Path, fault: FileFault) -> ExecuteError {
        let (image, from) = (self.image.name.clone(), self.file.from.clone());
        ExecuteError::Unfit(Box::new(UnfitFile { image, from, path: path.to_owned(), fault }))
    }
}

/// Whether a folder says of itself that it holds what tools keep and make again: crossdock's mark, a cache's
/// (<https://bford.info/cachedir/>), or what cargo writes into every `target`, also into one that it did not make and
/// therefore does not tag. None is the same on two machines or on two days.
fn is_kept(path: &Utf8Path) -> Result<bool, ExecuteError> {
    const CACHE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
    if !path.is_dir() {
        return Ok(false);
    }
    if path.join(".rustc_info.json").is_file() {
        return Ok(true);
    }
    let tag = path.join("CACHEDIR.TAG");
    let is_cache = tag.is_file() && std::fs::read(&tag).map_err(failed(&tag))?.starts_with(CACHE);
    let marked = is_marked_output(path.as_std_path());
    Ok(is_cache || marked.map_err(|error| failed(path)(std::io::Error::other(error)))?)
}

/// What this run writes, where its folders are there already.
fn written_by(plan: &Plan) -> BTreeSet<Utf8PathBuf> {
    let paths = plan.images.iter().flat_map(ImagePlan::outputs);
    paths.filter_map(|path| Some(path.parent()?.canonicalize_utf8().ok()?.join(path.file_name()?))).collect()
}

fn failed(path: &Utf8Path) -> impl FnOnce(std::io::Error) -> ExecuteError {
    let path = path.to_owned();
    move |source| ExecuteError::File { path, source }
}

#[cfg(unix)]
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
pub(super) fn is_executable(_: &Metadata) -> bool {
    false
}
