//! Runs of plans that need no compiler and no engine.

use camino::Utf8Path;
use crossdock_project::config::{Base, Source};
use crossdock_system::availability::Unavailable;

use super::*;
use crate::plan::{Container, Missing, PlatformPlan, ProjectId, SCHEMA};

const NAME: &str = "app";

/// A plan for an image without programs in a directory, with these steps.
fn plan(directory: &Utf8Path, actions: impl IntoIterator<Item = Action>) -> Plan {
    let platform = PlatformPlan {
        platform: Platform::LINUX_AMD64,
        reason: "a test".to_owned(),
        programs: Vec::new(),
        base: None,
    };
    let container = Container {
        entrypoint: vec!["/app".to_owned()],
        cmd: Vec::new(),
        env: BTreeMap::new(),
        workdir: "/".to_owned(),
        user: "65532:65532".to_owned(),
        expose: Vec::new(),
        labels: BTreeMap::new(),
        stop_signal: None,
        health: None,
    };
    let image = ImagePlan {
        name: NAME.to_owned(),
        source: Source::CommandLine("a test".to_owned()),
        project: ProjectId {
            directory: directory.to_owned(),
            package: "example.com/app".to_owned(),
            program: NAME.to_owned(),
        },
        layout: directory.join("dist/app"),
        platforms: vec![platform],
        shape: crate::plan::ImageShape::Index,
        others: Vec::new(),
        release: None,
        targets: Vec::new(),
        base: Base::Scratch,
        base_digest: None,
        replaced: Vec::new(),
        timezones: false,
        container,
        files: Vec::new(),
        annotations: BTreeMap::new(),
        created: 0,
        repository: NAME.to_owned(),
        tags: vec!["v1".to_owned()],
        skipped_tags: Vec::new(),
        archive: None,
        single: Platform::LINUX_AMD64,
        load: None,
        cluster: None,
        engine: None,
    };
    let mut steps: Vec<Step> = Vec::new();
    for (place, action) in actions.into_iter().enumerate() {
        steps.push(Step {
            id: StepId(format!("step:{place}")),
            after: steps.last().map(|step| step.id.clone()).into_iter().collect(),
            title: format!("step {place}"),
            action,
        });
    }
    Plan {
        own_directories: std::collections::BTreeSet::new(),
        schema: SCHEMA,
        crossdock: "0.0.0",
        root: directory.to_owned(),
        host: Platform::LINUX_AMD64,
        images: vec![image],
        since: None,
        steps,
        uses: Vec::new(),
        missing: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
    }
}

/// Collects the names of events.
#[derive(Default)]
struct Events(Vec<String>);

impl Observer for Events {
    fn event(&mut self, event: Event<'_>) {
        self.0.push(match event {
            Event::Started(step) => format!("started {}", step.title),
            Event::Finished { step, .. } => format!("finished {}", step.title),
            Event::Failed { step, .. } => format!("failed {}", step.title),
            other => format!("{other:?}"),
        });
    }
}

fn run(directory: &Utf8Path, plan: &Plan) -> (Result<Report, Box<Failure>>, Vec<String>) {
    let settings = Settings::new(directory.join("cache")).with_jobs(NonZeroUsize::MIN);
    let mut events = Events::default();
    let result = execute(plan, &settings, &Arc::new(Environment::default()), &mut events, &Cancel::default());
    (result, events.0)
}

fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
    (guard, path)
}

fn image() -> String {
    NAME.to_owned()
}

#[test]
fn an_image_with_layers_is_assembled_and_reported() {
    let (_guard, directory) = directory();
    let layers = Action::Layers { image: image(), platform: Platform::LINUX_AMD64 };
    let (result, events) = run(&directory, &plan(&directory, [layers, Action::Assemble { image: image() }]));
    let report = result.unwrap();
    assert_eq!(events, ["started step 0", "finished step 0", "started step 1", "finished step 1"]);
    assert_eq!(report.images[0].platforms[0].platform, Platform::LINUX_AMD64);
    assert!(report.unfinished.is_empty());
    assert!(directory.join("dist/app/index.json").is_file());
}

#[test]
fn an_image_is_not_assembled_without_layers() {
    let (_guard, directory) = directory();
    let (result, events) = run(&directory, &plan(&directory, [Action::Assemble { image: image() }]));
    let failure = result.unwrap_err();
    assert_eq!(events, ["started step 0", "failed step 0"]);
    assert_eq!(failure.error.kind(), ErrorKind::Program);
    insta::assert_snapshot!(failure, @"internal error: image `app` would be assembled without layers for linux/amd64; please report it");
    assert_eq!(failure.report.unfinished[0].image, NAME);
    assert!(!directory.join("dist/app/index.json").exists());
}

#[test]
fn a_plan_that_contradicts_itself_is_an_internal_error() {
    let (_guard, directory) = directory();
    let message =
        |action: Action| run(&directory, &plan(&directory, [action])).0.unwrap_err().error.to_string();
    let messages = [
        message(Action::Assemble { image: "other".to_owned() }),
        message(Action::Render { image: image() }),
        message(Action::Archive { image: image() }),
        message(Action::Layers { image: image(), platform: Platform::LINUX_ARM64 }),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r"
        internal error: a step works on image `other`, which the plan does not hold; please report it
        internal error: a step needs the engine of image `app`, which the plan does not hold; please report it
        internal error: a step needs the archive of image `app`, which the plan does not hold; please report it
        internal error: a step needs a platform of image `app`, which the plan does not hold; please report it
    ");
}

#[test]
fn a_plan_with_missing_requirements_runs_nothing() {
    let (_guard, directory) = directory();
    let layers = Action::Layers { image: image(), platform: Platform::LINUX_AMD64 };
    let mut plan = plan(&directory, [layers]);
    let unavailable = Unavailable::because("no compiler");
    plan.missing.push(Missing { image: image(), platform: None, unavailable });
    let (result, events) = run(&directory, &plan);
    let failure = result.unwrap_err();
    assert_eq!(failure.error.kind(), ErrorKind::Missing);
    assert_eq!(events, Vec::<String>::new());
    assert_eq!(failure.report.unfinished[0].image, NAME);
}

#[test]
fn a_cancelled_run_ends_as_cancelled() {
    let (_guard, directory) = directory();
    let cancel = Cancel::default();
    cancel.cancel();
    let layers = Action::Layers { image: image(), platform: Platform::LINUX_AMD64 };
    let plan = plan(&directory, [layers]);
    let settings = Settings::new(directory.join("cache"));
    let result = execute(&plan, &settings, &Arc::new(Environment::default()), &mut Silent, &cancel);
    assert!(matches!(result.unwrap_err().error, ExecuteError::Cancelled));
}
