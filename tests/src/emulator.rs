//! Runs foreign programs: natively if this machine can, else under qemu-user; always with a time limit.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::outcome::{Outcome, run};
use crate::tools::need;

/// A machine for which the tests start programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Amd64,
    Arm64,
    /// Not among [`Machine::ALL`]: few tests build for it.
    ArmV7,
}

impl Machine {
    /// The machines that every test builds for.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// Returns the name in an image index (GOARCH).
    pub fn platform(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
            Self::ArmV7 => "linux/arm/v7",
        }
    }

    /// Returns the name in Rust's triples and in uname(1).
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::ArmV7 => "arm",
        }
    }

    /// Returns the command that starts a static program of this machine here.
    pub fn command(self, program: &Path) -> Command {
        if self.name() == std::env::consts::ARCH {
            return Command::new(program);
        }
        let mut command = Command::new(need(&format!("qemu-{}-static", self.name())));
        command.arg(program);
        command
    }

    /// Runs a program of an unpacked image with chroot(8), as a container would: with the loader and libraries of the
    /// image. Requires root.
    pub fn run_in(self, root: &Path, program: &str, limit: Duration) -> Outcome {
        let mut command = Command::new(need("chroot"));
        command.arg(root);
        if self.name() != std::env::consts::ARCH {
            let emulator = format!("qemu-{}-static", self.name());
            std::fs::copy(need(&emulator), root.join(&emulator)).expect("a static emulator runs anywhere");
            command.arg(format!("/{emulator}"));
        }
        run(command.arg(program), limit)
    }

    /// Runs a program and waits for its end.
    pub fn run(self, program: &Path, arguments: &[&str], limit: Duration) -> Outcome {
        run(self.command(program).args(arguments), limit)
    }
}
