//! The configuration with the values of its templates.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::env::{EnvBuilder, base_environment};
use super::image::Placed;
use super::problem::printable;
use super::{
    Config, ConfigError, ExtraFile, FileTemplate, ImageConfig, Source, Sourced, ValueProblem, grammar,
};
use crate::template::{self, TextError, Values};

/// A configuration in which the templates of images have their values. Tags keep theirs, because a tag without a value
/// is skipped.
#[derive(Debug, Clone)]
pub struct RenderedConfig {
    config: Config,
    varying: BTreeMap<String, String>,
}

impl RenderedConfig {
    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns what [`ImageConfig::varying`] returned for an image before its templates had values.
    pub fn varying(&self, image: &str) -> Option<&str> {
        self.varying.get(image).map(String::as_str)
    }
}

impl Config {
    /// Replaces the templates of images by their values. Images without an entry in `values`, which has their names,
    /// are left as they are: a call that does not build an image does not need its values.
    ///
    /// ```
    /// use crossdock_project::config::Config;
    /// use crossdock_project::template::Values;
    ///
    /// let directory = tempfile::tempdir()?;
    /// std::fs::write(directory.path().join("go.mod"), "module example.com/web\n")?;
    /// let text = "[image.web]\nenv = { PATH = \"/app:$PATH\" }\nlabels = { version = \"v{{ version }}\" }\n";
    /// let path = camino::Utf8PathBuf::try_from(directory.path().join("crossdock.toml"))?;
    /// let config = Config::from_text(&path, text.to_owned())?;
    /// let values = Values { version: Some("1.2.3".to_owned()), ..Values::default() };
    /// let rendered = config.rendered(&[("web".to_owned(), values)].into())?;
    /// let image = &rendered.config().images[0];
    /// assert_eq!(image.labels["version"], "v1.2.3");
    /// assert!(image.env["PATH"].starts_with("/app:/usr/local/sbin:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A template or a variable without a value, and a value that its key does not accept. All of them, each with its
    /// place.
    pub fn rendered(&self, values: &BTreeMap<String, Values>) -> Result<RenderedConfig, ConfigError> {
        let mut rendered = RenderedConfig { config: self.clone(), varying: BTreeMap::new() };
        let mut problems = Vec::new();
        for image in &mut rendered.config.images {
            let Some(values) = values.get(&image.name.value) else { continue };
            let varying = image.varying(values);
            rendered.varying.extend(varying.map(|varying| (image.name.value.clone(), varying)));
            let mut renderer = Renderer::new(image, values);
            renderer.image(image);
            problems.append(&mut renderer.problems);
        }
        if problems.is_empty() { Ok(rendered) } else { Err(ConfigError::Values(problems)) }
    }

    /// Replaces only the templates of annotations by their values, with which an image that was built is compared. One
    /// without a value becomes empty: the image may have been built where it has one.
    pub fn with_known_annotations(mut self, values: &BTreeMap<String, Values>) -> Self {
        for image in &mut self.images {
            let Some(values) = values.get(&image.name.value) else { continue };
            for text in image.annotations.values_mut() {
                *text = template::text(text, values).unwrap_or_default();
            }
        }
        self
    }
}

impl ImageConfig {
    /// Returns which values another commit or another environment changes, such as
    /// `` `git.short` in `labels.commit` ``; `None` if there are none. A Dockerfile with such values is only for this
    /// commit.
    pub fn varying(&self, values: &Values) -> Option<String> {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, text) in self.texts() {
            for name in template::varying_names(text, values) {
                keys.entry(name).or_default().push(key.clone());
            }
        }
        let names = keys.iter().map(|(name, keys)| match keys.as_slice() {
            [first] => format!("`{name}` in `{first}`"),
            [first, rest @ ..] => format!("`{name}` in `{first}` and {} more", rest.len()),
            [] => String::new(),
        });
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Returns the keys whose values may contain environment variables of the build, or the branch.
    pub(crate) fn reads_environment(&self) -> Vec<String> {
        let reads = |text: &str| {
            template::is_template(text) && ["env", "branch"].iter().any(|name| text.contains(name))
        };
        self.texts().into_iter().filter(|(_, text)| reads(text)).map(|(key, _)| key).collect()
    }

