//! Operating systems.

use crate::closed_names::closed_names;

closed_names! {
    /// An operating system in Go's and OCI's spelling.
    ///
    /// The set consists of Go's ports, the names of the OCI image specification and containerd's list. Any other name
    /// is an error when it is parsed.
    pub enum Os {
        Aix = "aix",
        Android = "android",
        Darwin = "darwin",
        Dragonfly = "dragonfly",
        Freebsd = "freebsd",
        Hurd = "hurd",
        Illumos = "illumos",
        Ios = "ios",
        Js = "js",
        Linux = "linux",
        Nacl = "nacl",
        Netbsd = "netbsd",
        Openbsd = "openbsd",
        Plan9 = "plan9",
        Solaris = "solaris",
        Wasi = "wasi",
        Wasip1 = "wasip1",
        Windows = "windows",
        Zos = "zos",
    }
}

impl Os {
    /// Returns the operating system of a spelling that containerd translates (`normalizeOS`).
    pub(crate) fn from_alias(spelling: &str) -> Option<Self> {
        (spelling == "macos").then_some(Self::Darwin)
    }
}
