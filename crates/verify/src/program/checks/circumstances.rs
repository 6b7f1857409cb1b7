//! The circumstances of a start that the image does not determine: the rights that a program gains from its file, and the
//! node's processor.

use super::capabilities;
use super::start::{Circumstances, Outcome, Start};
use crate::program::container::{Container, Credentials};
use crate::program::loader::{Family, Privilege, Processor};
use crate::{Effect, Finding, codes};

/// Returns the findings about a program's libraries under all circumstances that the image leaves open.
pub(super) fn findings(start: &Start<'_>) -> Vec<Finding> {
    let (usual, target) = (start.image.user, start.subject.target);
    let processor = &Processor::guaranteed(target);
    let rights = Rights::of(start.image, start.subject.path);
    let mut outcome = match &rights {
        Rights::Usual => start.run(&Circumstances { user: usual, privilege: Privilege::Usual, processor }),
        Rights::Gained(user) => start.run(&Circumstances { user, privilege: Privilege::Secure, processor }),
        Rights::GainedIfAllowed(user) => {
            let with = start.run(&Circumstances { user, privilege: Privilege::Secure, processor });
            let without = start.run(&Circumstances { user: usual, privilege: Privilege::Usual, processor });
            agreed(start, without, &with)
        }
    };
    if outcome.depends_on_processor && !outcome.findings.iter().any(is_failing) {
        let (user, privilege) = match &rights {
            Rights::Gained(user) => (user, Privilege::Secure),
            Rights::Usual | Rights::GainedIfAllowed(_) => (usual, Privilege::Usual),
        };
        let mut others = Processor::others(target).into_iter().filter_map(|processor| {
            let other = start.run(&Circumstances { user, privilege, processor: &processor });
            let known = |finding: &Finding| outcome.findings.iter().any(|known| known.code == finding.code);
            let counts = |finding: &Finding| finding.code.effect() != Effect::None && !known(finding);
            let failing = other.findings.into_iter().find(counts)?;
            Some(on_other_processor(start, &processor, &failing))
        });
        let worse = others.next();
        outcome.findings.extend(worse);
    }
    match start.family {
        Family::Gcompat(_) => as_far_as_known(start, outcome.findings),
        Family::Glibc | Family::Musl(_) => outcome.findings,
    }
}

fn is_failing(finding: &Finding) -> bool {
    finding.code.effect() == Effect::Fails
}

/// Replaces errors by one finding without a verdict: gcompat changes what musl's loader does, in ways that depend on
/// its version.
fn as_far_as_known(start: &Start<'_>, findings: Vec<Finding>) -> Vec<Finding> {
    let is_doubtful = |finding: &&Finding| is_failing(finding) || finding.code == codes::PRELOAD_IGNORED;
    let Some(first) = findings.iter().find(is_doubtful) else { return findings };
    let message = format!(
        "{} is started by gcompat, and crossdock does not know whether that is enough: {}",
        start.subject.path, first.message
    );
    let finding = start.subject.finding(codes::LIBRARIES_UNCHECKED, message);
    vec![finding.with_help("Install the missing library or the gcompat package, and start the image once.")]
}

/// Combines the starts without and with the rights of the file. What both find is certain; what one finds depends on the
/// container's `no_new_privs`, which the image does not determine.
fn agreed(start: &Start<'_>, mut without: Outcome, with: &Outcome) -> Outcome {
    let first = |outcome: &Outcome| outcome.findings.iter().find(|finding| is_failing(finding)).cloned();
    let (when, failing) = match (first(&without), first(with)) {
        (None, Some(failing)) => ("unless the pod sets `allowPrivilegeEscalation: false`", failing),
        (Some(failing), None) => {
            without.findings.retain(|finding| !is_failing(finding));
            ("if the pod sets `allowPrivilegeEscalation: false`", failing)
        }
        _ => return without,
    };
    without.findings.push(depending(start, when, &failing));
    without
}

fn depending(start: &Start<'_>, when: &str, failing: &Finding) -> Finding {
    let path = start.subject.path;
    let message = format!(
        "{path} gains rights from its file (a set-ID bit or capabilities) and does not start {when}: {}",
        failing.message
    );
    start.subject.finding(codes::SECURE_EXECUTION, message).with_evidence("finding", failing.code.id())
}

fn on_other_processor(start: &Start<'_>, processor: &Processor, failing: &Finding) -> Finding {
    let message = format!(
        "On a node with {} the loader of {} takes other files: {}",
        processor.name, start.subject.path, failing.message
    );
    let finding = start.subject.finding(codes::PROCESSOR_LIBRARY, message);
    finding.with_evidence("processor", &*processor.name).with_evidence("finding", failing.code.id())
}

/// `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`.
const READ_ANY: u64 = 1 << 1 | 1 << 2;

/// The rights that a program gains from its file.
enum Rights {
    Usual,
    /// The kernel sets `AT_SECURE` in any case. The loader has the rights of this user.
    Gained(Credentials),
    /// It does so unless the container has `no_new_privs`.
    GainedIfAllowed(Credentials),
}

impl Rights {
    /// Returns what the kernel decides in `bprm_fill_uid` and `cap_bprm_creds_from_file`.
    fn of(image: Container<'_>, path: &str) -> Rights {
        let Ok(Some(entry)) = image.root.entry(path) else { return Rights::Usual };
        let mut user = image.user.clone();
        if entry.mode & 0o4000 != 0 {
            user.uid = entry.uid;
        }
        // Without the execute bit of the group the set-group-ID bit meant mandatory locking.
        if entry.mode & 0o2010 == 0o2010 {
            user.gid = entry.gid;
        }
        let changes_user = user != *image.user;
        // Files' capabilities do not count for root.
        let capabilities = capabilities::of_file(image.root, path).filter(|_| image.user.uid != 0);
        match capabilities {
            // Those let the loader read any file, unless no_new_privs takes them away.
            Some(capabilities) if capabilities.are_effective && capabilities.permitted & READ_ANY != 0 => {
                Rights::GainedIfAllowed(Credentials { uid: 0, ..user })
            }
            // With the effective flag the kernel sets AT_SECURE even if no_new_privs takes the capabilities away.
            Some(capabilities) if capabilities.are_effective => Rights::Gained(user),
            Some(capabilities) if capabilities.permitted != 0 => Rights::GainedIfAllowed(user),
            _ if changes_user => Rights::GainedIfAllowed(user),
            _ => Rights::Usual,
        }
    }
}
