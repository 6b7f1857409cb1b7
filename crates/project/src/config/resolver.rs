//! Carries the values of one file into the resolved configuration and collects all problems on the way.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::project_path;
use crossdock_platform::listed;
use toml::Spanned;

use super::Sourced;
use super::document::Document;
use super::grammar::lexical;
use super::problem::Problem;
use super::raw::StringTable;
use crate::boundary::project_boundary;
use crate::template;

/// A file whose raw values are being resolved.
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Document,
    /// The directory of the file, which its paths are relative to. Absolute.
    pub(super) directory: &'a Utf8Path,
    /// The problems found so far.
    pub(super) problems: Vec<Problem>,
}

impl Resolver<'_> {
    pub(super) fn report(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(self.document.problem(span, message, help));
    }

    /// Returns the value with its place as source.
    pub(super) fn sourced<T>(&self, at: Spanned<T>) -> Sourced<T> {
        let source = self.document.source(&at.span());
        Sourced::new(at.into_inner(), source)
    }

    /// Returns the result of a check; `None` after a refusal, which becomes a problem.
    pub(super) fn checked<T, U>(
        &mut self,
        key: &str,
        at: Spanned<T>,
        check: impl FnOnce(&T) -> Result<U, String>,
    ) -> Option<Sourced<U>> {
        match check(at.get_ref()) {
            Ok(value) => Some(Sourced::new(value, self.document.source(&at.span()))),
            Err(why) => {
                self.report(&at.span(), format!("`{key}`: {why}"), "");
                None
            }
        }
    }

    /// Returns the place of a part of a string; that of the whole string if its escapes hide the part.
    pub(super) fn inside(&self, at: &Spanned<String>, part: Option<Range<usize>>) -> Range<usize> {
        let span = at.span();
        let start = self.document.text.get(span.clone()).and_then(|raw| raw.find(at.get_ref().as_str()));
        match (part, start) {
            (Some(part), Some(start)) => {
                let start = span.start + start;
                start + part.start..start + part.end
            }
            _ => span,
        }
    }

    /// Reports a template where none is allowed: it would be taken for text. `what` is the place for a message.
    pub(super) fn refuse_template(&mut self, what: &str, at: &Spanned<String>) {
        let Some(start) = ["{{", "{%"].iter().find_map(|mark| at.get_ref().find(mark)) else { return };
        let span = self.inside(at, Some(start..start + 2));
        let keys = listed(template::KEYS);
        self.report(&span, format!("{what} cannot be a template"), format!("templates are in {keys}"));
    }

    /// Checks a string.
    pub(super) fn text(
        &mut self,
        key: &str,
        at: Spanned<String>,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Option<Sourced<String>> {
        if !template::KEYS.contains(&key) {
            self.refuse_template(&format!("`{key}`"), &at);
        }
        self.checked(key, at, |text| check(text).map(|()| text.clone()))
    }

    /// Checks every item of a list, which is one value of the configuration.
    pub(super) fn list(
        &mut self,
        key: &str,
        list: Spanned<Vec<Spanned<String>>>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Sourced<Vec<String>> {
        let source = self.document.source(&list.span());
        let items = list.into_inner().into_iter();
        let items = items.filter_map(|item| self.text(key, item, &check)).map(|item| item.value);
        Sourced::new(items.collect(), source)
    }

    /// Checks the names of a table.
    pub(super) fn table(
        &mut self,
        key: &str,
        texts: StringTable,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> BTreeMap<String, String> {
        let mut table = BTreeMap::new();
        for (name, value) in texts {
            // Environment variables are strings that end with NUL (execve(2)).
            if value.get_ref().contains('\0') {
                self.report(&value.span(), format!("`{key}`: a value must not contain NUL"), "");
            }
            if let Some(name) = self.text(key, name, &check) {
                table.insert(name.value, value.into_inner());
            }
        }
        table
    }
}

/// Resolves a path relative to the directory of a file, without `.` and `..`.
pub(super) fn relative_to(directory: &Utf8Path, path: &str) -> Result<Utf8PathBuf, String> {
    if Utf8Path::new(path).is_absolute() {
        return Err(format!("`{path}` is absolute; paths are relative to the directory of this file"));
    }
    if path.contains('\0') {
        return Err("a path must not contain NUL".into());
    }
    lexical(&directory.join(path)).ok_or_else(|| format!("`{path}` leads above the root of the file system"))
}

/// Returns a directory that may be above that of the configuration but not outside of the whole project: a
/// stranger's clone must not build, or pack files of, whatever lies next to it.
pub(super) fn directory_in_project(directory: &Utf8Path, text: &str) -> Result<Utf8PathBuf, String> {
    let path = relative_to(directory, text)?;
    let boundary = project_boundary(directory);
    if !path.starts_with(boundary) {
        return Err(format!(
            "`{text}` is outside of the project, {boundary}; move crossdock.toml to a directory that contains both"
        ));
    }
    match project_path(path.as_std_path(), boundary.as_std_path()) {
        // The language names a directory that does not exist.
        Err(error) if !error.is_not_found() => Err(format!("`{text}` cannot be used: {}", error.source)),
        _ => Ok(path),
    }
}
