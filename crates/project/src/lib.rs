//! The project as its owner declares it: `crossdock.toml`, Cargo workspaces, Go modules, git, and templates.
//!
//! A [`Config`](config::Config) is the resolved configuration, in which each value remembers its
//! [`Source`](config::Source). [`Projects::discover`] asks cargo, go and git about its projects, and [`template::tag`]
//! and [`Config::rendered`](config::Config::rendered) fill templates with the answers.
//!
//! ```
//! use crossdock_project::config::Config;
//!
//! let text = "[deploy.eks]\nnodes = [\"m7g.large\"]\n";
//! let config = Config::from_text("/app/crossdock.toml".into(), text.to_owned())?;
//! let node = &config.deploys["eks"].nodes[0];
//! assert_eq!(node.value.platform, crossdock_platform::Platform::LINUX_ARM64);
//! assert_eq!(node.source.to_string(), "/app/crossdock.toml:2:10");
//! # Ok::<(), crossdock_project::config::ConfigError>(())
//! ```

mod boundary;
pub mod config;
mod discover;
mod git;
mod language;
mod projects;
pub mod since;
pub mod template;
#[cfg(test)]
mod testing;

pub use boundary::{is_project, project_boundary};
pub use config::{Builder, UnknownBuilder};
pub use discover::{
    CargoBinary, CargoCalls, CargoInputs, CargoPackage, CargoSettings, CargoWorkspace, CgoLoss,
    DiscoverOptions, GoEmbed, GoFacts, GoInput, GoInputs, GoMain, GoModule, GoModules, GoPackage, GoRole,
    NativeCode, Network, PackageMetadata, Program, Project, ProjectError, SelectError, Sources,
    TargetSetting, ToolError, ToolchainFile, UserSetting, VariableSetting, cfg_matches, discover,
    go_cache_program, read_manifests,
};
pub use git::{
    Changes, ChangesError, Git, GoCheckout, GoVersion, MissingTags, PathState, VersionTag, VersionTagError,
    WrittenPath, checkout_root, git, go_version, seeing_checkout,
};
pub use language::{Language, LanguageError};
pub use projects::{DiscoverError, Projects, ProjectsOptions, WithoutTools};
