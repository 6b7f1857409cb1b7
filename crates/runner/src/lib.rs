//! Decides what a run does, as one value, and does exactly that.
//!
//! [`plan::plan`] turns a configuration, the projects, the host and a request into a [`Plan`](plan::Plan): every command
//! with its environment, every layer, tag and path, and everything that is missing. [`execute::execute`] carries it out,
//! one arm for each action, reports to an [`Observer`](execute::Observer), and returns a [`Report`](report::Report).
//!
//! ```
//! assert_eq!(crossdock_runner::bytes(4_100), "4.1 kB");
//! ```

pub mod engine;
pub mod execute;
pub mod plan;
pub mod report;

/// A number of bytes as a person reads it, in powers of 1000 as registries count: `812 B`, `4.1 kB`, `12.3 MB`.
pub fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}
