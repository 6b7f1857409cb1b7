//! Images in the values of a Helm chart: mappings of `repository`, `tag` and `digest`, as `helm create` writes them.

use crate::error::{ManifestError, Problem};
use crate::yaml::Id;

use super::{Reader, look};

impl Reader<'_> {
    pub(super) fn helm_values(&mut self, root: Id) -> Result<(), ManifestError> {
        self.values(root, "")?;
        let global = self.tree.get(root, "global").and_then(|global| self.tree.get(global, "imageRegistry"));
        let registry = global.and_then(|at| Some((at, self.tree.scalar(at)?)));
        match registry.filter(|(_, registry)| !registry.is_null()) {
            Some((at, registry)) if self.file.images.iter().any(|image| !image.is_pinned()) => {
                Err(self.error(at, Problem::GlobalRegistry(registry.value.clone())))
            }
            _ => Ok(()),
        }
    }

    /// Takes the images of the value of a key.
    fn values(&mut self, id: Id, name: &str) -> Result<(), ManifestError> {
        if self.tree.scalar(id).is_some() {
            self.survey(name, id);
            return Ok(());
        }
        if !self.seen.insert(id) {
            return Ok(());
        }
        let has = |key| self.tree.get(id, key).is_some_and(|value| self.tree.scalar(value).is_some());
        if has("repository") && (has("tag") || has("digest")) {
            return self.helm_image(id);
        }
        if look::is_image_field(name) && (has("repository") || has("name")) {
            let repository = ["repository", "name"].iter().find_map(|key| self.tree.get(id, key));
            let repository = repository.and_then(|at| self.tree.text(at)).unwrap_or_default().to_owned();
            self.leave(id, &repository, format!("`{name}` without `repository` and `tag`"));
            return Ok(());
        }
        for (key, value) in self.tree.entries(id).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            self.values(value, &name)?;
        }
        self.tree.items(id).to_vec().into_iter().try_for_each(|item| self.values(item, name))
    }

    fn helm_image(&mut self, id: Id) -> Result<(), ManifestError> {
        let repository = self.repository(id)?;
        let tag = match self.tree.get(id, "tag") {
            Some(tag) => Some((tag, self.tag(tag, "tag")?)).filter(|(_, scalar)| !scalar.is_null()),
            None => None,
        };
        let named = tag.map(|(_, scalar)| format!(":{}", scalar.value)).unwrap_or_default();
        if let Some((key, digest)) = self.tree.entry(id, "digest") {
            let scalar = self.value(digest, "digest")?;
            if !scalar.is_null() {
                let reference = format!("{repository}{named}@{}", scalar.value);
                self.composed(id, reference, 0..0, ["", ""]);
            } else if tag.is_some() {
                let (range, before) = self.empty(key, digest);
                self.composed(digest, format!("{repository}{named}"), range, [before, ""]);
            } else {
                self.leave(id, &repository, "value without a tag, which the chart adds");
            }
            return Ok(());
        }
        let Some((at, scalar)) = tag else {
            self.leave(id, &repository, "value without a tag, which the chart adds");
            return Ok(());
        };
        let end = self.image_end(at, scalar)?;
        self.composed(at, format!("{repository}{named}"), end..end, ["@", ""]);
        Ok(())
    }

    /// Returns `registry/repository`.
    fn repository(&self, id: Id) -> Result<String, ManifestError> {
        let part = |key: &str| match self.tree.get(id, key) {
            Some(at) => Ok(Some(self.value(at, key)?).filter(|scalar| !scalar.is_null())),
            None => Ok(None),
        };
        let repository = part("repository")?.map(|scalar| scalar.value.clone()).unwrap_or_default();
        Ok(match part("registry")? {
            Some(registry) => format!("{}/{repository}", registry.value),
            None => repository,
        })
    }
}
