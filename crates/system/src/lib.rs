//! The only contact of crossdock with the operating system: it starts processes, cancels them, and reads the environment.
//!
//! A library call never reads a global: a caller takes an [`Environment`](environment::Environment) once and hands it
//! down, and a [`Command`](process::Command) is data that a plan holds, prints and compares until
//! [`Processes`](process::Processes) runs it. What a machine lacks is an
//! [`Unavailable`](availability::Unavailable) with its reason and the commands that would bring it.
//!
//! ```
//! use crossdock_system::environment::Environment;
//! use crossdock_system::process::{Cancel, Command, Processes};
//!
//! let environment = Environment::of_process()?;
//! let echo = Command::new("echo", environment.directory.clone()).args(["two words"]);
//! assert!(echo.to_string().ends_with("echo 'two words'"));
//! let processes = Processes::new(environment.into(), Cancel::default());
//! assert_eq!(processes.stdout(&echo)?, "two words\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod availability;
pub mod environment;
pub mod process;
