//! Kustomizations and the files that they lead to, as kustomize reads them.

use std::collections::{BTreeMap, BTreeSet};

use crate::yaml::Id;

use super::{FileKind, Image, ManifestFile, Untouched};

/// The reason why an entry stays whose tag is not known.
pub(super) const WITHOUT_TAG: &str = "an entry of `images` without `newTag`";

/// A kustomization's entries of `images`, and the files that it names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Kustomization {
    /// The files and directories of `resources` and `bases`.
    pub resources: Vec<String>,
    /// The directories of `components`.
    pub components: Vec<String>,
    /// The texts of its patches, among them the names of files.
    pub patches: Vec<String>,
    /// Other texts, among them the names of files that are data, such as those of `configMapGenerator`.
    pub data: Vec<String>,
    pub(super) replacements: Vec<Replacement>,
    /// The files of patches and of `replacements`.
    pub(super) patch_files: Vec<String>,
    /// A patch within the kustomization or a field that may bring images, which are not looked at.
    pub(super) unread: Option<String>,
    /// Whether a patch within it or a transformer may change the containers of pods or their nodes.
    pub(super) changes_pods: bool,
}

/// An entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) name: String,
    pub(super) new_name: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) line: usize,
    /// The node of its image.
    pub(super) at: Id,
    /// The image without its reference, if the entry tells no tag.
    pub(super) spare: Option<Image>,
}

/// A reference that an image has before or after entries of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// An image on its way through kustomizations.
#[derive(Clone)]
struct Trace {
    /// The file and the place among its images; `None` for an image that some file outside of the call may have.
    origin: Option<(usize, usize)>,
    state: State,
    /// The entry that was applied last: the file, and the place among its replacements.
    last: Option<Entry>,
}

type Entry = (usize, usize);

/// The images of resources on their way.
#[derive(Default)]
struct Traces {
    images: Vec<Trace>,
    /// A file, field or patch that may bring other images, which are not known.
    unread: Option<String>,
}

/// The results of all entries.
#[derive(Default)]
struct Ends {
    /// The images that pass through a kustomization, each with whether an entry applies on every way.
    images: BTreeMap<(usize, usize), bool>,
    /// The entries that apply to something.
    applied: BTreeSet<Entry>,
    /// The references that result, by the entry that is applied last.
    last: BTreeMap<Entry, Vec<State>>,
    /// The files, fields and patches that may bring unknown images, by the entries that would apply to them.
    unread: BTreeMap<Entry, String>,
}

/// The number of kustomizations that are entered from one that no other names; a greater tree is cut.
const MOST: usize = 4096;

/// Finds the images that kustomize replaces by the entries of `images`, and marks them ([`Image::replaced`]): those of
/// `containers` and `initContainers` in the files that a kustomization among `files` leads to by `resources`, `bases`, `components`
/// and `patches`, if every kustomization on top replaces them. So are entries of `images` that an entry of another kustomization
/// replaces. An entry without a tag becomes an image with the tag of what it replaces, if that has only one, and everything that
/// may bring images was read. Pods whose containers or nodes a kustomization may change are marked, too ([`Pod::is_patched`](crate::Pod::is_patched)).
///
/// `paths` are the paths of the files. `place` returns the same text for all paths of one file or directory.
pub fn link_kustomizations(files: &mut [ManifestFile], paths: &[String], place: &dyn Fn(&str) -> String) {
    let tree = Tree::new(files, paths, place);
    let ends = tree.ends(files);
    for at in tree.changed() {
        files[at].pods.iter_mut().for_each(|pod| pod.is_patched = true);
    }
    for (at, file) in files.iter_mut().enumerate() {
        mark_images(file, at, &ends);
        let Some(kustomization) = file.kustomization.take() else { continue };
        for (entry, replacement) in kustomization.replacements.iter().enumerate() {
            link_entry(file, replacement, (at, entry), &ends);
        }
        file.kustomization = Some(kustomization);
    }
}

