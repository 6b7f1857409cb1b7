//! The plan of a run as data: every command, layer, tag and path as one comparable value. `crossdock plan` prints it and
//! `crossdock dist` executes it; nothing outside of [`planner`](crate::planner) decides anything.

mod base;
mod cluster;
mod image;
mod since;
mod step;
mod target;

use std::collections::BTreeSet;
use std::fmt;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use serde::Serialize;

use crossdock_system::availability::Unavailable;
use crossdock_toolchain::doctor::Requirement;

pub use crate::engine::commands::{EngineBase, EngineCall, EngineResult, Purpose, TextFile};
pub use base::{BaseFetch, BaseLayer, BasePlatform, ResolvedBase};
pub use cluster::{Cluster, ClusterLoad, NodeLoad};
pub use crossdock_verify::Node;
pub use image::{
    BuildInfo, CompilerFlag, Container, CopiedContext, EnginePlan, Expected, FilePlan, ImagePlan, ImageShape,
    Load, LoadEngine, PlatformPlan, ProgramPlan, ProjectId, ReleaseArchive, ReleasePlan, SkippedTag,
    StampedCommit,
};
pub use since::{ChangedImage, Since, UnchangedImage};
pub use step::{Action, Artifact, CargoBuild, CargoProgram, GoBuild, Step, StepId};
pub use target::Target;

/// The version of the JSON form of a [`Plan`].
pub const SCHEMA: &str = "crossdock.plan/1";

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The version of the JSON form: [`SCHEMA`].
    pub schema: &'static str,
    /// The version of crossdock that made the plan.
    pub crossdock: &'static str,
    /// The project's root. Absolute.
    pub root: Utf8PathBuf,
    /// The machine that builds.
    pub host: Platform,
    /// The images, in the order of the configuration.
    pub images: Vec<ImagePlan>,
    /// The comparison with a commit; `None` if every image is planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The steps, in an order that respects every [`Step::after`].
    pub steps: Vec<Step>,
    /// Tools of the host that the steps use, each with the image and platform that needs it: `http-api for linux/arm64`.
    pub uses: Vec<(String, Requirement)>,
    /// Requirements that the host does not satisfy. A plan with any of them is not executed.
    pub missing: Vec<Missing>,
    /// Directories that crossdock chose and writes below. A symbolic link in the place of one is never followed, since a
    /// clone may bring it. A directory that `--output` names is not among them.
    #[serde(skip)]
    pub own_directories: BTreeSet<Utf8PathBuf>,
    /// Problems that do not stop the plan.
    pub warnings: Vec<String>,
    /// Assumptions and explanations.
    pub notes: Vec<String>,
}

/// A requirement that the host does not satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Missing {
    /// The image that needs it.
    pub image: String,
    /// The platform that needs it; `None` if the whole image does.
    pub platform: Option<Platform>,
    /// The reason, and the remedies.
    #[serde(flatten)]
    pub unavailable: Unavailable,
}

impl Plan {
    /// Returns the image with a name.
    pub fn image(&self, name: &str) -> Option<&ImagePlan> {
        self.images.iter().find(|image| image.name == name)
    }
}

impl Missing {
    /// Returns the image and platform that need it: `http-api for linux/arm64`.
    pub fn needed_by(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} for {platform}", self.image),
            None => self.image.clone(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "image `{}`", self.image)?;
        self.platform.iter().try_for_each(|platform| write!(f, " for {platform}"))?;
        write!(f, ": {}", self.unavailable)
    }
}
