//! Child processes, their cancellation, and the environment of this process.

pub use crossdock_system::environment::{Environment, EnvironmentError, Terminal, process_arguments};
pub use crossdock_system::process::{
    Cancel, CleanUp, Command, LineReceiver, OutputLine, ProcessError, Processes, StandardInput, Watch,
};
