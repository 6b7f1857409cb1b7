//! The plan: everything that a run will do, as one comparable value.

pub use crossdock_runner::plan::{
    Action, Artifact, BuildInfo, CargoBuild, CargoProgram, Container, CopiedContext, EngineBase, EngineCall,
    EnginePlan, EngineResult, Expected, FilePlan, GoBuild, ImagePlan, Load, LoadEngine, Missing, Node, Plan,
    PlatformPlan, ProgramPlan, ProjectId, Purpose, ReleaseArchive, ReleasePlan, SkippedTag, StampedCommit,
    Step, StepId, Target, TextFile,
};
pub use crossdock_runner::planner::{Archive, Goal, Pack};

use crate::discover::Discovered;
use crate::error::{Error, usage};

/// Decides everything that a run will do: each command with its environment, each layer, tag and path, and each missing
/// tool. Equal input gives an equal plan; nothing is run, read or written.
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
/// The options contradict the configuration or each other, or name something that the project does not have. A missing
/// tool is not an error: [`Plan::missing`] lists it, and [`execute`](crate::execute()) refuses such a plan.
pub fn plan(found: &Discovered) -> Result<Plan, Error> {
    let Discovered { config, projects, host, request } = found;
    crossdock_runner::planner::plan(config, projects, host, request).map_err(usage)
}
