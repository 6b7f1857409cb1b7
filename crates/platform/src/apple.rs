//! Which of Apple's systems a program of iOS is for.

/// What runs a program of iOS where it is not a device. OCI and Go have one name for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppleAbi {
    /// The simulator, on a Mac.
    Simulator,
    /// macOS itself (Mac Catalyst).
    Catalyst,
}

impl AppleAbi {
    /// rustc's target of it beside the device's. `x86_64-apple-ios` is the simulator's: there was no such device.
    pub(crate) fn triple(self, device: &'static str) -> Option<&'static str> {
        match (self, device) {
            (Self::Simulator, "aarch64-apple-ios") => Some("aarch64-apple-ios-sim"),
            (Self::Simulator, "x86_64-apple-ios") => Some(device),
            (Self::Catalyst, "aarch64-apple-ios") => Some("aarch64-apple-ios-macabi"),
            (Self::Catalyst, "x86_64-apple-ios") => Some("x86_64-apple-ios-macabi"),
            _ => None,
        }
    }

    /// What a person should know.
    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Simulator => "a program of the simulator",
            Self::Catalyst => "a Mac Catalyst program",
        }
    }
}
