//! The program `crossdock`: the library's command line under its own name.

fn main() -> std::process::ExitCode {
    crossdock::App::default().exec()
}
