//! Go's level variables, such as `GOAMD64`, and their values.

use std::fmt;

use crate::architecture::Architecture;
use crate::excerpt::Excerpt;
use crate::nearest::similar;

// The values of Go 1.26 (internal/buildcfg/cfg.go). Go itself refuses a bad value of every variable except GOAMD64
// and GOARM.
const GOAMD64: &[&str] = &["v1", "v2", "v3", "v4"];
const GOARM: &[&str] = &["5", "6", "7"];
const GOARM64: &[&str] = &[
    "v8.0", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9", "v9.0", "v9.1", "v9.2",
    "v9.3", "v9.4", "v9.5",
];
// Go 1.16 dropped `387`, and the compiler now refuses it.
const GO386: &[&str] = &["sse2", "softfloat"];
const FLOAT: &[&str] = &["hardfloat", "softfloat"];
const GOPPC64: &[&str] = &["power8", "power9", "power10"];
const GORISCV64: &[&str] = &["rva20u64", "rva22u64", "rva23u64"];

/// The error for a level variable or value that Go does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoLevelError {
    /// Go has no such level variable.
    UnknownVariable {
        /// The variable.
        given: Excerpt,
        /// The nearest variables.
        nearest: Vec<&'static str>,
    },
    /// The variable has no such value.
    UnknownValue {
        /// The variable.
        variable: &'static str,
        /// The value.
        given: Excerpt,
        /// The values of the variable.
        known: &'static [&'static str],
        /// The options that may follow a value, each with its comma.
        options: &'static [&'static str],
    },
}

impl fmt::Display for GoLevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVariable { given, nearest } if nearest.is_empty() => {
                write!(f, "{given} is not a level variable of Go")
            }
            Self::UnknownVariable { given, nearest } => {
                write!(f, "{given} is not a level variable of Go (nearest: {})", nearest.join(", "))
            }
            Self::UnknownValue { variable, given, known, options } => {
                write!(f, "{variable}={given} does not exist: use one of {}", known.join(", "))?;
                if options.is_empty() { Ok(()) } else { write!(f, ", each with {}", options.join(" or ")) }
            }
        }
    }
}

impl std::error::Error for GoLevelError {}

/// A level variable.
struct Variable {
    name: &'static str,
    values: &'static [&'static str],
    options: &'static [&'static str],
}

const VARIABLES: &[Variable] = &[
    Variable { name: "GO386", values: GO386, options: &[] },
    Variable { name: "GOAMD64", values: GOAMD64, options: &[] },
    Variable { name: "GOARM", values: GOARM, options: &[",softfloat", ",hardfloat"] },
    Variable { name: "GOARM64", values: GOARM64, options: &[",lse", ",crypto"] },
    Variable { name: "GOMIPS", values: FLOAT, options: &[] },
    Variable { name: "GOMIPS64", values: FLOAT, options: &[] },
    Variable { name: "GOPPC64", values: GOPPC64, options: &[] },
    Variable { name: "GORISCV64", values: GORISCV64, options: &[] },
];

/// Returns the variable that selects the level of an architecture; `None` if it has no levels.
#[must_use]
pub const fn go_level_variable(architecture: Architecture) -> Option<&'static str> {
    match architecture {
        Architecture::I386 => Some("GO386"),
        Architecture::Amd64 => Some("GOAMD64"),
        Architecture::Arm => Some("GOARM"),
        Architecture::Arm64 => Some("GOARM64"),
        Architecture::Mips | Architecture::Mipsle => Some("GOMIPS"),
        Architecture::Mips64 | Architecture::Mips64le => Some("GOMIPS64"),
        Architecture::Ppc64 | Architecture::Ppc64le => Some("GOPPC64"),
        Architecture::Riscv64 => Some("GORISCV64"),
        _ => None,
    }
}

/// Verifies the value of a level variable against Go's documentation (`go help environment`).
///
/// Go does not verify it: with a value of `GOAMD64` or `GOARM` that does not exist it builds for the default level,
/// exits with 0 and records the wrong value in the program.
///
/// # Errors
/// [`GoLevelError`] with the nearest variables or the existing values.
///
/// ```
/// use crossdock_platform::validate_go_level;
///
/// assert!(validate_go_level("GOARM", "6,softfloat").is_ok());
/// assert!(validate_go_level("GOAMD64", "v5").is_err());
/// ```
pub fn validate_go_level(variable: &str, value: &str) -> Result<(), GoLevelError> {
    let Some(found) = VARIABLES.iter().find(|known| known.name == variable) else {
        let nearest = similar(variable, VARIABLES.iter().map(|known| known.name));
        return Err(GoLevelError::UnknownVariable { given: Excerpt::new(variable), nearest });
    };
    level(found, value).map(drop).ok_or_else(|| GoLevelError::UnknownValue {
        variable: found.name,
        given: Excerpt::new(value),
        known: found.values,
        options: found.options,
    })
}

/// Returns the level in a value without its options.
fn level(variable: &Variable, value: &str) -> Option<&'static str> {
    let (level, options) = value.find(',').map_or((value, ""), |comma| value.split_at(comma));
    let known = variable.values.iter().copied().find(|known| *known == level)?;
    // GOARM takes one float ABI; the options of GOARM64 are independent of each other.
    let single_choice = variable.name == "GOARM";
    let mut rest = options;
    let mut seen = 0;
    while !rest.is_empty() {
        rest = variable.options.iter().find_map(|option| {
            let after = rest.strip_prefix(option)?;
            (after.is_empty() || after.starts_with(',')).then_some(after)
        })?;
        seen += 1;
    }
    let limit = if single_choice { 1 } else { variable.options.len() };
    (seen <= limit).then_some(known)
}

/// Returns the level that the value of a variable selects, without options.
pub(crate) fn known_level(variable: &str, value: &str) -> Option<&'static str> {
    VARIABLES.iter().find(|known| known.name == variable).and_then(|known| level(known, value))
}

/// Returns the values of a level variable, without options.
pub(crate) fn known_values(variable: &str) -> &'static [&'static str] {
    VARIABLES.iter().find(|known| known.name == variable).map_or(&[], |known| known.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_go_silently_accepts_are_rejected() {
        for (variable, value) in [
            ("GOAMD64", "v5"),
            ("GOAMD64", "3"),
            ("GOARM", "v7"),
            ("GOARM", "8"),
            ("GOARM", "4"),
            ("GOARM", "7,softfloat,hardfloat"),
            ("GOARM", "7,"),
            ("GOARM64", "v9"),
            ("GOARM64", "v8.10"),
            ("GOARM64", "v8.2,lsecrypto"),
            ("GOMIPS", ""),
        ] {
            let error = validate_go_level(variable, value).expect_err(value).to_string();
            assert!(error.contains(variable) && error.contains(known_values(variable)[0]), "{error}");
        }
        assert!(validate_go_level("GOARM32", "7").unwrap_err().to_string().contains("GOARM"));
    }

    #[test]
    fn levels_may_have_options() {
        assert_eq!(known_level("GOARM", "6,softfloat"), Some("6"));
        assert_eq!(known_level("GOARM64", "v8.0,lse,crypto"), Some("v8.0"));
        for variable in VARIABLES {
            for value in variable.values {
                assert_eq!(validate_go_level(variable.name, value), Ok(()));
            }
        }
    }
}
