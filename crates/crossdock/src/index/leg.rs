//! The sources of an index, and the images that are taken from them.

use crossdock_oci::{
    Descriptor, ImageSource, MergePart, PlatformObject, Repository, SourceImage, SourcePlatform,
};
use crossdock_platform::Platform;
use crossdock_subjects::parse_platform;

use super::IndexPart;
use super::location::Location;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};

/// The image of one source: what one machine built.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) name: String,
    pub(crate) source: ImageSource,
    pub(crate) image: SourceImage,
    /// The repository, if it is in a registry.
    #[cfg_attr(not(feature = "registry"), expect(dead_code, reason = "only images in registries have one"))]
    pub(crate) repository: Option<Repository>,
}

/// The image of a leg for one platform.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'a> {
    pub(crate) leg: &'a Leg,
    pub(crate) platform: Platform,
    pub(crate) image: &'a SourcePlatform,
}

impl Leg {
    pub(crate) fn open(context: &Context, location: &Location) -> Result<Self, Error> {
        let temporary = context.environment().temporary_directory();
        let source = ImageSource::open(location.path.as_std_path(), &temporary).map_err(input_output)?;
        let image = only_image(&source, location)?.clone();
        Ok(Self { name: location.text.clone(), source, image, repository: None })
    }

    /// Returns a warning for each entry that is not an image, such as an attestation.
    pub(crate) fn artifacts(&self) -> impl Iterator<Item = String> + '_ {
        self.image.skipped.iter().map(|entry| self.left_out(entry))
    }

    /// Returns a warning for an entry that the index does not have.
    pub(crate) fn left_out(&self, entry: &Descriptor) -> String {
        let kind = entry.annotations.get("vnd.docker.reference.type").map_or("artifact", String::as_str);
        let of = entry.annotations.get("vnd.docker.reference.digest");
        let of = of.map(|digest| format!(" of {digest}")).unwrap_or_default();
        format!("not in the index: {kind} {}{of} of {}", entry.digest, self.name)
    }
}

/// Returns the image of the name, or the only one.
fn only_image<'a>(source: &'a ImageSource, location: &Location) -> Result<&'a SourceImage, Error> {
    let failed = |message: String| Error::from_message(ErrorKind::Usage, message);
    let text = &location.text;
    let Some(wanted) = &location.name else {
        return match source.images() {
            [only] => Ok(only),
            [] => Err(failed(format!("source `{text}` holds no image"))),
            images => {
                let names: Vec<&str> =
                    images.iter().flat_map(|image| &image.names).map(String::as_str).collect();
                Err(failed(format!("source `{text}` holds {} images: {}", images.len(), names.join(", ")))
                    .hint("add the name of one of them: `oci:DIRECTORY:NAME`"))
            }
        };
    };
    // The name in the source is the full one if it has one, and people write its tag, as for skopeo.
    let has_name = |image: &&SourceImage| {
        image
            .names
            .iter()
            .any(|name| name == wanted || name.rsplit_once(':').is_some_and(|(_, tag)| tag == wanted))
    };
    let mut named = source.images().iter().filter(has_name);
    match (named.next(), named.next()) {
        (Some(image), None) => Ok(image),
        (None, _) => Err(failed(format!("source `{text}` holds no image `{wanted}`"))),
        (Some(_), Some(_)) => Err(failed(format!("source `{text}` holds several images `{wanted}`"))
            .hint("name the image in full: `oci:DIRECTORY:REPOSITORY:TAG`")),
    }
}

impl<'a> Candidate<'a> {
    pub(crate) fn part(&self) -> MergePart<'a> {
        MergePart { source: &self.leg.source, image: self.image }
    }

    pub(crate) fn report(&self) -> IndexPart {
        IndexPart {
            platform: self.platform.clone(),
            digest: self.image.descriptor.digest,
            source: self.leg.name.clone(),
        }
    }
}

/// Returns the image for each of the wanted platforms.
///
/// # Errors
/// If the legs have not exactly the wanted platforms, or if the configuration of an image contradicts its platform. All
/// of that is in one error.
pub(crate) fn choose<'a>(legs: &'a [Leg], wanted: &[Platform]) -> Result<Vec<Candidate<'a>>, Error> {
    let (mut chosen, mut problems): (Vec<Candidate<'a>>, Vec<String>) = Default::default();
    for leg in legs {
        for image in &leg.image.platforms {
            match candidate(leg, image) {
                Ok(candidate) => add(&mut chosen, candidate, &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
    }
    for platform in wanted {
        if !chosen.iter().any(|candidate| candidate.platform == *platform) {
            let names: Vec<&str> = legs.iter().map(|leg| leg.name.as_str()).collect();
            problems.push(format!("no source holds an image for {platform}: {}", names.join(", ")));
        }
    }
    for candidate in chosen.iter().filter(|candidate| !wanted.contains(&candidate.platform)) {
        let Candidate { leg, platform, .. } = candidate;
        problems.push(format!("`{}` holds an image for {platform}, which the index must not have", leg.name));
    }
    let Some((first, others)) = problems.split_first() else { return Ok(chosen) };
    let error = Error::from_message(ErrorKind::Rejected, first.clone());
    let error = others.iter().fold(error, |error, line| error.line(line));
    let listed: Vec<String> = wanted.iter().map(Platform::to_string).collect();
    Err(error.hint(format!("the index must have {}; `--platform` names others", listed.join(", "))))
}

/// Adds an image, unless it was added before: a leg may have run twice.
fn add<'a>(chosen: &mut Vec<Candidate<'a>>, candidate: Candidate<'a>, problems: &mut Vec<String>) {
    let earlier = chosen.iter().find(|earlier| earlier.platform == candidate.platform);
    let Some(earlier) = earlier else { return chosen.push(candidate) };
    let (one, other) = (earlier.image.descriptor.digest, candidate.image.descriptor.digest);
    if one != other {
        problems.push(format!(
            "`{}` and `{}` hold different images for {}: {one} and {other}",
            earlier.leg.name, candidate.leg.name, candidate.platform
        ));
    }
}

/// Returns an image with its platform, which its configuration must not contradict: engines choose by the index, and
/// refuse or mislabel what they then find.
fn candidate<'a>(leg: &'a Leg, image: &'a SourcePlatform) -> Result<Candidate<'a>, String> {
    let (listed, configured) = (image.platform(), &image.config.value.platform);
    let digest = image.descriptor.digest;
    let unknown = |platform: &PlatformObject| {
        format!("`{}`: manifest {digest} has the unknown platform `{platform}`", leg.name)
    };
    let platform = parse_platform(listed).ok_or_else(|| unknown(listed))?;
    let own = parse_platform(configured).ok_or_else(|| unknown(configured))?;
    let is_same = own.os() == platform.os() && own.architecture() == platform.architecture();
    // Builders often leave the variant out of one of the two.
    let variants = (own.variant(), platform.variant());
    let has_same_variant = !matches!(variants, (Some(own), Some(listed)) if own != listed);
    if is_same && has_same_variant {
        return Ok(Candidate { leg, platform, image });
    }
    Err(format!(
        "`{}`: manifest {digest} is listed for {platform}, and its configuration is of {own}; build it again",
        leg.name
    ))
}
