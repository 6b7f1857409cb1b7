//! Descriptions that are assignments of Go's variables, as in build scripts: `GOOS=linux GOARCH=arm64`.

use super::explain::explain;
use super::resolve::{malformed, resolve};
use crate::architecture::Architecture;
use crate::excerpt::Excerpt;
use crate::facts::Facts;
use crate::go_level::go_level_variable;
use crate::interpretation::{Interpretation, PlatformFacts, UnknownDescription};
use crate::nearest::similar;
use crate::os::Os;
use crate::rules;
use crate::rules::gocode::{has_port, port};
use crate::vocabulary::Vocabulary;

/// Interprets assignments of Go's variables together. Returns `None` if the text is not a list of such assignments.
pub(super) fn interpret(text: &str) -> Option<Interpretation> {
    if !text.starts_with("GO") || !text.contains('=') {
        return None;
    }
    let mut given = Given { text, ..Given::default() };
    for word in text.split_ascii_whitespace() {
        let (name, value) = word.split_once('=')?;
        let place = match name {
            "GOOS" => &mut given.os,
            "GOARCH" => &mut given.architecture,
            _ => {
                let variable = Vocabulary::from_name(name).filter(|_| name.starts_with("GO"))?;
                if given.level.replace((variable, value)).is_some() {
                    return Some(given.twice());
                }
                continue;
            }
        };
        if place.replace(value).is_some() {
            return Some(given.twice());
        }
    }
    Some(given.interpretation())
}

/// The assigned values.
#[derive(Debug, Clone, Copy, Default)]
struct Given<'a> {
    text: &'a str,
    os: Option<&'a str>,
    architecture: Option<&'a str>,
    level: Option<(Vocabulary, &'a str)>,
}

