//! Build constraints: which files of a package go compiles for a target (`go help buildconstraint`).

use crossdock_platform::GoTarget;

/// The values of GOOS that the name of a file may end with (Go's `internal/syslist`).
const SYSTEMS: [&str; 18] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];

/// The systems that satisfy the constraint `unix`.
const UNIX: [&str; 12] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "linux",
    "netbsd",
    "openbsd",
    "solaris",
];

/// The values of GOARCH that the name of a file may end with.
const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// The longest constraint that go reads.
const LONGEST: usize = 1000;

/// A Go port, with or without cgo.
pub(in crate::discover) struct Constraints<'a> {
    pub(in crate::discover) target: &'a GoTarget,
    pub(in crate::discover) cgo: bool,
}

impl Constraints<'_> {
    /// Returns whether go compiles a file, by its name and by the expression of its `//go:build` line.
    pub(in crate::discover) fn hold(&self, file_name: &str, expression: Option<&str>) -> bool {
        self.name_fits(file_name) && expression.is_none_or(|text| self.satisfies(text))
    }

    /// Returns whether the end of a name, as in `main_linux_arm64.go`, is that of the target. The first word of a name is
    /// never a constraint.
    fn name_fits(&self, file_name: &str) -> bool {
        let stem = file_name.split('.').next().unwrap_or_default();
        let stem = stem.strip_suffix("_test").unwrap_or(stem);
        let words: Vec<&str> = stem.split('_').skip(1).collect();
        match words.as_slice() {
            [.., system, architecture]
                if SYSTEMS.contains(system) && ARCHITECTURES.contains(architecture) =>
            {
                self.has(system) && self.has(architecture)
            }
            [.., word] if SYSTEMS.contains(word) || ARCHITECTURES.contains(word) => self.has(word),
            _ => true,
        }
    }

    /// Returns whether the target satisfies an expression. A malformed one is satisfied by no target; go reports it.
    fn satisfies(&self, expression: &str) -> bool {
        let mut rest = expression;
        let holds = if expression.len() <= LONGEST { self.alternatives(&mut rest) } else { None };
        holds == Some(true) && rest.trim_start().is_empty()
    }

    fn alternatives(&self, rest: &mut &str) -> Option<bool> {
        let mut holds = self.terms(rest)?;
        while took(rest, "||") {
            holds |= self.terms(rest)?;
        }
        Some(holds)
    }

    fn terms(&self, rest: &mut &str) -> Option<bool> {
        let mut holds = self.term(rest)?;
        while took(rest, "&&") {
            holds &= self.term(rest)?;
        }
        Some(holds)
    }

    fn term(&self, rest: &mut &str) -> Option<bool> {
        if took(rest, "!") {
            return Some(!self.term(rest)?);
        }
        if took(rest, "(") {
            let holds = self.alternatives(rest)?;
            return took(rest, ")").then_some(holds);
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
        let (tag, after) = rest.split_at(end);
        *rest = after;
        (!tag.is_empty()).then(|| self.has(tag))
    }

    /// Returns whether a tag is set.
    fn has(&self, tag: &str) -> bool {
        let GoTarget { goos, goarch, .. } = self.target;
        match tag {
            "cgo" => self.cgo,
            "gc" => true,
            "unix" => UNIX.contains(goos),
            // These systems are variants of others, and have the files of both.
            "linux" => ["linux", "android"].contains(goos),
            "solaris" => ["solaris", "illumos"].contains(goos),
            "darwin" => ["darwin", "ios"].contains(goos),
            _ if tag == *goos || tag == *goarch => true,
            // The release is that of the builder, which is as new as the module requires.
            _ if tag.starts_with("go1.") => true,
            _ => self.has_level(tag),
        }
    }

    /// Returns whether a tag is the level of the architecture, such as `amd64.v2`, or one below.
    fn has_level(&self, tag: &str) -> bool {
        let named = tag.strip_prefix(self.target.goarch).and_then(|rest| rest.strip_prefix('.'));
        let (Some(named), Some((_, level))) = (named, &self.target.level) else { return false };
        let level = level.split(',').next().unwrap_or(level);
        let number = |text: &str| text.trim_start_matches('v').parse::<u8>();
        match (number(named), number(level)) {
            (Ok(named), Ok(level)) => (1..=level).contains(&named),
            _ => named == level,
        }
    }
}

/// Takes a mark from the start of a text, if it is there.
fn took(rest: &mut &str, mark: &str) -> bool {
    let after = rest.trim_start();
    *rest = after.strip_prefix(mark).unwrap_or(after);
    rest.len() < after.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_platform::{BuildTarget, Linkage, Platform};

    fn hold(platform: &str, cgo: bool, name: &str, expression: Option<&str>) -> bool {
        let platform = Platform::parse(platform).unwrap();
        let target = BuildTarget::new(platform, Linkage::Static).go().unwrap();
        Constraints { target: &target, cgo }.hold(name, expression)
    }

    #[test]
    fn names_and_expressions_hold_as_in_go() {
        let amd64 = "linux/amd64";
        for (platform, name, expected) in [
            (amd64, "main.go", true),
            (amd64, "linux.go", true),
            (amd64, "arm64.go", true),
            (amd64, "main_arm64.go", false),
            ("linux/arm64", "main_arm64.go", true),
            (amd64, "main_linux_arm64.go", false),
            (amd64, "main_windows_amd64.go", false),
            (amd64, "main_linux_amd64.go", true),
            (amd64, "main_amd64_linux.go", true),
            (amd64, "main_windows_x.go", true),
            (amd64, "main_arm64_test.go", false),
            (amd64, "main_arm64.pb.go", false),
        ] {
            assert_eq!(hold(platform, true, name, None), expected, "{name} for {platform}");
        }
        for (platform, expression, expected) in [
            (amd64, "linux && !arm64", true),
            (amd64, "ignore", false),
            (amd64, "unix", true),
            ("windows/amd64", "unix || linux", false),
            (amd64, "(darwin||linux)&&(cgo||arm64)", true),
            (amd64, "!cgo", false),
            (amd64, "go1.27", true),
            (amd64, "amd64.v1", true),
            (amd64, "amd64.v3", false),
            ("linux/amd64/v3", "amd64.v2", true),
            ("linux/arm/v6", "arm.6 && !arm.7", true),
            (amd64, "linux &&", false),
            (amd64, "linux linux", false),
            (amd64, "(linux", false),
            (amd64, "", false),
        ] {
            assert_eq!(
                hold(platform, true, "x.go", Some(expression)),
                expected,
                "{expression} for {platform}"
            );
        }
        assert!(hold(amd64, false, "x.go", Some("!cgo")));
        assert!(!hold(amd64, true, "x.go", Some(&"(".repeat(100_000))));
    }
}
