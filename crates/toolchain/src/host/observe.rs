//! The platform of this machine, from four sources that may differ: the process, the kernel, the userland and the
//! servers of container engines.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use camino::Utf8PathBuf;
use crossdock_platform::{Interpretation, Platform, Vocabulary, interpret};
use serde::Serialize;

use super::tools;
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Cancel, Command, ProcessError, Processes};

/// The platform according to each source, and what their differences mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// The platform for which this process was compiled.
    pub process: Option<Platform>,
    /// The platform of the kernel.
    pub kernel: Option<Platform>,
    /// The platform of the machine's own programs, read from `/bin/sh`; `None` if that is not an ELF program.
    pub userland: Option<Platform>,
    /// The platform that the server of each installed container engine reports.
    pub engines: Vec<(String, Availability<Platform>)>,
    /// Explanations of the differences.
    pub situations: Vec<Situation>,
    /// The evidence: source and value, such as `uname -m` and `x86_64`.
    pub seen: Vec<(String, String)>,
}

/// A reason why the sources differ, or another fact about the machine that matters to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Situation {
    /// Apple's Rosetta translates this amd64 process on arm64.
    Rosetta,
    /// An emulator, such as QEMU's user mode, runs this process on another processor.
    Emulated,
    /// The programs are 32-bit on a 64-bit kernel of the same family.
    Userland32Bit,
    /// Version 1 of the Windows Subsystem for Linux, which has no Linux kernel and runs no 32-bit programs.
    Wsl1,
    /// Version 2 of the Windows Subsystem for Linux, a virtual machine.
    Wsl2,
}

impl Situation {
    /// Returns an explanation in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Rosetta => {
                "this process is translated by Rosetta: the machine is Apple silicon, and a toolchain for arm64 is faster"
            }
            Self::Emulated => "this process runs under an emulator: the kernel's processor is another one",
            Self::Userland32Bit => {
                "the userland is 32-bit on a 64-bit kernel: installed compilers make 32-bit programs"
            }
            Self::Wsl1 => "this is WSL 1, which has no Linux kernel of its own: container engines need WSL 2",
            Self::Wsl2 => "this is WSL 2: Linux in a virtual machine on Windows",
        }
    }
}

/// Observes this machine. Engines are asked in parallel.
pub fn observe(processes: &Processes) -> Observation {
    let raw = Raw::look(processes);
    let engines = ask_engines(processes);
    raw.interpret(engines)
}

/// The raw values, before interpretation.
#[derive(Debug, Default)]
struct Raw {
    os: String,
    process: String,
    /// The output of `uname -m`, which a personality(2) or an emulator changes.
    machine: Option<String>,
    /// `/proc/sys/kernel/arch`, which neither changes (since Linux 6.1).
    kernel: Option<String>,
    /// `/proc/sys/kernel/osrelease`.
    release: Option<String>,
    /// The first bytes of `/bin/sh`.
    shell: Option<Vec<u8>>,
    /// Darwin's `sysctl.proc_translated`: whether Rosetta translates this process.
    translated: bool,
    /// `vendor_id` of `/proc/cpuinfo`, which Rosetta in a Linux virtual machine sets to `VirtualApple`.
    vendor: Option<String>,
}

impl Raw {
    fn look(processes: &Processes) -> Self {
        let file = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let said = |program: &str, arguments: &[&str]| {
            let directory = processes.environment().directory.clone();
            let command = Command::new(program, directory).args(arguments.iter().copied());
            processes.stdout(&command).ok().map(|text| text.trim().to_owned())
        };
        let vendor = file("/proc/cpuinfo").and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("vendor_id"))?;
            line.split_once(':').map(|(_, vendor)| vendor.trim().to_owned())
        });
        let is_mac = std::env::consts::OS == "macos";
        Self {
            os: std::env::consts::OS.to_owned(),
            process: std::env::consts::ARCH.to_owned(),
            machine: if cfg!(unix) { said("uname", &["-m"]) } else { None },
            kernel: file("/proc/sys/kernel/arch"),
            release: file("/proc/sys/kernel/osrelease"),
            shell: first_bytes("/bin/sh".into()),
            translated: is_mac && said("sysctl", &["-n", "sysctl.proc_translated"]).as_deref() == Some("1"),
            vendor,
        }
    }

    fn interpret(self, engines: Vec<(String, Availability<Platform>)>) -> Observation {
        let os = if self.os == "macos" { "darwin" } else { &self.os };
        let process = super::detect::platform_of(os, &self.process);
        let machine = self.machine.as_deref().and_then(|machine| of_uname(os, machine));
        let rosetta = self.translated || self.vendor.as_deref() == Some("VirtualApple");
        let kernel = match &self.kernel {
            // Under Rosetta `uname` reports the translated processor.
            _ if rosetta => Platform::parse(&format!("{os}/arm64")).ok(),
            Some(kernel) => of_uname(os, kernel),
            None => machine.clone(),
        };
        let userland = self.shell.as_deref().and_then(|bytes| platform_of_elf(os, bytes));
        let mut seen = vec![("this process".to_owned(), format!("{} on {}", self.process, self.os))];
        let files = [
            ("uname -m", &self.machine),
            ("/proc/sys/kernel/arch", &self.kernel),
            ("kernel", &self.release),
            ("processor", &self.vendor),
        ];
        seen.extend(files.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        seen.extend(userland.as_ref().map(|platform| ("/bin/sh".to_owned(), platform.to_string())));
        let situations = situations(
            rosetta,
            process.as_ref(),
            kernel.as_ref(),
            userland.as_ref(),
            self.release.as_deref(),
        );
        Observation { process, kernel, userland, engines, situations, seen }
    }
}

