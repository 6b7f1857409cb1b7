//! The platforms of a machine. Those of the process, the kernel, the system's programs and the container engines can
//! all differ.

use std::io::Read;

use crossdock_platform::{Interpretation, Vocabulary, interpret};
use crossdock_system::process::{Command, ProcessError, Processes};
use serde::Serialize;

use super::SCHEMA;

/// Observations of a machine, not yet interpreted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostFacts {
    /// The operating system that this program was built for, as rustc names it.
    pub process_os: String,
    /// The architecture that this program was built for, as rustc names it.
    pub process_architecture: String,
    /// The output of `uname -m`, if available.
    pub kernel_machine: Option<String>,
    /// The output of `uname -r`, if available.
    pub kernel_release: Option<String>,
    /// The platform of the system's own programs, from the ELF header of `/bin/sh`.
    pub userland: Option<String>,
    /// Whether Rosetta translates this process: `sysctl sysctl.proc_translated`, on macOS.
    pub translated: Option<bool>,
    /// Whether the machine has Apple silicon: `sysctl hw.optional.arm64`, on macOS.
    pub apple_silicon: Option<bool>,
    /// The value of `PROCESSOR_ARCHITEW6432`, else `PROCESSOR_ARCHITECTURE`, on Windows. The first is set for 32-bit
    /// processes only, to the machine's architecture.
    pub windows_machine: Option<String>,
    /// The answer of each container engine's server with the engine's name: `os/architecture`, or why there is none.
    pub servers: Vec<(String, Result<String, String>)>,
    /// The value of `DOCKER_DEFAULT_PLATFORM`.
    pub default_platform: Option<String>,
}

/// The platforms of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostAnswer {
    /// The version of this JSON.
    pub schema: u32,
    /// The platform of this program.
    pub process: Option<String>,
    /// The platform of the kernel.
    pub kernel: Option<String>,
    /// The platform of the system's own programs.
    pub userland: Option<String>,
    /// The container engines' servers.
    pub servers: Vec<ServerAnswer>,
    /// The reasons for differences among them.
    pub emulation: Vec<Emulation>,
    /// Explanations for a person.
    pub notes: Vec<String>,
}

/// A container engine's server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerAnswer {
    /// `docker` or `podman`.
    pub engine: String,
    /// The server's platform; null if it did not answer.
    pub platform: Option<String>,
    /// Why it did not answer.
    pub why: Option<String>,
}

/// A reason why the platforms of process, kernel, programs and servers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Emulation {
    /// An x86-64 process on Apple silicon.
    Rosetta,
    /// 32-bit programs on a 64-bit kernel.
    Userland32,
    /// Linux in Windows: the daemon may be on the Windows side.
    Wsl,
    /// A process of another architecture than the kernel's, run by an emulator.
    Emulated,
    /// A 32-bit process on 64-bit Windows, or an x64 one on ARM64.
    Wow64,
}

/// Interprets observations of a machine.
pub fn classify(facts: &HostFacts) -> HostAnswer {
    let process = platform_of_process(facts);
    let kernel = platform_of_kernel(facts);
    let mut emulation = Vec::new();
    let mut notes = Vec::new();
    if facts.translated == Some(true) || (facts.apple_silicon == Some(true) && ends(&process, "/amd64")) {
        emulation.push(Emulation::Rosetta);
        notes.push("this process is translated by Rosetta: the machine has Apple silicon".to_owned());
    }
    if wsl(facts.kernel_release.as_deref()) {
        emulation.push(Emulation::Wsl);
        notes.push(
            "the kernel is WSL's: programs are for Linux, and a container engine may run on the Windows side"
                .into(),
        );
    }
    let userland = facts.userland.clone();
    match (&userland, &kernel) {
        (Some(userland), Some(kernel)) if thirty_two_bits_of(userland, kernel) => {
            emulation.push(Emulation::Userland32);
            notes.push(format!(
                "the kernel is {kernel}, and the system's programs are {userland}: build for {userland}"
            ));
        }
        _ => {}
    }
    if let (Some(process), Some(kernel)) = (&process, &kernel)
        && architecture(process) != architecture(kernel)
        && emulation.iter().all(|seen| *seen == Emulation::Wsl)
    {
        let windows = facts.windows_machine.is_some();
        emulation.push(if windows { Emulation::Wow64 } else { Emulation::Emulated });
        notes.push(format!("this process is {process} on a {kernel} machine"));
    }
    if let Some(platform) = &facts.default_platform {
        notes.push(format!("DOCKER_DEFAULT_PLATFORM={platform} changes what docker pulls and builds"));
    }
    let servers = facts.servers.iter().map(|(engine, answer)| server(engine, answer)).collect();
    HostAnswer { schema: SCHEMA, process, kernel, userland, servers, emulation, notes }
}