fn mark_images(file: &mut ManifestFile, at: usize, ends: &Ends) {
    for (place, image) in file.images.iter_mut().enumerate() {
        if ends.images.get(&(at, place)) == Some(&true) {
            image.replaced = Some("a kustomization replaces it");
            for pod in &mut file.pods {
                let found = pod.found.iter().zip(&mut pod.replaced);
                found
                    .filter(|(found, _)| **found == Some(image.at))
                    .for_each(|(_, replaced)| *replaced = true);
            }
        }
    }
}

/// Decides about the image of an entry.
fn link_entry(file: &mut ManifestFile, entry: &Replacement, id: Entry, ends: &Ends) {
    let is_left = |left: &Untouched| left.line == entry.line && left.place == WITHOUT_TAG;
    let states = ends.last.get(&id);
    let Some(states) = states else {
        if ends.applied.contains(&id) {
            file.untouched.retain(|left| !is_left(left));
            let images = file.images.iter_mut().filter(|image| image.at == entry.at);
            images.for_each(|image| image.replaced = Some("an entry of `images` elsewhere replaces it"));
        }
        return;
    };
    if entry.tag.is_some() {
        return;
    }
    let named: Option<BTreeSet<String>> = states.iter().map(State::named).collect();
    let only = named.filter(|named| named.len() == 1).and_then(|named| named.into_iter().next());
    if let Some(digest) = &entry.digest {
        let images = file.images.iter_mut().filter(|image| image.at == entry.at);
        images.for_each(|image| {
            if let Some(only) = &only {
                image.reference = format!("{only}@{digest}");
            }
        });
    } else if states.iter().all(|state| state.digest.is_some()) {
        file.untouched.retain(|left| !is_left(left));
    } else if let (Some(reference), Some(spare)) = (only, &entry.spare) {
        file.untouched.retain(|left| !is_left(left));
        let mut image = spare.clone();
        image.reference = reference;
        file.images.push(image);
        file.images.sort_by_key(|image| (image.line, image.column));
    } else if let Some(what) = ends.unread.get(&id) {
        let left = file.untouched.iter_mut().filter(|left| is_left(left));
        left.for_each(|left| left.place = format!("{WITHOUT_TAG}, whose tag may be that of {what}"));
    }
}

/// The files by the kustomizations that name them.
struct Tree {
    /// The place of a file by its path, and of a kustomization also by its directory.
    places: BTreeMap<String, usize>,
    below: BTreeMap<usize, Below>,
}

/// The files that a kustomization leads to, in the order of kustomize.
#[derive(Default)]
struct Below {
    resources: Vec<usize>,
    components: Vec<usize>,
    patches: Vec<usize>,
    /// A file, field or patch that may bring images, which are not known.
    unread: Option<String>,
    /// Whether a patch or a transformer may change the containers of pods or their nodes.
    changes_pods: bool,
}

impl Tree {
    fn new(files: &[ManifestFile], paths: &[String], place: &dyn Fn(&str) -> String) -> Self {
        let mut tree = Self { places: BTreeMap::new(), below: BTreeMap::new() };
        for (at, (file, path)) in files.iter().zip(paths).enumerate() {
            tree.places.insert(place(path), at);
            if file.kustomization.is_some() {
                tree.places.insert(place(directory(path)), at);
            }
        }
        for (at, (file, path)) in files.iter().zip(paths).enumerate() {
            let Some(kustomization) = &file.kustomization else { continue };
            let at_name = |name: &String| {
                let found = tree.places.get(&place(&format!("{}/{name}", directory(path)))).copied();
                found.filter(|found| *found != at)
            };
            let found = |names: &[String]| -> Vec<usize> { names.iter().filter_map(at_name).collect() };
            let is_read = |name: &&String| {
                at_name(name)
                    .is_some_and(|at| matches!(files[at].kind, FileKind::Objects | FileKind::Kustomization))
            };
            let is_known =
                |name: &&String| is_read(name) || at_name(name).is_some_and(|at| !files[at].mentions.image);
            let resources = kustomization.resources.iter().chain(&kustomization.components);
            let unread = resources.filter(|name| !is_read(name));
            let mut unread = unread.chain(kustomization.patch_files.iter().filter(|name| !is_known(name)));
            let is_changing = |name: &String| at_name(name).is_none_or(|at| files[at].mentions.pod);
            let changes_pods = kustomization.changes_pods
                || kustomization.patch_files.iter().any(is_changing)
                || kustomization.components.iter().any(|name| !is_read(&name));
            let below = Below {
                changes_pods,
                resources: found(&kustomization.resources),
                components: found(&kustomization.components),
                patches: found(&kustomization.patches),
                unread: unread
                    .next()
                    .map(|name| format!("`{name}`"))
                    .or_else(|| kustomization.unread.clone()),
            };
            tree.below.insert(at, below);
        }
        tree
    }