    /// Returns whether tags of git decide values of the image, whatever its language: they give its version, or a template
    /// names them.
    pub fn reads_git_tags(&self) -> bool {
        let names_tag = |text: &str| text.contains("git.tag");
        let tags = self.tags.iter().flat_map(|tags| &tags.value);
        self.version_tag.is_some()
            || self.texts().iter().any(|(_, text)| names_tag(text))
            || tags.into_iter().any(|tag| names_tag(tag))
    }

    /// Removes the values that are templates, for a caller that needs only the rest.
    pub fn remove_templates(&mut self) {
        self.ldflags.take_if(|flags| template::is_template(&flags.value));
        for table in [&mut self.labels, &mut self.annotations] {
            table.retain(|_, text| !template::is_template(text));
        }
        // The others may use the variables that are removed.
        if self.env.values().any(|text| template::is_template(text)) {
            self.env.clear();
        }
        for list in [&mut self.entrypoint, &mut self.cmd] {
            list.take_if(|list| list.value.iter().any(|text| template::is_template(text)));
        }
        self.health.take_if(|health| health.value.command.iter().any(|text| template::is_template(text)));
        self.files.retain(|file| file.value.template.is_none());
    }

    /// Returns every value that may be a template, with its key.
    fn texts(&self) -> Vec<(String, &str)> {
        let one = self.ldflags.iter().map(|flags| ("ldflags".to_owned(), flags.value.as_str()));
        let tables = [("env", &self.env), ("labels", &self.labels), ("annotations", &self.annotations)];
        let tables = tables.into_iter().flat_map(|(key, table)| {
            table.iter().map(move |(name, text)| (format!("{key}.{name}"), text.as_str()))
        });
        let lists = [
            ("entrypoint", self.entrypoint.as_ref().map(|list| list.value.as_slice())),
            ("cmd", self.cmd.as_ref().map(|list| list.value.as_slice())),
            ("health.command", self.health.as_ref().map(|health| health.value.command.as_slice())),
        ];
        let lists = lists.into_iter().flat_map(|(key, list)| {
            let items = list.unwrap_or_default().iter().enumerate();
            items.map(move |(index, text)| (format!("{key}[{index}]"), text.as_str()))
        });
        let files = self.files.iter().enumerate().flat_map(|(index, file)| {
            let paths = file.value.template.iter().flat_map(|file| [("from", &file.from), ("to", &file.to)]);
            paths.map(move |(path, text)| (format!("files[{index}].{path}"), text.as_str()))
        });
        one.chain(tables).chain(lists).chain(files).collect()
    }
}

/// Renders the values of one image.
struct Renderer<'v> {
    values: &'v Values,
    name: Sourced<String>,
    project: Utf8PathBuf,
    places: BTreeMap<String, Source>,
    problems: Vec<ValueProblem>,
}

impl<'v> Renderer<'v> {
    fn new(image: &ImageConfig, values: &'v Values) -> Self {
        Self {
            values,
            name: image.name.clone(),
            project: image.path.value.clone(),
            places: image.places.clone(),
            problems: Vec::new(),
        }
    }

    fn image(&mut self, image: &mut ImageConfig) {
        if let Some(flags) = &mut image.ldflags {
            self.text("ldflags", &mut flags.value);
        }
        self.env(image);
        self.table("labels", &mut image.labels);
        self.table("annotations", &mut image.annotations);
        for (key, list) in [("entrypoint", &mut image.entrypoint), ("cmd", &mut image.cmd)] {
            self.list(key, list.as_mut().map(|list| &mut list.value), grammar::argument);
        }
        let command = image.health.as_mut().map(|health| &mut health.value.command);
        self.list("health.command", command, grammar::line);
        for (index, file) in image.files.iter_mut().enumerate() {
            self.file(&format!("files[{index}]"), &mut file.value);
        }
    }