fn ends(platform: &Option<String>, end: &str) -> bool {
    platform.as_ref().is_some_and(|platform| platform.ends_with(end))
}

fn architecture(platform: &str) -> &str {
    platform.split('/').nth(1).unwrap_or_default()
}

/// Whether the programs are for the 32-bit architecture of the kernel's family.
fn thirty_two_bits_of(userland: &str, kernel: &str) -> bool {
    matches!(
        (architecture(userland), architecture(kernel)),
        ("386", "amd64")
            | ("arm", "arm64")
            | ("riscv", "riscv64")
            | ("ppc", "ppc64")
            | ("s390", "s390x")
            | ("mips", "mips64")
            | ("mipsle", "mips64le")
    )
}

/// Whether a kernel release is WSL's. WSL 1 contains `Microsoft`, WSL 2 `microsoft`.
fn wsl(release: Option<&str>) -> bool {
    release.is_some_and(|release| release.to_ascii_lowercase().contains("microsoft"))
}

fn read(text: &str, vocabulary: Vocabulary) -> Option<crossdock_platform::PlatformFacts> {
    match interpret(text, Some(vocabulary)) {
        Interpretation::Exact(description) => Some(description),
        _ => None,
    }
}

fn platform_of_process(facts: &HostFacts) -> Option<String> {
    let os = read(&facts.process_os, Vocabulary::RustCfgTargetOs)?.os?;
    let architecture = read(&facts.process_architecture, Vocabulary::RustCfgTargetArch)?.architecture?;
    Some(format!("{os}/{architecture}"))
}

fn platform_of_kernel(facts: &HostFacts) -> Option<String> {
    if let Some(machine) = &facts.windows_machine {
        return read(machine, Vocabulary::WindowsProcessorArchitecture)?
            .platform()
            .map(|name| name.to_string());
    }
    if facts.apple_silicon == Some(true) {
        return Some("darwin/arm64".to_owned());
    }
    let machine = facts.kernel_machine.as_deref()?;
    let vocabulary = match facts.process_os.as_str() {
        "macos" => Vocabulary::UnameMDarwin,
        "freebsd" => Vocabulary::UnameMFreebsd,
        _ => Vocabulary::UnameMLinux,
    };
    read(machine, vocabulary)?.platform().map(|platform| platform.to_string())
}

fn server(engine: &str, answer: &Result<String, String>) -> ServerAnswer {
    let engine = engine.to_owned();
    match answer {
        Ok(answer) => match crossdock_platform::Platform::parse(answer.trim()) {
            Ok(platform) => {
                ServerAnswer { engine, platform: Some(platform.normalized().to_string()), why: None }
            }
            Err(error) => ServerAnswer { engine, platform: None, why: Some(error.to_string()) },
        },
        Err(why) => ServerAnswer { engine, platform: None, why: Some(why.clone()) },
    }
}

