//! The errors of `Platform::parse`, and properties of what it accepts.

use crossdock_platform::{Platform, PlatformError};
use proptest::prelude::*;

fn message(text: &str) -> String {
    Platform::parse(text).expect_err(text).to_string()
}

/// The cases of containerd's TestParseSelector with capital letters, and one for each part.
#[test]
fn names_are_read_in_any_case() {
    for (text, platform) in [
        ("linux/X86_64", "linux/amd64"),
        ("Linux/AMD64", "linux/amd64"),
        ("LINUX/x86-64/V3", "linux/amd64/v3"),
        ("linux/ARM64/V8", "linux/arm64/v8"),
        ("linux/AArch64", "linux/arm64"),
        ("linux/ArmHF/V7", "linux/arm/v7"),
        ("macOS/ARM64", "darwin/arm64"),
        ("linux/PPC64LE/POWER9", "linux/ppc64le/power9"),
        ("Windows(10.0.17763+Win32K)/AMD64", "windows(10.0.17763+Win32K)/amd64"),
    ] {
        assert_eq!(Platform::parse(text).expect(text).to_string(), platform, "{text}");
    }
}

#[test]
fn each_mistake_has_its_own_message_with_a_correction() {
    for (text, words) in [
        ("", "empty"),
        (" ", "empty"),
        (" linux/amd64", "blanks"),
        ("Linux/X64", "write linux/amd64"),
        ("ARM64", "linux/arm64"),
        ("ARM64/V8", "write linux/arm64/v8"),
        ("Unknown/Unknown", "attestation"),
        ("linux/armv7l", "write linux/arm/v7"),
        ("linux/x64", "write linux/amd64"),
        ("linux/arm/v7/x", "more than three parts"),
        ("linux/amd64/v5", "v1, v2, v3, v4"),
        ("linux/386/v1", "has none"),
        ("amd64/v3", "write linux/amd64/v3"),
        ("amd64/v5", "v1, v2, v3, v4"),
        ("arm/v7/x", "\"arm\" is not an operating system"),
        ("linux/armhf/v6", "linux/arm/v7"),
        ("linux", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("linxu/amd64", "nearest: linux"),
        ("linux/amd46", "nearest: amd64"),
        ("unknown/unknown", "attestation"),
        ("windows()/amd64", "windows(10.0.20348)"),
        ("windows(10.0/amd64", "cannot be read"),
        ("linux/amd64\u{1b}[31m", "'\\u{1b}'"),
        ("linux//", "empty part"),
        ("/amd64", "empty part"),
        ("linux/amd64/", "empty part"),
    ] {
        assert!(message(text).contains(words), "{text:?}: {}", message(text));
    }
    let long = "linux/".repeat(2000);
    assert!(message(&long).contains("12000 bytes") && message(&long).len() < 200);
}

#[test]
fn suggestions_are_platforms_or_names() {
    let error = Platform::parse("linux/armv7l").expect_err("another spelling");
    assert_eq!(error.suggestions(), ["linux/arm/v7"]);
    assert!(matches!(error, PlatformError::ForeignSpelling { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics(text in "\\PC{0,40}") {
        drop(Platform::parse(&text));
    }

    #[test]
    fn what_parses_is_shown_so_that_it_parses_again(
        os in "linux|windows|macos|freebsd", options in "(\\([a-z0-9.%2BF]{0,6}(\\+[a-z%28CE]{1,5}){0,2}\\))?",
        architecture in "amd64|x86_64|arm|armhf|arm64|riscv64|386|ppc64le", variant in "(/(v[1-9](\\.[0-9])?|8|9\\.0|rva22u64|power9))?",
    ) {
        if let Ok(platform) = Platform::parse(&format!("{os}{options}/{architecture}{variant}")) {
            prop_assert_eq!(Platform::parse(&platform.to_string()).unwrap(), platform.clone());
            prop_assert_eq!(platform.normalized().normalized(), platform.normalized());
        }
    }
}
