//! Child processes, their cancellation, and the environment of this process.

pub use crossdock_system::environment::{Environment, EnvironmentError, Terminal, process_arguments};
pub use crossdock_system::process::{
    Cancel, Command, LineReceiver, OutputLine, ProcessError, Processes, Watch,
};
