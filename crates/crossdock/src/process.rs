//! Child processes, their cancellation, and the environment of this process.

pub use crossdock_system::environment::{Environment, EnvironmentError, Terminal, arguments_of_process};
pub use crossdock_system::process::{Cancel, Command, Line, ProcessError, Processes};
