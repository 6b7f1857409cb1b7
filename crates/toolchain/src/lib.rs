//! The compilers and linkers of a machine, and the choice among them for each target.
//!
//! [`host`] describes a machine as a value: [`detect`](host::detect) asks this one, and a file or a platform's name
//! describes another. [`choice`] decides which compiler, linker and libraries build a target, and explains the decision
//! or names the commands that would make one possible. [`doctor`] compares what a plan requires with a host and runs
//! those commands with the user's consent.
//!
//! ```
//! use crossdock_platform::{Linkage, Platform};
//! use crossdock_project::config::Sourced;
//! use crossdock_system::availability::Availability;
//! use crossdock_toolchain::choice::{RustRequest, choose_rust};
//! use crossdock_toolchain::host::Host;
//!
//! // A Mac on which only rustup was installed.
//! let host = Host::hypothetical(&Platform::parse("darwin/arm64")?);
//! let linkage = Sourced::default_because(Linkage::Static, "an example");
//! let platforms = [Platform::LINUX_AMD64];
//! let request = RustRequest::new("/project".into(), &platforms, &linkage);
//!
//! let choice = choose_rust(&request, &host, "/cache".into()).remove(0);
//! let Availability::Unavailable(missing) = choice else { panic!("rustup must add the target first") };
//! assert!(missing.why.contains("no standard library for x86_64-unknown-linux-musl"));
//! assert_eq!(
//!     missing.remedies[0].to_string(),
//!     "rustup target add x86_64-unknown-linux-musl --toolchain stable-aarch64-apple-darwin",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod choice;
pub mod doctor;
pub mod host;
