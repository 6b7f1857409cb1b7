//! The operating systems that a platform can name.

use crate::closed_names::closed_names;

closed_names! {
    /// An operating system in Go's and OCI's spelling.
    ///
    /// The set is closed: Go's ports, the names of the OCI image specification and containerd's own list. A name
    /// outside it is an error where it is read, never a guess.
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
    /// The name in use for `spelling`, where containerd knows the spelling as another name of an operating system.
    pub(crate) fn from_alias(spelling: &str) -> Option<Self> {
        (spelling == "macos").then_some(Self::Darwin)
    }
}