impl Given<'_> {
    fn interpretation(&self) -> Interpretation {
        if let (None, None, Some((variable, value))) = (self.os, self.architecture, self.level) {
            return self.only_level(variable, value);
        }
        match self.facts() {
            Ok(facts) => Interpretation::Exact(PlatformFacts::new(Vocabulary::GoDist, facts)),
            Err(unknown) => Interpretation::Unknown(unknown),
        }
    }

    /// A level variable without GOOS and GOARCH means what its value means in the variable's own vocabulary.
    fn only_level(&self, variable: Vocabulary, value: &str) -> Interpretation {
        let resolved = |value: &str| resolve(value, Some(variable));
        let found = malformed(value, resolved).map_or_else(|| resolved(value), Interpretation::Unknown);
        match found {
            Interpretation::Unknown(unknown) => {
                Interpretation::Unknown(self.instead(variable.as_str(), value, unknown))
            }
            known => known,
        }
    }

    fn facts(&self) -> Result<Facts, UnknownDescription> {
        let os = self.os.map(|name| self.system(name)).transpose()?;
        let stated = self.architecture.map(|name| self.architecture(name)).transpose()?;
        let level = self.level()?;
        let architecture = stated.or(level.as_ref().and_then(|level| level.architecture));
        self.fits(os, architecture)?;
        let unset = level.is_none() && architecture == Some(Architecture::Arm);
        let facts = Facts::new(os, architecture).note(unset.then_some("GOARM is 7 unless it is set"));
        Ok(match level {
            Some(level) => Facts { variant: level.variant, float: level.float, ..facts },
            None => facts.variant(architecture.and_then(|architecture| architecture.normal_variant(None))),
        })
    }

    fn level(&self) -> Result<Option<Facts>, UnknownDescription> {
        let Some((variable, value)) = self.level else { return Ok(None) };
        let facts = rules::read(variable, value).ok_or_else(|| explain(value, Some(variable)));
        facts.map(Some).map_err(|unknown| self.instead(variable.as_str(), value, unknown))
    }

    /// Verifies that Go has the port and reads the level variable there.
    fn fits(&self, os: Option<Os>, architecture: Option<Architecture>) -> Result<(), UnknownDescription> {
        let Some(architecture) = architecture else { return Ok(()) };
        let refused = |why: String| {
            Err(UnknownDescription::new(&format!("{}: {why}", Excerpt::new(self.text)), Vec::new()))
        };
        match (os, self.level) {
            (Some(os), _) if port(os.as_str(), architecture.as_str()).is_none() => {
                refused(format!("`go tool dist list` has no {os}/{architecture}"))
            }
            (_, Some((variable, _))) if go_level_variable(architecture) != Some(variable.as_str()) => {
                refused(format!("Go does not read {variable} if GOARCH is {architecture}"))
            }
            _ => Ok(()),
        }
    }

    fn system(&self, name: &str) -> Result<Os, UnknownDescription> {
        let has_port =
            |os: &Os| Architecture::ALL.iter().any(|name| port(os.as_str(), name.as_str()).is_some());
        Os::from_name(name).filter(has_port).ok_or_else(|| {
            let known = Os::ALL.iter().filter(|os| has_port(os)).map(|os| os.as_str());
            let near = Os::from_alias(name).map_or_else(|| similar(name, known), |os| vec![os.as_str()]);
            self.wrong("GOOS", name, &near)
        })
    }

    fn architecture(&self, name: &str) -> Result<Architecture, UnknownDescription> {
        Architecture::from_name(name).filter(|known| has_port(*known)).ok_or_else(|| {
            let known =
                Architecture::ALL.iter().filter(|known| has_port(**known)).map(|known| known.as_str());
            let alias = Architecture::from_alias(name).or_else(|| Architecture::from_other_spelling(name));
            let near = alias.map_or_else(|| similar(name, known), |(known, _)| vec![known.as_str()]);
            self.wrong("GOARCH", name, &near)
        })
    }

    fn wrong(&self, variable: &str, value: &str, near: &[&str]) -> UnknownDescription {
        let why = format!("{} is not a {variable} of Go", Excerpt::new(value));
        let near = near.iter().map(ToString::to_string).collect();
        self.instead(variable, value, UnknownDescription::new(&why, near))
    }

    /// Replaces the wrong value by each of the nearest ones, in the whole description.
    fn instead(&self, variable: &str, value: &str, unknown: UnknownDescription) -> UnknownDescription {
        let wrong = format!("{variable}={value}");
        let whole = |near: String| self.text.replacen(&wrong, &format!("{variable}={near}"), 1);
        let nearest = unknown.nearest.into_iter().map(whole);
        // Another variable may be wrong too, and a suggestion must be one that can be interpreted.
        let nearest = nearest
            .filter(|text| !matches!(interpret(text), None | Some(Interpretation::Unknown(_))))
            .collect();
        UnknownDescription { why: unknown.why, nearest }
    }

    fn twice(&self) -> Interpretation {
        let why = format!("{} sets a variable twice or sets two levels", Excerpt::new(self.text));
        Interpretation::Unknown(UnknownDescription::new(&why, Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> String {
        let Some(Interpretation::Exact(one)) = interpret(text) else {
            panic!("{text}: {:?}", interpret(text))
        };
        let name = |name: Option<&'static str>| name.unwrap_or("-");
        let (os, architecture) = (one.os.map(|os| os.as_str()), one.architecture.map(|name| name.as_str()));
        format!("{}/{}/{}", name(os), name(architecture), name(one.variant))
    }

    fn unknown(text: &str) -> UnknownDescription {
        let Some(Interpretation::Unknown(unknown)) = interpret(text) else {
            panic!("{text}: {:?}", interpret(text))
        };
        unknown
    }

    #[test]
    fn only_assigned_variables_are_stated() {
        assert_eq!(exact("GOARCH=arm64"), "-/arm64/-");
        assert_eq!(exact("GOARCH=arm"), "-/arm/v7");
        assert_eq!(exact("GOOS=linux"), "linux/-/-");
        assert_eq!(exact("GOOS=linux  GOARCH=arm GOARM=6"), "linux/arm/v6");
        assert_eq!(exact("GOARCH=mipsle GOMIPS=softfloat"), "-/mipsle/-");
        assert_eq!(exact("GOARCH=ppc64 GOPPC64=power9"), "-/ppc64/power9");
        assert_eq!(exact("GOOS=freebsd GOAMD64=v3"), "freebsd/amd64/v3");
        assert_eq!(exact("GOARM=7"), "-/arm/v7");
        for text in ["linux/arm64", "GOLD=1", "GOARCH=arm64 CGO_ENABLED=0", "GOARCH"] {
            assert!(interpret(text).is_none(), "{text}");
        }
    }

    #[test]
    fn values_that_go_lacks_are_rejected_with_a_corrected_description() {
        for (text, words, near) in [
            ("GOARCH=x86_64", "not a GOARCH", "GOARCH=amd64"),
            ("GOARCH=", "not a GOARCH", ""),
            ("GOOS=macos GOARCH=arm64", "not a GOOS", "GOOS=darwin GOARCH=arm64"),
            ("GOOS=linxu", "not a GOOS", "GOOS=linux"),
            ("GOARM=8", "end at 7", "GOARM=7 GOARM=6 GOARM=5"),
            ("GOOS=windows GOARCH=s390x", "has no windows/s390x", ""),
            ("GOARCH=arm64 GOARM=7", "does not read GOARM", ""),
            ("GOARCH=arm64 GOARCH=arm64", "twice", ""),
            ("GOARM=6 GOARM64=v8.0", "two levels", ""),
        ] {
            let found = unknown(text);
            assert!(found.why.contains(words), "{text}: {found}");
            assert_eq!(found.nearest.join(" "), near, "{text}");
        }
    }
}
