//! Reads, lints and renders Dockerfiles that compile for several platforms.
//!
//! [`render`](render::render) turns a typed request into a Dockerfile whose program starts on its base image, or into
//! an error that names the nearest valid choice. [`read`] parses any Dockerfile as BuildKit does and keeps every byte
//! of it; [`lint`](lint::lint) finds images whose program cannot start. The crate is pure: text and values in, text and
//! values out.
//!
//! ```
//! use crossdock_dockerfile::lint::{Options, lint};
//! use crossdock_dockerfile::read::{Dockerfile, stages};
//! use crossdock_dockerfile::render::{Linking, Mode, Program, Request, render};
//! use crossdock_platform::Platform;
//!
//! let server = Program::new("server", "./cmd/server");
//! let platforms = Mode::Cross(vec![Platform::LINUX_AMD64, Platform::LINUX_ARM64]);
//! let rendered = render(&Request::new(Linking::GoStatic, "1.26", vec![server], platforms))?;
//!
//! let file = Dockerfile::read(&rendered.dockerfile)?;
//! assert_eq!(stages(&file)[0].platform, Some("$BUILDPLATFORM"));
//! assert!(lint(&rendered.dockerfile, &Options::default()).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod lint;
pub mod read;
pub mod render;
