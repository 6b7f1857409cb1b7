//! The vocabularies that follow a rule, so that no table could list all their names.

mod clouds;
mod containers;
mod gocode;
mod hosts;
mod packages;
mod systems;

use crate::meaning::Meaning;
use crate::vocabulary::Vocabulary as V;

type Rule = fn(&str) -> Option<Meaning>;

/// Each rule with its vocabulary, and a character that each of its names has. A vocabulary may have rows beside its
/// rule: those are looked at first.
pub(crate) const RULES: &[(V, Option<u8>, Rule)] = &[
    (V::OciPlatform, Some(b'/'), containers::oci_platform),
    (V::ContainerdArchSpecifier, None, containers::architecture_specifier),
    (V::ContainerdOsSpecifier, None, containers::os_specifier),
    (V::XxTargetpair, Some(b'-'), containers::target_pair),
    (V::GoDist, Some(b'/'), gocode::dist),
    (V::Goamd64, None, gocode::goamd64),
    (V::Goarm, None, gocode::goarm),
    (V::Goarm64, None, gocode::goarm64),
    (V::Goriscv64, None, gocode::goriscv64),
    (V::Goppc64, None, gocode::goppc64),
    (V::Gomips, None, gocode::gomips),
    (V::Gomips64, None, gocode::gomips64),
    (V::Go386, None, gocode::go386),
    (V::GoreleaserGoTarget, Some(b'_'), gocode::goreleaser),
    (V::RustTriple, Some(b'-'), systems::rust_triple),
    (V::UnameS, Some(b'-'), hosts::uname_s),
    (V::RustupHostDetection, Some(b' '), hosts::rustup),
    (V::IpkArch, Some(b'_'), packages::openwrt),
    (V::GnuTripleXx, Some(b'-'), systems::apple_triple),
    (V::K8sLabelKubernetesIoArch, None, gocode::goarch),
    (V::K8sLabelNodeKubernetesIoWindowsBuild, Some(b'.'), hosts::windows_build),
    (V::K8sNodeInfoArchitecture, None, gocode::goarch),
    (V::EksAmiType, Some(b'_'), clouds::eks_ami),
    (V::Ec2InstanceFamily, None, clouds::ec2_family),
    (V::Ec2InstanceType, Some(b'.'), clouds::ec2_type),
    (V::GceMachineFamily, Some(b'-'), clouds::gce_type),
    (V::AzureVmSize, Some(b'_'), clouds::azure_size),
    (V::AzureVmFamily, None, clouds::azure_family),
    (V::OracleCloudShape, Some(b'.'), clouds::oracle_shape),
    (V::AlibabaEcsFamily, Some(b'.'), clouds::alibaba_family),
    (V::GithubRunnerLabel, Some(b'-'), hosts::github_label),
    (V::GitlabRunnerTag, Some(b'-'), hosts::gitlab_tag),
    (V::NodeMeasured, Some(b' '), hosts::node_measured),
    (V::PythonWheelPlatformTag, None, packages::wheel),
    (V::PythonSysconfigGetPlatform, None, packages::sysconfig),
    (V::NixSystem, Some(b'-'), systems::nix),
    (V::BazelRulesGoGoarch, None, gocode::rules_go),
    (V::ZigTarget, Some(b'-'), systems::zig),
    (V::DotnetRid, None, packages::dotnet),
    (V::JvmOsName, None, hosts::jvm_os_name),
    (V::QemuUserBinary, Some(b'-'), hosts::qemu_static),
    (V::CrossRsImagePlatform, Some(b'/'), containers::oci_platform),
];

/// The characters among those of [`RULES`] that a text has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.bytes().fold(0, |marks, byte| marks | Self::bit(byte)))
    }

    /// Whether the rule can read a text with these characters.
    pub(crate) const fn allow(self, needed: Option<u8>) -> bool {
        match needed {
            Some(byte) => self.0 & Self::bit(byte) != 0,
            None => true,
        }
    }

    const fn bit(byte: u8) -> u8 {
        match byte {
            b'/' => 1,
            b'-' => 2,
            b'_' => 4,
            b'.' => 8,
            b' ' => 16,
            _ => 0,
        }
    }
}

/// What the vocabulary's rule says of a name.
pub(crate) fn read(vocabulary: V, text: &str) -> Option<Meaning> {
    RULES.iter().find(|(name, _, _)| *name == vocabulary).and_then(|(_, _, rule)| rule(text))
}

/// Why the vocabulary refuses a name that it is often thought to have.
pub(crate) fn refusal(vocabulary: V, text: &str) -> Option<&'static str> {
    match (vocabulary, text) {
        (V::ContainerdArchSpecifier, "local") => Some("only docker buildx knows it"),
        (V::ContainerdArchSpecifier, name) if crate::parse::spelled_elsewhere(name).is_some() => {
            Some("containerd refuses it alone, and after a slash keeps a name that no platform matches")
        }
        (V::Goarm, "8") => Some("Go's 32-bit levels end at 7, which ARMv8 runs"),
        (V::Goarm64, level) if level.starts_with("v8") || level.starts_with("v9") => {
            Some("a level is written with its minor number, v8.0 to v8.9 and v9.0 to v9.5")
        }
        _ => None,
    }
}

/// Names of a vocabulary with a rule, to compare a mistyped one with.
pub(crate) fn examples(vocabulary: V) -> &'static [&'static str] {
    use crate::go_level::known_values;
    match vocabulary {
        V::Goamd64 => known_values("GOAMD64"),
        V::Goarm => known_values("GOARM"),
        V::Goarm64 => known_values("GOARM64"),
        V::Goriscv64 => known_values("GORISCV64"),
        V::Goppc64 => known_values("GOPPC64"),
        V::Gomips => known_values("GOMIPS"),
        V::Gomips64 => known_values("GOMIPS64"),
        V::Go386 => known_values("GO386"),
        V::XxTargetpair => {
            &["linux-amd64", "linux-arm64", "linux-armv7", "linux-386", "linux-riscv64", "windows-amd64"]
        }
        V::GoreleaserGoTarget => &["linux_amd64_v1", "linux_arm64_v8.0", "linux_arm_7", "darwin_arm64_v8.0"],
        V::AzureVmSize => &["Standard_D2s_v5", "Standard_D2ps_v5"],
        V::AzureVmFamily => &["Dsv5", "Dpsv5", "Epsv6"],
        V::GithubRunnerLabel => &[
            "ubuntu-latest",
            "ubuntu-24.04",
            "ubuntu-24.04-arm",
            "ubuntu-22.04",
            "macos-latest",
            "macos-15",
            "windows-latest",
            "windows-2025",
            "windows-2022",
            "windows-11-arm",
        ],
        V::GitlabRunnerTag => &["saas-linux-small-amd64", "saas-linux-small-arm64", "saas-macos-medium-m1"],
        V::PythonWheelPlatformTag => {
            &["manylinux_2_28_x86_64", "manylinux2014_x86_64", "musllinux_1_2_aarch64", "win_amd64"]
        }
        V::PythonSysconfigGetPlatform => &["linux-x86_64", "linux-aarch64", "macosx-11.0-arm64", "win-amd64"],
        V::NixSystem => &["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"],
        V::ZigTarget => &["x86_64-linux-musl", "x86_64-linux-gnu", "aarch64-linux-musl", "aarch64-macos"],
        V::DotnetRid => &["linux-x64", "linux-arm64", "linux-musl-x64", "osx-arm64", "win-x64"],
        _ => &[],
    }
}
