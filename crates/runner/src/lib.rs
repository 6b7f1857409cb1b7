//! Plans a run as one value, and executes exactly that plan.
//!
//! [`planner::plan`] turns a configuration, the projects, the host and a request into a [`Plan`](plan::Plan): every command
//! with its environment, every layer, tag and path, and every requirement that the host does not satisfy.
//! [`execute::execute`] carries it out, one arm for each action, reports to an [`Observer`](execute::Observer), and returns a
//! [`Report`](report::Report).
//!
//! ```
//! assert_eq!(crossdock_runner::bytes(4_100), "4.1 kB");
//! ```

pub mod engine;
pub mod execute;
mod instructions;
pub mod plan;
pub mod planner;
pub mod report;
mod text;

pub use text::{bytes, platform_slug, rfc3339};
