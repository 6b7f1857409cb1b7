//! One index from the images that several machines built, each for its own platform.

mod annotations;
pub(crate) mod leg;
pub(crate) mod location;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_oci::{
    Descriptor, Digest, Layout, MergeError, MergePart, Pruning, Reference, media_type, merge,
};
use crossdock_platform::Platform;
use crossdock_project::config::{Config, Sourced};
use crossdock_runner::plan::ImagePlan;
use crossdock_runner::planner::named_targets;
use crossdock_subjects::Scope;
use crossdock_verify::{Target, Verdict, Verification, serialize_entries};
use serde::Serialize;

use crate::context::Context;
use crate::discover::discover;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::execute::Unproven;
use crate::gate::Gate;
use crate::options::BuildOptions;
use crate::plan::{Goal, plan};
use leg::{Candidate, Leg};
use location::Location;

/// Options of [`create_index`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct IndexOptions {
    /// The platforms that the index must have, no more and no fewer, e.g. `linux/arm64`; those of the project's plan if
    /// empty.
    pub platforms: Vec<Sourced<String>>,
    /// The image of the project that is meant, if the project has several: its platforms, and its entry in reports of pushes.
    pub images: Vec<Sourced<String>>,
    /// The nodes to verify against, in any vocabulary: `m7g.large`, `linux/arm64`, or `deploy:NAME` of the
    /// configuration; the image's own platforms if empty.
    pub nodes: Vec<Sourced<String>>,
    /// The configuration file instead of the nearest `crossdock.toml`.
    pub config: Option<Utf8PathBuf>,
    /// Annotations that replace those of the sources.
    pub annotations: BTreeMap<String, String>,
    /// Whether to name an index that is not proven to start.
    pub unproven: Unproven,
    /// The programs of the image to verify.
    pub scope: Scope,
}

/// The version of the JSON form of a [`CreatedIndex`].
pub const SCHEMA: &str = "crossdock.index/1";

/// An index that [`create_index`] wrote.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CreatedIndex {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// `NAME@DIGEST`, where a name may be a mere repository; only the digest if the index has no name.
    pub reference: String,
    /// The digest of the index.
    pub digest: Digest,
    /// Whether the index got its name: verification did not reject it.
    pub named: bool,
    /// Its platforms, in the order in which the sources were named.
    pub platforms: Vec<IndexPart>,
    /// Attestations and signatures of the sources that the registry now lists as being about the images of the index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Digest>,
    /// Warnings: parts of the sources that the index does not have, such as attestations, and media types.
    pub warnings: Vec<String>,
    /// The verdict for each target.
    #[serde(serialize_with = "serialize_entries")]
    pub verdicts: Vec<Verification>,
}

/// The image for one platform of a [`CreatedIndex`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IndexPart {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The source as it was named.
    pub source: String,
}

impl IndexOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the platforms that the index must have.
    #[must_use]
    pub fn platforms(self, platforms: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let platforms = BuildOptions::new().platforms(platforms).platforms;
        Self { platforms, ..self }
    }
}

impl CreatedIndex {
    /// Returns the gravest verdict of all targets.
    pub fn verdict(&self) -> Verdict {
        Verdict::gravest(&self.verdicts)
    }
}

/// Merges images for single platforms into one index, verifies it, and then gives it its name.
///
/// `to` is `oci:DIRECTORY`, `oci:DIRECTORY:TAG` or `oci:DIRECTORY:REPOSITORY:TAG`; the repository of a mere tag is the
/// directory's name. A source is an image layout, `oci:DIRECTORY[:NAME]`, or an archive, `oci-archive:FILE[:NAME]`; a
/// path without a prefix may be either. [`registry::create_index`](crate::registry::create_index) also takes images in
/// registries. The index of images that [`execute`](crate::execute()) built on several
/// machines has the digest that one machine would have given it.
///
/// ```
/// use crossdock::execute::{ExecuteOptions, Silent};
/// use crossdock::index::{IndexOptions, create_index};
/// use crossdock::{BuildOptions, discover, execute, plan};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let build = |platforms: &[&str], output: &str| -> Result<String, crossdock::Error> {
///     let options = BuildOptions::new().platforms(platforms.iter().copied()).output(output);
///     let report = execute(&context, &plan(&discover(&context, &options)?)?, &ExecuteOptions::new(), &mut Silent)?;
///     Ok(report.images[0].digest.to_string())
/// };
/// build(&["linux/amd64"], "one")?;
/// build(&["linux/arm64"], "two")?;
/// let whole = build(&["linux/amd64", "linux/arm64"], "whole")?;
///
/// let options = IndexOptions::new().platforms(["linux/amd64", "linux/arm64"]);
/// let sources = ["oci:two/hello".to_owned(), "oci:one/hello".to_owned()];
/// let created = create_index(&context, "oci:merged/hello:1.0", &sources, &options)?;
/// assert_eq!(created.digest.to_string(), whole);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the sources do not hold exactly the wanted platforms, if a configuration contradicts its platform, if the sources
/// are of different versions or commits, or if something cannot be read or written. An index that verification rejects
/// is not an error: it gets no name.
pub fn create_index(
    context: &Context,
    to: &str,
    sources: &[String],
    options: &IndexOptions,
) -> Result<CreatedIndex, Error> {
    context.unless_cancelled(|| create(context, to, sources, options))
}

fn create(
    context: &Context,
    to: &str,
    sources: &[String],
    options: &IndexOptions,
) -> Result<CreatedIndex, Error> {
    let target = location::target(context.directory(), to)?;
    crate::destination::check(&target.0)?;
    let demand = Demand::new(context, options)?;
    let legs = sources
        .iter()
        .map(|source| Leg::open(context, &Location::parse(context.directory(), source)?))
        .collect::<Result<Vec<Leg>, _>>()?;
    demand.write(&legs, target)
}

