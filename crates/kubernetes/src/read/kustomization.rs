//! The images that a kustomization replaces (`images` of kustomize).

use std::ops::Range;

use crate::error::{ManifestError, Problem};
use crate::yaml::Id;

use super::Reader;

impl Reader<'_> {
    pub(super) fn kustomization(&mut self, root: Id) -> Result<(), ManifestError> {
        for (key, value) in self.tree.entries(root).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            if name != "images" {
                self.survey(&name, value);
            }
        }
        let Some(images) = self.tree.get(root, "images") else { return Ok(()) };
        if !self.tree.is_sequence(images) {
            return Err(self.error(images, Problem::NotList("images".to_owned())));
        }
        self.tree.items(images).to_vec().into_iter().try_for_each(|entry| self.replacement(entry))
    }

    /// Takes `{name: app, newName: registry.example/app, newTag: "1"}`.
    fn replacement(&mut self, entry: Id) -> Result<(), ManifestError> {
        if self.tree.scalar(entry).is_some() || self.tree.is_sequence(entry) {
            return Err(self.error(entry, Problem::NotMapping("images[]".to_owned())));
        }
        let Some(name) = self.tree.get(entry, "name") else { return Ok(()) };
        let name = self.value(name, "name")?.value.clone();
        let repository = match self.tree.get(entry, "newName") {
            Some(new) => self.value(new, "newName")?.value.clone(),
            None => name.clone(),
        };
        // An entry that replaces nothing leaves the resources as they are.
        if ["newName", "newTag", "digest"].iter().any(|field| self.tree.get(entry, field).is_some()) {
            self.file.governed.push(name);
        }
        let tag = match self.tree.entry(entry, "newTag") {
            Some((key, at)) => {
                Some((key, at, self.tag(at, "newTag")?)).filter(|(.., scalar)| !scalar.is_null())
            }
            None => None,
        };
        let named = tag.map(|(.., scalar)| format!(":{}", scalar.value)).unwrap_or_default();
        let digest = self.tree.entry(entry, "digest");
        if let Some((_, at)) = digest {
            let scalar = self.value(at, "digest")?;
            if !scalar.is_null() {
                self.composed(entry, format!("{repository}{named}@{}", scalar.value), 0..0, ["", ""]);
                return Ok(());
            }
        }
        let Some((key, at, scalar)) = tag else {
            self.leave(entry, &repository, "an entry of `images` without `newTag`");
            return Ok(());
        };
        self.image_end(at, scalar)?;
        let (range, before, after) = match digest {
            Some((key, at)) => (self.empty(key, at).0, self.empty(key, at).1.to_owned(), ""),
            None if self.tree.entries(entry).iter().all(|(own, _)| *own != key) => {
                return Err(self.error(entry, Problem::Elsewhere("newTag".to_owned())));
            }
            None => self.field_after(entry, key, scalar.end),
        };
        self.composed(at, format!("{repository}{named}"), range, [&before, after]);
        Ok(())
    }

    /// Returns where the field `digest` of a mapping goes after the end of a value, and the texts around the digest.
    fn field_after(&self, mapping: Id, key: Id, end: usize) -> (Range<usize>, String, &'static str) {
        if self.text[self.tree.node(mapping).start..].starts_with('{') {
            // JSON has quotes around names.
            return match self.text[self.tree.node(key).start..].starts_with('"') {
                true => (end..end, ", \"digest\": \"".to_owned(), "\""),
                false => (end..end, ", digest: ".to_owned(), ""),
            };
        }
        let rest = &self.text[end..];
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let line_break = match &rest.as_bytes()[length..] {
            [b'\r', b'\n', ..] => "\r\n",
            [b'\r', ..] => "\r",
            _ => "\n",
        };
        let at = end + length;
        (at..at, format!("{line_break}{}digest: ", " ".repeat(self.tree.node(key).column)), "")
    }
}
