//! Texts that look like images and stay, for a person to look at.

use crate::yaml::{Id, Scalar};

use super::{Reader, Untouched, look};

impl Reader<'_> {
    /// Lists what looks like an image in a field.
    pub(super) fn survey(&mut self, name: &str, id: Id) {
        if let Some(text) = self.tree.text(id).map(str::to_owned) {
            let is_image = look::is_image_field(name) && look::is_reference(&text);
            if !self.tree.scalar(id).is_some_and(Scalar::is_null) && (is_image || look::is_qualified(&text)) {
                self.leave(id, &text, format!("value `{name}`"));
            } else {
                self.survey_lines(id, format!("text `{name}`"));
            }
            return;
        }
        if !self.seen.insert(id) {
            return;
        }
        if let Some(repository) = self.parts(id) {
            self.leave(id, &repository, format!("`{name}` of several parts"));
            return;
        }
        for (key, value) in self.tree.entries(id).to_vec() {
            let name = self.tree.text(key).unwrap_or_default().to_owned();
            self.survey(&name, value);
        }
        self.tree.items(id).to_vec().into_iter().for_each(|item| self.survey(name, item));
    }

    /// Lists a text with lines that hold an image.
    pub(super) fn survey_lines(&mut self, id: Id, place: String) {
        let Some(scalar) = self.tree.scalar(id) else { return };
        let Some(line) = scalar.value.lines().position(look::is_image_line) else { return };
        let first = self.tree.node(id).line + if scalar.is_block() { line } else { 0 };
        self.file.untouched.push(Untouched { line: first, value: String::new(), place });
    }

    /// Returns the repository of a mapping that names an image in parts.
    fn parts(&self, id: Id) -> Option<String> {
        let text = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| self.tree.text(self.tree.get(id, key)?));
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        text(&["tag", "newTag", "digest"])?;
        text(&["repository", "name", "newName"])
    }
}
