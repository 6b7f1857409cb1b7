//! The serialized form of a host: short enough to write by hand, and complete for planning.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use serde::{Deserialize, Serialize};

use super::super::hypothetical::{GO, RUST, go_toolchain, no_distribution, rustup_toolchain, usual_system};
use super::super::{GoToolchain, Host, Manager, RustToolchain, System, Tool, ToolchainOrigin, remedies};
use crossdock_system::availability::{Availability, Unavailable};

/// The content of a host file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::host) struct HostFile {
    platform: Platform,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<SystemName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codename: Option<String>,
    #[serde(default)]
    root: bool,
    #[serde(default = "one")]
    processors: usize,
    #[serde(default)]
    rustup: ToolEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rust: Option<RustEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<RustEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    go: Option<GoEntry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    projects: BTreeMap<Utf8PathBuf, ProjectEntry>,
    #[serde(default)]
    tools: BTreeMap<String, ToolEntry>,
}

/// The toolchains of one project.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rust: Option<RustEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    go: Option<GoEntry>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SystemName {
    Debian,
    Fedora,
    Alpine,
    Arch,
    MacOs,
    Windows,
    Other,
}

/// A tool: present, with or without a version, or missing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a tool is a version in quotes, true, { command = […], version = … } or { missing = \"why\" }"
)]
enum ToolEntry {
    Version(String),
    Present(bool),
    Called(Called),
    Missing(Missing),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    command: Vec<String>,
    version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    missing: String,
}

/// A Rust toolchain. A field that is left out has the value of rustup's toolchain for the platform.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RustEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Its name in rustup, or false if rustup does not manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rustup: Option<RustupName>,
    /// The Debian package that contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cargo: Option<Utf8PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rustc: Option<Utf8PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    std: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addable: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rust_lld: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Utf8PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of a toolchain, or false")]
enum RustupName {
    Known(String),
    Managed(bool),
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GoEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    go: Option<Utf8PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<String>,
}

fn one() -> usize {
    1
}

impl Default for ToolEntry {
    fn default() -> Self {
        Self::Present(true)
    }
}

impl From<HostFile> for Host {
    fn from(form: HostFile) -> Self {
        let system =
            form.system.map_or_else(|| usual_system(&form.platform), |name| name.system(form.codename));
        let whole = ProjectEntry { rust: form.rust, go: form.go };
        let (mut rust, mut go) = (BTreeMap::new(), BTreeMap::new());
        // The empty path is above every directory, so that its entry holds where no other does.
        for (directory, entry) in form.projects.into_iter().chain([(Utf8PathBuf::new(), whole)]) {
            let of_rust =
                entry.rust.map(|entry| entry.read(&form.platform, ToolchainOrigin::Project, &system));
            rust.extend(of_rust.map(|toolchain| (directory.clone(), toolchain)));
            go.extend(entry.go.map(|entry| (directory, entry.read(&system))));
        }
        let packaged = form
            .distribution
            .unwrap_or_else(|| RustEntry { missing: Some(no_distribution().why), ..RustEntry::default() });
        Self {
            root: form.root,
            processors: form.processors.max(1),
            rust,
            distribution: packaged.read(&form.platform, ToolchainOrigin::Distribution, &system),
            rustup: form.rustup.read("rustup", &system),
            go,
            tools: form
                .tools
                .into_iter()
                .map(|(name, entry)| (name.clone(), entry.read(&name, &system)))
                .collect(),
            platform: form.platform,
            system,
        }
    }
}

impl From<Host> for HostFile {
    fn from(host: Host) -> Self {
        let mut projects: BTreeMap<Utf8PathBuf, ProjectEntry> = BTreeMap::new();
        for (directory, toolchain) in &host.rust {
            projects.entry(directory.clone()).or_default().rust = Some(RustEntry::write(toolchain));
        }
        for (directory, toolchain) in &host.go {
            projects.entry(directory.clone()).or_default().go = Some(GoEntry::write(toolchain));
        }
        let whole = projects.remove("".as_ref() as &camino::Utf8Path).unwrap_or_default();
        let (system, codename) = SystemName::of(host.system);
        Self {
            platform: host.platform,
            system: Some(system),
            codename,
            root: host.root,
            processors: host.processors,
            rustup: ToolEntry::write(host.rustup),
            rust: whole.rust,
            distribution: Some(RustEntry::write(&host.distribution)),
            go: whole.go,
            projects,
            tools: host.tools.into_iter().map(|(name, tool)| (name, ToolEntry::write(tool))).collect(),
        }
    }
}

impl SystemName {
    fn system(self, codename: Option<String>) -> System {
        match self {
            Self::Debian => System::Debian { codename },
            Self::Fedora => System::Fedora,
            Self::Alpine => System::Alpine,
            Self::Arch => System::Arch,
            Self::MacOs => System::MacOs,
            Self::Windows => System::Windows,
            Self::Other => System::Other,
        }
    }

