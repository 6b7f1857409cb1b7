//! Resolves values that may be templates. They are checked here, and get their values in
//! [`Config::rendered`](super::Config::rendered), which needs the place of each for its messages.

use std::collections::BTreeMap;

use toml::Spanned;

use super::raw::StringTable;
use super::resolver::Resolver;
use super::{Source, Sourced};
use crate::template;

/// Checks the templates of one image and collects their places.
pub(super) struct Templated {
    /// The environment variables that templates may read.
    tag_env: Vec<String>,
    /// The place of each value by its key.
    pub(super) places: BTreeMap<String, Source>,
}

impl Templated {
    pub(super) fn new(tag_env: Vec<String>) -> Self {
        Self { tag_env, places: BTreeMap::new() }
    }

    /// Checks one value.
    pub(super) fn check(&mut self, resolver: &mut Resolver<'_>, key: &str, at: &Spanned<String>) {
        self.places.insert(key.to_owned(), resolver.document.source(&at.span()));
        if let Err(error) = template::check_text(at.get_ref(), &self.tag_env) {
            let span = resolver.inside(at, error.place);
            resolver.report(&span, format!("`{key}`: {}", error.reason), error.help);
        }
    }

    /// Resolves a list. `check` is for the items that are not templates.
    pub(super) fn list(
        &mut self,
        resolver: &mut Resolver<'_>,
        key: &str,
        list: Spanned<Vec<Spanned<String>>>,
        check: fn(&str) -> Result<(), String>,
    ) -> Sourced<Vec<String>> {
        for (index, item) in list.get_ref().iter().enumerate() {
            self.check(resolver, &format!("{key}[{index}]"), item);
        }
        resolver.list(key, list, |item| if template::is_template(item) { Ok(()) } else { check(item) })
    }

    /// Resolves a table of strings with names of the user's choice, which are not templates.
    pub(super) fn table(
        &mut self,
        resolver: &mut Resolver<'_>,
        key: &str,
        texts: StringTable,
        check: fn(&str) -> Result<(), String>,
    ) -> BTreeMap<String, String> {
        for (name, value) in &texts {
            resolver.refuse_template(&format!("a name in `{key}`"), name);
            self.check(resolver, &format!("{key}.{}", name.get_ref()), value);
        }
        resolver.table(key, texts, check)
    }
}
