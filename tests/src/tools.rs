//! The tools of this machine.

use std::path::PathBuf;

/// Where `tool` is. Panics when it is missing: the test that needs it must fail, not pass silently.
pub fn need(tool: &str) -> PathBuf {
    which::which(tool).unwrap_or_else(|_| {
        panic!("this test needs `{tool}`, which is not on the PATH; `cargo xtask test` installs what the tests need")
    })
}
