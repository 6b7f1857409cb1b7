//! The program `crossdock`.

fn main() -> std::process::ExitCode {
    crossdock_cli::App::default().exec()
}
