//! Project directories and processes for the tests of this crate.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};

/// A project directory that is removed with its test.
pub(crate) struct TestDirectory(tempfile::TempDir);

impl TestDirectory {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            crossdock_fs::write_atomically(&path, text.as_bytes()).unwrap();
        }
        directory
    }

    /// Returns the real path: temporary directories are reached through a symbolic link on some systems.
    pub(crate) fn path(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.0.path()).unwrap().canonicalize_utf8().unwrap()
    }

    /// Returns the text with `/p` in place of the directory's path.
    pub(crate) fn masked(&self, text: impl ToString) -> String {
        text.to_string().replace(self.path().as_str(), "/p")
    }
}

/// Returns processes that run in this test's environment.
pub(crate) fn processes() -> Processes {
    let mut environment = Environment::from_process().unwrap();
    // Cargo sets these variables for a test program; a user's shell does not have them.
    environment.variables.retain(|name, _| !name.starts_with("CARGO_") && name != "RUSTUP_TOOLCHAIN");
    Processes::new(Arc::new(environment), Cancel::default())
}
