//! Vocabularies that follow a rule. No table could list all their names.

mod azure;
pub(crate) mod clouds;
mod containers;
mod gnu;
pub(crate) mod gocode;
mod hosts;
mod levels;
mod machines;
mod packages;
mod systems;

use crate::facts::Facts;
use crate::vocabulary::Vocabulary as V;

type Rule = fn(&str) -> Option<Facts>;

/// The rules with their vocabularies and the shape of their names. The shapes spare most rules a call for each name. If a
/// vocabulary has rows besides its rule, the rows take precedence.
pub(crate) const RULES: &[(V, Shape, Rule)] = &[
    (V::OciPlatform, with(b'/'), containers::oci_platform),
    (V::ContainerdArchSpecifier, without(b"/. "), containers::architecture_specifier),
    (V::ContainerdOsSpecifier, PLAIN, containers::os_specifier),
    (V::XxTargetpair, with(b'-'), containers::target_pair),
    (V::GoDist, with(b'/'), gocode::dist),
    (V::Goamd64, PLAIN, gocode::goamd64),
    (V::Goarm, PLAIN, gocode::goarm),
    (V::Goarm64, without(b"/-_ "), gocode::goarm64),
    (V::Goriscv64, PLAIN, gocode::goriscv64),
    (V::Goppc64, PLAIN, gocode::goppc64),
    (V::Gomips, PLAIN, gocode::gomips),
    (V::Gomips64, PLAIN, gocode::gomips64),
    (V::Go386, PLAIN, gocode::go386),
    (V::GoreleaserGoTarget, with(b'_'), gocode::goreleaser),
    (V::RustTriple, with(b'-'), systems::rust_triple),
    (V::UnameS, with(b'-'), hosts::uname_s),
    (V::RustupHostDetection, with(b' '), hosts::rustup),
    (V::IpkArch, with(b'_'), packages::openwrt),
    (V::GnuTripleXx, with(b'-'), systems::apple_triple),
    (V::K8sLabelKubernetesIoArch, PLAIN, gocode::goarch),
    (V::K8sLabelNodeKubernetesIoWindowsBuild, with(b'.'), hosts::windows_build),
    (V::K8sNodeInfoArchitecture, PLAIN, gocode::goarch),
    (V::EksAmiType, with(b'_'), clouds::eks_ami),
    (V::Ec2InstanceFamily, without(b"/_. "), clouds::ec2_family),
    (V::Ec2InstanceType, with(b'.'), clouds::ec2_type),
    (V::GceMachineFamily, with(b'-'), clouds::gce_type),
    (V::AzureVmSize, with(b'_'), azure::size),
    (V::AzureVmFamily, PLAIN, azure::family),
    (V::OracleCloudShape, with(b'.'), clouds::oracle_shape),
    (V::AlibabaEcsFamily, with(b'.'), clouds::alibaba_family),
    (V::RaspberryPiModel, with(b' '), machines::raspberry_pi),
    (V::AppleMac, without(b"/-_."), machines::mac),
    (V::GithubRunnerLabel, with(b'-'), hosts::github_label),
    (V::GitlabRunnerTag, with(b'-'), hosts::gitlab_tag),
    (V::NodeMeasured, with(b' '), hosts::node_measured),
    (V::PythonWheelPlatformTag, without(b"/- "), packages::wheel),
    (V::PythonSysconfigGetPlatform, without(b"/ "), packages::sysconfig),
    (V::NixSystem, with(b'-'), systems::nix),
    (V::BazelRulesGoGoarch, PLAIN, gocode::rules_go),
    (V::ZigTarget, with(b'-'), systems::zig),
    (V::DotnetRid, without(b"/ "), packages::dotnet),
    (V::JvmOsName, ANY, hosts::jvm_os_name),
    (V::QemuUserBinary, with(b'-'), hosts::qemu_static),
    (V::CrossRsImagePlatform, with(b'/'), containers::cross_platform),
];

/// The rule that applies only to names that no other vocabulary has. Any toolchain may choose a GNU triple, and other
/// vocabularies with names of the same form say more precisely what they mean.
pub(crate) const LAST: (V, Shape, Rule) = (V::GnuTriple, with(b'-'), gnu::triple);

/// The shape of names: the separators between words that they must and must not have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    has: u8,
    has_not: u8,
}

/// The shape of all names.
const ANY: Shape = Shape { has: 0, has_not: 0 };
/// The shape of names of one word.
const PLAIN: Shape = without(b"/-_. ");

/// Returns the shape of names that have this character.
const fn with(byte: u8) -> Shape {
    Shape { has: Marks::bit(byte), has_not: 0 }
}

/// Returns the shape of names that have none of these characters.
const fn without(bytes: &[u8]) -> Shape {
    let (mut has_not, mut rest) = (0, bytes);
    while let [first, others @ ..] = rest {
        has_not |= Marks::bit(*first);
        rest = others;
    }
    Shape { has: 0, has_not }
}

/// The set of separators between words in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.bytes().fold(0, |marks, byte| marks | Self::bit(byte)))
    }

    /// Returns whether a text with these separators has the shape.
    pub(crate) const fn fit(self, shape: Shape) -> bool {
        self.0 & shape.has == shape.has && self.0 & shape.has_not == 0
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

/// Returns the facts that the rule of a vocabulary states about a name.
pub(crate) fn read(vocabulary: V, text: &str) -> Option<Facts> {
    let mut rules = RULES.iter().chain([&LAST]);
    rules.find(|(name, _, _)| *name == vocabulary).and_then(|(_, _, rule)| rule(text))
}

/// Returns why a vocabulary lacks a name that it is often assumed to have.
pub(crate) fn refusal(vocabulary: V, text: &str) -> Option<&'static str> {
    match (vocabulary, text) {
        (V::ContainerdArchSpecifier, "local") => Some("only docker buildx knows it"),
        (V::ContainerdArchSpecifier, name)
            if crate::architecture::Architecture::from_other_spelling(name).is_some() =>
        {
            Some("containerd rejects it by itself, and after a slash keeps a name that no platform matches")
        }
        (V::Goarm, "8") => Some("Go's 32-bit levels end at 7, which ARMv8 runs"),
        (V::Goarm64, level) if level.starts_with("v8") || level.starts_with("v9") => {
            Some("a level is written with its minor number, v8.0 to v8.9 and v9.0 to v9.5")
        }
        _ => None,
    }
}

/// Returns names of a vocabulary with a rule, with which an unknown one is compared.
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
        V::GnuTriple => &["x86_64-pc-linux-gnu", "x86_64-redhat-linux", "aarch64-unknown-linux-gnu"],
        V::EksAmiType => &[
            "AL2023_x86_64_NEURON",
            "AL2023_x86_64_NVIDIA",
            "AL2023_ARM_64_NVIDIA",
            "BOTTLEROCKET_x86_64_FIPS",
            "BOTTLEROCKET_ARM_64_FIPS",
            "BOTTLEROCKET_x86_64_NVIDIA",
            "BOTTLEROCKET_ARM_64_NVIDIA",
            "WINDOWS_CORE_2025_x86_64",
            "WINDOWS_FULL_2022_x86_64",
        ],
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
