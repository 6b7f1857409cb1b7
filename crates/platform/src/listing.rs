//! The known names of a vocabulary.

use crate::architecture::Architecture;
use crate::os::Os;
use crate::rules;
use crate::tables::{PLATFORMS, ROWS, RUST_TARGETS};
use crate::vocabulary::Vocabulary;

/// Returns the names of a vocabulary in byte order: all names if a table lists them, and examples if the vocabulary
/// follows a rule with unlimited names.
///
/// ```
/// use crossdock_platform::{Vocabulary, known_names};
///
/// assert!(known_names(Vocabulary::DebianArch).iter().any(|name| name == "ppc64el"));
/// ```
#[must_use]
pub fn known_names(vocabulary: Vocabulary) -> Vec<String> {
    let mut names: Vec<String> = ROWS
        .iter()
        .filter(|row| row.vocabulary == vocabulary)
        .map(|row| row.name)
        .chain(rules::examples(vocabulary).iter().copied())
        .map(str::to_owned)
        .collect();
    names.extend(enumerated(vocabulary));
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns all names of a vocabulary whose rule allows a limited number of them.
fn enumerated(vocabulary: Vocabulary) -> Vec<String> {
    use Vocabulary as V;
    let architectures = || Architecture::ALL.iter().map(ToString::to_string);
    match vocabulary {
        V::RustTriple => RUST_TARGETS.iter().map(|row| row.triple.to_owned()).collect(),
        V::OciPlatform | V::CrossRsImagePlatform => {
            PLATFORMS.iter().map(|row| row.platform.platform().to_string()).collect()
        }
        V::GoDist => {
            PLATFORMS.iter().map(|row| format!("{}/{}", row.platform.os, row.platform.architecture)).collect()
        }
        V::ContainerdArchSpecifier => architectures().collect(),
        V::ContainerdOsSpecifier => {
            let containerd = |os: &&Os| !matches!(os, Os::Wasi | Os::Wasip1);
            Os::ALL.iter().filter(containerd).map(ToString::to_string).collect()
        }
        V::K8sLabelKubernetesIoArch | V::K8sNodeInfoArchitecture | V::BazelRulesGoGoarch => {
            architectures().filter(|name| rules::read(vocabulary, name).is_some()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::interpret;
    use crate::interpretation::Interpretation;

    #[test]
    fn every_listed_name_is_in_its_vocabulary() {
        for vocabulary in Vocabulary::ALL {
            for name in known_names(*vocabulary) {
                let reading = interpret(&name, Some(*vocabulary));
                assert!(!matches!(reading, Interpretation::Unknown(_)), "{vocabulary}: {name}");
            }
        }
        assert_eq!(known_names(Vocabulary::GoDist).len(), 47);
    }
}
