//! The matcher against vectors that the real containerd module printed: see `vectors/containerd/main.go`.

use crossdock_platform::Platform;
use crossdock_platform::matching::{Only, Specifier};
use proptest::prelude::*;

fn images() -> Vec<&'static str> {
    let list = include_str!("vectors/containerd/platforms.txt");
    list.lines().skip_while(|line| *line != "images:").skip(1).collect()
}

#[test]
fn every_host_accepts_the_platforms_that_containerd_accepts_in_its_order() {
    let images = images();
    let specifiers: Vec<Specifier> =
        images.iter().map(|image| Specifier::parse(image).expect(image)).collect();
    let mut hosts = 0;
    for line in include_str!("vectors/containerd/accepted.tsv").lines() {
        let (host, accepted) = line.split_once('\t').expect("two columns");
        let selection = Only::new(&Specifier::parse(host).expect(host)).select(&specifiers);
        let found: Vec<&str> = selection.accepted.iter().map(|index| images[*index]).collect();
        assert_eq!(found, accepted.split_whitespace().collect::<Vec<_>>(), "{host}");
        assert_eq!(selection.accepted.len() + selection.rejected.len(), images.len());
        hosts += 1;
    }
    assert!(hosts > 120, "{hosts}");
}

#[test]
fn rejections_have_a_reason() {
    for (host, image, words) in [
        ("linux/amd64", "linux/amd64/v3", "states only the baseline"),
        ("linux/amd64/v2", "linux/amd64/v3", "needs v3, and the host has v2"),
        ("linux/amd64", "linux/arm64", "does not run arm64"),
        ("linux/amd64", "windows/amd64", "is for windows"),
        ("linux/arm/v7", "linux/armv7l", "write linux/arm/v7"),
        ("linux/riscv64/rva22u64", "linux/riscv64", "exactly"),
        ("windows(10.0.20348)/amd64", "windows(10.0.17763)/amd64", "builds 20348 to 20348"),
        ("windows(10.0.17763)/amd64", "windows(10.0.20348)/amd64", "only 10.0.17763"),
        ("linux/amd64", "linux(+gpu)/amd64", "no feature gpu"),
        ("linux/amd64", "unknown/unknown", "attestation"),
    ] {
        let image = [Specifier::parse(image).expect(image)];
        let selection = Only::new(&Specifier::parse(host).expect(host)).select(&image);
        let (_, why) = &selection.rejected[0];
        assert!(why.contains(words), "{host}: {why}");
    }
}

#[test]
fn text_that_containerd_rejects_is_rejected() {
    for (text, words) in [
        ("*/*", "wildcard"),
        ("linux", "os/architecture"),
        ("", "is not a name"),
        ("linux//v7", "is not a name"),
        ("linux/arm/v7/x", "os/architecture"),
        ("win(1)x/amd64", "is not a name"),
        ("windows(%zz)/amd64", "is not a name"),
        ("lin ux/amd64", "is not a name"),
    ] {
        let error = Specifier::parse(text).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_made_up_level_costs_nothing() {
    let host = Only::new(&Specifier::parse("linux/amd64/v999999999999").expect("a specifier"));
    assert!(host.accepts(&Specifier::parse("linux/amd64/v4").expect("a specifier")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_host_accepts_its_own_platform_first(
        text in "(linux/(amd64(/v[1-4])?|arm(/v[5-8])?|arm64(/v(8(\\.[1-9])?|9(\\.[1-7])?))?|riscv64|s390x))|windows\\(10\\.0\\.(17763|20348)\\)/amd64",
    ) {
        let platform = Platform::parse(&text).unwrap();
        let (own, other) = (Specifier::from(&platform), Specifier::parse("linux/386").unwrap());
        let selection = Only::for_platform(&platform).select(&[other, own]);
        prop_assert_eq!(selection.accepted[0], 1);
    }

    #[test]
    fn no_specifier_panics(host in "\\PC{0,30}", image in "[a-z0-9/().+%-]{0,30}") {
        if let (Ok(host), Ok(image)) = (Specifier::parse(&host), Specifier::parse(&image)) {
            drop(Only::new(&host).select(&[image]));
        }
    }
}
