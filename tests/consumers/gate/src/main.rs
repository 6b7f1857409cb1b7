//! A gate in a pipeline: one JSON line for each program, and exit code 1 when one of them will not start.
//!
//!     consumer-gate linux/arm64 out/server out/worker

use std::process::ExitCode;

use crossdock_platform::Platform;
use crossdock_verify::{Program, Target, Verdict, Verification, verify_program};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [platform, programs @ ..] = words.as_slice() else {
        eprintln!("usage: consumer-gate PLATFORM PROGRAM...");
        return ExitCode::from(2);
    };
    let target = match Platform::parse(platform) {
        Ok(platform) => Target::new(&platform),
        Err(error) => {
            eprintln!("consumer-gate: {error}");
            return ExitCode::from(2);
        }
    };
    let mut open = true;
    for program in programs {
        match verify(program, &target) {
            Ok(verdict) => open &= verdict != Verdict::Fails,
            Err(error) => {
                eprintln!("consumer-gate: {program}: {error}");
                return ExitCode::from(5);
            }
        }
    }
    if open { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Verifies one program and prints its line.
fn verify(path: &str, target: &Target) -> Result<Verdict, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let program = Program::new(path, &bytes);
    let findings = verify_program(&program, target, None, None);
    let verification = Verification::new(path, target.name(), findings);
    println!("{}", serde_json::to_string(&verification)?);
    Ok(verification.verdict())
}
