//! Verifies one file for a platform: `verify_program FILE PLATFORM`. Prints the verification as JSON, and on standard error
//! the time that it took, without reading the file.

use std::process::ExitCode;
use std::time::Instant;

use crossdock_platform::Platform;
use crossdock_verify::{Program, Target, Verification, verify_program};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, platform] = arguments.as_slice() else { return ExitCode::from(2) };
    let (Ok(bytes), Ok(platform)) = (std::fs::read(file), Platform::parse(platform)) else {
        return ExitCode::from(2);
    };
    let target = Target::new(&platform);
    let start = Instant::now();
    let findings = verify_program(&Program::new(file, &bytes), &target, None, None);
    let took = start.elapsed();
    let verification = Verification::new(file, target.description(), findings);
    let Ok(json) = serde_json::to_string(&verification) else { return ExitCode::from(5) };
    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
    {
        println!("{json}");
        eprintln!("{} bytes verified in {took:?}", bytes.len());
    }
    ExitCode::SUCCESS
}
