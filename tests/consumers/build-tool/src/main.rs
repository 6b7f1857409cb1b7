//! A build tool that leaves images to crossdock: it finds the programs of a project, plans, builds with an observer of
//! its own, and verifies the result for a node.
//!
//!     consumer-build-tool PROJECT OUTPUT NODE

use std::process::ExitCode;

use crossdock::execute::{Event, ExecuteOptions, Observer};
use crossdock::plan::Goal;
use crossdock::verify::{Verdict, VerifyOptions};
use crossdock::{BuildOptions, Context, Environment, Error, ErrorKind, discover, execute, plan, verify};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [project, output, node] = words.as_slice() else {
        eprintln!("usage: consumer-build-tool PROJECT OUTPUT NODE");
        return ExitCode::from(2);
    };
    match run(project, output, node) {
        Ok(Verdict::Starts) => ExitCode::SUCCESS,
        Ok(verdict) => {
            eprintln!("consumer-build-tool: {node}: {verdict:?}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("consumer-build-tool: {error}");
            ExitCode::from(if error.kind() == ErrorKind::Usage { 2 } else { 3 })
        }
    }
}

/// Builds every image of the project and returns the gravest verdict for the node.
fn run(project: &str, output: &str, node: &str) -> Result<Verdict, Error> {
    let mut environment =
        Environment::from_process().map_err(|error| Error::new(ErrorKind::InputOutput, &error))?;
    environment.directory = environment.directory.join(project);
    let context = Context::builder(environment).program("consumer-build-tool").finish()?;
    let options =
        BuildOptions::new().goal(Goal::Build).output(output).platforms(["linux/amd64", "linux/arm64"]);

    let found = discover(&context, &options)?;
    for program in found.programs()? {
        println!("program {} of image {}", program.name, program.image);
    }
    let plan = plan(&found)?;
    let report = execute(&context, &plan, &ExecuteOptions::new(), &mut Steps::default())?;

    let mut worst = Verdict::Starts;
    for image in &report.images {
        for verified in verify(&context, &image.layout, &VerifyOptions::new().nodes([node]))? {
            println!("{} {:?}", verified.name, verified.verdict());
            worst = worst.max(verified.verdict());
        }
    }
    Ok(worst)
}

/// Counts the steps and prints each that ended.
#[derive(Default)]
struct Steps {
    ended: usize,
}

impl Observer for Steps {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Finished { step, took, .. } = event {
            self.ended += 1;
            println!("step {} {} {} ms", self.ended, step.title, took.as_millis());
        }
    }
}
