//! The merged root of an image is the one that engines unpack, case by case: `cases.txt` has the layers of each case and
//! the roots that containerd, docker and podman made of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod case;
mod engines;
mod listing;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use case::{Case, Found};
use crossdock_oci::{Digest, LayerSource, RootLimits, RootView};
use engines::{Engine, Engines};

const CASES: &str = include_str!("cases.txt");

/// The outcome of a case: the entries of the root, or why there is none.
type Outcome = Result<String, String>;

/// Returns the root that crossdock makes of a case's layers, and whether it says that engines differ.
fn ours(case: &Case, temporary: &Path) -> (Outcome, bool) {
    let mut root = RootView::new(RootLimits::default(), temporary);
    for layer in &case.layers {
        let source = LayerSource {
            blob: Box::new(&layer.blob[..]),
            digest: Digest::of(&layer.blob),
            diff_id: Digest::of(&layer.tar),
        };
        if let Err(error) = root.apply(source) {
            // `subjects` makes an error of it that every engine refuses the image.
            let all_refuse = case.found.iter().all(|found| found.root.is_none());
            assert!(error.refused().is_none() || all_refuse, "{}: {error:?}", case.name);
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            return (Err(cause.unwrap_or_default()), false);
        }
    }
    (Ok(listing::of_view(&root)), !root.disputed().is_empty())
}

/// Groups the engines by what they found, in the order of `Engine`.
fn grouped(outcomes: &[(Engine, Outcome)]) -> Vec<Found> {
    let mut groups: Vec<Found> = Vec::new();
    for (engine, outcome) in outcomes {
        let root = outcome.clone().ok();
        match groups.iter_mut().find(|group| group.root == root) {
            Some(group) => group.engines.push(*engine),
            None => groups.push(Found { engines: vec![*engine], root }),
        }
    }
    groups
}

#[test]
fn the_merged_root_is_the_one_of_the_engines() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = String::new();
    let cases = Case::parse(CASES);
    assert!(cases.len() >= 50, "{} cases", cases.len());
    for case in &cases {
        let (outcome, disputed) = ours(case, directory.path());
        let by_default = |engine: Engine| {
            let found = case.found.iter().find(|found| found.engines.contains(&engine));
            found
                .unwrap_or_else(|| panic!("{}: no outcome of {engine:?} is recorded", case.name))
                .root
                .as_deref()
        };
        let engines = [Engine::Containerd, Engine::Docker, Engine::Podman].map(by_default);
        let differ = engines.iter().any(|root| *root != engines[0]);
        let root = outcome.as_ref().ok().map(String::as_str);
        // Where engines differ, the root is containerd's.
        if root != engines[0] || disputed != (differ && !case.silent) {
            writeln!(wrong, "{}: disputed {disputed}, {outcome:#?}, engines {engines:#?}", case.name)
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// With `CROSSDOCK_RECORD` set, writes what the engines do into `cases.txt`, for the cases that have no outcome there.
#[test]
#[ignore = "runs containerd, docker and podman"]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, and the file that it writes")]
fn long_engines_unpack_the_recorded_roots() {
    let record = std::env::var_os("CROSSDOCK_RECORD").is_some();
    let mut cases = Case::parse(CASES);
    cases.retain(|case| !record || case.found.is_empty());
    let engines = Engines::start();
    let (mut wrong, mut recorded) = (String::new(), BTreeMap::new());
    for (number, case) in cases.iter().enumerate() {
        let outcomes = engines.unpack(number, case);
        let found = grouped(&outcomes);
        if found != case.found {
            writeln!(wrong, "{}: {outcomes:#?}\nrecorded: {:#?}", case.name, case.found).unwrap();
        }
        recorded.insert(case.name.clone(), found);
    }
    if record {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layers/cases.txt");
        std::fs::write(file, case::with_found(CASES, &recorded)).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{wrong}");
}
