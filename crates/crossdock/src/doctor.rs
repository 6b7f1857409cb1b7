//! The tools of a plan: which are found, which are missing, and how to install the missing ones.

use std::collections::BTreeSet;

pub use crossdock_system::availability::{Availability, Remedy, Unavailable};
pub use crossdock_system::process::OutputLine;
pub use crossdock_toolchain::doctor::{Answer, Check, Outcome, Progress};
pub use crossdock_toolchain::host::Tool;

use crossdock_toolchain::doctor::{ask_versions, diagnose, setup};
use crossdock_toolchain::host::{current_system, find_tool};

use crate::context::Context;
use crate::discover::{Discovered, Rustup, discover_again};
use crate::error::{Error, ErrorKind};
use crate::plan::{Plan, plan};

/// The use of an image after its build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Push its layout to a registry.
    Push,
    /// Load it into a container engine and run it.
    Run,
}

impl Next {
    /// Returns the best tool for it, and the others.
    fn tools(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Push => ("skopeo", &[]),
            Self::Run => ("docker", &["podman"]),
        }
    }
}

/// Returns the name of the tool with which a person does something with an image: one that is installed if possible, else the
/// best with the commands that install it. [`doctor()`] lists the same tool.
#[must_use]
pub fn tool_for(context: &Context, next: Next) -> (&'static str, Availability<Tool>) {
    let look = |name: &'static str| (name, find_tool(name, context.environment(), &current_system()));
    let (best, others) = next.tools();
    let is_installed = |found: &(_, Availability<Tool>)| found.1.available().is_some();
    let best = look(best);
    if is_installed(&best) {
        return best;
    }
    others.iter().map(|name| look(name)).find(is_installed).unwrap_or(best)
}

/// Whether an image's repository contains a registry, or an organization on Docker Hub. A name without either means Docker
/// Hub's official images, to which a project cannot push.
#[must_use]
pub fn names_registry(repository: &str) -> bool {
    repository.contains('/')
}

/// Returns every tool that a plan needs, and those with which its images are pushed and run: its command and version, or the
/// remedies that install it.
///
/// ```
/// use crossdock::{BuildOptions, discover, doctor, plan};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let found = discover(&context, &BuildOptions::new())?;
/// let checks = doctor(&context, &found, &plan(&found)?);
/// assert!(checks.iter().any(|check| check.name == "go" && check.found.available().is_some()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn doctor(context: &Context, found: &Discovered, plan: &Plan) -> Vec<Check> {
    let missing = plan.missing.iter().map(|missing| (missing.needed_by(), &missing.unavailable));
    let mut checks = diagnose(plan.uses.iter().map(|(by, used)| (by.clone(), used)), missing, &found.host);
    checks.extend(afterwards(context, plan, &checks));
    ask_versions(&mut checks, &context.processes);
    checks
}

/// The result of a set-up.
#[derive(Debug)]
#[non_exhaustive]
pub struct SetUp {
    /// The result of the last discovery.
    pub found: Discovered,
    /// The plan from it.
    pub plan: Plan,
    /// Commands for a person to run: they need root, and sudo would ask for a password.
    pub by_hand: BTreeSet<String>,
}

/// Installs the missing tools of a plan, one remedy after the other, until none is missing or no remedy helps. Calls
/// `agree` before each remedy that changes the system, and `watch` with each command, its output, and its failure.
///
/// # Errors
/// The call was interrupted, or a project's tool failed after the installation.
pub fn set_up(
    context: &Context,
    mut found: Discovered,
    agree: &mut dyn FnMut(&Remedy) -> Answer,
    watch: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<SetUp, Error> {
    context.unless_cancelled(|| {
        let mut by_hand = BTreeSet::new();
        let mut rustup = Rustup::Reachable;
        let mut plan = plan(&found)?;
        // A tool may reveal the next missing one: rustup, then a target. Each round installs something or is the last.
        for _ in 0..4 {
            if plan.missing.is_empty() {
                break;
            }
            let missing: Vec<_> = plan.missing.iter().map(|missing| &missing.unavailable).collect();
            let outcomes = setup(missing, &found.host, &context.processes, agree, watch)
                .map_err(|error| Error::new(ErrorKind::Interrupted, &error))?;
            by_hand = outcomes.iter().filter_map(Outcome::by_hand).map(str::to_owned).collect();
            let failed = outcomes.iter().any(|outcome| outcome.rustup_failed());
            let helped = outcomes.iter().any(|outcome| outcome.is_done());
            // A first failure of rustup changes the plan, which then takes the route that needs no download.
            let first_failure = failed && rustup == Rustup::Reachable;
            if failed {
                rustup = Rustup::Unreachable;
            }
            if !helped && !first_failure {
                break;
            }
            found = discover_again(context, found, rustup)?;
            plan = crate::plan::plan(&found)?;
        }
        if plan.missing.is_empty() {
            by_hand.clear();
        }
        Ok(SetUp { found, plan, by_hand })
    })
}

/// Returns the checks of the tools that images are used with after their build, which no step of the plan uses.
fn afterwards(context: &Context, plan: &Plan, known: &[Check]) -> Vec<Check> {
    let pushed = plan.images.iter().filter(|image| names_registry(&image.repository));
    let pushing: BTreeSet<String> = pushed.map(|image| format!("pushing {}", image.name)).collect();
    let running = plan.images.iter().map(|image| format!("running {}", image.name)).collect();
    let uses = [(Next::Push, pushing), (Next::Run, running)];
    let checks = uses.into_iter().filter(|(_, needed_by)| !needed_by.is_empty()).map(|(next, needed_by)| {
        let (name, found) = tool_for(context, next);
        Check::optional(name, needed_by, found)
    });
    // A builder may be the engine that runs images.
    checks.filter(|check| known.iter().all(|known| known.name != check.name)).collect()
}