fn situations(
    rosetta: bool,
    process: Option<&Platform>,
    kernel: Option<&Platform>,
    userland: Option<&Platform>,
    release: Option<&str>,
) -> Vec<Situation> {
    let architecture =
        |platform: Option<&Platform>| platform.map(|platform| platform.architecture().as_str());
    let narrow = |platform| {
        matches!(
            (architecture(platform), architecture(kernel)),
            (Some("386"), Some("amd64")) | (Some("arm"), Some("arm64"))
        )
    };
    let differ = architecture(process).zip(architecture(kernel)).is_some_and(|(one, other)| one != other);
    let release = release.unwrap_or_default().to_lowercase();
    let mut found = Vec::new();
    if rosetta {
        found.push(Situation::Rosetta);
    } else if narrow(userland) || narrow(process) {
        found.push(Situation::Userland32Bit);
    } else if differ {
        found.push(Situation::Emulated);
    }
    // Microsoft's kernels name themselves in their release; only WSL 2 has a Linux kernel.
    if release.contains("microsoft") {
        found.push(if release.contains("wsl2") { Situation::Wsl2 } else { Situation::Wsl1 });
    }
    found
}

fn of_uname(os: &str, machine: &str) -> Option<Platform> {
    let vocabulary = match os {
        "darwin" => Vocabulary::UnameMDarwin,
        "freebsd" => Vocabulary::UnameMFreebsd,
        _ => Vocabulary::UnameMLinux,
    };
    let candidates = match interpret(machine, Some(vocabulary)) {
        Interpretation::Exact(description) => vec![description],
        Interpretation::Ambiguous { candidates, .. } => candidates,
        Interpretation::Unknown(_) => return None,
    };
    let found = candidates.into_iter().next()?;
    let variant = found.variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    Platform::parse(&format!("{os}/{}{variant}", found.architecture?.as_str())).ok()
}

fn first_bytes(path: Utf8PathBuf) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    // `e_machine` ends at byte 20 in both classes of ELF.
    std::fs::File::open(path).ok()?.take(20).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns the platform of an ELF program from its first 20 bytes (gABI, "ELF Header": `e_ident[EI_CLASS]`,
/// `e_ident[EI_DATA]`, `e_machine`). `None` if they are not an ELF header, or of an unknown machine.
pub fn platform_of_elf(os: &str, bytes: &[u8]) -> Option<Platform> {
    let (class, data, machine) = (bytes.get(4)?, bytes.get(5)?, [*bytes.get(18)?, *bytes.get(19)?]);
    let little = *data == 1;
    let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    let name = match (machine, class, little) {
        _ if !bytes.starts_with(b"\x7fELF") => return None,
        (3, ..) => "386",
        (62, 2, _) => "amd64",
        (40, _, true) => "arm",
        (183, _, true) => "arm64",
        (243, 2, _) => "riscv64",
        (21, _, true) => "ppc64le",
        (21, _, false) => "ppc64",
        (22, 2, _) => "s390x",
        (258, 2, _) => "loong64",
        (8, 2, true) => "mips64le",
        (8, 2, false) => "mips64",
        (8, 1, true) => "mipsle",
        (8, 1, false) => "mips",
        _ => return None,
    };
    Platform::parse(&format!("{os}/{name}")).ok()
}

fn ask_engines(processes: &Processes) -> Vec<(String, Availability<Platform>)> {
    const QUESTIONS: [(&str, [&str; 3]); 2] = [
        ("docker", ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]),
        ("podman", ["info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"]),
    ];
    let environment = processes.environment();
    let installed = |(engine, _): &&(&str, _)| tools::in_path(environment, engine).is_some();
    std::thread::scope(|scope| {
        let asked: Vec<_> = QUESTIONS
            .iter()
            .filter(installed)
            .map(|(engine, question)| (*engine, scope.spawn(|| ask_engine(processes, engine, question))))
            .collect();
        let answers = asked
            .into_iter()
            .map(|(engine, thread)| (engine.to_owned(), super::detect::answer(thread.join())));
        answers.collect()
    })
}

