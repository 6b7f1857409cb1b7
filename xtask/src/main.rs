//! `cargo xtask`: crossdock itself, and the chores of this repository (`test`, `ci`, `baseline`, `bench`, `ratchet`, `doc`).

mod arguments;
mod baseline;
mod bench;
mod chore;
mod ci;
mod doc;
mod prerequisites;
mod ratchet;
mod shell;
mod test;

fn main() -> std::process::ExitCode {
    let app = crossdock_cli::App::named("cargo xtask");
    chore::CHORES.into_iter().fold(app, |app, (name, about, run)| app.chore(name, about, run)).exec()
}
