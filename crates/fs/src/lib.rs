//! File operations that stay correct when several processes share a directory and when one of them is killed.
//!
//! Files are replaced atomically ([`write_atomically`], [`AtomicFile`]), directories are locked between processes
//! ([`FileLock`]), and generated directories and the cache carry a mark that tells them from a user's own
//! ([`mark_output`], [`open_cache`]). Files that crossdock wrote are opened without following links
//! ([`open_regular_no_follow`]), since the directory may come from a stranger. Every error is a [`FileError`], which names
//! the operation and the path.
//!
//! Content that was read once is recognized by a [`FileStamp`] and not read again.
//!
//! A project may come from a stranger, too: [`read_project_text`] reads only regular files of a limited size that do not lead
//! out of it.
//!
//! ```
//! use crossdock_fs::{FileLock, write_atomically};
//!
//! let directory = tempfile::tempdir()?;
//! let _lock = FileLock::acquire(&directory.path().join(".lock"))?;
//! write_atomically(directory.path().join("index.json"), b"{}")?;
//! assert_eq!(std::fs::read(directory.path().join("index.json"))?, b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod cache;
mod error;
mod links;
mod lock;
mod mark;
mod mode;
mod project_file;
mod regular;
mod space;
mod stamp;
mod temporary;

pub use atomic::{AtomicFile, is_temporary, sync_directory, write_atomically, write_record};
pub use cache::{open_cache, open_cache_directory};
pub use error::FileError;
pub use links::{
    create_directory_no_follow, is_private, open_regular_no_follow, read_regular_no_follow, refuse_link,
};
pub use lock::{FileLock, LockOwner};
pub use mark::{OUTPUT_DIRECTORY, is_marked_output, mark_output};
pub use mode::{is_executable, make_executable, write_executable};
pub use project_file::{
    TEXT_LIMIT, has_git_directory, open_project_file, project_path, read_project_text, read_text,
};
pub use regular::{open_regular, read_regular};
pub use space::free_space;
pub use stamp::FileStamp;
pub use temporary::TemporaryDirectory;
