//! Content that a merged root did not keep is read again; a verdict is never given without it.

#[expect(dead_code, reason = "other tests use it")]
mod layout;

use std::path::Path;

use crossdock_oci::SourceError;
use crossdock_subjects::Scope;
use layout::{entry, verified_with};

#[test]
fn a_verdict_needs_the_content_that_it_rests_on() {
    // As much as a root keeps in memory whatever it is.
    let filler = entry("data", '0', "", &vec![7; 8 << 20]);
    let text = "no program\n".repeat(10_000);
    let app = entry("app", '0', "", text.as_bytes());
    let verified =
        |entries: &[Vec<u8>], temporary: &Path| verified_with(&[entries.concat()], Scope::Planned, temporary);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let absent = directory.path().join("absent");
    let kept = verified(std::slice::from_ref(&app), &absent).expect("content in memory");
    let again = verified(&[filler.clone(), app], directory.path()).expect("a readable image");
    assert_eq!(format!("{:?}", again.findings), format!("{:?}", kept.findings));
    assert_eq!(again.verdict(), kept.verdict());
    // Nothing else asks for the content of the layer.
    let program = entry("app", '0', "", b"#!/absent\n");
    verified(&[program, filler.clone()], &absent).expect("nothing is read again");
    let error = verified(&[filler, entry("app", '0', "", text.as_bytes())], &absent).unwrap_err();
    assert!(matches!(&error, SourceError::Root(error) if error.is_about_temporary_files()), "{error}");
}