/// The index that a call asks for.
pub(crate) struct Demand<'a> {
    context: &'a Context,
    options: &'a IndexOptions,
    platforms: Vec<Platform>,
    targets: Vec<Target>,
}

impl<'a> Demand<'a> {
    pub(crate) fn new(context: &'a Context, options: &'a IndexOptions) -> Result<Self, Error> {
        let platforms = wanted_platforms(context, options)?;
        Ok(Self { context, options, platforms, targets: verification_targets(context, options)? })
    }

    /// Returns the image for each platform; see [`leg::choose`].
    pub(crate) fn choose<'l>(&self, legs: &'l [Leg]) -> Result<Vec<Candidate<'l>>, Error> {
        leg::choose(legs, &self.platforms)
    }

    /// Merges the images into a layout, which does not list the index yet, and verifies it. `name` is that of the index.
    pub(crate) fn merge(
        &self,
        layout: &Layout,
        chosen: &[Candidate<'_>],
        name: Option<&str>,
    ) -> Result<(Descriptor, CreatedIndex), Error> {
        let merged = annotations::merged(chosen, &self.options.annotations)?;
        let mut warnings = merged.warnings;
        let parts: Vec<MergePart<'_>> = chosen.iter().map(Candidate::part).collect();
        let index = merge(layout.blobs(), &parts, &merged.annotations).map_err(not_merged)?;
        if index.media_type == media_type::DOCKER_INDEX {
            warnings.push(DOCKER.to_owned());
        }
        let reference = match name {
            Some(name) => format!("{name}@{}", index.digest),
            None => index.digest.to_string(),
        };
        let Self { context, options, targets, .. } = self;
        let gate = Gate { context, targets, scope: options.scope, unproven: options.unproven };
        let verdicts = gate.verify(layout, &index, &reference)?;
        let created = CreatedIndex {
            schema: SCHEMA,
            reference,
            digest: index.digest,
            named: gate.accepts(&verdicts),
            platforms: chosen.iter().map(Candidate::report).collect(),
            attached: Vec::new(),
            warnings,
            verdicts,
        };
        Ok((index, created))
    }

    /// Writes the index into the layout of a directory, which lists it if verification accepts it.
    pub(crate) fn write(
        &self,
        legs: &[Leg],
        (directory, name): (Utf8PathBuf, Option<Reference>),
    ) -> Result<CreatedIndex, Error> {
        let mut warnings: Vec<String> = legs.iter().flat_map(Leg::artifacts).collect();
        let chosen = self.choose(legs)?;
        let layout = Layout::create(directory.as_std_path()).map_err(input_output)?;
        let lock = layout.lock().map_err(input_output)?;
        let full = name.as_ref().map(Reference::to_string);
        let (index, mut created) = self.merge(&layout, &chosen, full.as_deref())?;
        warnings.append(&mut created.warnings);
        if created.named {
            let names: Vec<Reference> = name.into_iter().collect();
            layout.publish(&lock, &index, &names, Pruning::KeepOthers).map_err(input_output)?;
        }
        Ok(CreatedIndex { warnings, ..created })
    }
}

const DOCKER: &str = "the index has Docker's media types, as its images: it has no annotations, and skopeo does not find it in \
                      a layout";

fn not_merged(error: MergeError) -> Error {
    let kind = match error {
        MergeError::Mixed { .. } | MergeError::DigestTwice { .. } | MergeError::MediaType { .. } => {
            ErrorKind::Rejected
        }
        _ => ErrorKind::InputOutput,
    };
    Error::new(kind, &error)
}

/// Returns the platforms that the index must have: those of the call, else those of the project's plan.
fn wanted_platforms(context: &Context, options: &IndexOptions) -> Result<Vec<Platform>, Error> {
    let named = match &options.platforms[..] {
        [] => &context.overrides().platforms,
        platforms => platforms,
    };
    if named.is_empty() {
        return planned_platforms(context, options);
    }
    let config = Config::unconfigured(context.directory());
    let targets = named_targets(&config, named).map_err(usage)?;
    Ok(targets.into_iter().map(|target| target.platform).collect())
}

fn planned_platforms(context: &Context, options: &IndexOptions) -> Result<Vec<Platform>, Error> {
    let mut build = BuildOptions::new().goal(Goal::Tag);
    build.config.clone_from(&options.config);
    build.images.clone_from(&options.images);
    let named = |error: Error| error.hint("or name the platforms of the index with `--platform`");
    let plan = plan(&discover(context, &build).map_err(named)?)?;
    let platforms = |image: &ImagePlan| -> Vec<Platform> {
        image.platforms.iter().map(|plan| plan.platform.clone()).collect()
    };
    let each: Vec<Vec<Platform>> = plan.images.iter().map(platforms).collect();
    match &each[..] {
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(first.clone()),
        _ => {
            let names: Vec<&str> = plan.images.iter().map(|image| image.name.as_str()).collect();
            let message = format!("the images of the project have different platforms: {}", names.join(", "));
            Err(Error::from_message(ErrorKind::Usage, message).hint("choose one of them with `--image`"))
        }
    }
}

fn verification_targets(context: &Context, options: &IndexOptions) -> Result<Vec<Target>, Error> {
    let nodes = match &options.nodes[..] {
        [] => &context.overrides().nodes,
        nodes => nodes,
    };
    let verify = crate::verify::VerifyOptions {
        nodes: nodes.to_vec(),
        config: options.config.clone(),
        scope: options.scope,
    };
    let targets = crate::verify::targets(context, &verify)?;
    Ok(targets.iter().map(|target| target.for_verification()).collect())
}