/// The time limit for an engine: if its server is an unreachable machine, the client waits for minutes.
const LIMIT: Duration = Duration::from_secs(5);

fn ask_engine(processes: &Processes, engine: &str, question: &[&str]) -> Availability<Platform> {
    let environment = processes.environment();
    let command = Command::new(engine, environment.directory.clone()).args(question.iter().copied());
    let cancel = Cancel::default();
    // A cancellation of its own: the time limit must not end the rest of the run.
    let limited = Processes::new(Arc::new(environment.clone()), cancel.clone());
    let answer = std::thread::scope(|scope| {
        let (done, waiting) = mpsc::channel::<()>();
        scope.spawn(move || {
            if waiting.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                cancel.cancel();
            }
        });
        let answer = limited.stdout(&command);
        drop(done);
        answer
    });
    let platform = match &answer {
        Ok(text) => Platform::parse(text.trim()).map_err(|error| error.to_string()),
        Err(ProcessError::Cancelled) => {
            Err(format!("{engine}'s server gave no answer within {} seconds", LIMIT.as_secs()))
        }
        Err(ProcessError::Failed { stderr, .. }) => {
            Err(stderr.trim().lines().last().unwrap_or("it failed").to_owned())
        }
        Err(error) => Err(error.to_string()),
    };
    platform.map_or_else(|why| Availability::Unavailable(Unavailable::because(why)), Availability::Available)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(os: &str, process: &str, machine: &str) -> Raw {
        Raw { os: os.into(), process: process.into(), machine: Some(machine.into()), ..Raw::default() }
    }

    fn elf(class: u8, machine: u16) -> Option<Vec<u8>> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([class, 1]);
        bytes.resize(18, 0);
        bytes.extend(machine.to_le_bytes());
        Some(bytes)
    }

    fn text(platform: Option<Platform>) -> String {
        platform.map_or_else(|| "none".to_owned(), |platform| platform.to_string())
    }

    #[test]
    fn each_situation_is_recognized() {
        let wsl = |release: &str| Raw { release: Some(release.into()), ..raw("linux", "x86_64", "x86_64") };
        let kernel = |kernel: &str, raw: Raw| Raw { kernel: Some(kernel.into()), ..raw };
        let table = [
            (
                Raw { shell: elf(2, 62), ..raw("linux", "x86_64", "x86_64") },
                "linux/amd64 linux/amd64 linux/amd64",
                vec![],
            ),
            (
                Raw { translated: true, ..raw("macos", "x86_64", "x86_64") },
                "darwin/amd64 darwin/arm64 none",
                vec![Situation::Rosetta],
            ),
            (
                Raw { vendor: Some("VirtualApple".into()), ..raw("linux", "x86_64", "x86_64") },
                "linux/amd64 linux/arm64 none",
                vec![Situation::Rosetta],
            ),
            (
                Raw { shell: elf(1, 40), ..raw("linux", "aarch64", "aarch64") },
                "linux/arm64 linux/arm64 linux/arm",
                vec![Situation::Userland32Bit],
            ),
            (
                kernel("x86_64", raw("linux", "x86", "i686")),
                "linux/386 linux/amd64 none",
                vec![Situation::Userland32Bit],
            ),
            (
                kernel("x86_64", raw("linux", "aarch64", "aarch64")),
                "linux/arm64 linux/amd64 none",
                vec![Situation::Emulated],
            ),
            (
                wsl("5.15.167.4-microsoft-standard-WSL2"),
                "linux/amd64 linux/amd64 none",
                vec![Situation::Wsl2],
            ),
            (wsl("4.4.0-19041-Microsoft"), "linux/amd64 linux/amd64 none", vec![Situation::Wsl1]),
            (raw("macos", "aarch64", "arm64"), "darwin/arm64 darwin/arm64 none", vec![]),
            (raw("plan9", "pdp11", "?"), "none none none", vec![]),
        ];
        for (raw, answers, situations) in table {
            let shown = format!("{raw:?}");
            let found = raw.interpret(Vec::new());
            let all = [found.process, found.kernel, found.userland].map(text).join(" ");
            assert_eq!((all.as_str(), found.situations), (answers, situations), "{shown}");
        }
    }

    #[test]
    fn only_elf_programs_have_a_platform() {
        for bytes in [&b"#!/bin/busybox sh\n..."[..], b"\x7fELF", b"", &[0; 20]] {
            assert_eq!(platform_of_elf("linux", bytes), None);
        }
    }

    #[test]
    fn this_machine_is_recognized() {
        let environment = crossdock_system::environment::Environment::from_process().unwrap();
        let processes =
            Processes::new(std::sync::Arc::new(environment), crossdock_system::process::Cancel::default());
        let found = Raw::look(&processes).interpret(Vec::new());
        assert!(found.process.is_some() && found.kernel.is_some(), "{found:?}");
    }
}
