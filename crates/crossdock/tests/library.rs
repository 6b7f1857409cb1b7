//! The library with input that the command line never gives it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests write their own projects")]

use std::num::NonZeroUsize;

use crossdock::environment::{EnvironmentOptions, Language};
use crossdock::execute::{ExecuteOptions, Silent, Unproven};
use crossdock::plan::Goal;
use crossdock::process::Cancel;
use crossdock::registry::{Naming, RegistryOptions, Unobserved, push_built, registry};
use crossdock::render::RenderOptions;
use crossdock::verify::VerifyOptions;
use crossdock::{
    BuildOptions, Context, Environment, Error, ErrorKind, discover, environment, execute, plan, render,
    scaffold, tag, verify,
};

fn project() -> (tempfile::TempDir, Context) {
    include!("../doc/example.rs").unwrap()
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("the call succeeded"),
        Err(error) => error.kind(),
    }
}

#[test]
fn a_cancelled_call_is_interrupted_whatever_its_job() {
    let (directory, context) = project();
    let cancel = Cancel::default();
    let environment_of_project = context.environment().clone();
    let context = Context::builder(environment_of_project).cancel(&cancel).finish().unwrap();
    let found = discover(&context, &BuildOptions::new()).unwrap();
    let planned = plan(&found).unwrap();
    cancel.cancel();
    let options = BuildOptions::new();
    let kinds = [
        kind(discover(&context, &options)),
        kind(execute(&context, &planned, &ExecuteOptions::new(), &mut Silent)),
        kind(tag(&context, &options, &ExecuteOptions::new(), &mut Silent)),
        kind(verify(&context, "go.mod".into(), &VerifyOptions::new().nodes(["linux/amd64"]))),
        kind(render(&context, &RenderOptions::new(options.clone()))),
        kind(scaffold(&context, &context.init_options().unwrap())),
        kind(environment(&context, "linux/arm64", &EnvironmentOptions::new(Language::Go))),
    ];
    assert_eq!(kinds, [ErrorKind::Interrupted; 7]);
    assert_eq!(directory.path().read_dir().unwrap().count(), 3, "a cancelled call wrote a file");
}

#[test]
fn a_relative_directory_is_refused() {
    let mut environment = Environment::from_process().unwrap();
    environment.directory = "project".into();
    let error = Context::builder(environment).finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().contains("`project`") && error.message().contains("absolute"), "{error}");
}

#[test]
fn the_plan_of_another_host_is_not_executed() {
    let (directory, context) = project();
    let found = discover(&context, &BuildOptions::new().host("windows/arm64")).unwrap();
    let error = execute(&context, &plan(&found).unwrap(), &ExecuteOptions::new(), &mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().contains("host of windows/arm64"), "{error}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 3, "a refused plan wrote a file");
}

#[test]
fn any_number_of_jobs_gives_a_plan() {
    let (_directory, context) = project();
    for jobs in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        plan(&discover(&context, &BuildOptions::new().jobs(jobs)).unwrap()).unwrap();
    }
}

/// A run that only verifies succeeds with any verdict.
#[test]
fn images_that_are_rejected_or_not_tagged_are_not_pushed() {
    let (_directory, context) = project();
    let execute_to = |goal: Goal, nodes: &[&str]| {
        let options = BuildOptions::new().goal(goal).platforms(["linux/arm64"]).nodes(nodes.iter().copied());
        let options = options.repository("127.0.0.1:1/team/hello");
        let planned = plan(&discover(&context, &options).unwrap()).unwrap();
        let report = execute(&context, &planned, &ExecuteOptions::new(), &mut Silent).unwrap();
        (planned, report)
    };
    let registry = registry(&context, &RegistryOptions::new()).unwrap();
    for (goal, nodes, part) in [
        (Goal::Build, &["m7g.large"], "was not verified"),
        (Goal::Verify, &["m5.large"], "would not start"),
        (Goal::Verify, &["m7g.large"], "was not tagged"),
    ] {
        let (planned, report) = execute_to(goal, nodes);
        let pushed =
            push_built(&context, &registry, &planned, &report, Naming::Tags, Unproven::Warn, &Unobserved);
        let error = pushed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(error.message().contains(part), "{error}");
    }
}
