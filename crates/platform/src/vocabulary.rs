//! The vocabularies in which tools describe platforms.

use std::cmp::Reverse;

use crate::closed_names::closed_names;
use crate::nearest::similar;

closed_names! {
    /// A vocabulary: the names that one tool, distribution or cloud has for platforms, architectures or machines.
    ///
    /// If several vocabularies have a description, the first in this order is reported.
    pub enum Vocabulary {
        OciPlatform = "oci-platform",
        ContainerdArchSpecifier = "containerd-arch-specifier",
        ContainerdOsSpecifier = "containerd-os-specifier",
        DockerOfficialImagesArch = "docker-official-images-arch",
        XxTargetpair = "xx-TARGETPAIR",
        GoDist = "go-dist",
        Goamd64 = "GOAMD64",
        Goarm = "GOARM",
        Goarm64 = "GOARM64",
        Goriscv64 = "GORISCV64",
        Goppc64 = "GOPPC64",
        Gomips = "GOMIPS",
        Gomips64 = "GOMIPS64",
        Go386 = "GO386",
        GoreleaserGoTarget = "goreleaser-go-target",
        RustTriple = "rust-triple",
        RustCfgTargetArch = "rust-cfg-target_arch",
        RustCfgTargetOs = "rust-cfg-target_os",
        UnameMLinux = "uname-m-linux",
        UnameMDarwin = "uname-m-darwin",
        UnameMFreebsd = "uname-m-freebsd",
        UnameMSunos = "uname-m-sunos",
        UnameS = "uname-s",
        RustupHostDetection = "rustup-host-detection",
        DebianArch = "debian-arch",
        DebianMultiarchTuple = "debian-multiarch-tuple",
        DebianArchitectureVariant = "debian-architecture-variant",
        RaspbianArch = "raspbian-arch",
        AlpineArch = "alpine-arch",
        RpmArch = "rpm-arch",
        ArchlinuxArch = "archlinux-arch",
        IpkArch = "ipk-arch",
        MsixArch = "msix-arch",
        GnuTriple = "gnu-triple",
        GnuTripleXx = "gnu-triple-xx",
        K8sLabelKubernetesIoArch = "k8s-label-kubernetes.io/arch",
        K8sLabelKubernetesIoOs = "k8s-label-kubernetes.io/os",
        K8sLabelNodeKubernetesIoWindowsBuild = "k8s-label-node.kubernetes.io/windows-build",
        K8sNodeInfoArchitecture = "k8s-nodeInfo.architecture",
        K8sNodeInfoOperatingSystem = "k8s-nodeInfo.operatingSystem",
        GkeTaint = "gke-taint",
        EksAmiType = "eks-ami-type",
        Ec2ArchitectureType = "ec2-ArchitectureType",
        LambdaArchitecture = "lambda-architecture",
        AwsLambda = "aws-lambda",
        EcsCpuArchitecture = "ecs-cpuArchitecture",
        EcsOperatingSystemFamily = "ecs-operatingSystemFamily",
        Fargate = "fargate",
        Ec2InstanceFamily = "ec2-instance-family",
        Ec2InstanceType = "ec2-instance-type",
        GceArchitecture = "gce-architecture",
        GceMachineFamily = "gce-machine-family",
        CloudRun = "cloud-run",
        AzureCpuArchitectureType = "azure-CpuArchitectureType",
        AzureVmSize = "azure-vm-size",
        AzureVmFamily = "azure-vm-family",
        AzureContainerApps = "azure-container-apps",
        FlyIo = "fly.io",
        OracleCloudShape = "oracle-cloud-shape",
        AlibabaEcsFamily = "alibaba-ecs-family",
        RaspberryPiModel = "raspberry-pi-model",
        AppleMac = "apple-mac",
        AppleArchName = "apple-arch-name",
        GithubRunnerLabel = "github-runner-label",
        GithubRunnerArch = "github-RUNNER_ARCH",
        GithubRunnerOs = "github-RUNNER_OS",
        GithubRunnerPackage = "github-runner-package",
        GitlabRunnerTag = "gitlab-runner-tag",
        DockerInfoArchitecture = "docker-info-Architecture",
        DockerVersionServerArch = "docker-version-Server.Arch",
        DockerInfoArchitectureWindows = "docker-info-Architecture-windows",
        WindowsProcessorArchitecture = "windows-PROCESSOR_ARCHITECTURE",
        WindowsProcessorArchitew6432 = "windows-PROCESSOR_ARCHITEW6432",
        WindowsImageFileMachine = "windows-IMAGE_FILE_MACHINE",
        WindowsWProcessorArchitecture = "windows-wProcessorArchitecture",
        NodeProcessArch = "node-process.arch",
        NodeProcessPlatform = "node-process.platform",
        NpmLibc = "npm-libc",
        NodeMeasured = "node-measured",
        PythonWheelPlatformTag = "python-wheel-platform-tag",
        PythonSysconfigGetPlatform = "python-sysconfig.get_platform",
        NixSystem = "nix-system",
        BazelCpu = "bazel-cpu",
        BazelOs = "bazel-os",
        BazelRulesGoGoarch = "bazel-rules_go-goarch",
        ZigTarget = "zig-target",
        SystemdConditionArchitecture = "systemd-ConditionArchitecture",
        DotnetRid = "dotnet-rid",
        JvmOsArch = "jvm-os.arch",
        JvmOsName = "jvm-os.name",
        CondaSubdir = "conda-subdir",
        QemuUserBinary = "qemu-user-binary",
        LinuxKernelArch = "linux-kernel-ARCH",
        EfiArch = "efi-arch",
        AndroidAbi = "android-abi",
        CrossRsImagePlatform = "cross-rs-image-platform",
    }
}