    fn text(&mut self, key: &str, text: &mut String) {
        let rendered = template::text(text, self.values);
        if let Some(value) = self.known(key, rendered) {
            *text = value;
        }
    }

    fn table(&mut self, key: &str, table: &mut BTreeMap<String, String>) {
        for (name, text) in table {
            self.text(&format!("{key}.{name}"), text);
        }
    }

    fn list(&mut self, key: &str, list: Option<&mut Vec<String>>, check: fn(&str) -> Result<(), String>) {
        for (index, text) in list.into_iter().flatten().enumerate() {
            let key = format!("{key}[{index}]");
            self.text(&key, text);
            if let Err(why) = check(text) {
                self.report(&key, why, String::new());
            }
        }
    }

    /// Renders `env` in the order of the file, in which each value may use earlier ones.
    fn env(&mut self, image: &mut ImageConfig) {
        let place = |name: &String| self.places.get(&format!("env.{name}")).cloned();
        let mut names: Vec<String> = image.env.keys().cloned().collect();
        names.sort_by_cached_key(place);
        let mut base = base_environment(&image.base.value);
        base.extend(self.values.base_env.clone());
        let mut environment = EnvBuilder::new(base, names.clone());
        for name in names {
            let Some(text) = image.env.get_mut(&name) else { continue };
            let key = format!("env.{name}");
            let rendered = template::env_text(text, self.values);
            let rendered = self.known(&key, rendered).unwrap_or_default();
            match environment.expand(&name, &rendered) {
                Ok(value) => *text = template::decoded(&value),
                Err(error) => self.report(&key, template::decoded(&error.reason), error.help),
            }
            environment.set(&name, text.clone());
        }
    }

    fn file(&mut self, key: &str, file: &mut ExtraFile) {
        let Some(FileTemplate { directory, mut from, mut to }) = file.template.take() else { return };
        let found = self.problems.len();
        self.text(&format!("{key}.from"), &mut from);
        self.text(&format!("{key}.to"), &mut to);
        if self.problems.len() > found {
            return;
        }
        match Placed::rendered(&directory, &self.project, &from, &to) {
            Ok(placed) => (file.from, file.to, file.kind) = (placed.from, placed.to, placed.kind),
            Err((path, why)) => self.report(&format!("{key}.{path}"), why, String::new()),
        }
    }

    /// Returns the value of a template. If it has none, the reason is among the problems.
    fn known(&mut self, key: &str, rendered: Result<String, TextError>) -> Option<String> {
        rendered.map_err(|TextError { reason, help, .. }| self.report(key, reason, help)).ok()
    }

