//! Base images from layouts, for engines that keep images in a store which the user's own tags share: each is loaded
//! under a name of our own, with which the Dockerfile then begins, and forgotten after the build.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::read::{Dockerfile, Stage, stages};
use crossdock_oci::Reference;
use crossdock_platform::Platform;
use serde::Serialize;

use super::cargo::{short_hash, slug};
use crate::engine::BaseFrom;

/// A base image on its way into an engine's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineBase {
    /// Where it comes from, and what the user calls it.
    #[serde(flatten)]
    pub from: BaseFrom,
    /// What it is called in the engine's store for as long as the build takes.
    pub own_name: String,
    /// Which of its platforms is loaded.
    pub platform: Platform,
    /// The archive that the engine loads.
    pub archive: Utf8PathBuf,
}

/// The bases of one Dockerfile.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// Those of the same platform for every build: the builder's own, as a rule.
    pub(super) shared: Vec<EngineBase>,
    /// Those of the platform that is built for, under a name that moves from one build to the next.
    pub(super) of_each: Vec<EngineBase>,
}

/// What a Dockerfile is built with.
pub(super) struct Building<'a> {
    /// `--base-from`
    pub(super) given: &'a [BaseFrom],
    /// The platforms that it builds for.
    pub(super) platforms: &'a [Platform],
    /// What BUILDPLATFORM is.
    pub(super) own: &'a Platform,
    /// Whether it is that for every build.
    pub(super) nodes: Nodes,
    /// Where archives are written.
    pub(super) folder: &'a Utf8Path,
    /// What our names in the engine's store end with.
    pub(super) mark: &'a str,
}

/// On how many machines an engine builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nodes {
    /// On its own.
    One,
    /// On those of a builder of buildx, whose own platforms it does not tell from others that they emulate.
    Several,
}

impl Building<'_> {
    /// The Dockerfile with our names in the place of the user's, and what has to be loaded for it.
    pub(super) fn rename(&self, text: &str) -> (String, Bases) {
        let mut bases = Bases::default();
        let Ok(file) = Dockerfile::read(text) else { return (text.to_owned(), bases) };
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for stage in stages(&file) {
            let image = stage.image.as_deref();
            let Some(place) = self.given.iter().position(|base| image == Some(&base.name)) else { continue };
            let name = self.add(&mut bases, place, &stage);
            // A FROM of the renderer's takes one line.
            if let Some(line) = lines.get_mut(stage.from.lines.first.saturating_sub(1)) {
                *line = with_word(line, stage.base, &name);
            }
        }
        (lines.join("\n"), bases)
    }

    /// The first base from a layout that is not for a platform which a stage has to lie on, with that platform. An engine
    /// takes the one image of a layout for whatever it is asked for: an image labelled arm64 would be full of amd64.
    pub(super) fn unfit(&self, text: &str) -> Option<(&BaseFrom, Platform)> {
        let file = Dockerfile::read(text).ok()?;
        stages(&file).into_iter().find_map(|stage| {
            let base = self.given.iter().find(|base| stage.image.as_deref() == Some(&base.name))?;
            let wanted = match stage.platform {
                None | Some("$TARGETPLATFORM" | "${TARGETPLATFORM}") => self.platforms.to_vec(),
                // Each node of buildx has its own.
                Some("$BUILDPLATFORM" | "${BUILDPLATFORM}") if self.nodes == Nodes::Several => Vec::new(),
                platform => self.fixed(platform).into_iter().collect(),
            };
            let unfit = wanted.into_iter().find(|wanted| base.choose(wanted).is_none())?;
            Some((base, unfit))
        })
    }

    fn add(&self, bases: &mut Bases, place: usize, stage: &Stage<'_>) -> String {
        let (to, platforms, word) = match (self.fixed(stage.platform), self.platforms) {
            (Some(platform), _) => (&mut bases.shared, vec![platform.clone()], slug(&platform)),
            (None, [only]) => (&mut bases.shared, vec![only.clone()], slug(only)),
            (None, several) => (&mut bases.of_each, several.to_vec(), "target".to_owned()),
        };
        let own_name = own_name(self.mark, &format!("base-{place}"), &word);
        for platform in platforms {
            let archive = self.folder.join(format!("base-{place}-{}.tar", slug(&platform)));
            let from = self.given[place].clone();
            let base = EngineBase { from, own_name: own_name.clone(), platform, archive };
            if !to.contains(&base) {
                to.push(base);
            }
        }
        own_name
    }

    /// The platform of a stage that is the same whatever is built for.
    fn fixed(&self, platform: Option<&str>) -> Option<Platform> {
        match platform? {
            "$BUILDPLATFORM" | "${BUILDPLATFORM}" => Some(self.own.clone()),
            other => Platform::parse(other).ok(),
        }
    }
}

