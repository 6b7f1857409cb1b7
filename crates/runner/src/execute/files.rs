//! Packs the entries of `files` into a layer. Nothing outside of the project gets in, and nothing that git, cargo and
//! crossdock keep inside of it.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::ErrorKind;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use crossdock_fs::{OUTPUT_DIRECTORY, is_marked_output, read_regular};
use crossdock_oci::{Content, LayerBuilder, Owner, Timestamp};

use super::error::{FileFault, MAX_DEPTH, UnpackableFile, file_error, image_error, other_file_error};
use super::observer::Reporter;
use super::{ExecuteError, StepContext, lock};
use crate::plan::{FilePlan, ImagePlan, Plan};

impl StepContext<'_> {
    /// Packs the entries of `files` into a layer, and notes once for each image what was left out.
    pub(super) fn files(
        &self,
        image: &ImagePlan,
        reporter: &Reporter<'_>,
    ) -> Result<LayerBuilder, ExecuteError> {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let mut left_out = BTreeSet::new();
        let written = self.outputs.get_or_init(|| written_by(self.plan));
        for file in &image.files {
            let mut packing = Packing::new(&self.plan.root, written, image, file, &mut builder)?;
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

/// Lists the first few of some paths; a project may have hundreds.
fn some_of(paths: &BTreeSet<Utf8PathBuf>) -> String {
    const SHOWN: usize = 4;
    let first: Vec<&str> = paths.iter().take(SHOWN).map(|path| path.as_str()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// An entry of `files` while it is packed.
struct Packing<'a> {
    image: &'a ImagePlan,
    file: &'a FilePlan,
    builder: &'a mut LayerBuilder,
    /// The entry, and the directory that no link may leave, with all links followed.
    from: Utf8PathBuf,
    root: Utf8PathBuf,
    /// The outputs of this run, with all links followed.
    written: &'a BTreeSet<Utf8PathBuf>,
    /// The directories that are being packed, with all links followed.
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
        let real = |path: &Utf8Path| path.canonicalize_utf8().map_err(file_error(path));
        // An image's own directory may be outside of the configuration's. Then no link may leave the entry.
        let root = if file.from.starts_with(project) { project } else { &file.from };
        let (from, root) = (real(&file.from)?, real(root)?);
        let packing =
            Self { image, file, builder, from, root, written, open: Vec::new(), left_out: BTreeSet::new() };
        let above = packing.from.ancestors().take_while(|above| *above != packing.root);
        for path in above {
            if packing.written.contains(path) || is_output(path)? {
                return Err(
                    packing.unpackable(&packing.file.from, FileFault::Output { path: path.to_owned() })
                );
            }
        }
        Ok(packing)
    }

    /// Adds a file, or a directory with its content. Links are followed, because their targets may not be in the image.
    fn entry(&mut self, path: &Utf8Path, to: &str) -> Result<(), ExecuteError> {
        let is_link = path.symlink_metadata().map_err(file_error(path))?.is_symlink();
        let real =
            if is_link { self.follow(path)? } else { path.canonicalize_utf8().map_err(file_error(path))? };
        if !real.starts_with(&self.root) {
            return Err(self.unpackable(path, FileFault::Outside { target: real, root: self.root.clone() }));
        }
        // The directories above were checked when they were packed. A link can lead anywhere.
        let unchecked = if is_link { usize::MAX } else { 1 };
        if self.is_left_out(real.ancestors().take(unchecked))? {
            self.left_out.insert(path.to_owned());
            return Ok(());
        }
        let metadata = real.metadata().map_err(file_error(path))?;
        if metadata.is_dir() && self.open.contains(&real) {
            Err(self.unpackable(path, FileFault::Circle { target: real }))
        } else if metadata.is_dir() && self.open.len() > MAX_DEPTH {
            Err(self.unpackable(path, FileFault::Deep))
        } else if metadata.is_dir() {
            self.directory(path, real, to)
        } else if metadata.is_file() {
            self.regular(&real, &metadata, to)
        } else {
            Err(self.unpackable(path, FileFault::Special))
        }
    }

    fn directory(&mut self, path: &Utf8Path, real: Utf8PathBuf, to: &str) -> Result<(), ExecuteError> {
        let entries = path.read_dir_utf8().and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(file_error(path))?;
        // The system lists a directory in any order, which must not decide the bytes of a layer.
        entries.sort_by(|left, right| left.file_name().cmp(right.file_name()));
        // An entry even for an empty directory: programs may expect it.
        self.builder.add_dir(to, 0o755, Owner::ROOT).map_err(image_error(self.image))?;
        self.open.push(real);
        let below = |entry: &Utf8DirEntry| format!("{}/{}", to.trim_end_matches('/'), entry.file_name());
        entries.iter().try_for_each(|entry| self.entry(entry.path(), &below(entry)))?;
        self.open.pop();
        Ok(())
    }

    fn regular(&mut self, real: &Utf8Path, metadata: &Metadata, to: &str) -> Result<(), ExecuteError> {
        // Not the mode on disk: the umask of the machine would decide the bytes of the layer.
        let mode =
            self.file.mode.unwrap_or(if crossdock_fs::is_executable(metadata) { 0o755 } else { 0o644 });
        self.builder
            .add_file(to, mode, Owner::ROOT, Content::File(real.into()))
            .map_err(image_error(self.image))
    }

    /// Returns the target of a link, with all further links followed.
    fn follow(&self, link: &Utf8Path) -> Result<Utf8PathBuf, ExecuteError> {
        link.canonicalize_utf8().map_err(|error| match (error.kind(), link.read_link_utf8()) {
            (ErrorKind::NotFound, Ok(target)) => self.unpackable(link, FileFault::Dangling { target }),
            (_, Ok(target)) => {
                self.unpackable(link, FileFault::Unfollowed { target, why: error.to_string() })
            }
            _ => file_error(link)(error),
        })
    }

    /// Whether a path or a directory above it is kept by a tool, so that people who name a directory do not mean it. An
    /// entry of `files` itself is meant, and so is every directory above it.
    fn is_left_out<'p>(&self, upwards: impl Iterator<Item = &'p Utf8Path>) -> Result<bool, ExecuteError> {
        let below_root = upwards.take_while(|above| *above != self.root);
        for path in below_root.filter(|above| !self.from.starts_with(above)) {
            if path.file_name() == Some(".git")
                || is_output(path)?
                || self.written.contains(path)
                || is_kept(path)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unpackable(&self, path: &Utf8Path, fault: FileFault) -> ExecuteError {
        let (image, from) = (self.image.name.clone(), self.file.from.clone());
        let (at, path) = (self.file.source.clone(), path.to_owned());
        ExecuteError::UnpackableFile(Box::new(UnpackableFile { at, image, from, path, fault }))
    }
}

/// Whether a path is crossdock's output: a directory with the mark or the name of one, or the archive of a layout next to
/// it, which an earlier run may have written to a directory of the user's.
fn is_output(path: &Utf8Path) -> Result<bool, ExecuteError> {
    let marked = |path: &Utf8Path| {
        let marked = path.is_dir().then(|| is_marked_output(path.as_std_path())).transpose();
        marked.map(Option::unwrap_or_default).map_err(other_file_error(path))
    };
    if path.extension() == Some("tar") && path.with_extension("").join("oci-layout").is_file() {
        return marked(&path.with_extension(""));
    }
    Ok(path.file_name() == Some(OUTPUT_DIRECTORY) || marked(path)?)
}

/// Returns whether a directory is the output or cache of another tool, whose content differs between machines and days. A cache
/// has a tag (<https://bford.info/cachedir/>). Cargo writes `.rustc_info.json` into every `target`, even into one that existed
/// before, which it does not tag.
fn is_kept(path: &Utf8Path) -> Result<bool, ExecuteError> {
    const CACHE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
    if !path.is_dir() {
        return Ok(false);
    }
    if path.join(".rustc_info.json").is_file() {
        return Ok(true);
    }
    let tag = path.join("CACHEDIR.TAG");
    let limit = CACHE.len() as u64;
    Ok(tag.is_file() && read_regular(tag.as_std_path(), limit).map_err(file_error(&tag))?.starts_with(CACHE))
}

/// Returns the outputs of this run whose directories exist already.
fn written_by(plan: &Plan) -> BTreeSet<Utf8PathBuf> {
    let paths = plan.images.iter().flat_map(ImagePlan::outputs);
    paths.filter_map(|path| Some(path.parent()?.canonicalize_utf8().ok()?.join(path.file_name()?))).collect()
}
