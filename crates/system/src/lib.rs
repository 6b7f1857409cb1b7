//! Starts processes, cancels them, and reads the environment: crossdock's only contact with the operating system besides
//! files.
//!
//! No library call reads a global: a program takes an [`Environment`](environment::Environment) once and passes it down,
//! and a [`Command`](process::Command) is data that a plan holds, prints and compares until
//! [`Processes`](process::Processes) runs it. A missing tool is an [`Unavailable`](availability::Unavailable) with its
//! reason and the commands that install it.
//!
//! ```
//! use crossdock_system::environment::Environment;
//! use crossdock_system::process::{Cancel, Command, Processes};
//!
//! let environment = Environment::from_process()?;
//! let echo = Command::new("echo", environment.directory.clone()).args(["two words"]);
//! assert!(echo.to_string().ends_with("echo 'two words'"));
//! let processes = Processes::new(environment.into(), Cancel::default());
//! assert_eq!(processes.stdout(&echo)?, "two words\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod availability;
pub mod environment;
pub mod process;
