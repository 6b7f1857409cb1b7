//! Where things lie: in an image, so that no file takes the place of what the base or a program needs, and on disk, so
//! that no image is written over another one.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_oci::Reference;

use super::error::PlanError;
use super::select::Selected;
use super::{ImagePlan, image};
use crossdock_project::config::{Base, ExtraFile, FileKind, Source, Sourced};

/// What the `static` base has, which a test holds against the base itself.
const BASE_FOLDERS: [&str; 4] = ["/etc/ssl/certs", "/home/nonroot", "/root", "/tmp"];
const BASE_FILES: [&str; 4] =
    ["/etc/group", "/etc/nsswitch.conf", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"];
const TIME_ZONES: &str = "/usr/share/zoneinfo";

/// Something that lies in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thing<'a> {
    what: What,
    path: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    BaseFolder,
    BaseFile,
    Program,
    WorkingFolder,
    OtherFile,
}

impl What {
    fn is_folder(self) -> bool {
        matches!(self, Self::BaseFolder | Self::WorkingFolder)
    }
}

/// Refuses files that would take the place of a folder or of a program, or lie below what is no folder.
pub(super) fn check_files(selected: &Selected<'_>) -> Result<(), PlanError> {
    let files = &selected.config.files;
    if files.is_empty() {
        return Ok(());
    }
    let programs: Vec<String> =
        selected.programs.iter().map(|program| image::program_path(program.name())).collect();
    let mut things = of_base(selected);
    things.extend(programs.iter().map(|path| Thing { what: What::Program, path }));
    for (index, file) in files.iter().enumerate() {
        if let Some((why, help)) = things.iter().find_map(|thing| contradiction(&file.value, thing)) {
            return Err(refused(selected, index, file, why, help));
        }
        if file.value.kind == FileKind::File {
            things.push(Thing { what: What::OtherFile, path: &file.value.to });
        }
    }
    Ok(())
}

fn of_base<'a>(selected: &'a Selected<'_>) -> Vec<Thing<'a>> {
    let image = &selected.config;
    let mut things = Vec::new();
    if image.base.value == Base::Static {
        things.extend(BASE_FOLDERS.map(|path| Thing { what: What::BaseFolder, path }));
        things.extend(BASE_FILES.map(|path| Thing { what: What::BaseFile, path }));
        things.extend(image.timezones.value.then_some(Thing { what: What::BaseFolder, path: TIME_ZONES }));
    }
    let workdir = image.workdir.as_ref().map(|workdir| workdir.value.as_str());
    things.extend(workdir.map(|path| Thing { what: What::WorkingFolder, path }));
    things
}

/// What is wrong between a file and a thing, and what to do.
fn contradiction(file: &ExtraFile, thing: &Thing<'_>) -> Option<(String, String)> {
    let (to, path) = (Utf8Path::new(&file.to), Utf8Path::new(thing.path));
    let name = file.from.file_name().unwrap_or("NAME");
    let into = || format!("a folder takes it with a `/` at the end: `{}/` gives {}/{name}", file.to, file.to);
    let elsewhere = || "give it another place".to_owned();
    match (file.kind, thing.what) {
        (_, What::Program) if to == path => {
            Some((format!("is the place of the program {path}"), elsewhere()))
        }
        (FileKind::Directory, What::BaseFile | What::OtherFile) if to == path => {
            Some((format!("is a file ({path}), and the source is a folder"), elsewhere()))
        }
        (FileKind::File, What::OtherFile) if to == path => {
            Some(("is the place of another file of this image".to_owned(), elsewhere()))
        }
        (FileKind::File, what) if what.is_folder() && to == path => {
            Some((format!("would replace {}", folder(what, path)), into()))
        }
        (FileKind::File, what) if path != to && path.starts_with(to) => {
            Some((format!("would replace the folder of {}", named(what, path)), into()))
        }
        (_, what) if !what.is_folder() && to != path && to.starts_with(path) => {
            Some((format!("lies below {}, which is no folder", named(what, path)), elsewhere()))
        }
        _ => None,
    }
}

fn folder(what: What, path: &Utf8Path) -> String {
    match what {
        What::WorkingFolder => format!("the working directory, {path}"),
        _ => format!("the folder {path} of the base"),
    }
}

fn named(what: What, path: &Utf8Path) -> String {
    match what {
        What::BaseFolder | What::BaseFile => format!("the base's {path}"),
        What::Program => format!("the program {path}"),
        What::WorkingFolder => format!("the working directory, {path}"),
        What::OtherFile => format!("the file {path}"),
    }
}

fn refused(
    selected: &Selected<'_>,
    index: usize,
    file: &Sourced<ExtraFile>,
    why: String,
    help: String,
) -> PlanError {
    PlanError::File {
        what: format!("image `{}`: files[{index}].to = `{}`", selected.config.name.value, file.value.to),
        at: file.source.clone(),
        why,
        help,
    }
}

