//! Base images from layouts, for engines that keep images in a store. That store also has the user's tags: hence each base
//! image is loaded under a temporary name, which the Dockerfile then uses, and the name is removed after the build.

use camino::Utf8Path;
use crossdock_dockerfile::read::{Dockerfile, ReadError, Stage, stages};
use crossdock_oci::Reference;
use crossdock_platform::Platform;

use crate::engine::BaseFrom;
use crate::engine::commands::{EngineBase, LoadedBases, temporary_name};
use crate::text::{platform_slug, short_hash};

/// The base images that a call gives for one Dockerfile.
pub(super) struct BaseImages<'a> {
    /// `--base-from`
    pub(super) given: &'a [BaseFrom],
    /// The platforms of the image.
    pub(super) platforms: &'a [Platform],
    /// The value of BUILDPLATFORM.
    pub(super) build_platform: &'a Platform,
    /// The machines that build.
    pub(super) nodes: BuilderNodes,
    /// The directory of the archives that the engine loads.
    pub(super) directory: &'a Utf8Path,
    /// The end of each temporary name in the engine's store.
    pub(super) name_suffix: &'a str,
}

/// The number of machines of a builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuilderNodes {
    /// One, whose platform is BUILDPLATFORM for every build.
    One,
    /// The nodes of a builder of buildx. BUILDPLATFORM differs between them, and buildx does not tell which of a node's
    /// platforms are native.
    Several,
}

impl BaseImages<'_> {
    /// Returns the text of the Dockerfile with temporary names in place of the user's, and the base images to load.
    pub(super) fn rename(&self, file: &Dockerfile, text: &str) -> (String, LoadedBases) {
        let mut bases = LoadedBases::default();
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for stage in stages(file) {
            let image = stage.image.as_deref();
            let Some(index) = self.given.iter().position(|base| image == Some(&base.name)) else { continue };
            let name = self.add(&mut bases, index, &stage);
            if let Some(line) = from_line(&mut lines, &stage) {
                *line = with_word(line, stage.base, &name);
            }
        }
        (lines.join("\n"), bases)
    }

    /// Returns the first given base image that lacks a platform of a stage, with that platform. An engine takes the only
    /// image of a layout for any platform: an image labelled arm64 would then have the files of amd64.
    pub(super) fn unfit(&self, file: &Dockerfile) -> Option<(&BaseFrom, Platform)> {
        stages(file).into_iter().find_map(|stage| {
            let base = self.given.iter().find(|base| stage.image.as_deref() == Some(&base.name))?;
            let wanted = match stage.platform {
                None | Some("$TARGETPLATFORM" | "${TARGETPLATFORM}") => self.platforms.to_vec(),
                // Each node of buildx has its own.
                Some("$BUILDPLATFORM" | "${BUILDPLATFORM}") if self.nodes == BuilderNodes::Several => {
                    Vec::new()
                }
                platform => self.fixed(platform).into_iter().collect(),
            };
            let unfit = wanted.into_iter().find(|wanted| base.choose(wanted).is_none())?;
            Some((base, unfit))
        })
    }

    fn add(&self, bases: &mut LoadedBases, index: usize, stage: &Stage<'_>) -> String {
        let (to, platforms, tag) = match (self.fixed(stage.platform), self.platforms) {
            (Some(platform), _) => (&mut bases.shared, vec![platform.clone()], platform_slug(&platform)),
            (None, [only]) => (&mut bases.shared, vec![only.clone()], platform_slug(only)),
            (None, several) => (&mut bases.per_platform, several.to_vec(), "target".to_owned()),
        };
        let own_name = temporary_name(self.name_suffix, &format!("base-{index}"), &tag);
        for platform in platforms {
            let archive = self.directory.join(format!("base-{index}-{}.tar", platform_slug(&platform)));
            let from = self.given[index].clone();
            let base = EngineBase { from, own_name: own_name.clone(), platform, archive };
            if !to.contains(&base) {
                to.push(base);
            }
        }
        own_name
    }

    /// Returns the platform of a stage if it is the same for every platform of the image.
    fn fixed(&self, platform: Option<&str>) -> Option<Platform> {
        match platform? {
            "$BUILDPLATFORM" | "${BUILDPLATFORM}" => Some(self.build_platform.clone()),
            other => Platform::parse(other).ok(),
        }
    }
}

/// Rewrites a Dockerfile for podman. Other builders need neither change, and BuildKit's linter calls the flag redundant.
///
/// Each stage on a base image of the target platform names that platform: without it Debian's podman looks up the base image
/// under the platform of the previous stage, and an image labelled arm64 then has the files of amd64 (buildah's issue
/// 4721). Each base image gets its full name: Debian's podman has no registry for short names.
///
/// # Errors
/// If the Dockerfile cannot be read. The renderer never writes such a file.
pub(super) fn for_podman(text: &str) -> Result<String, ReadError> {
    let file = Dockerfile::read(text)?;
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let is_pulled = |stage: &Stage<'_>| stage.parent.is_none() && stage.image.as_deref() != Some("scratch");
    for stage in stages(&file).into_iter().filter(is_pulled) {
        let Some(line) = from_line(&mut lines, &stage) else { continue };
        let prefix = stage.image.as_deref().and_then(missing_prefix).unwrap_or_default();
        let base = format!("{prefix}{}", stage.base);
        *line = match stage.platform {
            None => with_word(line, stage.base, &format!("--platform=$TARGETPLATFORM {base}")),
            Some(_) => with_word(line, stage.base, &base),
        };
    }
    Ok(lines.join("\n"))
}