/// The Dockerfile as podman needs it.
///
/// Each stage on a base of the platform that is built for says so: without it Debian's podman looks for that base under
/// the platform of the stage before, and what is labelled arm64 then lies on an amd64 system (buildah's issue 4721). Each
/// base has its full name: Debian's podman knows no registry in which it would look for a short one. Other builders need
/// neither, and BuildKit's linter calls the flag redundant.
pub(super) fn for_podman(text: &str) -> String {
    let Ok(file) = Dockerfile::read(text) else { return text.to_owned() };
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let is_pulled = |stage: &Stage<'_>| stage.parent.is_none() && stage.image.as_deref() != Some("scratch");
    for stage in stages(&file).into_iter().filter(is_pulled) {
        let Some(line) = lines.get_mut(stage.from.lines.first.saturating_sub(1)) else { continue };
        let registry = stage.image.as_deref().map(registry).unwrap_or_default();
        let base = format!("{registry}{}", stage.base);
        *line = match stage.platform {
            None => with_word(line, stage.base, &format!("--platform=$TARGETPLATFORM {base}")),
            Some(_) => with_word(line, stage.base, &base),
        };
    }
    lines.join("\n")
}

/// The line with other text in the place of a word. Its spaces and tabs stay.
fn with_word(line: &str, word: &str, text: &str) -> String {
    let mut text = Some(text);
    let part = |part: &str| {
        let found = part.trim_end();
        match text.take_if(|_| found == word) {
            Some(text) => format!("{text}{}", &part[found.len()..]),
            None => part.to_owned(),
        }
    };
    line.split_inclusive(char::is_whitespace).map(part).collect()
}

/// What is missing before a short name: `docker.io/library/` of `golang:1.26`, nothing of `gcr.io/distroless/cc`.
fn registry(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let Ok(Reference { repository, .. }) = name.parse() else { return String::new() };
    let full = repository.full_name();
    full.strip_suffix(repository.as_str()).unwrap_or_default().to_owned()
}

/// A name of our own in an engine's store, for as long as a build takes: nothing has a user's tag before it is
/// verified. The layout's lock keeps two runs on one machine from sharing it, and [`mark`] two machines.
pub(super) fn own_name(mark: &str, what: &str, word: &str) -> String {
    format!("localhost/crossdock-build/{what}:{word}-{mark}")
}

