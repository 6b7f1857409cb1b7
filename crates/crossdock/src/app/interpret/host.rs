//! `crossdock target host`: asks the machine, and says what was seen.

use std::io::Read;

use crossdock_platform::{Interpretation, Vocabulary, interpret};

use crate::app::arguments::Global;
use crate::app::error::{CommandError, Exit};
use crate::app::output;
use crate::interpret::{HostAnswer, HostFacts, classify};
use crossdock_system::process::{Command, ProcessError, Processes};

pub(super) fn run(processes: &Processes, global: &Global) -> Result<Exit, CommandError> {
    let answer = classify(&facts(processes));
    if global.json {
        output::answer(&super::line(&answer)?)?;
    } else {
        output::answer(&text(&answer))?;
    }
    Ok(Exit::Done)
}

fn text(answer: &HostAnswer) -> String {
    let known = |platform: &Option<String>| platform.clone().unwrap_or_else(|| "not known".to_owned());
    let mut lines = vec![
        format!("process   {}", known(&answer.process)),
        format!("kernel    {}", known(&answer.kernel)),
        format!("programs  {}", known(&answer.userland)),
    ];
    for server in &answer.servers {
        let said = server.platform.clone().or_else(|| server.why.clone()).unwrap_or_default();
        lines.push(format!("{:<9} {said}", server.engine));
    }
    lines.extend(answer.notes.iter().map(|note| format!("note      {note}")));
    lines.join("\n")
}

fn facts(processes: &Processes) -> HostFacts {
    let environment = processes.environment();
    let ask = |program: &str, arguments: &[&str]| {
        let command = Command::new(program, environment.directory.clone()).args(arguments.iter().copied());
        processes.stdout(&command).map(|said| said.trim().to_owned())
    };
    let unix = cfg!(unix).then_some(());
    let mac = cfg!(target_os = "macos").then_some(());
    let sysctl = |name: &str| mac.and_then(|()| ask("sysctl", &["-n", name]).ok()).map(|value| value == "1");
    let docker = ask("docker", &["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]);
    let podman = ask("podman", &["info", "--format", "{{.Version.OsArch}}"]);
    let said = |answer: Result<String, _>| answer.map_err(|error: ProcessError| brief(&error));
    HostFacts {
        process_os: std::env::consts::OS.to_owned(),
        process_architecture: std::env::consts::ARCH.to_owned(),
        kernel_machine: unix.and_then(|()| ask("uname", &["-m"]).ok()),
        kernel_release: unix.and_then(|()| ask("uname", &["-r"]).ok()),
        userland: userland("/bin/sh"),
        translated: sysctl("sysctl.proc_translated"),
        apple_silicon: sysctl("hw.optional.arm64"),
        windows_machine: cfg!(windows)
            .then(|| environment.get("PROCESSOR_ARCHITEW6432").or(environment.get("PROCESSOR_ARCHITECTURE")))
            .flatten()
            .map(str::to_owned),
        servers: vec![("docker".to_owned(), said(docker)), ("podman".to_owned(), said(podman))],
        default_platform: environment.get("DOCKER_DEFAULT_PLATFORM").map(str::to_owned),
    }
}

/// What went wrong in a line: the engine's own words where it was started.
fn brief(error: &ProcessError) -> String {
    let whole = error.to_string();
    let text = match error {
        ProcessError::Failed { stderr, .. } if !stderr.trim().is_empty() => stderr.trim(),
        _ => whole.as_str(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

/// The platform of a program of the system, by its ELF header (gABI: `EI_CLASS`, `EI_DATA`, `e_machine`).
fn userland(path: &str) -> Option<String> {
    let mut header = [0_u8; 20];
    std::fs::File::open(path).ok()?.read_exact(&mut header).ok()?;
    let machine = match header.get(5)? {
        1 => u16::from_le_bytes([header[18], header[19]]),
        _ => u16::from_be_bytes([header[18], header[19]]),
    };
    let name = match (header.get(..4)?, header[4], header[5], machine) {
        (b"\x7fELF", 2, 1, 62) => "x86_64",
        (b"\x7fELF", 1, 1, 3) => "i686",
        (b"\x7fELF", 2, 1, 183) => "aarch64",
        (b"\x7fELF", 1, 1, 40) => "arm",
        (b"\x7fELF", 2, 1, 243) => "riscv64",
        (b"\x7fELF", 2, 1, 21) => "ppc64le",
        (b"\x7fELF", 2, 2, 22) => "s390x",
        (b"\x7fELF", 2, 1, 258) => "loongarch64",
        _ => return None,
    };
    match interpret(name, Some(Vocabulary::UnameMLinux)) {
        // The header does not say the version of 32-bit ARM.
        Interpretation::Exact(description) => {
            Some(format!("{}/{}", description.os?, description.architecture?))
        }
        _ => None,
    }
}
