//! The report of `crossdock config check`: what a configuration means.

use std::collections::BTreeMap;

use super::node::NodeDescription;
use super::{BuildVcs, Config, Deploy, Features, ImageConfig, Libc, Linkage, Port, Route, Source, Sourced};

/// Describes a configuration for a reader: one line for each value, with its source.
pub fn describe(config: &Config) -> String {
    let mut text = match config.files.as_slice() {
        [] => format!("no configuration file: each program of {} becomes an image\n", config.root),
        files => files.iter().map(|file| format!("read {file}\n")).collect(),
    };
    if let Some(builder) = &config.builder {
        text.push_str(&format!("\n{}", sourced("builder", builder, ToString::to_string)));
    }
    for deploy in config.deploys.values() {
        text.push_str(&format!("\ndeploy target {}\n", deploy.name));
        let nodes = deploy.nodes.iter().map(|node| sourced("node", node, with_platform));
        text.extend(nodes);
    }
    for image in &config.images {
        text.push_str(&format!("\nimage {}\n", image.name.value));
        text.extend(program_rows(image));
        text.extend(shared_rows(image, &config.deploys));
    }
    if config.images.is_empty() {
        let unnamed = Sourced::default_because(String::new(), "");
        let root = Sourced::default_because(config.root.clone(), "the project's directory");
        text.push_str("\nevery image\n");
        text.extend(shared_rows(&ImageConfig::new(unnamed, root, &config.defaults), &config.deploys));
    }
    text
}

/// Returns the rows that every image has, declared or not: all but those of the program.
fn shared_rows(image: &ImageConfig, deploys: &BTreeMap<String, Deploy>) -> Vec<String> {
    [
        build_rows(image),
        container_rows(image),
        content_rows(image),
        naming_rows(image, deploys),
        dockerfile_rows(image),
    ]
    .concat()
}

fn program_rows(image: &ImageConfig) -> Vec<String> {
    let mut rows = vec![row("directory", image.path.value.as_str(), Some(&image.path.source))];
    rows.extend(image.language.as_ref().map(|language| sourced("language", language, ToString::to_string)));
    rows.extend(image.package.as_ref().map(|package| sourced("package", package, Clone::clone)));
    rows.push(match &image.binaries {
        Some(binaries) => sourced("programs", binaries, |names| names.join(", ")),
        None => row("program", "the only one, the one of the image's name, or what `cargo run` takes", None),
    });
    rows
}

fn build_rows(image: &ImageConfig) -> Vec<String> {
    let mut rows = vec![sourced("linkage", &image.linkage, Linkage::to_string)];
    rows.extend(image.libc.as_ref().map(|libc| sourced("libc", libc, Libc::to_string)));
    let words = feature_words(&image.features);
    rows.extend(words.map(|features| row("features", &features, image.features_at.as_ref())));
    if !matches!(image.profile.source, Source::Default(_)) {
        rows.push(sourced("profile", &image.profile, Clone::clone));
    }
    rows.extend(image.ldflags.as_ref().map(|flags| sourced("ldflags", flags, Clone::clone)));
    rows.extend(image.cgo.as_ref().map(|cgo| sourced("cgo", cgo, ToString::to_string)));
    rows.extend(image.buildvcs.as_ref().map(|buildvcs| sourced("buildvcs", buildvcs, BuildVcs::to_string)));
    rows.extend(
        image.toolchain.iter().map(|route| sourced("toolchain", route, |route| route.name().to_owned())),
    );
    rows
}

