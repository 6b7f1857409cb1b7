//! `cargo xtask test`: installs the tools that the tests need, then runs the tests.

use crate::arguments::Test;
use crate::prerequisites;
use crate::shell::{Failure, Tool};

/// Installs tools and runs tests.
pub(crate) fn run(options: &Test) -> Result<(), Failure> {
    prerequisites::install()?;
    if options.install {
        return Ok(());
    }
    let filter = options.filter.as_deref();
    command(filter).run()?;
    if options.long {
        long_command(filter).run()?;
    }
    Ok(())
}

/// Returns the command for the tests that everybody runs.
pub(crate) fn command(filter: Option<&str>) -> Tool {
    let tool = Tool::new(["cargo", "test", "--workspace", "--no-fail-fast"]);
    filter.into_iter().fold(tool, Tool::arg)
}

/// Returns the command for the long tests. They are ignored by default and called `long_…`.
pub(crate) fn long_command(filter: Option<&str>) -> Tool {
    let tool = Tool::new(["cargo", "test", "--workspace", "--tests", "--no-fail-fast", "--"]);
    tool.arg("--ignored").arg(filter.unwrap_or("long_"))
}

/// Returns the command for the long tests of one file: those with the given names, or all if there are none.
pub(crate) fn long_target(package: &str, target: &str, names: &[String]) -> Tool {
    let tool = Tool::new(["cargo", "test", "--package", package, "--test", target, "--", "--ignored"]);
    if names.is_empty() { tool.arg("long_") } else { names.iter().fold(tool.arg("--exact"), Tool::arg) }
}
