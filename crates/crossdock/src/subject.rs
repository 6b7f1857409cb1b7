//! Images wherever they are: in registries, layouts, archives and container engines. The names are those of skopeo's
//! transports (containers-transports(5)); every command that takes an image parses and opens it here.

mod archive;
mod endpoint;
pub(crate) mod engine;
mod open;

pub use crossdock_runner::plan::LoadEngine;
pub use endpoint::{ArchiveForm, Endpoint, Subject};

pub(crate) use crate::client::failed;
pub(crate) use archive::{check_archive, write_archive_file};
pub(crate) use endpoint::is_id;
pub(crate) use open::{Local, Opened, local_image, open};
