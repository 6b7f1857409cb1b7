//! Conflicts of paths: files of an image that would replace what the base or a program needs, images that would be written
//! over each other, and images that would share a reference.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_oci::Reference;

use super::error::PlanError;
use crate::plan::ImagePlan;
use crossdock_project::config::{Base, ExtraFile, FileKind, ImageConfig, Source, Sourced};

/// The paths of the `static` base. A test compares them with the base itself.
const BASE_DIRECTORIES: [&str; 4] = ["/etc/ssl/certs", "/home/nonroot", "/root", "/tmp"];
const BASE_FILES: [&str; 4] =
    ["/etc/group", "/etc/nsswitch.conf", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"];
const TIME_ZONES: &str = "/usr/share/zoneinfo";

/// A path of an image that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PathClaim<'a> {
    owner: Owner,
    path: &'a str,
}

/// The user of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    BaseDirectory,
    BaseFile,
    Program,
    WorkingDirectory,
    OtherFile,
}

impl Owner {
    fn is_directory(self) -> bool {
        matches!(self, Self::BaseDirectory | Self::WorkingDirectory)
    }
}

/// Rejects configured files that would replace a directory or a program, or be below a path that is not a directory.
/// `programs` are the paths of the programs.
pub(super) fn check_files(image: &ImageConfig, programs: &[String]) -> Result<(), PlanError> {
    let mut claims = Claims::default();
    base_claims(image).into_iter().for_each(|claim| claims.add(claim));
    programs.iter().for_each(|path| claims.add(PathClaim { owner: Owner::Program, path }));
    for (index, file) in image.files.iter().enumerate() {
        // The paths of a template are checked when it has a value.
        if file.value.kind == FileKind::Unknown {
            continue;
        }
        if let Some((why, help)) = claims.conflict_with(&file.value) {
            return Err(rejected(image, index, file, why, help));
        }
        // A directory may be merged with another one, so that it claims no path of its own.
        if file.value.kind == FileKind::File {
            claims.add(PathClaim { owner: Owner::OtherFile, path: &file.value.to });
        }
    }
    Ok(())
}

/// Claims by path. A file is compared only with those at its own path, above it and below it: an image may have tens of
/// thousands.
#[derive(Default)]
struct Claims<'a> {
    by_path: BTreeMap<&'a Utf8Path, Vec<(usize, PathClaim<'a>)>>,
    count: usize,
}

impl<'a> Claims<'a> {
    fn add(&mut self, claim: PathClaim<'a>) {
        self.by_path.entry(Utf8Path::new(claim.path)).or_default().push((self.count, claim));
        self.count += 1;
    }

    /// Returns the conflict of a file with the claim that was added first, and what to do.
    fn conflict_with(&self, file: &ExtraFile) -> Option<(String, String)> {
        let to = Utf8Path::new(&file.to);
        let above = to.ancestors().filter_map(|path| self.by_path.get(path));
        // The order of paths is that of their components, so that those below a path follow it. A directory does not
        // conflict with what is below it.
        let below = self.by_path.range(to..).skip_while(|(path, _)| **path == to);
        let below = below.take_while(|(path, _)| file.kind == FileKind::File && path.starts_with(to));
        let related = above.chain(below.map(|(_, claims)| claims)).flatten();
        let conflicts = related.filter_map(|(order, claim)| Some((*order, conflict(file, claim)?)));
        conflicts.min_by_key(|(order, _)| *order).map(|(_, conflict)| conflict)
    }
}

fn base_claims(image: &ImageConfig) -> Vec<PathClaim<'_>> {
    let directory = |path| PathClaim { owner: Owner::BaseDirectory, path };
    let mut claims = Vec::new();
    if image.base.value == Base::Static {
        claims.extend(BASE_DIRECTORIES.map(directory));
        claims.extend(BASE_FILES.map(|path| PathClaim { owner: Owner::BaseFile, path }));
        claims.extend(image.timezones.value.then_some(directory(TIME_ZONES)));
    }
    let workdir = image.workdir.as_ref().map(|workdir| workdir.value.as_str());
    claims.extend(workdir.map(|path| PathClaim { owner: Owner::WorkingDirectory, path }));
    claims
}

