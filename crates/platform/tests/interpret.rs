//! Interpretations of descriptions of every kind.

use std::sync::LazyLock;

use crossdock_platform::{
    BuildTarget, Interpretation, Libc, Linkage, OsSource, PlatformFacts, Vocabulary, interpret, known_names,
    known_platforms,
};
use proptest::prelude::*;

fn vocabulary(name: &str) -> Option<Vocabulary> {
    (!name.is_empty()).then(|| Vocabulary::from_name(name).expect(name))
}

fn exact(text: &str, name: &str) -> PlatformFacts {
    match interpret(text, vocabulary(name)) {
        Interpretation::Exact(description) => description,
        other => panic!("{text}: {other:?}"),
    }
}

/// Returns `os/architecture[/variant]` with `-` for an unstated part.
fn shown(description: &PlatformFacts) -> String {
    let os = description.os.map_or("-", |os| os.as_str());
    let architecture = description.architecture.map_or("-", |architecture| architecture.as_str());
    description
        .variant
        .map_or(format!("{os}/{architecture}"), |variant| format!("{os}/{architecture}/{variant}"))
}

#[test]
fn recorded_descriptions_keep_their_interpretation() {
    let vectors = include_str!("vectors/descriptions.tsv");
    let mut count = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, input, result, meanings] = columns.as_slice() else { panic!("four columns: {line:?}") };
        let reading = interpret(input, vocabulary(name.trim_matches('-')));
        let (kind, found) = match &reading {
            Interpretation::Exact(description) => ("exact", vec![shown(description)]),
            Interpretation::Ambiguous { candidates, .. } => {
                ("ambiguous", candidates.iter().map(shown).collect())
            }
            Interpretation::Unknown(unknown) => ("unknown", unknown.nearest.clone()),
        };
        assert_eq!((kind, found.join(" ").as_str()), (*result, *meanings), "{name} {input}");
        count += 1;
    }
    assert!(count > 300, "{count}");
}

#[test]
fn every_vocabulary_has_a_vector() {
    let vectors = include_str!("vectors/descriptions.tsv");
    for vocabulary in Vocabulary::ALL {
        let start = format!("{vocabulary}\t");
        assert!(vectors.lines().any(|line| line.starts_with(&start)), "{vocabulary}");
        assert_eq!(Vocabulary::from_name(vocabulary.as_str()), Some(*vocabulary));
    }
}

#[test]
fn machines_state_their_level_and_programs_are_built_for_the_baseline() {
    let graviton = exact("m7g.large", "");
    let node = graviton.node.unwrap();
    assert_eq!((node.highest, node.cpu, node.runs_32bit), (Some("v8.4"), Some("neoverse-v1"), Some(true)));
    assert_eq!(node.page_sizes, [4096, 16384, 65536]);
    assert_eq!((graviton.variant, node.baseline), (None, None));
    assert_eq!(exact("m8g", "").node.unwrap().runs_32bit, Some(false));
    let (platform, source) = graviton.platform_or_linux().unwrap();
    assert_eq!((platform.to_string().as_str(), source), ("linux/arm64", OsSource::Assumed));
    assert_eq!(graviton.platform(), None);
    let rust = graviton.target(Linkage::Static).unwrap().rust().unwrap();
    assert_eq!((rust.triple, rust.target_cpu), ("aarch64-unknown-linux-musl", None));
}

#[test]
fn an_unknown_level_is_not_the_baseline() {
    for (text, level) in [
        ("a1.large", Some("v8.0")),
        ("Raspberry Pi 4 Model B", Some("v8.0")),
        ("r5.large", Some("v4")),
        ("Standard_D2as_v5", Some("v3")),
        ("n2d-standard-2", Some("v3")),
        ("VM.Standard2.1", Some("v4")),
        ("m7an.large", Some("v4")),
        ("t2.micro", None),
        ("Standard_NC6", None),
        ("ubuntu-24.04", None),
    ] {
        assert_eq!(exact(text, "").node.unwrap().highest, level, "{text}");
    }
}

