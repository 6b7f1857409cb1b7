//! Findings in the formats that other programs read.

use serde_json::{Value, json};

use crate::{Catalogue, Code, Severity};

/// A finding at a place in a file, in the form that the output formats write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation<'a> {
    /// The kind of finding.
    pub code: Code,
    /// The weight of this finding, which may differ from its code's.
    pub severity: Severity,
    /// The path of the file.
    pub path: &'a str,
    /// The line of the file, counted from 1; `None` if the finding is about the file as a whole.
    pub line: Option<usize>,
    /// The problem.
    pub message: &'a str,
    /// The text that replaces the line; `None` if the finding has no such correction.
    pub replacement: Option<&'a str>,
}

/// Writes annotations as [GitHub's workflow commands][commands], one line each.
///
/// [commands]: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
///
/// ```
/// use crossdock_findings::{Finding, output};
/// # mod codes {
/// #     crossdock_findings::catalogue! {
/// #         EMPTY_FILE = "empty-file", Error, "the file is empty", "It does not start.", "Build it.";
/// #     }
/// # }
///
/// let finding = Finding::new(codes::EMPTY_FILE, "linux/arm64", "out/app", "out/app is empty.");
/// let commands = output::github([finding.annotation()]);
/// assert_eq!(commands, "::error file=out/app,title=empty-file::out/app is empty.\n");
/// ```
pub fn github<'a>(annotations: impl IntoIterator<Item = Annotation<'a>>) -> String {
    annotations.into_iter().map(command).collect()
}

fn command(annotation: Annotation<'_>) -> String {
    let level = match annotation.severity {
        // GitHub has the levels `error`, `warning` and `notice`.
        Severity::Note => "notice",
        other => other.as_str(),
    };
    let line = annotation.line.map(|line| format!(",line={line}")).unwrap_or_default();
    // GitHub shows `%0A` as a line break: the correction is shown below the message.
    let replacement =
        annotation.replacement.map(|line| format!("%0A{}", escape_data(line))).unwrap_or_default();
    format!(
        "::{level} file={}{line},title={}::{}{replacement}\n",
        escape_property(annotation.path),
        annotation.code,
        escape_data(annotation.message),
    )
}

/// Writes annotations as a [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/) log of one run.
///
/// The catalogue becomes the run's rules. `version` is the version of crossdock, the tool of the run.
pub fn sarif<'a>(
    catalogue: Catalogue,
    annotations: impl IntoIterator<Item = Annotation<'a>>,
    version: &str,
) -> Value {
    let results: Vec<Value> = annotations.into_iter().map(result).collect();
    let rules: Vec<Value> = catalogue.codes().iter().map(|code| rule(*code)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "crossdock", "version": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.explanation() },
        "defaultConfiguration": { "level": code.severity().as_str() },
    })
}

fn result(annotation: Annotation<'_>) -> Value {
    let artifact = json!({ "uri": relative_reference(annotation.path) });
    // A region without columns is the whole line (SARIF 2.1.0, § 3.30.2), as a replacement is.
    let region = annotation.line.map(|line| json!({ "startLine": line }));
    let mut location = json!({ "artifactLocation": artifact });
    if let Some(region) = &region {
        location["region"] = region.clone();
    }
    let mut result = json!({
        "ruleId": annotation.code.id(),
        "level": annotation.severity.as_str(),
        "message": { "text": annotation.message },
        "locations": [{ "physicalLocation": location }],
    });
    if let (Some(replacement), Some(region)) = (annotation.replacement, region) {
        result["fixes"] = json!([{
            "description": { "text": annotation.code.title() },
            "artifactChanges": [{
                "artifactLocation": artifact,
                "replacements": [{ "deletedRegion": region, "insertedContent": { "text": replacement } }],
            }],
        }]);
    }
    result
}

/// Writes a path as a relative reference (RFC 3986): everything but unreserved characters is percent-encoded.
fn relative_reference(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn escape_data(text: &str) -> String {
    // The percent sign first: the other escapes contain it. These are the escapes of `@actions/core` (command.ts).
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma and a colon separates it from the data, so both are escaped too.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(unreachable_pub, reason = "a catalogue is public for its users")]
    mod codes {
        crate::catalogue! {
            BROKEN = "broken", Warning, "it is broken", "It crashes.";
        }
    }

    const WHOLE: Annotation<'_> = Annotation {
        code: codes::BROKEN,
        severity: Severity::Note,
        path: "a b/c,d:e",
        line: None,
        message: "100 %\nbroken",
        replacement: None,
    };

    #[test]
    fn github_commands_are_escaped() {
        let corrected = Annotation { line: Some(7), replacement: Some("one\ntwo"), ..WHOLE };
        assert_eq!(
            github([WHOLE, corrected]),
            "::notice file=a b/c%2Cd%3Ae,title=broken::100 %25%0Abroken\n\
             ::notice file=a b/c%2Cd%3Ae,line=7,title=broken::100 %25%0Abroken%0Aone%0Atwo\n"
        );
    }

    #[test]
    fn sarif_has_a_region_and_a_fix_only_with_a_line() {
        let corrected = Annotation { line: Some(7), replacement: Some("one"), ..WHOLE };
        let log = sarif(codes::CATALOGUE, [WHOLE, corrected], "1.2.3");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["defaultConfiguration"]["level"], "warning");
        let [whole, corrected] = [0, 1].map(|index| &run["results"][index]);
        let location = &whole["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b/c%2Cd%3Ae");
        assert_eq!((location.get("region"), whole.get("fixes")), (None, None));
        assert_eq!(whole["level"], "note");
        assert_eq!(corrected["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
        let replacement = &corrected["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(replacement["deletedRegion"]["startLine"], 7);
        assert_eq!(replacement["insertedContent"]["text"], "one");
    }
}