    /// Returns the files below kustomizations that may change the containers of pods or their nodes.
    fn changed(&self) -> BTreeSet<usize> {
        let own = self.below.iter().filter(|(_, below)| below.changes_pods);
        let mut changing: BTreeSet<usize> = own.map(|(at, _)| *at).collect();
        loop {
            // A component changes the resources of the kustomization that names it.
            let has_one = |below: &Below| below.components.iter().any(|at| changing.contains(at));
            let named = self.below.iter().filter(|(at, below)| !changing.contains(at) && has_one(below));
            let named: Vec<usize> = named.map(|(at, _)| *at).collect();
            if named.is_empty() {
                break;
            }
            changing.extend(named);
        }
        let mut changed = BTreeSet::new();
        let mut left: Vec<usize> = changing.into_iter().collect();
        while let Some(at) = left.pop() {
            let below = self.below.get(&at).filter(|_| changed.insert(at));
            left.extend(below.into_iter().flat_map(|below| {
                let parts = [&below.resources, &below.components, &below.patches];
                parts.into_iter().flatten().copied()
            }));
            changed.insert(at);
        }
        changed
    }

    /// Returns what becomes of every image and entry below the kustomizations that no other names.
    fn ends(&self, files: &[ManifestFile]) -> Ends {
        let below = self.below.values();
        let named: BTreeSet<usize> =
            below.flat_map(|below| below.resources.iter().chain(&below.components)).copied().collect();
        let mut walk = Walk { tree: self, files, ends: Ends::default(), open: Vec::new(), left: 0 };
        let mut tops = Vec::new();
        for top in self.below.keys().filter(|at| !named.contains(at)) {
            walk.left = MOST;
            let mut traces = Traces::default();
            walk.enter(*top, &mut traces);
            tops.append(&mut traces.images);
        }
        let mut ends = walk.ends;
        for trace in tops {
            if let Some(origin) = trace.origin {
                *ends.images.entry(origin).or_insert(true) &= trace.last.is_some();
            }
            if let Some(last) = trace.last {
                ends.last.entry(last).or_default().push(trace.state);
            }
        }
        ends
    }
}

/// A walk from a kustomization down to its resources.
struct Walk<'a> {
    tree: &'a Tree,
    files: &'a [ManifestFile],
    /// The results so far.
    ends: Ends,
    /// The kustomizations that are being read.
    open: Vec<usize>,
    /// The number of kustomizations that may still be entered.
    left: usize,
}

