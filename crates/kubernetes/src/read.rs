//! The images of a file.

mod helm;
mod image;
mod kustomization;
mod kustomize;
mod look;
mod object;
mod path;
mod pods;
mod style;
mod survey;

use std::collections::{HashMap, HashSet};

pub use image::{Image, Untouched};
pub use kustomize::{Kustomization, link_kustomizations};
pub use path::Path;

use crate::error::{ManifestError, Problem};
use crate::pod::Pod;
use crate::yaml::{self, Id, Tree};

/// Options of [`read`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Fields of custom resources that hold images.
    pub paths: Vec<Path>,
}

/// The purpose of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Kubernetes objects, which `kubectl apply` reads.
    Objects,
    /// A kustomization, which kustomize reads.
    Kustomization,
    /// Values of a Helm chart.
    HelmValues,
    /// Another file that kustomize reads: a JSON patch, or data that a kustomization names.
    KustomizeInput,
}

/// The images of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestFile {
    /// The purpose of the file.
    pub kind: FileKind,
    /// The images, in the order of the file. One that several aliases name is here once.
    pub images: Vec<Image>,
    /// The pod specifications of objects.
    pub pods: Vec<Pod>,
    /// The paths of [`ReadOptions::paths`] that led to an image.
    pub matched: Vec<Path>,
    /// The kustomization, if the file is one.
    pub kustomization: Option<Kustomization>,
    /// Texts that look like images and were not touched.
    pub untouched: Vec<Untouched>,
    /// Whether a line break after the last byte would change a value: the text ends within a block scalar.
    pub ends_in_value: bool,
    /// The subjects of the text, which a patch may change.
    pub(crate) mentions: Mentions,
}

/// The subjects that a text mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Images.
    pub(crate) image: bool,
    /// Containers, or the nodes of pods.
    pub(crate) pod: bool,
}

impl Mentions {
    /// Returns what is mentioned in a text.
    fn of(text: &str) -> Self {
        let image = text.contains("image");
        let fields = ["ontainers", "ffinity", "nodeSelector"];
        Self { image, pod: image || fields.iter().any(|field| text.contains(field)) }
    }
}

impl ManifestFile {
    /// Returns a file without images that are known.
    pub fn empty(kind: FileKind) -> Self {
        Self {
            kind,
            images: Vec::new(),
            pods: Vec::new(),
            matched: Vec::new(),
            kustomization: None,
            untouched: Vec::new(),
            ends_in_value: false,
            mentions: Mentions { image: true, pod: true },
        }
    }
}

/// Finds the images of a file. The name decides whether a file without `apiVersion` and `kind` is a kustomization
/// (`kustomization.yaml`) or has Helm values (`values.yaml`, `values-prod.yaml`, `prod.values.yaml`).
///
/// # Errors
/// The text is not YAML, is a template, has a key twice, has a document that is none of these, or has an image that no digest
/// can be added to.
pub fn read(name: &str, text: &str, options: &ReadOptions) -> Result<ManifestFile, ManifestError> {
    let tree = yaml::parse(name, text)?;
    let mut reader = Reader {
        name,
        text,
        options,
        tree: &tree,
        seen: HashSet::new(),
        taken: HashMap::new(),
        in_containers: HashSet::new(),
        elsewhere: HashSet::new(),
        file: ManifestFile {
            ends_in_value: tree.ends_in_value(text),
            mentions: Mentions::of(text),
            ..ManifestFile::empty(FileKind::Objects)
        },
    };
    if let Some((first, second)) = tree.duplicate() {
        let key = tree.text(first).unwrap_or_default().to_owned();
        return Err(reader.error(second, Problem::DuplicateKey { key, first: tree.node(first).line }));
    }
    for document in &tree.documents {
        reader.document(*document)?;
    }
    reader.shared()?;
    reader.mark_for_kustomize();
    reader.file.images.sort_by_key(|image| (image.line, image.column));
    Ok(reader.file)
}

/// The kind of a transformer of kustomize that replaces images as the entries of `images` do.
const TRANSFORMER: &str = "ImageTagTransformer";

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    options: &'a ReadOptions,
    tree: &'a Tree,
    /// The nodes that were looked at: aliases may name one from many places.
    seen: HashSet<Id>,
    /// The scalars that are images, with the number of aliases in fields that are images.
    taken: HashMap<Id, usize>,
    /// The images in the fields that kustomize replaces, and those in other fields.
    in_containers: HashSet<Id>,
    elsewhere: HashSet<Id>,
    file: ManifestFile,
}

impl Reader<'_> {
    fn document(&mut self, root: Id) -> Result<(), ManifestError> {
        if self.tree.scalar(root).is_some_and(yaml::Scalar::is_null) {
            return Ok(());
        }
        let field = |key| self.tree.get(root, key).and_then(|id| self.tree.text(id)).unwrap_or_default();
        let (version, kind) = (field("apiVersion"), field("kind"));
        let base = self.name.rsplit('/').next().unwrap_or_default();
        let stem = base.strip_suffix(".yaml").or_else(|| base.strip_suffix(".yml")).unwrap_or(base);
        if version.starts_with("kustomize.config.k8s.io/")
            || ["kustomization", "Kustomization"].contains(&stem)
        {
            self.file.kind = FileKind::Kustomization;
            self.kustomization(root)
        } else if !version.is_empty() && !kind.is_empty() {
            if kind == TRANSFORMER {
                self.leave_transformer(root);
            }
            self.object(root, kind)
        } else if stem != base && (stem.starts_with("values") || stem.ends_with("values")) {
            self.file.kind = FileKind::HelmValues;
            self.helm_values(root)
        } else if self.is_json_patch(root) {
            self.file.kind = FileKind::KustomizeInput;
            self.json_patch(root);
            Ok(())
        } else {
            Err(self.error(root, Problem::Unknown))
        }
    }

    /// Lists a transformer of images.
    fn leave_transformer(&mut self, at: Id) {
        self.leave(at, "", format!("`{TRANSFORMER}`, which may replace images after they got digests"));
    }

    /// Returns whether a document is a list of operations (RFC 6902).
    fn is_json_patch(&self, root: Id) -> bool {
        let operations = self.tree.items(root);
        let is_operation = |at: &Id| ["op", "path"].iter().all(|key| self.tree.get(*at, key).is_some());
        !operations.is_empty() && operations.iter().all(is_operation)
    }

    /// Lists the images that a JSON patch sets.
    fn json_patch(&mut self, root: Id) {
        for operation in self.tree.items(root).to_vec() {
            let path = self.tree.get(operation, "path").and_then(|path| self.tree.text(path));
            let field = path.and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
            if let Some(value) = self.tree.get(operation, "value") {
                self.survey(&field, value);
            }
        }
    }

    fn error(&self, at: Id, problem: Problem) -> ManifestError {
        let node = self.tree.node(at);
        ManifestError { file: self.name.to_owned(), line: node.line, column: node.column + 1, problem }
    }

    fn leave(&mut self, at: Id, value: &str, place: impl Into<String>) {
        let line = self.tree.node(at).line;
        self.file.untouched.push(Untouched { line, value: value.to_owned(), place: place.into() });
    }
}
