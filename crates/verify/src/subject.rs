//! What a check of a program looks at.

use crate::root::{Entry, Root};
use crate::{Code, Expectation, Finding, Inspection, Target};

/// A program to judge, with everything around it that a check may need.
pub(crate) struct Subject<'a> {
    /// Where it stands: in the image, else on the developer's disk.
    pub(crate) path: &'a str,
    /// Its first bytes at least.
    pub(crate) bytes: &'a [u8],
    pub(crate) facts: &'a Inspection,
    pub(crate) target: &'a Target,
    pub(crate) expectation: Option<&'a Expectation>,
    pub(crate) surroundings: Option<Surroundings<'a>>,
    /// How many scripts led here.
    pub(crate) depth: u8,
}

/// The image that a program stands in.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) root: &'a dyn Root,
    /// The environment that the image's configuration gives, as `NAME=VALUE`.
    pub(crate) environment: &'a [String],
    /// Where the program is started; not empty.
    pub(crate) working_directory: &'a str,
    pub(crate) user: &'a Credentials,
}

/// The numeric user that a container runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

impl Credentials {
    /// True when this user may execute the file, by its permission bits.
    pub(crate) fn may_execute(&self, entry: &Entry) -> bool {
        let bit = match self {
            // Root needs some execute bit, whosever it is.
            user if user.uid == 0 => return entry.mode & 0o111 != 0,
            user if user.uid == entry.uid => 0o100,
            user if user.gid == entry.gid || user.groups.contains(&entry.gid) => 0o010,
            _ => 0o001,
        };
        entry.mode & bit != 0
    }

    /// The first of these directories that this user may not search. Root may search any, whatever its bits say
    /// (`CAP_DAC_OVERRIDE`).
    pub(crate) fn blocked_at<'a>(&self, directories: &'a [(String, Entry)]) -> Option<&'a (String, Entry)> {
        directories.iter().find(|(_, directory)| self.uid != 0 && !self.may_execute(directory))
    }
}

impl Surroundings<'_> {
    /// The value of an environment variable; the last one given counts.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }

    /// A path as a process in the working directory sees it.
    pub(crate) fn seen_from_working_directory(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("/{}/{path}", self.working_directory) }
    }

    /// The directories of PATH; runtimes put their own in where the image has none.
    pub(crate) fn search_path(&self) -> Vec<&str> {
        const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        self.variable("PATH").unwrap_or(DEFAULT).split(':').collect()
    }
}

impl Subject<'_> {
    /// A finding about this program.
    pub(crate) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, self.target.name(), self.path, message)
    }
}