impl Vocabulary {
    /// Returns the vocabularies whose names resemble an unknown one, nearest first and at most three: those that a typing
    /// slip explains, and those that contain the name or share a word with it.
    #[must_use]
    pub fn nearest(name: &str) -> Vec<Self> {
        let lower = name.to_ascii_lowercase();
        let names = || Self::ALL.iter().map(|known| known.as_str());
        let has = |known: &str, part: &str| known.to_ascii_lowercase().contains(part);
        let containing = names().filter(|known| lower.len() > 1 && has(known, &lower));
        let words: Vec<&str> = lower.split(['-', '_', '.', ' ']).filter(|word| word.len() > 2).collect();
        let shared = |known: &str| words.iter().filter(|word| has(known, word)).count();
        let mut sharing: Vec<&str> = names().filter(|known| shared(known) > 0).collect();
        sharing.sort_by_key(|known| Reverse(shared(known)));
        let mut found: Vec<Self> = Vec::new();
        for known in similar(name, names()).into_iter().chain(containing).chain(sharing) {
            found.extend(Self::from_name(known).filter(|known| !found.contains(known)));
        }
        found.truncate(3);
        found
    }

    /// Returns whether the tool that owns the vocabulary ignores the case of its names.
    pub(crate) const fn ignores_case(self) -> bool {
        matches!(
            self,
            Self::ContainerdArchSpecifier
                | Self::ContainerdOsSpecifier
                | Self::EksAmiType
                | Self::AzureCpuArchitectureType
                | Self::AzureVmSize
                | Self::AzureVmFamily
                | Self::WindowsProcessorArchitecture
                | Self::WindowsProcessorArchitew6432
                | Self::WindowsImageFileMachine
                | Self::EcsCpuArchitecture
                | Self::EcsOperatingSystemFamily
                | Self::GithubRunnerLabel
                | Self::JvmOsName
        )
    }

    /// Returns whether the names are machines, or services that choose one. Their descriptions have a
    /// [`NodeProfile`](crate::NodeProfile).
    pub(crate) const fn names_machines(self) -> bool {
        matches!(
            self,
            Self::Ec2InstanceFamily
                | Self::Ec2InstanceType
                | Self::GceMachineFamily
                | Self::AzureVmSize
                | Self::AzureVmFamily
                | Self::OracleCloudShape
                | Self::AlibabaEcsFamily
                | Self::RaspberryPiModel
                | Self::AppleMac
                | Self::GithubRunnerLabel
                | Self::GitlabRunnerTag
                | Self::AwsLambda
                | Self::Fargate
                | Self::CloudRun
                | Self::AzureContainerApps
                | Self::FlyIo
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_vocabularies_are_named() {
        for (name, nearest) in [
            ("debian", "debian-arch debian-multiarch-tuple debian-architecture-variant"),
            ("debian-arc", "debian-arch"),
            ("ec2", "ec2-ArchitectureType ec2-instance-family ec2-instance-type"),
            ("goamd46", "GOAMD64"),
            ("docker-arch", "docker-official-images-arch"),
            ("nope", ""),
            ("", ""),
        ] {
            let found: Vec<&str> = Vocabulary::nearest(name).into_iter().map(Vocabulary::as_str).collect();
            assert!(found.join(" ").starts_with(nearest), "{name}: {found:?}");
            assert_eq!(found.is_empty(), nearest.is_empty(), "{name}: {found:?}");
        }
    }
}
