//! The comparison of a project with a commit: which images are built, and which are left out.

use serde::Serialize;

use crossdock_project::since::ChangeReason;

/// The images whose inputs changed since a commit, and those that are left out because theirs did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Since {
    /// The revision as it was named, such as `origin/main`.
    pub revision: String,
    /// The full id of its commit.
    pub commit: String,
    /// The images that are built.
    pub changed: Vec<ChangedImage>,
    /// The images that are left out: a build of the commit has them.
    pub unchanged: Vec<UnchangedImage>,
}

/// An image that is built because its inputs changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangedImage {
    /// The image's name.
    pub image: String,
    /// The reasons; at least one.
    pub reasons: Vec<ChangeReason>,
}

/// An image that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnchangedImage {
    /// The image's name.
    pub image: String,
    /// Its repository, as in [`ImagePlan::repository`](super::ImagePlan::repository).
    pub repository: String,
}

impl Since {
    /// Creates a comparison with the reasons for each image; an image without a reason is left out. The repositories are
    /// empty until a plan has them.
    pub fn new(
        revision: String,
        commit: String,
        images: impl IntoIterator<Item = (String, Vec<ChangeReason>)>,
    ) -> Self {
        let mut since = Self { revision, commit, changed: Vec::new(), unchanged: Vec::new() };
        for (image, reasons) in images {
            match reasons.is_empty() {
                true => since.unchanged.push(UnchangedImage { image, repository: String::new() }),
                false => since.changed.push(ChangedImage { image, reasons }),
            }
        }
        since
    }

    /// Returns whether an image is left out.
    pub fn leaves_out(&self, name: &str) -> bool {
        self.unchanged.iter().any(|image| image.image == name)
    }
}
