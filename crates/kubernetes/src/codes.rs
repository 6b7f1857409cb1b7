//! The findings about the nodes that pods select.

crossdock_findings::catalogue! {
    NO_COMMON_PLATFORM = "no-common-platform", Error,
        "the images of a pod have no platform in common",
        "No node runs all of them: a container whose image lacks the node's platform stays in `ErrImagePull` with `no match for platform in \
             manifest`, or shows `exec format error`.",
        "Build each of them for a platform of the cluster's nodes.";
    PLATFORMS_EXCLUDED = "platforms-excluded", Error,
        "a pod selects only nodes for which its images are not",
        "`nodeSelector`, `os.name` or node affinity excludes every platform that the images have. With the affinity for these the pod stays \
             `Pending`; without it a container shows `exec format error`.",
        "Select nodes of another platform, or build the images for this one.";
    PLATFORMS_MIXED = "platforms-mixed", Error,
        "one term of node affinity cannot select exactly the platforms of the images",
        "The expressions of a term select every combination of the operating systems and the architectures that they name, and so platforms \
             that the images lack.",
        "Add an expression `kubernetes.io/os` to the term.";
}

/// Returns the catalogue as a Markdown table, for the documentation.
pub fn catalogue_markdown() -> String {
    CATALOGUE.markdown("why, and what the cluster shows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    #[test]
    fn each_code_is_that_of_a_problem() {
        let text = String::new;
        let problems = [
            Problem::NothingInCommon(text()),
            Problem::Excluded { by: text(), platforms: text() },
            Problem::Mixed(text()),
        ];
        let codes: Vec<_> = problems.iter().filter_map(Problem::code).collect();
        assert_eq!(codes, CATALOGUE.codes());
        assert!(problems.iter().all(|problem| problem.help().is_some()));
        assert_eq!(Problem::Circle.code(), None);
    }
}
