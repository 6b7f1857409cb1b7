//! What compile steps write, and where.

use super::place::Place;
use super::variables::Variables;
use super::{option, options};
use crate::lint::images::{Image, Language};

/// What a compile step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) struct Product {
    pub(in crate::lint) writes: Writes,
    /// The names that its programs have.
    pub(in crate::lint) names: Vec<String>,
}

/// Where a compile step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) enum Writes {
    /// Nowhere: it fills a cache, or looks whether something compiles.
    Nothing,
    /// Nowhere, unless there is just one program in what it compiles.
    Perhaps,
    /// To one of these places, or below it.
    To(Vec<Place>),
    /// The file does not tell.
    Unknown,
}

/// What the file tells of where a step works: its folder, and its image.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) folder: Option<&'a str>,
    pub(super) image: &'a Image,
}

pub(super) fn product(
    language: Language,
    words: &[&str],
    variables: &Variables<'_>,
    site: Site<'_>,
) -> Product {
    match language {
        Language::Rust => rust(words, variables, site),
        Language::Go if words.get(1) == Some(&"build") => go_build(words, site),
        Language::Go if words.get(1) == Some(&"install") => go_install(words, variables, site),
        Language::Go => Product { writes: Writes::Unknown, names: Vec::new() },
    }
}

fn go_build(words: &[&str], site: Site<'_>) -> Product {
    let packages = packages(words);
    let inner = option(words, "-C").map(|folder| format!("{}/{folder}", site.folder.unwrap_or_default()));
    let folder = inner.as_deref().filter(|_| site.folder.is_some()).or(site.folder);
    let names: Vec<String> = packages.iter().filter_map(|package| program(package)).collect();
    let several = packages.len() > 1 && !packages.iter().all(|package| package.ends_with(".go"));
    let everything = packages.iter().any(|package| package.contains("..."));
    let writes = match option(words, "-o") {
        _ if packages == ["std"] => Writes::Nothing,
        Some(output) if output == "/dev/null" => Writes::Nothing,
        Some(output) => return written_to(&Place::new(folder, &output), names),
        None if everything => Writes::Perhaps,
        None if several => Writes::Nothing,
        None => match names.first() {
            Some(name) => Writes::To(vec![Place::new(folder, name)]),
            None => Writes::Unknown,
        },
    };
    Product { writes, names: names.into_iter().take(1).collect() }
}

/// What `-o` names is the program, or the folder of programs.
fn written_to(output: &Place, packages: Vec<String>) -> Product {
    let mut places = vec![output.clone()];
    places.extend(packages.iter().map(|name| output.join(name)));
    let names = output.name().map(str::to_owned).into_iter().chain(packages).collect();
    Product { writes: Writes::To(places), names }
}

fn go_install(words: &[&str], variables: &Variables<'_>, site: Site<'_>) -> Product {
    let packages = packages(words);
    let names: Vec<String> = packages.iter().filter_map(|package| program(package)).collect();
    if packages == ["std"] {
        return Product { writes: Writes::Nothing, names };
    }
    let path = variables.get("GOPATH").map(|path| format!("{path}/bin"));
    let official = (site.image.language == Some(Language::Go)).then(|| "/go/bin".to_owned());
    let Some(folder) = variables.get("GOBIN").or(path).or(official) else {
        return Product { writes: Writes::Unknown, names };
    };
    let folder = Place::new(None, &folder);
    // Programs for another platform lie in a folder of that platform, and some packages do not tell their name.
    let whole = variables.get("GOARCH").is_some() || names.len() < packages.len() || packages.is_empty();
    let places = match whole {
        true => vec![folder],
        false => names.iter().map(|name| folder.join(name)).collect(),
    };
    Product { writes: Writes::To(places), names }
}

/// Flags of `go build` whose value is the next word.
const WITH_VALUES: &[&str] = &[
    "-o",
    "-C",
    "-p",
    "-asmflags",
    "-buildmode",
    "-compiler",
    "-covermode",
    "-coverpkg",
    "-gccgoflags",
    "-gcflags",
    "-installsuffix",
    "-ldflags",
    "-mod",
    "-modfile",
    "-overlay",
    "-pgo",
    "-pkgdir",
    "-tags",
    "-toolexec",
];

/// The packages that a `go` command names.
fn packages<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let mut packages = Vec::new();
    let mut words = words.iter().skip(2);
    while let Some(word) = words.next() {
        if WITH_VALUES.contains(word) {
            words.next();
        } else if !word.starts_with('-') {
            packages.push(*word);
        }
    }
    packages
}

/// The name that Go gives the program of a package, where the package's name tells it.
fn program(package: &str) -> Option<String> {
    let mut parts = package.trim_end_matches('/').rsplit('/');
    let is_version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let last = parts.find(|part| !is_version(part))?;
    let name = last.strip_suffix(".go").unwrap_or(last);
    let plain = !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['$', '*', '.']);
    plain.then(|| name.to_owned())
}

fn rust(words: &[&str], variables: &Variables<'_>, site: Site<'_>) -> Product {
    let mut names: Vec<String> =
        ["--bin", "-p", "--package"].iter().flat_map(|name| options(words, name)).collect();
    names.extend(option(words, "--path").and_then(|path| program(&path)));
    let target = option(words, "--target-dir").or_else(|| variables.get("CARGO_TARGET_DIR"));
    let writes = match () {
        () if words.get(1) == Some(&"install") => Writes::Unknown,
        () if words.contains(&"--lib") => Writes::Nothing,
        () => Writes::To(vec![Place::new(site.folder, target.as_deref().unwrap_or("target"))]),
    };
    Product { writes, names }
}