/// Returns what is wrong between a file and a claim, and what to do; `None` if they do not conflict.
fn conflict(file: &ExtraFile, claim: &PathClaim<'_>) -> Option<(String, String)> {
    let (to, path) = (Utf8Path::new(&file.to), Utf8Path::new(claim.path));
    let name = file.from.file_name().unwrap_or("NAME");
    let into =
        || format!("end it with `/` to copy into the directory: `{}/` gives {}/{name}", file.to, file.to);
    let elsewhere = || "give it another path".to_owned();
    match (file.kind, claim.owner) {
        (_, Owner::Program) if to == path => {
            Some((format!("is the path of the program {path}"), elsewhere()))
        }
        (FileKind::Directory, Owner::BaseFile | Owner::OtherFile) if to == path => {
            Some((format!("is a file ({path}), and the source is a directory"), elsewhere()))
        }
        (FileKind::File, Owner::OtherFile) if to == path => {
            Some(("is the path of another file of this image".to_owned(), elsewhere()))
        }
        (FileKind::File, owner) if owner.is_directory() && to == path => {
            Some((format!("would replace {}", directory_name(owner, path)), into()))
        }
        (FileKind::File, owner) if path != to && path.starts_with(to) => {
            Some((format!("would replace the directory of {}", claim_name(owner, path)), into()))
        }
        (_, owner) if !owner.is_directory() && to != path && to.starts_with(path) => {
            Some((format!("is below {}, which is not a directory", claim_name(owner, path)), elsewhere()))
        }
        _ => None,
    }
}

fn directory_name(owner: Owner, path: &Utf8Path) -> String {
    match owner {
        Owner::WorkingDirectory => format!("the working directory, {path}"),
        _ => format!("the directory {path} of the base"),
    }
}

fn claim_name(owner: Owner, path: &Utf8Path) -> String {
    match owner {
        Owner::BaseDirectory | Owner::BaseFile => format!("the base's {path}"),
        Owner::Program => format!("the program {path}"),
        Owner::WorkingDirectory => format!("the working directory, {path}"),
        Owner::OtherFile => format!("the file {path}"),
    }
}

fn rejected(
    image: &ImageConfig,
    index: usize,
    file: &Sourced<ExtraFile>,
    why: String,
    help: String,
) -> PlanError {
    PlanError::File {
        what: format!("image `{}`: files[{index}].to = `{}`", image.name.value, file.value.to),
        at: file.source.clone(),
        why,
        help,
    }
}

