//! The tools of this machine.

use std::path::PathBuf;

/// Where `tool` is. Panics when it is missing: the test that needs it must fail, not pass silently.
pub fn need(tool: &str) -> PathBuf {
    // Daemons live in folders that are not always on a person's PATH.
    let everywhere = std::env::join_paths(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from)),
    );
    which::which_in(tool, everywhere.ok(), "/").unwrap_or_else(|_| {
        panic!("this test needs `{tool}`, which is not on the PATH; `cargo xtask test` installs what the tests need")
    })
}