/// Tells a folder on a machine from all others that may build with the same engine.
pub(super) fn mark(machine: &str, folder: &Utf8Path) -> String {
    short_hash(&format!("{machine}\n{folder}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_begins_with_the_platform_that_it_runs_on() {
        let base = |name: &str| BaseFrom {
            name: name.to_owned(),
            layout: "/l".into(),
            digest: crossdock_oci::Digest::of(b"base"),
            platforms: vec!["linux/amd64".to_owned()],
        };
        let given = [base("golang:1.26-alpine3.22"), base("alpine:3.22"), base("unused")];
        let platforms = [Platform::LINUX_ARM64, Platform::LINUX_AMD64];
        let text = "ARG ALPINE=3.22\nFROM --platform=$BUILDPLATFORM golang:1.26-alpine${ALPINE} AS build\n\
                    RUN go build\nFROM alpine:${ALPINE}\nCOPY --from=build /a /a\n";
        let own = Platform::LINUX_AMD64;
        let building = |platforms| Building {
            given: &given,
            platforms,
            own: &own,
            nodes: Nodes::One,
            folder: Utf8Path::new("/p/dist/app.engine"),
            mark: "mark",
        };
        let (renamed, bases) = building(&platforms).rename(text);
        let begins: Vec<&str> = renamed.lines().filter(|line| line.starts_with("FROM")).collect();
        let own = own_name("mark", "x", "");
        let (_, hash) = own.rsplit_once(':').unwrap();
        assert_eq!(
            begins,
            [
                format!(
                    "FROM --platform=$BUILDPLATFORM localhost/crossdock-build/base-0:linux-amd64{hash} AS build"
                ),
                format!("FROM localhost/crossdock-build/base-1:target{hash}"),
            ]
        );
        let loaded = |bases: &[EngineBase]| {
            let each =
                bases.iter().map(|base| format!("{} {} {}", base.from.name, base.platform, base.archive));
            each.collect::<Vec<_>>()
        };
        assert_eq!(
            loaded(&bases.shared),
            ["golang:1.26-alpine3.22 linux/amd64 /p/dist/app.engine/base-0-linux-amd64.tar"]
        );
        assert_eq!(
            loaded(&bases.of_each),
            [
                "alpine:3.22 linux/arm64 /p/dist/app.engine/base-1-linux-arm64.tar",
                "alpine:3.22 linux/amd64 /p/dist/app.engine/base-1-linux-amd64.tar"
            ]
        );
        let unfit = |building: Building<'_>, text: &str| {
            building.unfit(text).map(|(base, platform)| format!("{} {platform}", base.name))
        };
        assert_eq!(unfit(building(&platforms), text).as_deref(), Some("alpine:3.22 linux/arm64"));
        assert_eq!(unfit(building(&platforms[1..]), text), None);
        let arm = Building { own: &Platform::LINUX_ARM64, ..building(&platforms[1..]) };
        assert_eq!(unfit(arm, text).as_deref(), Some("golang:1.26-alpine3.22 linux/arm64"));
        let nodes =
            Building { own: &Platform::LINUX_ARM64, nodes: Nodes::Several, ..building(&platforms[1..]) };
        assert_eq!(unfit(nodes, text), None);
        let (_, alone) = building(&platforms[..1]).rename(text);
        assert_eq!((alone.shared.len(), alone.of_each.len()), (2, 0), "one platform needs no moving name");
    }

    #[test]
    fn a_short_name_gets_its_registry_and_others_stay() {
        let rows = [
            ("FROM golang", "docker.io/library/golang"),
            ("FROM team/go:1", "docker.io/team/go:1"),
            ("FROM debian:trixie-slim@sha256:0", "docker.io/library/debian:trixie-slim@sha256:0"),
            ("FROM gcr.io/distroless/cc-debian13:nonroot", "gcr.io/distroless/cc-debian13:nonroot"),
            ("FROM localhost/crossdock-build/base-0:x", "localhost/crossdock-build/base-0:x"),
            ("FROM 127.0.0.1:5000/golang", "127.0.0.1:5000/golang"),
        ];
        for (given, full) in rows {
            assert_eq!(for_podman(given), format!("FROM --platform=$TARGETPLATFORM {full}"));
        }
        assert_eq!(for_podman("FROM scratch"), "FROM scratch");
        let spaced = "  from\t alpine  AS alpine";
        let named = "  from\t --platform=$TARGETPLATFORM docker.io/library/alpine  AS alpine";
        assert_eq!(for_podman(spaced), named);
    }

    #[test]
    fn a_stage_on_the_platform_that_is_built_for_says_so() {
        let text = "ARG DEBIAN=trixie\nFROM --platform=$BUILDPLATFORM golang:1.26-${DEBIAN} AS build\nRUN go build\n\
                    FROM build AS more\nFROM scratch AS files\nFROM debian:${DEBIAN}-slim\nCOPY --from=build /a /a\n";
        let named = for_podman(text);
        let changed: Vec<&str> = named.lines().filter(|line| !text.lines().any(|old| old == *line)).collect();
        assert_eq!(
            changed,
            [
                "FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26-${DEBIAN} AS build",
                "FROM --platform=$TARGETPLATFORM docker.io/library/debian:${DEBIAN}-slim"
            ]
        );
        assert_eq!(named.lines().count(), text.lines().count(), "lines keep their numbers");
    }
}