impl Walk<'_> {
    /// Adds the images of a kustomization to those that were read before it, and applies its entries to all.
    fn enter(&mut self, at: usize, traces: &mut Traces) {
        let Some(below) = self.tree.below.get(&at).filter(|_| self.left > 0 && !self.open.contains(&at))
        else {
            traces.unread.get_or_insert_with(|| "a kustomization that is not followed".to_owned());
            return;
        };
        self.left -= 1;
        self.open.push(at);
        for resource in &below.resources {
            let mut own = Traces::default();
            self.resource(*resource, &mut own);
            traces.images.append(&mut own.images);
            traces.unread = traces.unread.take().or(own.unread);
        }
        traces.unread = traces.unread.take().or_else(|| below.unread.clone());
        below.components.iter().for_each(|component| self.enter(*component, traces));
        for patch in &below.patches {
            traces.images.extend(self.images(*patch));
        }
        self.apply(at, traces);
        self.open.pop();
    }

    fn resource(&mut self, at: usize, traces: &mut Traces) {
        match self.tree.below.contains_key(&at) {
            true => self.enter(at, traces),
            false => traces.images.extend(self.images(at)),
        }
    }

    /// Returns the images of a file of objects.
    fn images(&self, at: usize) -> Vec<Trace> {
        let Some(file) = self.files.get(at).filter(|file| file.kind == FileKind::Objects) else {
            return Vec::new();
        };
        let images = file.images.iter().enumerate().filter(|(_, image)| image.is_for_kustomize);
        let trace = |(place, image): (usize, &Image)| Trace {
            origin: Some((at, place)),
            state: State::of(&image.reference),
            last: None,
        };
        images.map(trace).collect()
    }

    fn apply(&mut self, at: usize, traces: &mut Traces) {
        let entries = self.files[at].kustomization.iter().flat_map(|found| &found.replacements);
        for (place, entry) in entries.enumerate().filter(|(_, entry)| entry.changes()) {
            self.ends.applied.insert((at, place));
            let mut is_used = false;
            for trace in traces.images.iter_mut().filter(|trace| trace.state.is_matched(&entry.name)) {
                (is_used, trace.last) = (true, Some((at, place)));
                entry.apply(&mut trace.state);
            }
            if let Some(unread) = &traces.unread {
                self.ends.unread.entry((at, place)).or_insert_with(|| unread.clone());
            }
            // A resource that is not among the files may have it.
            if !is_used || traces.unread.is_some() {
                let mut state = State { name: entry.name.clone(), tag: None, digest: None };
                entry.apply(&mut state);
                traces.images.push(Trace { origin: None, state, last: Some((at, place)) });
            }
        }
    }
}

impl Replacement {
    pub(super) fn repository(&self) -> &str {
        self.new_name.as_ref().unwrap_or(&self.name)
    }

    fn changes(&self) -> bool {
        [&self.new_name, &self.tag, &self.suffix, &self.digest].iter().any(|field| field.is_some())
    }

    /// Changes a reference as kustomize does (`imageTagUpdater`).
    fn apply(&self, state: &mut State) {
        self.repository().clone_into(&mut state.name);
        match (&self.tag, &self.digest) {
            (None, None) => {
                if let Some(suffix) = &self.suffix {
                    state.tag = state.tag.as_ref().map(|tag| format!("{tag}{suffix}"));
                    state.digest = None;
                }
            }
            // The tag of what it replaces is kept here, for a person: kustomize drops it.
            (None, Some(digest)) => state.digest = Some(digest.clone()),
            (tag, digest) => (state.tag, state.digest) = (tag.clone(), digest.clone()),
        }
    }
}

impl State {
    /// Takes a reference apart as kustomize does.
    fn of(reference: &str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (reference, None),
        };
        let tag = rest.rfind(':').filter(|colon| !rest[*colon..].contains('/'));
        let (name, tag) = match tag {
            Some(colon) => (&rest[..colon], Some(rest[colon + 1..].to_owned())),
            None => (rest, None),
        };
        Self { name: name.to_owned(), tag, digest }
    }

    /// Returns whether an entry for a name applies (`IsImageMatched`).
    fn is_matched(&self, name: &str) -> bool {
        let is_plain = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c));
        let digest = self.digest.as_ref().map(|digest| digest.strip_prefix("sha256:").map(str::to_owned));
        self.name == name
            && self.tag.as_ref().is_none_or(is_plain)
            && digest.is_none_or(|hex| hex.as_ref().is_some_and(is_plain))
    }

    /// Returns the reference with its tag; `None` without one.
    fn named(&self) -> Option<String> {
        Some(format!("{}:{}", self.name, self.tag.as_ref()?))
    }
}

/// Returns the directory of a path.
fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(directory, _)| directory)
}
