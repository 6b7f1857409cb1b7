//! The compilers and linkers of a machine, and the choice among them for each target.
//!
//! [`host::detect`] asks a machine for its tools, and a [`Host`](host::Host) is data: one that is read from a file stands in
//! for a machine that is elsewhere. [`choice`] decides which compiler, linker and libraries build a target, with its reason
//! or with the remedies for what is missing, and [`doctor`] runs those remedies.
//!
//! ```no_run
//! use crossdock_system::environment::Environment;
//! use crossdock_system::process::{Cancel, Processes};
//! use crossdock_toolchain::host::{Needs, detect};
//!
//! let environment = Environment::from_process()?;
//! let processes = Processes::new(environment.into(), Cancel::default());
//! let host = detect(&processes, &Needs::default())?;
//! println!("{}", serde_json::to_string_pretty(&host)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod choice;
pub mod doctor;
pub mod host;
