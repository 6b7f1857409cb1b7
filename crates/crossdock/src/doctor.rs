//! The tools of a plan: which are found, which are missing, and how to install the missing ones.

use std::collections::BTreeSet;

pub use crossdock_system::availability::{Availability, Remedy, Unavailable};
pub use crossdock_system::process::OutputLine;
pub use crossdock_toolchain::doctor::{Answer, Check, Outcome, Progress};
pub use crossdock_toolchain::host::Tool;

use crossdock_project::{Project, go_cache_program};
use crossdock_toolchain::doctor::{ask_versions, diagnose, setup};
use crossdock_toolchain::host::{current_system, find_tool};

use crate::context::Context;
use crate::discover::{Discovered, Rustup, discover_again};
use crate::error::{Error, ErrorKind};
use crate::plan::{Plan, plan};

/// The programs that run images, the best first.
const ENGINES: [&str; 2] = ["docker", "podman"];

/// Returns the container engine with which a person runs an image: one that is installed if possible, else the best with the
/// commands that install it. [`doctor()`] lists the same one.
#[must_use]
pub fn engine_to_run(context: &Context) -> (&'static str, Availability<Tool>) {
    let [best, other] = ENGINES.map(|name| (name, find_tool(name, context.environment(), &current_system())));
    match other.1.available() {
        Some(_) if best.1.available().is_none() => other,
        _ => best,
    }
}

/// Whether an image's repository contains a registry, or an organization on Docker Hub. A name without either means Docker
/// Hub's official images, to which a project cannot push.
#[must_use]
pub fn names_registry(repository: &str) -> bool {
    repository.contains('/')
}

/// Returns every tool that a plan needs, and the engine that runs its images: its command and version, or the remedies that
/// install it.
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
    // Only afterwards: such a program may take any call for one of go or cargo.
    checks.extend(compile_caches(context, found));
    checks
}

/// Returns the programs in which the compilers of a plan keep what they compiled, if the user's settings name any.
fn compile_caches(context: &Context, found: &Discovered) -> Vec<Check> {
    if found.request.engine.is_some() {
        return Vec::new();
    }
    let mut named = BTreeSet::new();
    for project in found.projects.projects.values() {
        let (setting, compiler) = match project {
            Project::Rust(workspace) => (workspace.settings.wrapper().cloned(), "rustc"),
            Project::Go(_) => (go_cache_program(context.environment()), "go"),
        };
        named.extend(
            setting.map(|setting| (setting.value, format!("what {compiler} compiles ({})", setting.place))),
        );
    }
    let check = |(command, by): (String, String)| {
        let program = command.split_whitespace().next().unwrap_or(&command);
        let found = find_tool(program, context.environment(), &current_system());
        Check::optional(program, [format!("keeping {by}")].into(), found)
    };
    named.into_iter().map(check).collect()
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

/// Returns the check of the engine that runs images after their build, unless a builder of the plan is that engine.
fn afterwards(context: &Context, plan: &Plan, known: &[Check]) -> Option<Check> {
    let running: BTreeSet<String> =
        plan.images.iter().map(|image| format!("running {}", image.name)).collect();
    let (name, found) = engine_to_run(context);
    let is_new = !running.is_empty() && known.iter().all(|known| known.name != name);
    is_new.then(|| Check::optional(name, running, found))
}
