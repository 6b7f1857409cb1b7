//! Prints what a script runs: `cargo run -p crossdock-shell --example follow -- script [argument…]`.

use std::error::Error;
use std::io::Write as _;

use crossdock_shell::{Dialect, NoFiles, Start, Value, follow};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("usage: follow SCRIPT [ARGUMENT…]")?;
    let text = std::fs::read(&path)?;
    let dialect = if text.starts_with(b"#!/bin/bash") { Dialect::Bash } else { Dialect::Dash };
    let arguments = words.map(Value::from).collect();
    let start = Start { dialect, arguments, name: Value::from(path), ..Start::new(text) };
    let outcome = follow(&start, &NoFiles);
    let mut out = std::io::stdout().lock();
    for program in &outcome.programs {
        let words: Vec<String> = program.words.iter().map(Value::to_string).collect();
        let certain = if program.certain { "" } else { " maybe" };
        writeln!(
            out,
            "{} {:?}{certain} {:?}: {}",
            program.position,
            program.how,
            program.failure,
            words.join(" ")
        )?;
    }
    for end in &outcome.ends {
        writeln!(out, "end {} {:?}{}", end.position, end.kind, if end.certain { "" } else { " maybe" })?;
    }
    for unfollowed in &outcome.unfollowed {
        writeln!(out, "{} not followed: {:?} {}", unfollowed.position, unfollowed.cause, unfollowed.text)?;
    }
    Ok(())
}
