//! Images of Kubernetes objects: pod specifications, wherever they are.

use crate::error::ManifestError;
use crate::yaml::Id;

use super::{Reader, look};

/// The lists of containers of a pod specification.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

impl Reader<'_> {
    pub(super) fn object(&mut self, root: Id, kind: &str) -> Result<(), ManifestError> {
        if let Some(items) = self.tree.get(root, "items").filter(|_| kind.ends_with("List") && kind != "List")
        {
            return self.objects(items, kind.strip_suffix("List").unwrap_or(kind));
        }
        match (kind, self.tree.get(root, "items")) {
            ("List", Some(items)) => self.objects(items, ""),
            ("ConfigMap" | "Secret", _) => {
                self.texts(root, kind);
                Ok(())
            }
            _ => {
                let paths = self.options.paths.iter().filter(|path| path.kind == kind);
                for path in paths.cloned().collect::<Vec<_>>() {
                    self.at_path(root, &path.fields)?;
                }
                self.search(root)
            }
        }
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
    fn at_path(&mut self, at: Id, fields: &[String]) -> Result<(), ManifestError> {
        if self.tree.is_sequence(at) {
            return self.tree.items(at).to_vec().into_iter().try_for_each(|item| self.at_path(item, fields));
        }
        match fields.split_first() {
            Some((field, rest)) => match self.tree.get(at, field) {
                Some(below) => self.at_path(below, rest),
                None => Ok(()),
            },
            None => {
                self.seen.insert(at);
                self.reference(at)
            }
        }
    }

    /// Looks for pod specifications in a value, and for what looks like an image.
    fn search(&mut self, id: Id) -> Result<(), ManifestError> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        if self.tree.get(id, "containers").is_some_and(|list| self.tree.is_sequence(list)) {
            self.pod_spec(id)?;
        }
        for (key, value) in self.tree.entries(id).to_vec() {
            self.field(key, value)?;
        }
        self.tree.items(id).to_vec().into_iter().try_for_each(|item| self.search(item))
    }

    fn pod_spec(&mut self, spec: Id) -> Result<(), ManifestError> {
        let named = |key: &str| self.tree.get(spec, key).map(|list| self.tree.items(list).to_vec());
        let containers: Vec<Id> = CONTAINERS.iter().filter_map(|key| named(key)).flatten().collect();
        let volumes = named("volumes").unwrap_or_default();
        let volumes = volumes.iter().filter_map(|volume| self.tree.get(*volume, "image"));
        let images = containers.iter().filter_map(|container| self.tree.get(*container, "image"));
        let references = volumes.filter_map(|image| self.tree.get(image, "reference"));
        // In the order of the file, as a reader sees them.
        let mut found: Vec<Id> = images.chain(references).collect();
        found.sort_by_key(|id| self.tree.node(*id).start);
        for image in found {
            if self.tree.scalar(image).is_some_and(|scalar| !scalar.is_null()) && self.seen.insert(image) {
                self.reference(image)?;
            }
        }
        Ok(())
    }

    /// Looks at a field that is not an image of a pod.
    fn field(&mut self, key: Id, value: Id) -> Result<(), ManifestError> {
        let name = self.tree.text(key).unwrap_or_default().to_owned();
        if name == "env" {
            self.variables(value);
        }
        if !look::is_image_field(&name) || self.seen.contains(&value) {
            return self.search(value);
        }
        if let Some(text) = self.tree.text(value).map(str::to_owned).filter(|text| look::is_reference(text)) {
            self.seen.insert(value);
            self.leave(value, &text, format!("field `{name}` outside of a pod's containers"));
        } else if let Some(repository) = self.tree.get(value, "repository").and_then(|id| self.tree.text(id))
        {
            let repository = repository.to_owned();
            self.leave(value, &repository, format!("field `{name}` of several parts"));
        }
        self.search(value)
    }

    fn variables(&mut self, list: Id) {
        for variable in self.tree.items(list).to_vec() {
            let part = |key| self.tree.get(variable, key).and_then(|id| Some((id, self.tree.text(id)?)));
            let (Some((_, name)), Some((at, value))) = (part("name"), part("value")) else { continue };
            if look::is_qualified(value) {
                let (name, value) = (name.to_owned(), value.to_owned());
                self.leave(at, &value, format!("environment variable `{name}`"));
            }
        }
    }

    /// Lists the texts of a ConfigMap that hold an image.
    fn texts(&mut self, root: Id, kind: &str) {
        let Some(data) = self.tree.get(root, "data") else { return };
        for (_, value) in self.tree.entries(data).to_vec() {
            let Some(text) = self.tree.text(value) else { continue };
            if look::is_qualified(text) {
                let text = text.to_owned();
                self.leave(value, &text, format!("value in a {kind}"));
            } else if let Some(line) = text.lines().position(look::is_image_line) {
                let block = self.tree.scalar(value).is_some_and(|scalar| scalar.is_block());
                let first = self.tree.node(value).line + if block { line } else { 0 };
                let place = format!("text in a {kind}");
                self.file.untouched.push(super::Untouched { line: first, value: String::new(), place });
            }
        }
    }
}
