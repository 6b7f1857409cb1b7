//! File operations that stay correct when several processes share a directory and when one of them is killed.
//!
//! Files are replaced atomically ([`write_atomically`], [`AtomicFile`]), directories are locked between processes
//! ([`FileLock`]), and generated directories carry a mark that tells them from a user's own ([`mark_output`]). Every
//! error is a [`FileError`], which names the operation and the path.
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
mod error;
mod lock;
mod mark;
mod mode;
mod regular;

pub use atomic::{AtomicFile, is_temporary, write_atomically};
pub use error::FileError;
pub use lock::{FileLock, LockOwner};
pub use mark::{is_marked_output, mark_output};
pub use mode::make_executable;
pub use regular::{open_regular, read_regular};
