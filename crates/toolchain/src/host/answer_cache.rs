//! A cache of slow tools' answers. An answer is valid as long as the file that it is about does not change.

use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crossdock_system::environment::Environment;

/// The cache of answers. It is empty if there is no usable cache directory.
#[derive(Debug, Clone)]
pub(super) struct AnswerCache {
    directory: Option<Utf8PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry<T> {
    question: String,
    /// The file that the answer is about. A change of it invalidates the answer.
    witness: Utf8PathBuf,
    stamp: Stamp,
    answer: T,
}

/// Length in bytes and time of modification in nanoseconds since the Unix epoch.
type Stamp = (u64, u128);

impl AnswerCache {
    pub(super) fn new(environment: &Environment) -> Self {
        let open = |cache: Utf8PathBuf| {
            let directory = crossdock_fs::open_cache_directory(cache.as_std_path(), "host").ok()?;
            Utf8PathBuf::from_path_buf(directory).ok()
        };
        Self { directory: environment.cache_directory().and_then(open) }
    }

    /// Returns the answer to a question, if it is known and its witness has not changed.
    pub(super) fn get<T: DeserializeOwned>(&self, question: &str) -> Option<T> {
        let entry: Entry<T> = serde_json::from_slice(&std::fs::read(self.file(question)?).ok()?).ok()?;
        // The name of the file is a truncated hash, which two questions may share.
        let holds = entry.question == question && stamp(&entry.witness) == Some(entry.stamp);
        holds.then_some(entry.answer)
    }

    /// Stores an answer. A failure to write is ignored: the question is asked again next time.
    pub(super) fn put<T: Serialize>(&self, question: &str, witness: &Utf8Path, answer: T) {
        let Some((file, stamp)) = self.file(question).zip(stamp(witness)) else { return };
        let entry = Entry { question: question.to_owned(), witness: witness.to_owned(), stamp, answer };
        if let (Some(directory), Ok(bytes)) = (file.parent(), serde_json::to_vec(&entry))
            && std::fs::create_dir_all(directory).is_ok()
        {
            let _not_needed = crossdock_fs::write_atomically(&file, &bytes);
        }
    }

    fn file(&self, question: &str) -> Option<Utf8PathBuf> {
        let name = &Digest::of(question.as_bytes()).hex()[..16];
        self.directory.as_ref().map(|directory| directory.join(format!("{name}.json")))
    }
}

fn stamp(witness: &Utf8Path) -> Option<Stamp> {
    let metadata = witness.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_valid_until_their_file_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        let cache = AnswerCache { directory: Some(path.join("cache")) };
        let witness = path.join("tool");
        crossdock_fs::write_atomically(&witness, b"one").unwrap();
        assert_eq!(cache.get::<String>("what"), None);
        cache.put("what", &witness, "an answer");
        assert_eq!(cache.get("what"), Some("an answer".to_owned()));
        assert_eq!(cache.get::<String>("what else"), None);
        crossdock_fs::write_atomically(&witness, b"another").unwrap();
        assert_eq!(cache.get::<String>("what"), None);
        cache.put("what", &path.join("nowhere"), "no answer");
        assert_eq!(cache.get::<String>("what"), None);
    }

    #[test]
    fn damaged_entries_are_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        let cache = AnswerCache { directory: Some(path.to_owned()) };
        crossdock_fs::write_atomically(path.join("tool"), b"one").unwrap();
        cache.put("what", &path.join("tool"), 7);
        crossdock_fs::write_atomically(cache.file("what").unwrap(), b"{\"question\":").unwrap();
        assert_eq!(cache.get::<u32>("what"), None);
        AnswerCache { directory: None }.put("what", &path.join("tool"), 7);
        AnswerCache { directory: Some(path.join("tool")) }.put("what", &path.join("tool"), 7);
    }
}
