//! Judges one file for a platform: `judge FILE PLATFORM`. Prints the report as JSON and, on the error stream, how long the
//! judging took without the reading.

use std::process::ExitCode;
use std::time::Instant;

use crossdock_platform::Platform;
use crossdock_verify::{Program, Report, Target, verify_program};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, platform] = arguments.as_slice() else { return ExitCode::from(2) };
    let (Ok(bytes), Ok(platform)) = (std::fs::read(file), Platform::parse(platform)) else {
        return ExitCode::from(2);
    };
    let target = Target::new(&platform);
    let start = Instant::now();
    let findings = verify_program(&Program { path: file, bytes: &bytes, mode: None }, &target, None, None);
    let took = start.elapsed();
    let report = Report::new(file, target.name(), findings);
    let Ok(json) = serde_json::to_string(&report) else { return ExitCode::from(5) };
    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
    {
        println!("{json}");
        eprintln!("{} bytes judged in {took:?}", bytes.len());
    }
    ExitCode::SUCCESS
}
