//! Images of Kubernetes objects: pod specifications, wherever they are.

use crate::error::{ManifestError, Problem};
use crate::yaml::Id;

use super::{Path, Reader, look};

/// The lists of containers of a pod specification.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
/// Those of them that kustomize looks at. Image volumes are not among them: kustomize replaces those since 5.7, and only in pods and
/// in objects with a pod template in `spec.template`.
const FOR_KUSTOMIZE: [&str; 2] = ["containers", "initContainers"];

impl Reader<'_> {
    pub(super) fn object(&mut self, root: Id, kind: &str) -> Result<(), ManifestError> {
        if let Some(items) = self.tree.get(root, "items").filter(|_| kind.ends_with("List") && kind != "List")
        {
            return self.objects(items, kind.strip_suffix("List").unwrap_or(kind));
        }
        if let Some(items) = self.tree.get(root, "items").filter(|_| kind == "List") {
            return self.objects(items, "");
        }
        self.refuse_templates(root)?;
        let paths = self.options.paths.iter().filter(|path| path.kind == kind);
        for path in paths.cloned().collect::<Vec<_>>() {
            self.at_path(root, &path, 0)?;
        }
        // Images come first: an alias may name one before its container does.
        let mut specifications = Vec::new();
        self.pods(root, &mut specifications)?;
        self.for_kustomize(kind, &specifications);
        self.take_pods(root, kind, &specifications);
        self.seen.clear();
        match kind {
            "ConfigMap" | "Secret" => self.texts(root, kind),
            _ => self.search(root),
        }
        self.seen.clear();
        Ok(())
    }

    /// Refuses an object whose name is a template: no name has braces.
    fn refuse_templates(&self, root: Id) -> Result<(), ManifestError> {
        let metadata = self.tree.get(root, "metadata");
        for field in ["name", "generateName", "namespace"] {
            let Some(at) = metadata.and_then(|metadata| self.tree.get(metadata, field)) else { continue };
            if let Some(text) = self.tree.text(at).filter(|text| text.contains("{{")) {
                return Err(self.error(at, Problem::Template(text.to_owned())));
            }
        }
        Ok(())
    }

    /// Reads the objects of a list, whose kind is given if the list tells it for all.
    fn objects(&mut self, items: Id, kind: &str) -> Result<(), ManifestError> {
        for item in self.tree.items(items).to_vec() {
            let own =
                self.tree.get(item, "kind").and_then(|id| self.tree.text(id)).unwrap_or(kind).to_owned();
            self.object(item, &own)?;
        }
        Ok(())
    }

    /// Takes the images at a path; lists on the way are entered.
    fn at_path(&mut self, at: Id, path: &Path, depth: usize) -> Result<(), ManifestError> {
        if self.tree.is_sequence(at) {
            let items = self.tree.items(at).to_vec();
            return items.into_iter().try_for_each(|item| self.at_path(item, path, depth));
        }
        match path.fields.get(depth) {
            Some(field) => match self.tree.get(at, field) {
                Some(below) => self.at_path(below, path, depth + 1),
                None => Ok(()),
            },
            None => {
                if !self.file.matched.contains(path) {
                    self.file.matched.push(path.clone());
                }
                match self.taken.contains_key(&at) {
                    true => Ok(()),
                    false => self.reference(at, path.fields.last().map_or("image", String::as_str)),
                }
            }
        }
    }

    /// Takes the images of the pod specifications in a value.
    fn pods(&mut self, id: Id, specifications: &mut Vec<Id>) -> Result<(), ManifestError> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        if self.tree.get(id, "containers").is_some_and(|list| self.tree.is_sequence(list)) {
            self.pod_spec(id)?;
            specifications.push(id);
        }
        let values: Vec<Id> = self.tree.entries(id).iter().map(|(_, value)| *value).collect();
        let below = values.into_iter().chain(self.tree.items(id).to_vec());
        below.into_iter().try_for_each(|below| self.pods(below, specifications))
    }

    /// Returns the keys and values that are the images of a pod specification, each with the list that it is in; `None` for a
    /// container without one.
    fn image_places(&self, spec: Id) -> Vec<(&'static str, Option<(Id, Id)>)> {
        let named =
            |key: &str| self.tree.get(spec, key).map(|list| self.tree.items(list)).unwrap_or_default();
        let containers = CONTAINERS.iter().flat_map(|key| named(key).iter().map(|one| (*key, *one)));
        let volumes = named("volumes").iter().filter_map(|volume| self.tree.get(*volume, "image"));
        let images = containers.map(|(list, container)| (list, self.tree.entry(container, "image")));
        images.chain(volumes.map(|image| ("volumes", self.tree.entry(image, "reference")))).collect()
    }

    /// Returns the images of a pod specification; `None` for a container without one.
    pub(super) fn images(&self, spec: Id) -> Vec<Option<Id>> {
        self.image_places(spec).into_iter().map(|(_, entry)| Some(entry?.1)).collect()
    }

    /// Notes the images of pod specifications that kustomize replaces, and the others. It skips definitions of custom
    /// resources.
    fn for_kustomize(&mut self, kind: &str, specifications: &[Id]) {
        for spec in specifications {
            for (place, image) in self.image_places(*spec) {
                let Some((_, image)) = image else { continue };
                match FOR_KUSTOMIZE.contains(&place) && kind != "CustomResourceDefinition" {
                    true => self.in_containers.insert(image),
                    false => self.elsewhere.insert(image),
                };
            }
        }
    }

    fn pod_spec(&mut self, spec: Id) -> Result<(), ManifestError> {
        for (key, image) in self.image_places(spec).into_iter().filter_map(|(_, entry)| entry) {
            match self.tree.scalar(image) {
                Some(scalar) if scalar.is_null() => {
                    self.leave(image, "", "the image of a container, which is empty")
                }
                Some(_) => {
                    self.reference(image, "image")?;
                    // The value of an alias is written before its key.
                    if self.tree.node(image).start < self.tree.node(key).start {
                        *self.taken.entry(image).or_default() += 1;
                    }
                }
                None => self.leave(image, "", "the image of a container, which is not a string"),
            }
        }
        Ok(())
    }

    /// Lists the fields of a value that look like images and are not.
    fn search(&mut self, id: Id) {
        if !self.seen.insert(id) {
            return;
        }
        for (key, value) in self.tree.entries(id).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            if name == "env" {
                self.variables(value);
            }
            if look::is_image_field(&name) && !self.taken.contains_key(&value) {
                self.field(&name, value);
            }
            self.search(value);
        }
        self.tree.items(id).to_vec().into_iter().for_each(|item| self.search(item));
    }

    fn field(&mut self, name: &str, value: Id) {
        if let Some(text) = self.tree.text(value).map(str::to_owned) {
            if look::is_reference(&text) && !self.tree.scalar(value).is_some_and(crate::yaml::Scalar::is_null)
            {
                self.leave(value, &text, format!("field `{name}` outside of a pod's containers"));
            }
        } else if let Some(repository) = self.tree.get(value, "repository").and_then(|id| self.tree.text(id))
        {
            let repository = repository.to_owned();
            self.leave(value, &repository, format!("field `{name}` of several parts"));
        }
    }

    fn variables(&mut self, list: Id) {
        for variable in self.tree.items(list).to_vec() {
            let part = |key| self.tree.get(variable, key).and_then(|id| Some((id, self.tree.text(id)?)));
            let (Some((_, name)), Some((at, value))) = (part("name"), part("value")) else { continue };
            if look::is_qualified(value) && !self.taken.contains_key(&at) {
                let (name, value) = (name.to_owned(), value.to_owned());
                self.leave(at, &value, format!("environment variable `{name}`"));
            }
        }
    }

    /// Lists the texts of a ConfigMap that hold an image.
    fn texts(&mut self, root: Id, kind: &str) {
        let Some(data) = self.tree.get(root, "data") else { return };
        for (_, value) in self.tree.entries(data).to_vec() {
            let Some(text) = self.tree.text(value).filter(|_| !self.taken.contains_key(&value)) else {
                continue;
            };
            match look::is_qualified(text) {
                true => {
                    let text = text.to_owned();
                    self.leave(value, &text, format!("value in a {kind}"));
                }
                false => self.survey_lines(value, format!("text in a {kind}")),
            }
        }
    }
}
