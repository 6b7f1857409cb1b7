//! Prints the variables of a cross build of a Rust program, for a shell to read:
//!
//!     eval "$(consumer-environment m7g.large)"; cargo build --release

use std::process::ExitCode;

use crossdock_platform::{Interpretation, Libc, Linkage, Tools, interpret};

fn main() -> ExitCode {
    let Some(description) = std::env::args().nth(1) else {
        eprintln!("usage: consumer-environment DESCRIPTION");
        return ExitCode::from(2);
    };
    match environment(&description) {
        Ok(lines) => {
            print!("{lines}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("consumer-environment: {description}: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One `export` for each variable.
fn environment(description: &str) -> Result<String, String> {
    let meaning = match interpret(description, None) {
        Interpretation::Exact(meaning) => meaning,
        Interpretation::Ambiguous { why, .. } => return Err(why),
        Interpretation::Unknown(unknown) => return Err(unknown.to_string()),
    };
    // Static with the GNU C library, because that is the cross compiler that distributions package.
    let target = meaning.target(Linkage::Static).ok_or("it names no architecture")?.with_libc(Libc::GNU);
    let rust = target.rust().map_err(|unsupported| unsupported.to_string())?;
    let names = target.names();
    let gcc = |tool: &str| names.gnu_prefix.map(|prefix| format!("{prefix}-{tool}"));
    let tools = Tools { linker: gcc("gcc"), cc: gcc("gcc"), ar: gcc("ar"), ..Tools::default() };
    let mut variables = target.cross_env(&tools).map_err(|unsupported| unsupported.to_string())?;
    variables.insert("CARGO_BUILD_TARGET".to_owned(), rust.triple.to_string());
    Ok(variables
        .iter()
        .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''")))
        .collect())
}
