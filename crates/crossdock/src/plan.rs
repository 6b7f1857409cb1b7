//! The plan: everything that a run will do, as one comparable value.

pub use crossdock_project::since::{ChangeKind, ChangeReason};
pub use crossdock_runner::plan::{
    Action, Artifact, BuildInfo, CargoBuild, CargoProgram, ChangedImage, Cluster, ClusterLoad, Container,
    CopiedContext, EngineBase, EngineCall, EnginePlan, EngineResult, Expected, FilePlan, GoBuild, ImagePlan,
    ImageShape, Load, LoadEngine, Missing, Node, NodeLoad, Plan, PlatformPlan, ProgramPlan, ProjectId,
    Purpose, ReleaseArchive, ReleasePlan, Since, SkippedTag, StampedCommit, Step, StepId, Target, TextFile,
    UnchangedImage,
};
pub use crossdock_runner::planner::{Archive, Goal, Pack, Tagging};
pub use crossdock_scaffold::{Forge, MatrixJob};

use crate::discover::{Discovered, rendered};
use crate::error::{Error, usage};

/// Decides everything that a run will do: each command with its environment, each layer, tag and path, and each missing
/// tool. Equal input gives an equal plan; nothing is run or written, and only files whose names are templates are looked
/// up.
///
/// ```
/// use crossdock::{BuildOptions, discover, plan};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let found = discover(&context, &BuildOptions::new().platforms(["linux/arm64"]))?;
/// let plan = plan(&found)?;
/// assert_eq!(plan.images[0].name, "hello");
/// assert!(plan.missing.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The options contradict the configuration or each other, or name something that the project does not have, or a
/// template has no value. A missing
/// tool is not an error: [`Plan::missing`] lists it, and [`execute`](crate::execute()) refuses such a plan.
pub fn plan(found: &Discovered) -> Result<Plan, Error> {
    let Discovered { config, projects, host, request } = found;
    let config = rendered(config, projects, request)?;
    crossdock_runner::planner::plan(&config, projects, host, request).map_err(usage)
}

/// Returns the jobs of a pipeline that builds the images of a plan, one for each platform, with the images that have it. A
/// tool that this machine misses is not needed here.
///
/// ```
/// use crossdock::plan::{Forge, matrix};
/// use crossdock::{BuildOptions, discover, plan};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let found = discover(&context, &BuildOptions::new().platforms(["linux/arm64"]))?;
/// let jobs = matrix(&plan(&found)?, Forge::Github);
/// assert_eq!((jobs[0].platform.as_str(), jobs[0].runner), ("linux/arm64", "ubuntu-24.04-arm"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn matrix(plan: &Plan, forge: Forge) -> Vec<MatrixJob> {
    let images = plan
        .images
        .iter()
        .flat_map(|image| image.platforms.iter().map(|built| (image.name.as_str(), &built.platform)));
    crossdock_scaffold::matrix_jobs(images, forge)
}
