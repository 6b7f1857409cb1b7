//! The processor levels that follow from the names of the clouds' machines.
//!
//! They are what the clouds publish about their processors, recorded in November 2026 without access to their pages. Newer generations and
//! series with several or unpublished processors have no level: a level that is too high makes programs that crash.
//! Xeon since Skylake and EPYC since Genoa have AVX-512 (v4); EPYC Naples to Milan, Haswell and Broadwell have AVX2 (v3).

/// Returns the level of EC2's c, m and r families (docs.aws.amazon.com/ec2/latest/instancetypes). A letter after the
/// generation is the maker of the processor; the fifth generation has Intel processors without one.
pub(super) fn ec2(class: &str, generation: &str, attributes: &str) -> Option<&'static str> {
    if !matches!(class, "c" | "m" | "r") {
        return None;
    }
    let maker = |letter| attributes.contains(letter);
    match generation {
        // Graviton2 to Graviton5 have the cores Neoverse N1, V1, V2 and V3.
        "6" if maker('g') => Some("v8.2"),
        "7" if maker('g') => Some("v8.4"),
        "8" if maker('g') => Some("v9"),
        "9" if maker('g') => Some("v9.2"),
        "5" | "6" if maker('a') => Some("v3"),
        "7" | "8" if maker('a') => Some("v4"),
        "6" | "7" | "8" if maker('i') => Some("v4"),
        "5" if !maker('g') => Some("v4"),
        _ => None,
    }
}

/// Returns the level of the oldest processor of Azure's general, compute, memory and storage series
/// (learn.microsoft.com/azure/virtual-machines/sizes). An `a` after the number of processors is AMD.
pub(super) fn azure(family: &str, features: &str, version: Option<u8>) -> Option<&'static str> {
    let amd = features.contains('a');
    match (family, version) {
        ("D" | "DS" | "E", Some(2 | 3)) | ("B", None) | ("L", Some(2)) => Some("v3"),
        ("D" | "E", Some(4 | 5)) | ("DC" | "EC", Some(5)) | ("B", Some(2)) | ("L", Some(3)) if amd => {
            Some("v3")
        }
        ("D" | "E", Some(4..=7)) | ("F", Some(2 | 6 | 7)) | ("B", Some(2)) | ("L", Some(3 | 4)) => Some("v4"),
        _ => None,
    }
}

/// Returns the level of Oracle's shapes (docs.oracle.com, compute shapes). E2 to E4 are EPYC Naples to Milan, E5 and E6
/// Genoa and Turin; the first generation of Intel is Haswell or Broadwell, the second Skylake.
pub(super) fn oracle(class: &str, series: &str) -> Option<&'static str> {
    match (class, series) {
        (_, "E2" | "E3" | "E4") | ("Standard1" | "DenseIO1", _) => Some("v3"),
        (_, "E5" | "E6") => Some("v4"),
        ("Standard2" | "Standard3" | "DenseIO2" | "Optimized3" | "HPC2", _) => Some("v4"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ROWS;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn the_rule_of_ec2_agrees_with_the_table() {
        let families = ROWS.iter().filter(|row| row.vocabulary == Vocabulary::Ec2InstanceFamily);
        let mut count = 0;
        for row in families {
            let (class, rest) = row.name.split_at(row.name.find(|c: char| c.is_ascii_digit()).unwrap_or(0));
            let Some((generation, attributes)) = rest.split_at_checked(1) else { continue };
            let Some(level) = ec2(class, generation, attributes) else { continue };
            assert_eq!(Some(level), row.level, "{}", row.name);
            count += 1;
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn only_documented_series_have_a_level() {
        for (family, features, version, level) in [
            ("D", "s", Some(3), Some("v3")),
            ("D", "as", Some(5), Some("v3")),
            ("D", "ds", Some(5), Some("v4")),
            ("E", "ads", Some(6), Some("v4")),
            ("F", "s", Some(2), Some("v4")),
            ("D", "s", Some(9), None),
            ("D", "", None, None),
            ("NC", "s", Some(3), None),
        ] {
            assert_eq!(azure(family, features, version), level, "{family}{features}{version:?}");
        }
        assert_eq!((ec2("m", "9", "i"), ec2("g", "5", ""), ec2("m", "4", "")), (None, None, None));
        assert_eq!((oracle("Standard", "E4"), oracle("GPU", "4")), (Some("v3"), None));
    }
}
