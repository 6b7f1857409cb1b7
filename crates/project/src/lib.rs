//! The project as its user declares and owns it: `crossdock.toml`, Cargo workspaces and Go modules, git, and tag templates.
//!
//! A [`Config`](config::Config) is read from `crossdock.toml` and complete; each value remembers its
//! [`Source`](config::Source). [`discover()`] asks cargo or go which programs a directory has, [`git()`] asks for the
//! commit and its tags, and [`template::tag`] makes a tag of both.
//!
//! ```
//! use crossdock_project::config::Config;
//!
//! let directory = tempfile::tempdir()?;
//! let directory = camino::Utf8Path::from_path(directory.path()).ok_or("a path in UTF-8")?;
//! let config = Config::find(directory)?;
//! assert!(config.images.is_empty(), "without crossdock.toml every binary of the project becomes an image");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod config;
mod discover;
mod git;
mod language;
mod projects;
pub mod template;
#[cfg(test)]
mod testing;

pub use config::{Builder, UnknownBuilder};
pub use discover::{
    CargoBinary, CargoPackage, CargoSettings, CargoWorkspace, DiscoverOptions, GoMain, GoModule, GoModules,
    GoRole, Network, PackageMetadata, Program, Project, ProjectError, SelectError, Sources, TargetSetting,
    ToolError, ToolchainFile, UserSetting, cfg_matches, discover, read_manifests,
};
pub use git::{Git, checkout_root, git};
pub use language::{Language, LanguageError};
pub use projects::{DiscoverError, Projects, ProjectsOptions, WithoutTools};
