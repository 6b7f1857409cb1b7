//! Places for files that are removed at the end of a call.

use camino::Utf8Path;
#[cfg(feature = "registry")]
use camino::Utf8PathBuf;
use crossdock_fs::TemporaryDirectory;
#[cfg(feature = "registry")]
use crossdock_oci::Layout;
use crossdock_system::process::CleanUp;

use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};

/// A temporary directory whose removal an interrupted process awaits.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TemporaryDirectory,
    // Dropped after the directory.
    _cleanup: CleanUp,
}

impl Place {
    /// Creates one.
    ///
    /// # Errors
    /// The directory for temporary files is not writable.
    pub(crate) fn create(context: &Context) -> Result<Self, Error> {
        let cleanup = context.cancel.clean_up();
        let parent = context.environment().temporary_directory();
        let directory = TemporaryDirectory::create_in(&parent, "crossdock-").map_err(input_output)?;
        Ok(Self { directory, _cleanup: cleanup })
    }

    /// Returns its path.
    ///
    /// # Errors
    /// The path is not UTF-8.
    pub(crate) fn path(&self) -> Result<&Utf8Path, Error> {
        let path = self.directory.path();
        Utf8Path::from_path(path).ok_or_else(|| {
            let parent = path.parent().unwrap_or(path).display();
            let message = format!("the temporary directory {parent} is not UTF-8; set TMPDIR");
            Error::from_message(ErrorKind::InputOutput, message)
        })
    }

    /// Returns the path of something in it.
    ///
    /// # Errors
    /// The path is not UTF-8.
    #[cfg(feature = "registry")]
    pub(crate) fn join(&self, name: &str) -> Result<Utf8PathBuf, Error> {
        Ok(self.path()?.join(name))
    }

    /// Creates a layout in it.
    ///
    /// # Errors
    /// It cannot be written.
    #[cfg(feature = "registry")]
    pub(crate) fn layout(&self) -> Result<Layout, Error> {
        Layout::create(self.directory.path().join("layout")).map_err(input_output)
    }
}

/// A layout that is removed with this value.
#[cfg(feature = "registry")]
pub(crate) struct TemporaryLayout {
    pub(crate) layout: Layout,
    _place: Place,
}

#[cfg(feature = "registry")]
impl TemporaryLayout {
    /// Creates one.
    ///
    /// # Errors
    /// The directory for temporary files is not writable.
    pub(crate) fn create(context: &Context) -> Result<Self, Error> {
        let place = Place::create(context)?;
        Ok(Self { layout: place.layout()?, _place: place })
    }
}
