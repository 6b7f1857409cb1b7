//! Processors that compilers know by name (`-C target-cpu`, `-mcpu`).
//!
//! They are not a vocabulary of platforms, because the name of a processor states neither the operating system nor the
//! oldest machine that a program must run on. An unknown description that is one gets platforms as suggestions.

/// Processors by the highest level whose instructions they have, according to `rustc --print cfg` of rustc 1.95.
const PROCESSORS: &[(&str, &[&str])] = &[
    ("linux/amd64", &["x86-64-v1", "k8", "core2"]),
    (
        "linux/amd64/v2",
        &[
            "x86-64-v2",
            "nehalem",
            "westmere",
            "sandybridge",
            "ivybridge",
            "bdver1",
            "btver2",
            "silvermont",
            "goldmont",
        ],
    ),
    (
        "linux/amd64/v3",
        &[
            "x86-64-v3",
            "haswell",
            "broadwell",
            "skylake",
            "alderlake",
            "sierraforest",
            "clearwaterforest",
            "znver1",
            "znver2",
            "znver3",
            "bdver4",
        ],
    ),
    (
        "linux/amd64/v4",
        &[
            "x86-64-v4",
            "skylake-avx512",
            "cascadelake",
            "cooperlake",
            "icelake-server",
            "sapphirerapids",
            "emeraldrapids",
            "graniterapids",
            "znver4",
            "znver5",
        ],
    ),
    ("linux/arm/v6", &["arm1176jzf-s"]),
    ("linux/arm/v7", &["cortex-a5", "cortex-a7", "cortex-a8", "cortex-a9", "cortex-a15", "cortex-a17"]),
    ("linux/arm64", &["cortex-a53", "cortex-a57", "cortex-a72"]),
    ("linux/arm64/v8.2", &["cortex-a76", "neoverse-n1"]),
    ("linux/arm64/v8.4", &["neoverse-v1", "neoverse-512tvb"]),
    ("linux/arm64/v8.6", &["ampere1", "ampere1a", "oryon-1"]),
    ("linux/arm64/v8.7", &["ampere1b"]),
    ("linux/arm64/v9", &["neoverse-n2", "neoverse-v2", "grace"]),
    ("linux/arm64/v9.2", &["neoverse-n3", "neoverse-v3", "olympus"]),
    ("darwin/arm64", &["apple-m1", "apple-m2", "apple-m3", "apple-m4", "apple-m5"]),
    ("ios/arm64", &["apple-a14"]),
];

/// Returns the platforms to name instead of a processor: the highest it runs and the baseline. Returns `None` if the
/// text is not a processor.
pub(super) fn platforms(text: &str) -> Option<Vec<String>> {
    let known = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
    let (highest, _) = PROCESSORS.iter().find(|(_, names)| known(names))?;
    let baseline = match *highest {
        level if level.starts_with("linux/amd64/") => Some("linux/amd64"),
        level if level.starts_with("linux/arm64/") || level == "darwin/arm64" => Some("linux/arm64"),
        _ => None,
    };
    Some([*highest].into_iter().chain(baseline).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::interpret;
    use crate::interpretation::Interpretation;

    #[test]
    fn every_processor_suggests_platforms_and_is_in_no_vocabulary() {
        for name in PROCESSORS.iter().flat_map(|(_, names)| *names) {
            let Interpretation::Unknown(unknown) = interpret(name, None) else { panic!("{name} is known") };
            assert!(unknown.why.contains("is a processor"), "{unknown}");
            for platform in &unknown.nearest {
                assert!(matches!(interpret(platform, None), Interpretation::Exact(_)), "{name}: {platform}");
            }
        }
        let haswell = platforms("Haswell").unwrap();
        assert_eq!(haswell, ["linux/amd64/v3", "linux/amd64"]);
        assert_eq!(platforms("well"), None);
    }
}
