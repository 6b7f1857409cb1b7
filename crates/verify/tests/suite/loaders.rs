//! Compares the verdicts about libraries with the real loaders of glibc and musl.
//!
//! Each case of `loaders/cases.txt` is an image. The quick test compares our verdict with the expected one; the long test
//! starts the same image in a directory (chroot) and compares that with what the case says of the loader.

mod cases;
#[cfg(target_os = "linux")]
mod real;

use std::collections::BTreeMap;

use cases::Case;
use crossdock_platform::Platform;
use crossdock_verify::{ImageFacts, PlatformText, Target, Verdict, verify_image};

use crate::support::summary;

fn verdict(case: &Case) -> (String, Verdict, String) {
    let platform = Platform::parse(&case.platform).expect("a platform");
    let spelled = PlatformText::new("linux", &platform.architecture().to_string(), None);
    let image = ImageFacts::default()
        .with_config_platform(spelled)
        .with_entrypoint([case.program.as_str()])
        .with_user(case.user.as_str())
        .with_env(case.environment.iter().cloned())
        .with_working_directory(case.directory.as_str());
    let findings = verify_image(&image, &case.root(), &Target::new(&platform), &BTreeMap::new());
    let (codes, verdict) = summary(&findings);
    (codes, verdict, format!("{findings:#?}"))
}

#[test]
fn every_case_has_its_verdict() {
    let cases = cases::all();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let (codes, verdict, findings) = verdict(case);
            let found = format!("{verdict} {codes}").trim().to_owned();
            (found != case.ours)
                .then(|| format!("{}\n  expected {}\n  found {found}\n{findings}", case.name, case.ours))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A verdict that contradicts the loader is never expected.
#[test]
fn no_case_expects_a_false_verdict() {
    for case in cases::all() {
        let starts = case.real.iter().map(|real| real.is_empty()).collect::<Vec<bool>>();
        match case.ours.split(' ').next() {
            Some("starts") => assert!(starts.iter().all(|starts| *starts), "{}", case.name),
            Some("fails") => assert!(starts.iter().all(|starts| !starts), "{}", case.name),
            _ => {}
        }
    }
}