fn feature_words(features: &Features) -> Option<String> {
    let switches = [(features.all, "all"), (features.no_default, "without the default ones")];
    let switches = switches.into_iter().filter(|(on, _)| *on).map(|(_, words)| words);
    let words: Vec<&str> = features.names.iter().map(String::as_str).chain(switches).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn container_rows(image: &ImageConfig) -> Vec<String> {
    let mut rows = Vec::new();
    rows.extend(
        image.entrypoint.as_ref().map(|words| sourced("entrypoint", words, |words| format!("{words:?}"))),
    );
    rows.extend(image.cmd.as_ref().map(|words| sourced("cmd", words, |words| format!("{words:?}"))));
    rows.extend(image.workdir.as_ref().map(|path| sourced("workdir", path, Clone::clone)));
    rows.extend(image.user.as_ref().map(|user| sourced("user", user, Clone::clone)));
    rows.extend(image.expose.iter().map(|port| sourced("port", port, Port::to_string)));
    rows.extend(image.stop_signal.as_ref().map(|signal| sourced("stop-signal", signal, Clone::clone)));
    rows.extend(
        image
            .health
            .as_ref()
            .map(|health| sourced("health", health, |health| format!("{:?}", health.command))),
    );
    for (key, table) in [("env", &image.env), ("label", &image.labels), ("annotation", &image.annotations)] {
        rows.extend(table.iter().map(|(name, value)| row(key, &format!("{name}={value}"), None)));
    }
    rows
}

fn content_rows(image: &ImageConfig) -> Vec<String> {
    let mut rows = vec![sourced("base", &image.base, ToString::to_string)];
    if image.timezones.value {
        rows.push(sourced("timezones", &image.timezones, ToString::to_string));
    }
    rows.extend(image.files.iter().map(|file| {
        sourced("file", file, |file| {
            let mode = file.mode.map(|mode| format!(" with mode {mode:04o}")).unwrap_or_default();
            format!("{} from {}{mode}", file.to, file.from)
        })
    }));
    rows
}

/// Returns the rows of the Dockerfile keys that are set; the others follow from the image.
fn dockerfile_rows(image: &ImageConfig) -> Vec<String> {
    let file = &image.dockerfile;
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let mut rows = Vec::new();
    rows.extend(file.mode.as_ref().map(|mode| sourced("mode", mode, |mode| text(mode))));
    rows.extend(file.base.as_ref().map(|base| sourced("base", base, ToString::to_string)));
    rows.extend(file.debian.as_ref().map(|debian| sourced("debian", debian, |debian| text(debian))));
    rows.extend(file.alpine.as_ref().map(|alpine| sourced("alpine", alpine, Clone::clone)));
    rows.extend(file.toolchain.as_ref().map(|version| sourced("toolchain", version, Clone::clone)));
    rows.extend(file.caching.as_ref().map(|caching| sourced("caching", caching, |caching| text(caching))));
    rows.extend(file.syntax.as_ref().map(|syntax| sourced("syntax", syntax, Clone::clone)));
    let lists = [
        ("packages", &file.packages),
        ("at run time", &file.runtime_packages),
        ("context", &file.context),
        ("netrc", &file.private.netrc),
        ("ssh", &file.private.ssh),
        ("registries", &file.private.registries),
    ];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    rows.extend(lists.map(|(key, list)| row(key, &list.join(", "), None)));
    rows.into_iter().map(|row| row.replacen("  ", "  Dockerfile: ", 1)).collect()
}

fn naming_rows(image: &ImageConfig, deploys: &BTreeMap<String, Deploy>) -> Vec<String> {
    let nodes = |name: &String| {
        let nodes = deploys.get(name).into_iter().flat_map(|deploy| &deploy.nodes);
        let nodes: Vec<String> = nodes.map(|node| with_platform(&node.value)).collect();
        format!("{name} ({})", nodes.join(", "))
    };
    let mut rows: Vec<String> = image.deploy.iter().map(|name| sourced("runs on", name, nodes)).collect();
    if rows.is_empty() {
        rows.push(row(
            "runs on",
            "linux/amd64 and linux/arm64",
            Some(&Source::Default("no `deploy`".into())),
        ));
    }
    rows.push(match &image.repository {
        Some(repository) => sourced("repository", repository, Clone::clone),
        None => row("repository", "the image's name", None),
    });
    rows.push(match &image.tags {
        Some(tags) if tags.value.is_empty() => sourced("tags", tags, |_| "none".to_owned()),
        Some(tags) => sourced("tags", tags, |tags| tags.join(", ")),
        None => row("tags", "the version, where there is one, and latest", None),
    });
    rows.extend(image.tag_env.iter().map(|name| row("tag-env", name, None)));
    rows.extend(
        image.version_tag.as_ref().map(|pattern| sourced("version-tag", pattern, ToString::to_string)),
    );
    rows
}

/// Returns the description of a node with its platform, such as `m5.large → linux/amd64`.
fn with_platform(node: &NodeDescription) -> String {
    let platform = node.platform.to_string();
    if platform == node.text { platform } else { format!("{node} → {platform}") }
}

fn sourced<T>(key: &str, value: &Sourced<T>, words: impl FnOnce(&T) -> String) -> String {
    row(key, &words(&value.value), Some(&value.source))
}

fn row(key: &str, value: &str, source: Option<&Source>) -> String {
    // A line break in a value would begin a line that looks like a row of its own.
    let value = value.replace('\n', "\\n");
    match source {
        Some(source) => format!("  {key:<11} {value}  ({source})\n"),
        None => format!("  {key:<11} {value}\n"),
    }
}

impl Route {
    /// Returns the name in a configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::BuildStd => "build-std",
        }
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}
