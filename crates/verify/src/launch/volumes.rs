//! The volumes of an image.

use std::collections::BTreeSet;

use crate::root::normalize;

/// The directories that engines create for the image's volumes. A hostile image has a hundred thousand, and scripts ask
/// about as many paths.
#[derive(Debug, Default)]
pub(crate) struct Volumes(BTreeSet<String>);

impl Volumes {
    /// Reads the keys of an image's `Volumes`.
    pub(crate) fn of(paths: &[String]) -> Volumes {
        Volumes(paths.iter().map(|path| normalize(path)).collect())
    }

    /// Returns whether a path is a volume or below one, or above one.
    pub(super) fn touch(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path = normalize(path);
        let mut ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        ends.any(|end| self.0.contains(&path[..end])) || self.has_below(&path)
    }

    fn has_below(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.0.range(below.clone()..).next().is_some_and(|volume| volume.starts_with(&below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_above_and_below_volumes_are_theirs() {
        let volumes = Volumes::of(&["/data/".to_owned(), "/var/lib/./x".to_owned()]);
        for path in ["/data", "/data/a/b", "/var", "/var/lib", "/var/lib/x", "/var/lib/x/y/../z"] {
            assert!(volumes.touch(path), "{path}");
        }
        for path in ["/", "/database", "/dat", "/var/lib/xy", "/var/lib/x/../y", "/etc"] {
            assert!(!volumes.touch(path), "{path}");
        }
        assert!(!Volumes::default().touch("/data"));
    }
}