/// Observes this machine: the process, `uname`, the system's own programs, and the container engines.
///
/// ```
/// use crossdock::Context;
/// use crossdock::interpret::{classify, observe_host};
///
/// let machine = classify(&observe_host(Context::of_process()?.processes()));
/// assert!(machine.process.is_some());
/// # Ok::<(), crossdock::Error>(())
/// ```
pub fn observe_host(processes: &Processes) -> HostFacts {
    let environment = processes.environment();
    let ask = |program: &str, arguments: &[&str]| {
        let command = Command::new(program, environment.directory.clone()).args(arguments.iter().copied());
        processes.ask_for_text(&command).map(|output| output.trim().to_owned())
    };
    let unix = cfg!(unix).then_some(());
    let mac = cfg!(target_os = "macos").then_some(());
    let sysctl = |name: &str| mac.and_then(|()| ask("sysctl", &["-n", name]).ok()).map(|value| value == "1");
    let docker = ask("docker", &["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]);
    let podman = ask("podman", &["info", "--format", "{{.Version.OsArch}}"]);
    let server = |answer: Result<String, _>| answer.map_err(|error: ProcessError| brief(&error));
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
        servers: vec![("docker".to_owned(), server(docker)), ("podman".to_owned(), server(podman))],
        default_platform: environment.get("DOCKER_DEFAULT_PLATFORM").map(str::to_owned),
    }
}

/// Returns an error in one line: the engine's own message if it started.
fn brief(error: &ProcessError) -> String {
    let whole = error.to_string();
    let text = match error {
        ProcessError::Failed { stderr, .. } if !stderr.trim().is_empty() => stderr.trim(),
        _ => whole.as_str(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

/// Returns the platform of a program, from its ELF header (gABI: `EI_CLASS`, `EI_DATA`, `e_machine`).
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
        // The header does not contain the version of 32-bit ARM.
        Interpretation::Exact(description) => {
            Some(format!("{}/{}", description.os?, description.architecture?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(os: &str, architecture: &str, machine: &str) -> HostFacts {
        HostFacts {
            process_os: os.to_owned(),
            process_architecture: architecture.to_owned(),
            kernel_machine: Some(machine.to_owned()),
            ..HostFacts::default()
        }
    }

    #[test]
    fn process_and_kernel_of_a_plain_machine_are_equal() {
        let answer = classify(&HostFacts {
            userland: Some("linux/amd64".into()),
            ..facts("linux", "x86_64", "x86_64")
        });
        assert_eq!(answer.process, answer.kernel);
        assert_eq!(answer.emulation, []);
    }

    #[test]
    fn rosetta_is_distinguished_from_an_intel_mac() {
        let translated = HostFacts { apple_silicon: Some(true), ..facts("macos", "x86_64", "x86_64") };
        let answer = classify(&HostFacts { translated: Some(true), ..translated.clone() });
        assert_eq!(answer.emulation, [Emulation::Rosetta]);
        assert_eq!(
            (answer.process.as_deref(), answer.kernel.as_deref()),
            (Some("darwin/amd64"), Some("darwin/arm64"))
        );
        assert_eq!(classify(&translated).emulation, [Emulation::Rosetta]);
        assert_eq!(classify(&HostFacts { apple_silicon: Some(false), ..translated }).emulation, []);
    }

    #[test]
    fn a_32_bit_raspberry_pi_on_a_64_bit_kernel_is_recognized() {
        let pi = HostFacts { userland: Some("linux/arm/v7".into()), ..facts("linux", "arm", "aarch64") };
        let answer = classify(&pi);
        assert_eq!(answer.emulation, [Emulation::Userland32]);
        assert_eq!(answer.kernel.as_deref(), Some("linux/arm64"));
    }

    #[test]
    fn wsl_windows_and_emulators_are_recognized() {
        let wsl = HostFacts {
            kernel_release: Some("5.15.90.1-Microsoft-standard-WSL2".into()),
            ..facts("linux", "x86_64", "x86_64")
        };
        assert_eq!(classify(&wsl).emulation, [Emulation::Wsl]);
        assert_eq!(classify(&facts("linux", "aarch64", "x86_64")).emulation, [Emulation::Emulated]);
        let wow = HostFacts { windows_machine: Some("ARM64".into()), ..facts("windows", "x86_64", "") };
        let answer = classify(&wow);
        assert_eq!(
            (answer.kernel.as_deref(), answer.emulation),
            (Some("windows/arm64"), vec![Emulation::Wow64])
        );
    }

    #[test]
    fn an_engine_s_platform_is_its_own_answer() {
        let servers = vec![
            ("docker".to_owned(), Ok("linux/arm64\n".to_owned())),
            ("podman".to_owned(), Err("not installed".to_owned())),
        ];
        let answer = classify(&HostFacts { servers, ..facts("macos", "aarch64", "arm64") });
        assert_eq!(answer.servers[0].platform.as_deref(), Some("linux/arm64"));
        assert_eq!(answer.servers[1].why.as_deref(), Some("not installed"));
    }
}