/// Returns the line of a stage's FROM, which the renderer writes on one line.
fn from_line<'a>(lines: &'a mut [String], stage: &Stage<'_>) -> Option<&'a mut String> {
    lines.get_mut(stage.from.lines.first.checked_sub(1)?)
}

/// Replaces the first occurrence of a word in a line. Spaces and tabs stay.
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

/// Returns the part of the full name that a short one lacks: `docker.io/library/` for `golang:1.26`. `None` for a full name,
/// and for what is not a reference, which podman rejects with a message of its own.
fn missing_prefix(image: &str) -> Option<String> {
    let name = image.split('@').next().unwrap_or(image);
    let Reference { repository, .. } = name.parse().ok()?;
    let full = repository.full_name();
    full.strip_suffix(repository.as_str()).map(str::to_owned)
}

/// Returns the end of temporary names in an engine's store. It tells a directory of a machine from all others that may build
/// with the same engine.
pub(super) fn name_suffix(machine: &str, directory: &Utf8Path) -> String {
    short_hash(&format!("{machine}\n{directory}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_stage_has_the_base_of_its_platform() {
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
        let file = Dockerfile::read(text).unwrap();
        let own = Platform::LINUX_AMD64;
        let building = |platforms| BaseImages {
            given: &given,
            platforms,
            build_platform: &own,
            nodes: BuilderNodes::One,
            directory: Utf8Path::new("/p/dist/app.engine"),
            name_suffix: "suffix",
        };
        let (renamed, bases) = building(&platforms).rename(&file, text);
        let begins: Vec<&str> = renamed.lines().filter(|line| line.starts_with("FROM")).collect();
        let own = temporary_name("suffix", "x", "");
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
            loaded(&bases.per_platform),
            [
                "alpine:3.22 linux/arm64 /p/dist/app.engine/base-1-linux-arm64.tar",
                "alpine:3.22 linux/amd64 /p/dist/app.engine/base-1-linux-amd64.tar"
            ]
        );
        let unfit = |building: BaseImages<'_>| {
            building.unfit(&file).map(|(base, platform)| format!("{} {platform}", base.name))
        };
        assert_eq!(unfit(building(&platforms)).as_deref(), Some("alpine:3.22 linux/arm64"));
        assert_eq!(unfit(building(&platforms[1..])), None);
        let arm = BaseImages { build_platform: &Platform::LINUX_ARM64, ..building(&platforms[1..]) };
        assert_eq!(unfit(arm).as_deref(), Some("golang:1.26-alpine3.22 linux/arm64"));
        let nodes = BaseImages {
            build_platform: &Platform::LINUX_ARM64,
            nodes: BuilderNodes::Several,
            ..building(&platforms[1..])
        };
        assert_eq!(unfit(nodes), None);
        let (_, only) = building(&platforms[..1]).rename(&file, text);
        assert_eq!((only.shared.len(), only.per_platform.len()), (2, 0), "one platform needs no moving name");
    }

    #[test]
    fn only_short_names_get_a_registry() {
        let rows = [
            ("FROM golang", "docker.io/library/golang"),
            ("FROM team/go:1", "docker.io/team/go:1"),
            ("FROM debian:trixie-slim@sha256:0", "docker.io/library/debian:trixie-slim@sha256:0"),
            ("FROM gcr.io/distroless/cc-debian13:nonroot", "gcr.io/distroless/cc-debian13:nonroot"),
            ("FROM localhost/crossdock-build/base-0:x", "localhost/crossdock-build/base-0:x"),
            ("FROM 127.0.0.1:5000/golang", "127.0.0.1:5000/golang"),
        ];
        for (given, full) in rows {
            assert_eq!(for_podman(given).unwrap(), format!("FROM --platform=$TARGETPLATFORM {full}"));
        }
        assert_eq!(for_podman("FROM scratch").unwrap(), "FROM scratch");
        let spaced = "  from\t alpine  AS alpine";
        let named = "  from\t --platform=$TARGETPLATFORM docker.io/library/alpine  AS alpine";
        assert_eq!(for_podman(spaced).unwrap(), named);
    }

    #[test]
    fn stages_on_the_target_platform_name_it_for_podman() {
        let text = "ARG DEBIAN=trixie\nFROM --platform=$BUILDPLATFORM golang:1.26-${DEBIAN} AS build\nRUN go build\n\
                    FROM build AS more\nFROM scratch AS files\nFROM debian:${DEBIAN}-slim\nCOPY --from=build /a /a\n";
        let named = for_podman(text).unwrap();
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