/// Rejects images of which one would be written over another.
pub(super) fn check_outputs(images: &[ImagePlan]) -> Result<(), PlanError> {
    let mut owners: BTreeMap<&Utf8Path, &ImagePlan> = BTreeMap::new();
    for image in images {
        for path in image.outputs() {
            match owners.insert(path, image) {
                Some(other) if other.name != image.name => {
                    return Err(PlanError::SameOutput {
                        first: other.name.clone(),
                        second: image.name.clone(),
                        at: image.source.clone(),
                        path: path.to_owned(),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Rejects two images with one reference: whichever is pushed or loaded last would take the reference from the other. Each
/// item is an image's name, the source of the name, and the image's references.
pub(super) fn check_references<'a>(
    images: impl IntoIterator<Item = (&'a str, &'a Source, Vec<String>)>,
) -> Result<(), PlanError> {
    let mut owners: BTreeMap<String, (&str, &Source)> = BTreeMap::new();
    for (name, source, references) in images {
        for reference in references {
            // `app:1` and `docker.io/app:1` are one reference.
            let full_name =
                reference.parse().map_or_else(|_| reference.clone(), |name: Reference| name.full_name());
            match owners.insert(full_name, (name, source)) {
                Some((first, first_at)) if first != name => {
                    return Err(PlanError::SameReference {
                        reference,
                        images: Box::new([
                            Sourced::new(first.to_owned(), first_at.clone()),
                            Sourced::new(name.to_owned(), source.clone()),
                        ]),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crossdock_oci::base::{TimeZones, add_static};
    use crossdock_oci::{LayerBuilder, Timestamp};

    use super::*;

    fn file(to: &str, kind: FileKind) -> ExtraFile {
        ExtraFile { from: "/p/app.conf".into(), to: to.to_owned(), mode: None, kind, template: None }
    }

    #[test]
    fn the_known_paths_of_the_base_are_its_paths() {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        add_static(&mut builder, TimeZones::Omit).unwrap();
        let mut held: Vec<String> = builder.paths().map(|path| format!("/{path}")).collect();
        held.retain(|path| {
            !BASE_DIRECTORIES.iter().any(|directory| directory.starts_with(&format!("{path}/")))
        });
        let mut known = [&BASE_DIRECTORIES[..], &BASE_FILES[..]].concat();
        known.retain(|path| *path != "/etc/ssl/certs");
        held.retain(|path| path != "/etc/ssl/certs");
        known.sort_unstable();
        held.sort_unstable();
        assert_eq!(held, known);
    }

    #[test]
    fn a_file_replaces_neither_a_directory_nor_a_program() {
        use Owner::{BaseDirectory, BaseFile, OtherFile, Program, WorkingDirectory};
        let program = (Program, "/usr/local/bin/app");
        let says = |to: &str, kind, (owner, path)| {
            conflict(&file(to, kind), &PathClaim { owner, path }).map(|(why, _)| why).unwrap_or_default()
        };
        for (to, kind, thing, why) in [
            ("/tmp", FileKind::File, (BaseDirectory, "/tmp"), "would replace the directory /tmp of the base"),
            (
                "/etc",
                FileKind::File,
                (BaseFile, "/etc/passwd"),
                "would replace the directory of the base's /etc/passwd",
            ),
            ("/usr/local/bin/app", FileKind::File, program, "is the path of the program /usr/local/bin/app"),
            (
                "/usr/local/bin/app",
                FileKind::Directory,
                program,
                "is the path of the program /usr/local/bin/app",
            ),
            (
                "/usr/local",
                FileKind::File,
                program,
                "would replace the directory of the program /usr/local/bin/app",
            ),
            (
                "/usr/local/bin/app/x",
                FileKind::Directory,
                program,
                "is below the program /usr/local/bin/app, which is not a directory",
            ),
            ("/a", FileKind::File, (OtherFile, "/a"), "is the path of another file of this image"),
            ("/a/b", FileKind::File, (OtherFile, "/a"), "is below the file /a, which is not a directory"),
            ("/srv", FileKind::File, (WorkingDirectory, "/srv"), "would replace the working directory, /srv"),
            // Files that fit next to the rest.
            ("/etc", FileKind::Directory, (BaseDirectory, "/etc/ssl/certs"), ""),
            ("/etc/passwd", FileKind::File, (BaseFile, "/etc/passwd"), ""),
            ("/tmp/x", FileKind::File, (BaseDirectory, "/tmp"), ""),
            ("/usr/local/bin/app2", FileKind::File, program, ""),
            ("/usr/local/bin", FileKind::Directory, program, ""),
            ("/srv/x", FileKind::File, (WorkingDirectory, "/srv"), ""),
        ] {
            assert_eq!(says(to, kind, thing), why, "{to} {kind:?}");
        }
    }

    #[test]
    fn files_are_compared_with_those_at_above_and_below_their_paths() {
        let mut claims = Claims::default();
        claims.add(PathClaim { owner: Owner::Program, path: "/usr/local/bin/app" });
        for path in ["/a/b/c", "/a-b", "/a.b", "/d"] {
            claims.add(PathClaim { owner: Owner::OtherFile, path });
        }
        let why = |to, kind| claims.conflict_with(&file(to, kind)).map(|(why, _)| why).unwrap_or_default();
        for (to, kind, part) in [
            ("/a", FileKind::File, "would replace the directory of the file /a/b/c"),
            ("/usr", FileKind::File, "would replace the directory of the program /usr/local/bin/app"),
            // The claim that was added first is named.
            ("/", FileKind::File, "would replace the directory of the program /usr/local/bin/app"),
            ("/d/e/f", FileKind::Directory, "is below the file /d, which is not a directory"),
            ("/d", FileKind::Directory, "is a file (/d)"),
            ("/d", FileKind::File, "is the path of another file of this image"),
            ("/a", FileKind::Directory, ""),
            ("/a/b", FileKind::Directory, ""),
            ("/a/b/d", FileKind::File, ""),
            ("/a-", FileKind::File, ""),
        ] {
            let why = why(to, kind);
            assert!(why.starts_with(part) && why.is_empty() == part.is_empty(), "{to} {kind:?}: {why}");
        }
    }

    /// Comparing each file with all others takes minutes.
    #[test]
    fn many_files_are_checked_in_seconds() {
        let mut claims = Claims::default();
        let paths: Vec<String> = (0..20_000).map(|at| format!("/srv/{}/{at}", at % 100)).collect();
        let start = std::time::Instant::now();
        for path in &paths {
            assert_eq!(claims.conflict_with(&file(path, FileKind::File)), None);
            claims.add(PathClaim { owner: Owner::OtherFile, path });
        }
        assert!(claims.conflict_with(&file("/srv", FileKind::File)).is_some());
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn two_images_never_share_a_reference() {
        let at = Source::CommandLine("a test".to_owned());
        let image = |name, tag: &str| (name, &at, vec![format!("r.example/app:{tag}")]);
        assert!(check_references([image("a", "1"), image("b", "2"), image("a", "1")]).is_ok());
        let spelled = |image, name: &str| (image, &at, vec![name.to_owned()]);
        assert!(check_references([spelled("a", "app:1"), spelled("b", "docker.io/app:1")]).is_err());
        let error = check_references([image("a", "1"), image("b", "1")]).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"the images `a` (a test on the command line) and `b` (a test on the command line) would both be `r.example/app:1`, and whichever is pushed last would replace the other; give them different `repository` or `tags`");
    }
}
