//! Kustomizations: what they replace (`images` of kustomize), and the files that they name.

use std::ops::Range;

use crate::error::{ManifestError, Problem};
use crate::yaml::Id;

use super::kustomize::{Kustomization, Replacement, WITHOUT_TAG};
use super::{Mentions, Reader, TRANSFORMER};

/// A field of an entry of `images`.
struct Field {
    key: Id,
    at: Id,
    value: String,
    /// The byte after the value.
    end: usize,
}

impl Reader<'_> {
    pub(super) fn kustomization(&mut self, root: Id) -> Result<(), ManifestError> {
        let mut found = Kustomization::default();
        for (key, value) in self.tree.entries(root).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            match name.as_str() {
                "resources" | "bases" => self.texts_below(value, &mut found.resources),
                "components" => self.texts_below(value, &mut found.components),
                "patches" | "patchesStrategicMerge" | "patchesJson6902" => {
                    self.texts_below(value, &mut found.patches)
                }
                "images" => continue,
                _ => self.texts_below(value, &mut found.data),
            }
            self.survey(&name, value);
            self.unread(&name, value, &mut found);
            let mut texts = Vec::new();
            if name == "transformers" {
                self.all_texts(value, &mut texts);
            }
            if texts.iter().any(|text| text.contains(TRANSFORMER)) {
                self.leave_transformer(value);
            }
        }
        self.seen.clear();
        if let Some(images) = self.tree.get(root, "images") {
            if !self.tree.is_sequence(images) {
                return Err(self.error(images, Problem::NotList("images".to_owned())));
            }
            for entry in self.tree.items(images).to_vec() {
                found.replacements.extend(self.replacement(entry)?);
            }
        }
        self.file.kustomization = Some(found);
        Ok(())
    }

    /// Adds the files of patches, and what may bring images that are not looked at.
    fn unread(&self, field: &str, value: Id, found: &mut Kustomization) {
        let what = match field {
            "configurations"
            | "generators"
            | "helmCharts"
            | "helmChartInflationGenerator"
            | "transformers" => (!self.tree.items(value).is_empty()).then(|| format!("`{field}`")),
            "patches" | "patchesJson6902" | "patchesStrategicMerge" | "replacements" => {
                let items = self.tree.items(value);
                let texts = items.iter().map(|item| self.tree.get(*item, "patch").unwrap_or(*item));
                let mut inline = Vec::new();
                texts.for_each(|text| match (self.tree.text(text), self.tree.get(text, "path")) {
                    (_, Some(file)) => found.patch_files.extend(self.tree.text(file).map(str::to_owned)),
                    // The name of a file has no line break.
                    (Some(text), None)
                        if field == "patchesStrategicMerge" && !text.contains(['\n', '{', '[']) =>
                    {
                        found.patch_files.push(text.to_owned());
                    }
                    _ => self.all_texts(text, &mut inline),
                });
                let mentions = Mentions::of(&inline.join("\n"));
                found.changes_pods |= mentions.pod;
                mentions.image.then(|| format!("a patch in `{field}`"))
            }
            _ => None,
        };
        found.changes_pods |= field == "transformers" && what.is_some();
        found.unread = found.unread.take().or(what);
    }

    /// Adds the texts within a value, some of which are paths: `config.yaml`, or `name=config.yaml`.
    fn texts_below(&self, id: Id, texts: &mut Vec<String>) {
        let mut all = Vec::new();
        self.all_texts(id, &mut all);
        let lines = all.into_iter().filter(|text| !text.contains('\n'));
        texts.extend(lines.map(|text| text.rsplit('=').next().unwrap_or(text).to_owned()));
    }

    /// Adds the texts within a value.
    fn all_texts<'t>(&'t self, id: Id, texts: &mut Vec<&'t str>) {
        let mut left = vec![id];
        let mut seen = std::collections::HashSet::new();
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            texts.extend(self.tree.text(id));
            left.extend(
                self.tree.entries(id).iter().map(|(_, value)| *value).chain(self.tree.items(id).to_vec()),
            );
        }
    }

    /// Takes `{name: app, newName: registry.example/app, newTag: "1"}`.
    fn replacement(&mut self, entry: Id) -> Result<Option<Replacement>, ManifestError> {
        if self.tree.scalar(entry).is_some() || self.tree.is_sequence(entry) {
            return Err(self.error(entry, Problem::NotMapping("images[]".to_owned())));
        }
        let Some(name) = self.set(entry, "name")? else { return Ok(None) };
        if let Some(at) = self.tree.get(entry, "newTag") {
            let scalar = self.tag(at, "newTag")?;
            if !scalar.is_null() {
                self.image_end(at, scalar)?;
            }
        }
        let [new_name, tag, suffix, digest] = [
            self.set(entry, "newName")?,
            self.set(entry, "newTag")?,
            self.set(entry, "tagSuffix")?,
            self.set(entry, "digest")?,
        ];
        let text = |field: &Option<Field>| field.as_ref().map(|field| field.value.clone());
        let replacement = Replacement {
            name: name.value.clone(),
            new_name: text(&new_name),
            tag: text(&tag),
            suffix: text(&suffix),
            digest: text(&digest),
            line: self.tree.node(entry).line,
            at: if digest.is_some() { entry } else { tag.as_ref().map_or(entry, |tag| tag.at) },
            spare: None,
        };
        let repository = replacement.repository().to_owned();
        let named = replacement.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        if let Some(digest) = &replacement.digest {
            self.composed(entry, format!("{repository}{named}@{digest}"), 0..0, ["", ""]);
            return Ok(Some(replacement));
        }
        let Field { key, end, .. } = tag.or(new_name).unwrap_or(name);
        let is_own = self.tree.entries(entry).iter().any(|(own, _)| *own == key);
        let place = match self.tree.entry(entry, "digest") {
            Some((key, at)) => Some((self.empty(key, at).0, self.empty(key, at).1.to_owned(), "")),
            None if !is_own && replacement.tag.is_some() => {
                return Err(self.error(entry, Problem::Elsewhere("newTag".to_owned())));
            }
            None => is_own.then(|| self.field_after(entry, key, end)),
        };
        match (&replacement.tag, place) {
            (Some(_), Some((range, before, after))) => {
                self.composed(replacement.at, format!("{repository}{named}"), range, [&before, after]);
                Ok(Some(replacement))
            }
            (_, place) => {
                self.leave(entry, &repository, WITHOUT_TAG);
                let spare = place.map(|(range, before, after)| self.spare(entry, range, [&before, after]));
                Ok(Some(Replacement { spare, ..replacement }))
            }
        }
    }

    /// Returns a field of an entry; `None` if it is absent or empty.
    fn set(&self, entry: Id, field: &str) -> Result<Option<Field>, ManifestError> {
        let Some((key, at)) = self.tree.entry(entry, field) else { return Ok(None) };
        let scalar = self.value(at, field)?;
        let field = Field { key, at, value: scalar.value.clone(), end: scalar.end };
        Ok(Some(field).filter(|_| !scalar.is_null()))
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
