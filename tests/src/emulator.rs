//! Foreign programs on this machine: natively where it can, under qemu-user otherwise, always with a time limit.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::outcome::{Outcome, run};
use crate::tools::need;

/// The machines that the tests start programs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Amd64,
    Arm64,
    /// Not among [`Machine::ALL`]: few tests build for it.
    ArmV7,
}

impl Machine {
    /// Those that every test builds for.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// As an image's index names it.
    pub fn platform(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
            Self::ArmV7 => "linux/arm/v7",
        }
    }

    /// As Rust and uname name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::ArmV7 => "arm",
        }
    }

    /// The command that starts a static program of this machine here.
    pub fn command(self, program: &Path) -> Command {
        if self.name() == std::env::consts::ARCH {
            return Command::new(program);
        }
        let mut command = Command::new(need(&format!("qemu-{}-static", self.name())));
        command.arg(program);
        command
    }

    /// Runs a program of an unpacked image in that image's root, as a container would: its loader and libraries are the
    /// image's own. It takes root.
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

    /// Runs a program to its end.
    pub fn run(self, program: &Path, arguments: &[&str], limit: Duration) -> Outcome {
        run(self.command(program).args(arguments), limit)
    }
}
