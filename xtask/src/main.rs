//! `cargo xtask`: crossdock itself, and the chores of its own repository (`test`, `ci`, `bench`, `doc`).

mod bench;
mod chore;
mod ci;
mod doc;
mod prerequisites;
mod shell;
mod test;

use std::process::ExitCode;

use chore::Chore;
use clap::Parser;

fn main() -> ExitCode {
    match Chore::from_command_line(std::env::args_os()) {
        Some(chore) => chore.run(),
        None => Chore::parse().run(),
    }
}
