//! What installs software on this machine: os-release, read as os-release(5) says.

use super::System;

/// The family of a Linux system by its os-release file.
pub(crate) fn of_os_release(text: &str) -> System {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let found = lines.into_iter().rfind(|(name, _)| *name == key);
        found.map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
    };
    let family = [value("ID"), value("ID_LIKE")].map(Option::unwrap_or_default).join(" ");
    for name in family.split_whitespace() {
        match name {
            "debian" | "ubuntu" => return System::Debian { codename: value("VERSION_CODENAME") },
            "fedora" | "rhel" | "centos" => return System::Fedora,
            "alpine" => return System::Alpine,
            "arch" => return System::Arch,
            _ => {}
        }
    }
    System::Other
}

/// The family of the machine that this program runs on.
pub fn here() -> System {
    match std::env::consts::OS {
        "macos" => System::MacOs,
        "windows" => System::Windows,
        "linux" => {
            let text = ["/etc/os-release", "/usr/lib/os-release"]
                .iter()
                .find_map(|path| std::fs::read_to_string(path).ok());
            text.map_or(System::Other, |text| of_os_release(&text))
        }
        _ => System::Other,
    }
}

impl System {
    /// Whether the system's own commands are Debian's.
    pub(crate) fn is_debian(&self) -> bool {
        matches!(self, Self::Debian { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_the_first_known_name_of_id_and_id_like() {
        let bookworm =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(of_os_release(bookworm), System::Debian { codename: Some("bookworm".to_owned()) });
        assert_eq!(of_os_release(mint), System::Debian { codename: None });
        assert_eq!(of_os_release(rocky), System::Fedora);
        assert_eq!(of_os_release("ID=alpine"), System::Alpine);
        assert_eq!(of_os_release("ID=manjaro\nID_LIKE=arch\n"), System::Arch);
        assert_eq!(of_os_release("ID=plan9\ngarbage\n="), System::Other);
    }
}
