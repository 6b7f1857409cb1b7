//! Verifies real programs: those that the lines of `cases.tsv` describe.

use crate::support::{Recipe, damage, expectation, summary, verify};
use crossdock_platform::Platform;
use crossdock_verify::Target;

#[test]
fn every_case_has_its_verdict() {
    let table = include_str!("cases.tsv");
    let mut wrong = Vec::new();
    let mut verified = 0;
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [recipe, how, platform, plan, verdict, codes] = columns.as_slice() else {
            panic!("a case has six columns: {line}")
        };
        let bytes = damage(Recipe::parse(recipe).make(), how);
        let target = Target::new(&Platform::parse(platform).unwrap());
        let findings = verify(&bytes, &target, expectation(&target, plan).as_ref());
        let (found, found_verdict) = summary(&findings);
        if (found.as_str(), found_verdict.as_str()) != (*codes, *verdict) {
            wrong.push(format!("{line}\n    found: {found_verdict} | {found}\n    {findings:#?}"));
        }
        verified += 1;
    }
    assert!(wrong.is_empty(), "{} of {verified} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(verified > 60, "the table holds {verified} cases");
}
