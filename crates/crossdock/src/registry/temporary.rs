//! Images on their way from one registry to another.

use crossdock_fs::TemporaryDirectory;
use crossdock_oci::Layout;
use crossdock_system::process::CleanUp;

use crate::context::Context;
use crate::error::{Error, input_output};

/// A layout that is removed with this value.
pub(super) struct TemporaryLayout {
    pub(super) layout: Layout,
    _directory: TemporaryDirectory,
    // Dropped after the directory, so that an interrupted process waits for its removal.
    _clean_up: CleanUp,
}

impl TemporaryLayout {
    pub(super) fn create(context: &Context) -> Result<Self, Error> {
        let clean_up = context.cancel.clean_up();
        let parent = context.environment().temporary_directory();
        let directory = TemporaryDirectory::create_in(&parent, "crossdock-image-").map_err(input_output)?;
        let layout = Layout::create(directory.path()).map_err(input_output)?;
        Ok(Self { layout, _directory: directory, _clean_up: clean_up })
    }
}
