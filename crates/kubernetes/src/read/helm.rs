//! Images in the values of a Helm chart: mappings of `repository`, `tag` and `digest`, as `helm create` writes them.

use crate::error::ManifestError;
use crate::yaml::Id;

use super::{Reader, look};

impl Reader<'_> {
    pub(super) fn helm_values(&mut self, id: Id) -> Result<(), ManifestError> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let has = |key| self.tree.get(id, key).is_some_and(|value| self.tree.scalar(value).is_some());
        if has("repository") && (has("tag") || has("digest")) {
            return self.helm_image(id);
        }
        for (key, value) in self.tree.entries(id).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            match self.tree.text(value).map(str::to_owned) {
                Some(text) if look::is_image_field(&name) && look::is_reference(&text) => {
                    self.leave(value, &text, format!("value `{name}`, which the chart may add a tag to"));
                }
                _ => self.helm_values(value)?,
            }
        }
        self.tree.items(id).to_vec().into_iter().try_for_each(|item| self.helm_values(item))
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