    fn report(&mut self, key: &str, message: String, help: String) {
        let at = self.places.get(key).unwrap_or(&self.name.source).clone();
        let message = printable(&message);
        self.problems.push(ValueProblem {
            at,
            image: self.name.value.clone(),
            key: key.to_owned(),
            message,
            help,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FileKind;
    use crate::testing::TestDirectory;

    fn read(directory: &TestDirectory) -> Config {
        Config::read(&directory.path().join("crossdock.toml")).unwrap()
    }

    fn project(image: &str) -> TestDirectory {
        let config = format!("[image.web]\n{image}");
        TestDirectory::new(&[("go.mod", "module m\n"), ("a-1.2.3/b", ""), ("crossdock.toml", &config)])
    }

    fn values() -> BTreeMap<String, Values> {
        let values =
            Values { version: Some("1.2.3".to_owned()), is_version_of_commit: true, ..Values::default() };
        [("web".to_owned(), values)].into()
    }

    #[test]
    fn variables_expand_in_the_order_of_the_file() {
        let directory = project(
            "[image.web.env]\nB = \"b\"\nA = \"$B-$PATH\"\nPATH = \"/x\"\nC = \"$PATH{{version}}\"\n",
        );
        let env = &read(&directory).rendered(&values()).unwrap().config.images[0].env;
        let a = "b-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let expected = [("A", a), ("B", "b"), ("C", "/x1.2.3"), ("PATH", "/x")];
        assert_eq!(
            env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn annotations_without_a_value_can_be_left_empty() {
        let directory = project(
            "annotations = { a = \"v{{ version }}\", b = \"{{ git.tag }}\", c = \"c\" }\nlabels = { a = \"{{ version }}\" }\n",
        );
        let config = read(&directory).with_known_annotations(&values());
        let annotations = &config.images[0].annotations;
        let known = ["a", "b", "c"].map(|name| annotations[name].as_str());
        assert_eq!(known, ["v1.2.3", "", "c"]);
        assert_eq!(config.images[0].labels["a"], "{{ version }}");
    }

    #[test]
    fn paths_of_files_are_those_of_the_values() {
        let directory = project(
            "files = [{ from = \"a-{{ version }}/b\", to = \"/srv/{{ version }}/\", mode = \"0600\" }, { from = \"a-{{ version }}\", to = \"/d\" }]\n",
        );
        let config = read(&directory);
        assert_eq!(config.images[0].files[0].value.kind, FileKind::Unknown);
        let rendered = config.rendered(&values()).unwrap();
        let files: Vec<String> = rendered.config.images[0]
            .files
            .iter()
            .map(|file| {
                let ExtraFile { from, to, mode, kind, template } = &file.value;
                directory.masked(format!("{from} {to} {mode:?} {kind:?} {}", template.is_some()))
            })
            .collect();
        assert_eq!(
            files,
            ["/p/a-1.2.3/b /srv/1.2.3/b Some(384) File false", "/p/a-1.2.3 /d None Directory false"]
        );
    }

    #[test]
    fn all_problems_are_reported_with_their_places() {
        let directory = project(
            "ldflags = \"{{ git.tag }}\"\nfiles = [{ from = \"a-{{ git.tag or 2 }}\", to = \"/x\" }]\n\
             cmd = [\"a\", \"{{ git.tag }}\"]\n[image.web.env]\nA = \"{{ version }}$B\"\n",
        );
        let config = read(&directory);
        let error = config.rendered(&values()).unwrap_err();
        insta::assert_snapshot!(directory.masked(error), @r#"
        /p/crossdock.toml:2:11: image `web`: `ldflags`: `git.tag` has no value: this directory is not in a git checkout; replace a missing value with `{{ git.tag | default("…") }}`

        /p/crossdock.toml:6:5: image `web`: `env.A`: `B` has no value: neither the base image nor an earlier line sets it; write `$$B` for the text, or `${B:-}` for an empty value

        /p/crossdock.toml:4:13: image `web`: `cmd[1]`: `git.tag` has no value: this directory is not in a git checkout; replace a missing value with `{{ git.tag | default("…") }}`

        /p/crossdock.toml:3:19: image `web`: `files[0].from`: `/p/a-2` cannot be read: No such file or directory (os error 2)
        "#);
        // An image that a call does not build needs no values.
        assert_eq!(config.rendered(&BTreeMap::new()).unwrap().config.images[0].env["A"], "{{ version }}$B");
    }

    #[test]
    fn values_that_vary_are_counted_by_name() {
        let directory = project(
            "cmd = [\"{{ version }}\", \"{{ version }}\", \"x\"]\nlabels = { c = \"{{ git.short }}\", d = \"d\" }\nenv = { X = \"1\" }\n",
        );
        let image = &mut read(&directory).images[0];
        let varying = image.varying(&values()["web"]);
        assert_eq!(varying.as_deref(), Some("`git.short` in `labels.c`, `version` in `cmd[0]` and 1 more"));
        image.remove_templates();
        assert_eq!((image.labels.len(), image.env.len(), image.cmd.is_none()), (1, 1, true));
        assert_eq!(image.varying(&values()["web"]), None);
    }
}
