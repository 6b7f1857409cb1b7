//! Compares `crossdock.toml` and the files that it includes with those of a commit, table by table.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{ChangeKind, Reasons};
use crate::config::{Config, FILE_NAME, ImageConfig, Source};
use crate::git::{Changes, PathState};

/// The changed tables of images, by file and image.
pub(super) struct Compared {
    /// The keys of each image that read variables of the environment.
    environment: BTreeMap<String, Vec<String>>,
    images: BTreeMap<(Utf8PathBuf, String), (ChangeKind, String)>,
}

impl Compared {
    /// Compares the files. What they say about all images is added to `common`.
    pub(super) fn new(changes: &Changes, config: &Config, common: &mut Reasons) -> Self {
        let environment =
            config.images.iter().map(|image| (image.name.value.clone(), image.reads_environment()));
        let mut compared = Self { environment: environment.collect(), images: BTreeMap::new() };
        for path in &config.files {
            match changes.state(path) {
                PathState::Same => {}
                PathState::Changed(_) => compared.file(changes, path, common),
                PathState::Unknown(why) => common.add(ChangeKind::Unknown, why),
            }
        }
        // Another file may have decided before: one that is gone, or that lies nearer to the working directory.
        let is_other = |path: &&str| {
            let absolute = changes.root.join(path);
            absolute.file_name() == Some(FILE_NAME) && !config.files.contains(&absolute)
        };
        for path in changes.changed().filter(is_other) {
            let directory = changes.root.join(path);
            let directory = directory.parent().unwrap_or(&directory);
            if config.root.starts_with(directory) || directory.starts_with(&config.root) {
                common.add(ChangeKind::Configuration, path);
            }
        }
        compared
    }

    fn file(&mut self, changes: &Changes, path: &Utf8Path, common: &mut Reasons) {
        let Some(below) = changes.below(path) else { return };
        let old: Option<toml::Table> = changes.old_text(&below).and_then(|text| text.parse().ok());
        let new: Option<toml::Table> =
            crossdock_fs::read_text(path.as_std_path()).ok().and_then(|text| text.parse().ok());
        // A file that is new, or cannot be parsed, counts as a whole.
        let (Some(mut old), Some(mut new)) = (old, new) else {
            return common.add(ChangeKind::Configuration, below);
        };
        let (old_images, new_images) = (old.remove("image"), new.remove("image"));
        for key in old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)) {
            common.add(ChangeKind::Configuration, format!("`{key}` in {below}"));
        }
        let images = new_images.as_ref().and_then(toml::Value::as_table).into_iter().flatten();
        for (name, table) in images {
            let reason = match old_images.as_ref().and_then(|images| images.get(name)) {
                Some(old) if old == table => continue,
                Some(_) => (ChangeKind::Configuration, format!("[image.{name}] in {below}")),
                None => (ChangeKind::New, format!("{below} had no [image.{name}]")),
            };
            self.images.insert((path.to_owned(), name.clone()), reason);
        }
    }

    /// Adds the table of an image.
    pub(super) fn image(&self, image: &ImageConfig, reasons: &mut Reasons) {
        let keys = self.environment.get(&image.name.value).into_iter().flatten();
        let why = |key: &String| {
            format!("`{key}` reads the environment or the branch, which the commit does not tell")
        };
        reasons.add_all(ChangeKind::Unknown, keys.map(why));
        // An image that no file declares follows from the project, whose files are compared.
        let Source::File { path, .. } = &image.name.source else { return };
        if let Some((kind, detail)) = self.images.get(&(path.clone(), image.name.value.clone())) {
            reasons.add(*kind, detail.clone());
        }
    }
}
