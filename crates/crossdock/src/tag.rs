//! Tagging of images that are already built.

use crate::context::Context;
use crate::discover::discover;
use crate::error::Error;
use crate::execute::{ExecuteOptions, Observer, Report, execute};
use crate::options::BuildOptions;
use crate::plan::{Goal, plan};

/// Verifies the project's built images, and points their tags at the verified digests. Nothing is compiled.
///
/// ```
/// use crossdock::execute::{ExecuteOptions, Silent};
/// use crossdock::{BuildOptions, tag};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// # let built = BuildOptions::new().goal(crossdock::plan::Goal::Build).platforms(["linux/amd64"]);
/// # let plan = crossdock::plan(&crossdock::discover(&context, &built)?)?;
/// # crossdock::execute(&context, &plan, &ExecuteOptions::new(), &mut Silent)?;
/// let options = BuildOptions::new().platforms(["linux/amd64"]).tags(["2.0"]);
/// let report = tag(&context, &options, &ExecuteOptions::new().strict(), &mut Silent)?;
/// assert!(report.images[0].references[0].starts_with("hello:2.0@sha256:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`discover()`], [`plan()`] and [`execute()`], and an image that is not built.
pub fn tag(
    context: &Context,
    options: &BuildOptions,
    execution: &ExecuteOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    let found = discover(context, &options.clone().goal(Goal::Tag))?;
    execute(context, &plan(&found)?, execution, observer)
}