    fn of(system: System) -> (Self, Option<String>) {
        match system {
            System::Debian { codename } => (Self::Debian, codename),
            System::Fedora => (Self::Fedora, None),
            System::Alpine => (Self::Alpine, None),
            System::Arch => (Self::Arch, None),
            System::MacOs => (Self::MacOs, None),
            System::Windows => (Self::Windows, None),
            System::Other => (Self::Other, None),
        }
    }
}

impl ToolEntry {
    fn read(self, name: &str, system: &System) -> Availability<Tool> {
        let tool = |command, version| Availability::Available(Tool { command, version });
        let missing =
            |why| Availability::Unavailable(Unavailable { why, remedies: remedies::install(name, system) });
        match self {
            Self::Version(version) => tool(vec![name.to_owned()], Some(version)),
            Self::Present(true) => tool(vec![name.to_owned()], None),
            Self::Present(false) => missing(format!("`{name}` is not installed")),
            Self::Called(Called { command, version }) => tool(command, version),
            Self::Missing(Missing { missing: why }) => missing(why),
        }
    }

    fn write(tool: Availability<Tool>) -> Self {
        match tool {
            Availability::Available(Tool { command, version }) => Self::Called(Called { command, version }),
            Availability::Unavailable(Unavailable { why, .. }) => Self::Missing(Missing { missing: why }),
        }
    }
}

impl RustEntry {
    fn read(
        self,
        platform: &Platform,
        origin: ToolchainOrigin,
        system: &System,
    ) -> Availability<RustToolchain> {
        if let Some(why) = self.missing {
            return Availability::Unavailable(Unavailable {
                why,
                remedies: remedies::install("rustc", system),
            });
        }
        let version = self.version.unwrap_or_else(|| RUST.to_owned());
        let usual = rustup_toolchain(platform, &version);
        let unmanaged = self.package.is_some() || matches!(self.rustup, Some(RustupName::Managed(false)));
        let managed = origin == ToolchainOrigin::Project && !unmanaged;
        let std = self.std.unwrap_or(usual.std);
        let addable = usual.addable.into_iter().filter(|triple| managed && !std.contains(triple)).collect();
        Availability::Available(RustToolchain {
            origin,
            manager: match (self.rustup, self.package) {
                (Some(RustupName::Known(name)), _) => Manager::Rustup(name),
                (_, Some(package)) => Manager::Debian(package),
                _ if managed => usual.manager,
                _ => Manager::Unknown,
            },
            cargo: self.cargo.unwrap_or(usual.cargo),
            rustc: self.rustc.unwrap_or(usual.rustc),
            version,
            release: self.release.unwrap_or(usual.release),
            host: self.host.unwrap_or(usual.host),
            addable: self.addable.unwrap_or(addable),
            std,
            // rustup's toolchains contain it, and Debian's does not.
            rust_lld: self.rust_lld.unwrap_or(managed),
            source: self.source,
        })
    }

    fn write(toolchain: &Availability<RustToolchain>) -> Self {
        match toolchain {
            Availability::Unavailable(Unavailable { why, .. }) => {
                Self { missing: Some(why.clone()), ..Self::default() }
            }
            Availability::Available(toolchain) => Self {
                missing: None,
                version: Some(toolchain.version.clone()),
                release: Some(toolchain.release.clone()),
                host: Some(toolchain.host.clone()),
                rustup: Some(match &toolchain.manager {
                    Manager::Rustup(name) => RustupName::Known(name.clone()),
                    _ => RustupName::Managed(false),
                }),
                package: match &toolchain.manager {
                    Manager::Debian(package) => Some(package.clone()),
                    _ => None,
                },
                cargo: Some(toolchain.cargo.clone()),
                rustc: Some(toolchain.rustc.clone()),
                std: Some(toolchain.std.clone()),
                addable: Some(toolchain.addable.clone()),
                rust_lld: Some(toolchain.rust_lld),
                source: toolchain.source.clone(),
            },
        }
    }
}

impl GoEntry {
    fn read(self, system: &System) -> Availability<GoToolchain> {
        if let Some(why) = self.missing {
            return Availability::Unavailable(Unavailable { why, remedies: remedies::install("go", system) });
        }
        let usual = go_toolchain(self.version.as_deref().unwrap_or(GO));
        Availability::Available(GoToolchain {
            go: self.go.unwrap_or(usual.go),
            version: usual.version,
            flags: self.flags.unwrap_or(usual.flags),
        })
    }

    fn write(toolchain: &Availability<GoToolchain>) -> Self {
        match toolchain {
            Availability::Unavailable(Unavailable { why, .. }) => {
                Self { missing: Some(why.clone()), ..Self::default() }
            }
            Availability::Available(toolchain) => Self {
                missing: None,
                version: Some(toolchain.version.clone()),
                go: Some(toolchain.go.clone()),
                flags: Some(toolchain.flags.clone()),
            },
        }
    }
}