/// Refuses images of which one would be written over the other.
pub(super) fn check_outputs(images: &[ImagePlan]) -> Result<(), PlanError> {
    let mut owners: BTreeMap<&Utf8Path, &ImagePlan> = BTreeMap::new();
    for image in images {
        for path in image.outputs() {
            match owners.insert(path, image) {
                Some(other) if other.name != image.name => {
                    return Err(PlanError::OnePlace {
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

/// Refuses two images of one name and tag: whichever is pushed or loaded last would take the name from the other. Each
/// is its name, who asked for it, and its references.
pub(super) fn check_references<'a>(
    images: impl IntoIterator<Item = (&'a str, &'a Source, Vec<String>)>,
) -> Result<(), PlanError> {
    let mut owners: BTreeMap<String, (&str, &Source)> = BTreeMap::new();
    for (name, source, references) in images {
        for reference in references {
            // `app:1` and `docker.io/app:1` are one.
            let full_name =
                reference.parse().map_or_else(|_| reference.clone(), |name: Reference| name.full_name());
            match owners.insert(full_name, (name, source)) {
                Some((first, first_at)) if first != name => {
                    return Err(PlanError::OneReference {
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
        ExtraFile { from: "/p/app.conf".into(), to: to.to_owned(), mode: None, kind }
    }

    #[test]
    fn the_base_holds_what_is_known_of_it_and_nothing_else() {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        add_static(&mut builder, TimeZones::Omit).unwrap();
        let mut held: Vec<String> = builder.paths().map(|path| format!("/{path}")).collect();
        held.retain(|path| !BASE_FOLDERS.iter().any(|folder| folder.starts_with(&format!("{path}/"))));
        let mut known = [&BASE_FOLDERS[..], &BASE_FILES[..]].concat();
        known.retain(|path| *path != "/etc/ssl/certs");
        held.retain(|path| path != "/etc/ssl/certs");
        known.sort_unstable();
        held.sort_unstable();
        assert_eq!(held, known);
    }

    #[test]
    fn a_file_replaces_no_folder_and_no_program() {
        use What::{BaseFile, BaseFolder, OtherFile, Program, WorkingFolder};
        let program = (Program, "/usr/local/bin/app");
        let says = |to: &str, kind, (what, path)| {
            contradiction(&file(to, kind), &Thing { what, path }).map(|(why, _)| why).unwrap_or_default()
        };
        for (to, kind, thing, why) in [
            ("/tmp", FileKind::File, (BaseFolder, "/tmp"), "would replace the folder /tmp of the base"),
            (
                "/etc",
                FileKind::File,
                (BaseFile, "/etc/passwd"),
                "would replace the folder of the base's /etc/passwd",
            ),
            ("/usr/local/bin/app", FileKind::File, program, "is the place of the program /usr/local/bin/app"),
            (
                "/usr/local/bin/app",
                FileKind::Directory,
                program,
                "is the place of the program /usr/local/bin/app",
            ),
            (
                "/usr/local",
                FileKind::File,
                program,
                "would replace the folder of the program /usr/local/bin/app",
            ),
            (
                "/usr/local/bin/app/x",
                FileKind::Directory,
                program,
                "lies below the program /usr/local/bin/app, which is no folder",
            ),
            ("/a", FileKind::File, (OtherFile, "/a"), "is the place of another file of this image"),
            ("/a/b", FileKind::File, (OtherFile, "/a"), "lies below the file /a, which is no folder"),
            ("/srv", FileKind::File, (WorkingFolder, "/srv"), "would replace the working directory, /srv"),
            // What fits beside the rest.
            ("/etc", FileKind::Directory, (BaseFolder, "/etc/ssl/certs"), ""),
            ("/etc/passwd", FileKind::File, (BaseFile, "/etc/passwd"), ""),
            ("/tmp/x", FileKind::File, (BaseFolder, "/tmp"), ""),
            ("/usr/local/bin/app2", FileKind::File, program, ""),
            ("/usr/local/bin", FileKind::Directory, program, ""),
            ("/srv/x", FileKind::File, (WorkingFolder, "/srv"), ""),
        ] {
            assert_eq!(says(to, kind, thing), why, "{to} {kind:?}");
        }
    }

    #[test]
    fn one_reference_is_one_image() {
        let at = Source::CommandLine("a test".to_owned());
        let image = |name, tag: &str| (name, &at, vec![format!("r.example/app:{tag}")]);
        assert!(check_references([image("a", "1"), image("b", "2"), image("a", "1")]).is_ok());
        let spelled = |image, name: &str| (image, &at, vec![name.to_owned()]);
        assert!(check_references([spelled("a", "app:1"), spelled("b", "docker.io/app:1")]).is_err());
        let error = check_references([image("a", "1"), image("b", "1")]).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"the images `a` (a test on the command line) and `b` (a test on the command line) both are `r.example/app:1`, and whichever is pushed last takes the name from the other; give them different `repository` or `tags`");
    }
}