#[test]
fn the_c_library_and_its_minimum_version_are_kept() {
    let wheel = exact("manylinux_2_28_aarch64", "");
    assert_eq!(wheel.libc.unwrap().to_string(), "gnu 2.28");
    assert_eq!(
        wheel.target(Linkage::Dynamic).unwrap().names().zig.as_deref(),
        Some("aarch64-linux-gnu.2.28")
    );
    assert_eq!(exact("x86_64", "alpine-arch").libc, Some(Libc::Musl));
    let zig = exact("x86_64-linux-gnu.2.17", "zig-target");
    assert_eq!(zig.libc.unwrap().to_string(), "gnu 2.17");
}

#[test]
fn processors_without_sse2_or_a_float_unit_get_soft_float_targets() {
    for (text, name, go, fixed, dynamic) in [
        ("GO386=softfloat", "", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("linux_386_softfloat", "", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("i586-unknown-linux-gnu", "", "softfloat", "-", "i586-unknown-linux-gnu"),
        ("i586-unknown-linux-musl", "", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-musl"),
        ("i486", "uname-m-linux", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("i586", "", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("pentium3", "rpm-arch", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("geode", "rpm-arch", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("i586-linux", "nix-system", "softfloat", "i586-unknown-linux-musl", "i586-unknown-linux-gnu"),
        ("GO386=sse2", "", "sse2", "i686-unknown-linux-musl", "i686-unknown-linux-gnu"),
        ("i686", "uname-m-linux", "sse2", "i686-unknown-linux-musl", "i686-unknown-linux-gnu"),
        ("linux_mips_softfloat", "", "softfloat", "mips-unknown-linux-musl", "-"),
        ("linux_mips64_softfloat", "", "softfloat", "mips64-openwrt-linux-musl", "-"),
        ("mips-unknown-linux-musl", "", "softfloat", "mips-unknown-linux-musl", "mips-unknown-linux-musl"),
        ("mipsel-linux-gnueabi", "zig-target", "softfloat", "-", "-"),
        ("armv7-linux-androideabi", "", "7", "armv7-linux-androideabi", "armv7-linux-androideabi"),
        ("linux/mips", "", "hardfloat", "mips-unknown-linux-musl", "mips-unknown-linux-gnu"),
        (
            "arm-linux-musleabi",
            "zig-target",
            "7,softfloat",
            "armv7-unknown-linux-musleabi",
            "armv7-unknown-linux-musleabi",
        ),
    ] {
        let description = exact(text, name);
        let target = |linkage| description.target(linkage).expect(text);
        let level = target(Linkage::Static).go().unwrap().level.unwrap().1;
        let triple = |linkage| match target(linkage).rust() {
            // A C library that the name states is not replaced by musl for static programs.
            Ok(rust) if linkage == Linkage::Static && rust.triple.ends_with("gnu") => "-",
            Ok(rust) => rust.triple,
            Err(_) => "-",
        };
        let found = (level.as_str(), triple(Linkage::Static), triple(Linkage::Dynamic));
        assert_eq!(found, (go, fixed, dynamic), "{text}");
    }
    let names = |text: &str| exact(text, "").target(Linkage::Dynamic).unwrap().names();
    let pentium = names("linux_386_softfloat");
    assert_eq!((pentium.zig.as_deref(), pentium.zig_cpu.as_deref()), (Some("x86-linux-gnu"), Some("i586")));
    assert_eq!(pentium.march.as_deref(), Some("i586"));
    assert_eq!(names("linux_mips_softfloat").zig.as_deref(), Some("mips-linux-gnueabi"));
}

#[test]
fn the_simulator_is_not_a_device() {
    for (text, triple, llvm) in [
        ("aarch64-apple-ios", "aarch64-apple-ios", "arm64-apple-ios"),
        ("aarch64-apple-ios-sim", "aarch64-apple-ios-sim", "arm64-apple-ios-simulator"),
        ("aarch64-apple-ios-macabi", "aarch64-apple-ios-macabi", "arm64-apple-ios-macabi"),
        ("iossimulator-arm64", "aarch64-apple-ios-sim", "arm64-apple-ios-simulator"),
        ("ios_13_0_arm64_iphonesimulator", "aarch64-apple-ios-sim", "arm64-apple-ios-simulator"),
        ("aarch64-ios-simulator", "aarch64-apple-ios-sim", "arm64-apple-ios-simulator"),
        ("arm64-apple-ios14.0-simulator", "aarch64-apple-ios-sim", "arm64-apple-ios-simulator"),
    ] {
        let description = exact(text, "");
        let target = description.target(Linkage::Dynamic).unwrap();
        assert_eq!(target.rust().unwrap().triple, triple, "{text}");
        assert_eq!(target.names().llvm, Some(llvm), "{text}");
        assert_eq!(target.go().unwrap().goos, "ios");
        assert_eq!(description.notes.is_empty(), triple == "aarch64-apple-ios", "{text}");
    }
}

#[test]
fn a_triple_of_any_vendor_keeps_its_library_and_float_abi() {
    let read = |text: &str| exact(text, "gnu-triple");
    assert_eq!(read("x86_64-redhat-linux").libc, Some(Libc::GNU));
    assert_eq!(read("x86_64-alpine-linux-musl").libc, Some(Libc::Musl));
    assert_eq!(read("x86_64-w64-windows-gnu").libc, Some(Libc::Mingw));
    let rust = |text: &str| read(text).target(Linkage::Dynamic).unwrap().rust().unwrap().triple;
    assert_eq!(rust("armv7hl-redhat-linux-gnueabi"), "armv7-unknown-linux-gnueabihf");
    assert_eq!(rust("armv7l-unknown-linux-gnueabi"), "armv7-unknown-linux-gnueabi");
    assert_eq!(rust("i586-pc-linux-gnu"), "i586-unknown-linux-gnu");
    assert_eq!(rust("aarch64-linux-android21"), "aarch64-linux-android");
}

#[test]
fn the_names_of_each_known_platform_lead_back_to_it() {
    for platform in known_platforms() {
        assert_eq!(exact(&platform.to_string(), "oci-platform").platform().as_ref(), Some(&platform));
        let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
        if let Ok(rust) = target.rust() {
            let back = exact(rust.triple, "rust-triple");
            // For ARMv8 in 32-bit mode rustc has only the targets of ARMv7.
            let meant = platform.to_string().replace("linux/arm/v8", "linux/arm/v7");
            assert_eq!(back.platform().unwrap().to_string(), meant);
        }
        let names = target.names();
        for (name, vocabulary) in
            [(names.debian, "debian-arch"), (names.alpine, "alpine-arch"), (names.rpm, "rpm-arch")]
        {
            if let Some(name) = name {
                let found = exact(name, vocabulary);
                assert_eq!(found.architecture, Some(platform.architecture()), "{vocabulary} {name}");
            }
        }
        if let Some(qemu) = names.qemu_user {
            assert_eq!(exact(qemu, "qemu-user-binary").architecture, Some(platform.architecture()));
        }
    }
}

#[test]
fn bad_descriptions_have_their_own_messages() {
    let why = |text: &str, name: &str| match interpret(text, vocabulary(name)) {
        Interpretation::Unknown(unknown) => unknown.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    for (text, name, words) in [
        ("", "", "is empty"),
        ("  ", "", "is empty"),
        (" m7g.large", "", "blanks"),
        ("m7g\0", "", "control character"),
        ("m7x.large", "", "m7a.large"),
        ("linux/armv7l", "", "linux/arm/v7"),
        ("linux/amd64/v5", "", "v4"),
        ("Linux/AMD46", "", "nearest: amd64"),
        ("amd64/v5", "", "v4"),
        ("8", "GOARM", "end at 7"),
        ("GOARM=8", "", "end at 7"),
        ("GOAMD64=v5", "", "v4, v3, v2"),
        ("v9", "GOARM64", "v9.0"),
        ("local", "containerd-arch-specifier", "buildx"),
        ("x86", "containerd-arch-specifier", "386"),
        ("armfh", "debian-arch", "armhf"),
    ] {
        assert!(why(text, name).contains(words), "{text:?}: {}", why(text, name));
    }
    let long = why(&"m7g".repeat(5000), "");
    assert!(long.contains("15000 bytes") && long.len() < 200, "{long}");
}

#[test]
fn the_name_of_a_go_variable_selects_its_vocabulary() {
    let (stated, whole) = (exact("7", "GOARM"), interpret("GOARM=7", None));
    assert_eq!(whole, Interpretation::Exact(stated));
}

#[test]
fn names_that_vocabularies_use_differently_are_ambiguous() {
    for text in ["armhf", "arm", "x86", "armel", "arm-linux-gnueabihf", "x32"] {
        let Interpretation::Ambiguous { candidates, why } = interpret(text, None) else { panic!("{text}") };
        assert!(candidates.len() > 1 && why.contains("clash"), "{text}: {why}");
    }
}

static NAMES: LazyLock<Vec<(Vocabulary, String)>> = LazyLock::new(|| {
    let names = |vocabulary: &Vocabulary| {
        let vocabulary = *vocabulary;
        known_names(vocabulary).into_iter().filter(|name| name.is_ascii()).map(move |name| (vocabulary, name))
    };
    Vocabulary::ALL.iter().flat_map(names).collect()
});

/// Returns the name with one slip, in another case or with a suffix.
fn edited(name: &str, at: usize, edit: u8, letter: &str) -> String {
    let (front, back) = name.split_at(at);
    match edit {
        0 => format!("{front}{}", back.get(1..).unwrap_or_default()),
        1 => format!("{front}{letter}{back}"),
        2 => format!("{front}{letter}{}", back.get(1..).unwrap_or_default()),
        3 => name.to_ascii_uppercase(),
        4 => name.to_ascii_lowercase(),
        5 => format!("{name}{letter}"),
        _ => format!(" {name}"),
    }
}

fn nearest(text: &str, vocabulary: Option<Vocabulary>) -> Vec<String> {
    match interpret(text, vocabulary) {
        Interpretation::Unknown(unknown) => unknown.nearest,
        _ => Vec::new(),
    }
}

#[test]
fn suggestions_are_the_names_that_were_meant() {
    for (text, names) in [
        ("m5.larg", "m5.large m5.xlarge"),
        ("m7g.nope", "m7g.large"),
        ("M7G.LARGE", "m7g.large"),
        ("m7g.0xlarge", "m7g.xlarge m7g.2xlarge m7g.4xlarge"),
        ("c4a-standrad-8", "c4a-standard-8"),
        ("Standard_D4ps_v55", "Standard_D4ps_v5 Standard_D4ps_v6"),
        ("D4ps_v5", "Standard_D4ps_v5"),
        ("linxu/amd46", "linux/amd64"),
        ("Linux/AMD46", "linux/amd64"),
        ("linux/", "linux/amd64"),
        ("linux/amd64/", "linux/amd64"),
        ("windows()/amd64", "windows/amd64"),
        ("amd64/v5", "linux/amd64/v4"),
        ("linux/arm64/v8.33", "linux/arm64/v8.3"),
        ("haswell", "linux/amd64/v3 linux/amd64"),
        ("neoverse-n1", "linux/arm64/v8.2 linux/arm64"),
        ("GOARCH=x64", "GOARCH=amd64"),
    ] {
        let found = nearest(text, None).join(" ");
        assert!(found.starts_with(names), "{text}: {found}");
    }
    for (text, absent) in [
        ("aa1.8xlarge", "a1.8xlarge"),
        ("cc9.8xlarge", "a1.8xlarge"),
        ("p4d.larg", "p4d.large"),
        ("Standard_D11_v22", "Standard_D11_v5"),
        ("Standard_D4a_v55", "Standard_D4a_v5"),
    ] {
        let found = nearest(text, None);
        assert!(found.iter().all(|name| name != absent), "{text}: {found:?}");
    }
    assert_eq!(nearest("linux/armhf", Some(Vocabulary::GoDist)), ["linux/arm"]);
    assert_eq!(nearest("linxu", Some(Vocabulary::OciPlatform)), ["linux/amd64"]);
}

#[test]
fn a_suffix_makes_a_name_unknown() {
    let mut passed = Vec::new();
    for (vocabulary, name) in NAMES.iter() {
        for rest in ["!", "/", " foo", "-nope", "_nope", ".nope", "#", "="] {
            let text = format!("{name}{rest}");
            for vocabulary in [None, Some(*vocabulary)] {
                if !matches!(interpret(&text, vocabulary), Interpretation::Unknown(_)) {
                    passed.push((vocabulary, text.clone()));
                }
            }
        }
    }
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn names_that_no_tool_prints_are_unknown() {
    for text in [
        "linux/",
        "linux-",
        "linux!",
        "linux foo",
        "Windows nope",
        "Windows Server nope",
        "Standard_D4ps_v55",
        "Standard_D4ps_v05",
        "Standard_D4ps_v+5",
        "Standard_D4ps_v0",
        "Standard_D4pps_v5",
        "Standard_D4zs_v5",
        "MINGW-nope",
        "c4a-standard-nope",
        "n2-standard",
        "ecs.g8y.nope",
        "VM.Standard.A1.Nope",
        "AL2023_x86_64_NOPE",
        "windows-2025-vsnope",
        "macos-+15",
        "ubuntu-99.04",
        "macosx_+1_0_arm64",
        "linux x64 glibc nope",
        "x86_64-linux.nope-gnu",
        "arm64-apple-macos..",
        "aarch64_nope",
        "arm_cortex-a7_nope",
        "m7g.0xlarge",
        "linux--x64",
        "linux9-x64",
        "osx.10..15-x64",
        "linux-arm6",
    ] {
        assert!(
            matches!(interpret(text, None), Interpretation::Unknown(_)),
            "{text}: {:?}",
            interpret(text, None)
        );
    }
    for text in [
        "Windows 11",
        "windows server 2012 R2",
        "Windows NT (unknown)",
        "mac os x",
        "MINGW64_NT-10.0-19045",
        "CYGWIN_NT-10.0-WOW64",
        "MINGW64_NT x86_64",
        "a3-megagpu-8g-nolssd",
        "n2-custom-4-8192",
        "e2-micro",
        "Standard_M896ixds_32_v3",
        "Standard_ND96isr_MI300X_v5",
        "Standard_D4ps_v8",
        "VM.Standard.E2.1.Micro",
        "ecs.g8y.2xlarge",
        "windows-2025-vs2026",
        "x86_64-linux.5.10...6.1-gnu.2.28",
        "x86_64-windows.win10_rs5-gnu",
        "linux x64 glibc 2.36",
        "aarch64_cortex-a53",
        "osx.10.15-x64",
        "ubuntu.22.04-x64",
        "win10-x64",
        "saas-linux-medium-amd64-gpu-standard",
        "arm_cortex-a7_neon-vfpv4",
    ] {
        assert!(
            matches!(interpret(text, None), Interpretation::Exact(_)),
            "{text}: {:?}",
            interpret(text, None)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_description_panics(text in "\\PC{0,60}", index in 0..Vocabulary::ALL.len()) {
        drop(interpret(&text, None));
        drop(interpret(&text, Some(Vocabulary::ALL[index])));
    }

    #[test]
    fn every_name_that_is_proposed_can_be_read(
        pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), edit in 0..7_u8, letter in "[a-zA-Z0-9._/-]",
    ) {
        let (vocabulary, name) = pick.get(NAMES.as_slice());
        let at = at.index(name.len());
        let text = edited(name, at, edit, &letter);
        for vocabulary in [None, Some(*vocabulary)] {
            for name in nearest(&text, vocabulary) {
                let reading = interpret(&name, vocabulary);
                prop_assert!(!matches!(reading, Interpretation::Unknown(_)), "{text:?} in {vocabulary:?}: {name:?}");
                prop_assert_ne!(&name, &text);
            }
        }
    }

    #[test]
    fn no_near_description_panics(
        text in "(m|c|Standard_|linux|ubuntu|saas|manylinux|VM\\.|ecs\\.|macosx|linux_|x86_64|arm)[-_.a-z0-9/(+)A-Z,]{0,24}",
        index in 0..Vocabulary::ALL.len(),
    ) {
        for vocabulary in [None, Some(Vocabulary::ALL[index])] {
            if let Interpretation::Exact(description) = interpret(&text, vocabulary)
                && let Some(platform) = description.platform() {
                    prop_assert_eq!(platform.normalized(), platform.clone());
                    drop(description.target(Linkage::Static).map(|target| (target.rust(), target.go(), target.names())));
            }
        }
    }
}
