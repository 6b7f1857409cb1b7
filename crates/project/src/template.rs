//! Templates in tags and in other values of an image: `{{ version }}`, `{{ git.short }}`, `{{ date("%Y%m%d") }}`.
//!
#![doc = include_str!("template.md")]

mod place;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crossdock_oci::{ReferenceError, Tag as OciTag, Timestamp};
use minijinja::value::{Object, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use crate::git::Git;
use crossdock_platform::{listed, nearest};

pub use text::TextError;
pub(crate) use text::{KEYS, OUTPUT_START, check_text, decoded, env_text, is_template, text, varying_names};

/// The variables and filters of templates, as Markdown.
pub const MARKDOWN: &str = include_str!("template.md");

/// The values that templates may use.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The version of the program.
    pub version: Option<String>,
    /// Whether the version is that of a git tag, so that another commit has another one.
    pub is_version_of_commit: bool,
    /// The git checkout.
    pub git: Option<Git>,
    /// The reason why git says nothing, if the directory is in a checkout.
    pub git_unavailable: Option<String>,
    /// The environment variables that the configuration allows and that are set.
    pub env: BTreeMap<String, String>,
    /// The variables of a base image that is not built in, for `env`.
    pub base_env: BTreeMap<String, String>,
}

/// The result of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// A valid tag.
    Value(String),
    /// No tag: a variable of the template has no value here.
    Skipped {
        /// The variable and the reason.
        why: String,
    },
}

/// The error for a template that gives a tag nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It has a syntax error.
    #[error("`{template}` is not a template: {reason}")]
    Syntax {
        /// The template.
        template: String,
        /// The reason.
        reason: String,
    },
    /// It uses an unknown name.
    #[error("the tag template `{template}` uses `{name}`, which does not exist; {help}")]
    Unknown {
        /// The template.
        template: String,
        /// The name.
        name: String,
        /// A hint: the nearest name, or all names.
        help: String,
    },
    /// It fails while it is rendered.
    #[error("the tag template `{template}` cannot be rendered: {reason}")]
    Fill {
        /// The template.
        template: String,
        /// The reason.
        reason: String,
    },
    /// Its result is not a tag (distribution-spec, `<reference>`).
    #[error(
        "the tag template `{template}` does not give a tag: {reason}; the filter `slug` replaces what is not allowed"
    )]
    NotATag {
        /// The template.
        template: String,
        /// The wrong character.
        reason: ReferenceError,
    },
}

const NAMES: [&str; 7] = ["version", "date", "git.short", "git.sha", "git.branch", "git.tag", "git.dirty"];
/// Functions that MiniJinja always has.
const FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "debug"];

/// Renders a template.
///
/// # Errors
/// A template that is wrong whatever the values are, and a result that is not a tag (distribution-spec, `<reference>`).
///
/// ```
/// use crossdock_project::template::{Tag, Values, tag};
/// let values = Values { version: Some("1.2.3".into()), ..Values::default() };
/// assert_eq!(tag("v{{ version }}", &values)?, Tag::Value("v1.2.3".into()));
/// assert!(matches!(tag("{{ git.short }}", &values)?, Tag::Skipped { .. }));
/// # Ok::<(), crossdock_project::template::TemplateError>(())
/// ```
pub fn tag(template: &str, values: &Values) -> Result<Tag, TemplateError> {
    let used = referenced_names(template)?;
    match PLAIN.render_str(template, Value::from_pairs(context(values))) {
        Ok(text) => match (text.parse::<OciTag>(), missing_value(&used, values)) {
            (Ok(tag), _) => Ok(Tag::Value(tag.as_str().to_owned())),
            // `{% if git.tag %}…{% endif %}` gives a tag only if there is a git tag.
            (Err(_), Some(why)) if text.trim().is_empty() => Ok(Tag::Skipped { why }),
            (Err(_), None) if text.trim().is_empty() && used.iter().any(|name| name == "git.dirty") => {
                Ok(Tag::Skipped { why: "`git.dirty` is empty: no file differs from the commit".to_owned() })
            }
            (Err(reason), _) => Err(TemplateError::NotATag { template: template.to_owned(), reason }),
        },
        Err(error) => match missing_value(&used, values) {
            // Without a commit there is no `date` either, and MiniJinja reports a call of an undefined name as an
            // unknown function.
            Some(why) if [ErrorKind::UndefinedError, ErrorKind::UnknownFunction].contains(&error.kind()) => {
                Ok(Tag::Skipped { why })
            }
            _ => Err(TemplateError::Fill { template: template.to_owned(), reason: reason(&error) }),
        },
    }
}

/// Checks a template as far as possible without values. It may read the variables of `tag_env`.
pub(crate) fn check(template: &str, tag_env: &[String]) -> Result<(), String> {
    let used = referenced_names(template).map_err(|error| error.to_string())?;
    check_constant_text(template)
        .map_err(|reason| TemplateError::NotATag { template: template.to_owned(), reason }.to_string())?;
    let variables = used.iter().filter_map(|name| name.strip_prefix("env."));
    match variables.into_iter().find(|variable| !tag_env.iter().any(|allowed| allowed == variable)) {
        Some(variable) => Err(format!(
            "`{template}` reads the variable {variable}; allow it with `tag-env = [{variable:?}]`"
        )),
        None => Ok(()),
    }
}

/// Checks the text outside of `{{ }}`, which every result contains. Text between statements, `{% %}`, is not checked:
/// it may be left out or changed.
fn check_constant_text(template: &str) -> Result<(), ReferenceError> {
    if ["{%", "{#"].iter().any(|start| template.contains(start)) {
        return Ok(());
    }
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(if after.starts_with('-') { before.trim_end() } else { before });
        text.push('x');
        let (value, after) = after.split_once("}}").unwrap_or((after, ""));
        rest = if value.ends_with('-') { after.trim_start() } else { after };
    }
    text.push_str(rest);
    // The length of a value is unknown, so a template with values cannot be too long yet.
    let text = if template == text { text } else { text.chars().take(OciTag::MAX_LENGTH).collect() };
    text.parse::<OciTag>().map(drop)
}

/// Returns the names that a template uses.
///
/// # Errors
/// A syntax error, or a name that does not exist.
fn referenced_names(template: &str) -> Result<Vec<String>, TemplateError> {
    let names = used_names(template)
        .map_err(|error| TemplateError::Syntax { template: template.to_owned(), reason: reason(&error) })?;
    match unknown_name(&names) {
        None => Ok(names),
        Some((name, help)) => {
            Err(TemplateError::Unknown { template: template.to_owned(), name: name.to_owned(), help })
        }
    }
}

/// Shared, because a configuration may have many templates, and an environment has all of MiniJinja's filters.
static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Returns the names that a template uses, whether they exist or not.
fn used_names(template: &str) -> Result<Vec<String>, minijinja::Error> {
    let parsed = PLAIN.template_from_str(template)?;
    let mut names: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
    // MiniJinja returns them as a set; the same template must give the same message each time.
    names.sort();
    Ok(names)
}

/// Returns the first name that does not exist, with a hint: the nearest name, or all names.
fn unknown_name(names: &[String]) -> Option<(&str, String)> {
    let exists = |name: &str| {
        let whole_table = ["git", "env"].contains(&name);
        whole_table || name.starts_with("env.") || NAMES.contains(&name) || FUNCTIONS.contains(&name)
    };
    let name = names.iter().find(|name| !exists(name))?;
    let help = match nearest(name, NAMES) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {} and `env.NAME`", listed(NAMES).replace(" and ", ", ")),
    };
    Some((name, help))
}

/// The work that one template may cause, in MiniJinja's unit: an instruction, or 64 bytes of data. It bounds time and memory
/// far above what a tag of 128 characters needs: a stranger's template must not keep a machine busy.
const FUEL: u64 = 100_000;

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    // `if` may test a name without a value, but printing it is an error: a tag must not lack a part silently.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_filter("slug", |text: &Value| {
        if text.is_undefined() {
            return Err(minijinja::Error::from(ErrorKind::UndefinedError));
        }
        Ok(slug(&text.to_string()))
    });
    environment
}

fn reason(error: &minijinja::Error) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => "it does more work than a template may; remove loops from it".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    }
}

/// Builds the values of MiniJinja. A missing value has no entry: as `none` it would be printed as a word.
fn context(values: &Values) -> BTreeMap<&'static str, Value> {
    let mut names = BTreeMap::from([
        ("git", Value::from_pairs(git(values.git.as_ref()))),
        ("env", Value::from_pairs(values.env.clone())),
    ]);
    names.extend(values.version.as_deref().map(|version| ("version", Value::from(version))));
    names.extend(values.git.as_ref().map(|git| ("date", Value::from_object(Date(git.time)))));
    names
}

fn git(git: Option<&Git>) -> BTreeMap<&'static str, Value> {
    let Some(git) = git else { return BTreeMap::new() };
    let mut fields = BTreeMap::from([
        ("sha", Value::from(git.sha.as_str())),
        ("short", Value::from(git.short.as_str())),
        // The word that `git describe --dirty` appends. `if` takes an empty string for false.
        ("dirty", Value::from(if git.dirty { "dirty" } else { "" })),
    ]);
    fields.extend(git.branch.as_deref().map(|branch| ("branch", Value::from(branch))));
    fields.extend(git.tag.as_deref().map(|tag| ("tag", Value::from(tag))));
    fields
}

/// Returns why the first of the used names without a value has none.
fn missing_value(used: &[String], values: &Values) -> Option<String> {
    used.iter().find_map(|name| match (name.as_str(), &values.git) {
        ("version", _) if values.version.is_none() => {
            Some("`version` has no value: this commit has no git tag that could be one".to_owned())
        }
        ("git.branch", Some(git)) if git.branch.is_none() => {
            Some("`git.branch` has no value: no branch is checked out".to_owned())
        }
        ("git.tag", Some(git)) if git.tag.is_none() => {
            Some("`git.tag` has no value: no tag points at this commit".to_owned())
        }
        (name, None) if name == "date" || name.starts_with("git") => {
            let why = values.git_unavailable.as_deref().unwrap_or("this directory is not in a git checkout");
            Some(format!("`{name}` has no value: {why}"))
        }
        (name, _) => {
            let variable = name.strip_prefix("env.").filter(|name| !values.env.contains_key(*name))?;
            Some(format!("`{name}` has no value: {variable} is not set, or `tag-env` does not name it"))
        }
    })
}

/// Converts text to a tag: every run of other characters becomes one `-`.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c));
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let tag = joined.trim_start_matches(['.', '-']);
    tag[..tag.len().min(OciTag::MAX_LENGTH)].trim_end_matches('-').to_owned()
}

/// A date, in seconds since the Unix epoch. A template may call it with a format.
#[derive(Debug)]
struct Date(i64);

impl Date {
    fn format(&self, format: &str) -> Result<String, minijinja::Error> {
        let time = Timestamp::nearest(self.0);
        let rfc3339 = time.to_string();
        let mut text = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            match (character, if character == '%' { characters.next() } else { None }) {
                ('%', Some('Y')) => text.push_str(&rfc3339[..4]),
                ('%', Some('m')) => text.push_str(&rfc3339[5..7]),
                ('%', Some('d')) => text.push_str(&rfc3339[8..10]),
                ('%', Some('H')) => text.push_str(&rfc3339[11..13]),
                ('%', Some('M')) => text.push_str(&rfc3339[14..16]),
                ('%', Some('S')) => text.push_str(&rfc3339[17..19]),
                ('%', Some('s')) => text.push_str(&time.as_unix().to_string()),
                ('%', other) => return Err(unknown_format(other)),
                (plain, _) => text.push(plain),
            }
        }
        Ok(text)
    }
}

fn unknown_format(letter: Option<char>) -> minijinja::Error {
    let letter = letter.map(String::from).unwrap_or_default();
    let detail = format!("`%{letter}` is not a field of a date; use %Y, %m, %d, %H, %M, %S or %s");
    minijinja::Error::new(ErrorKind::InvalidOperation, detail)
}

impl Object for Date {
    fn call(
        self: &Arc<Self>,
        _state: &mut minijinja::State<'_, '_>,
        arguments: &[Value],
    ) -> Result<Value, minijinja::Error> {
        let (format,): (&str,) = minijinja::value::from_args(arguments)?;
        self.format(format).map(Value::from)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("%Y-%m-%d").map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            version: Some("1.2.3".into()),
            is_version_of_commit: false,
            git: Some(Git {
                sha: "0123456789abcdef0123456789abcdef01234567".into(),
                short: "0123456".into(),
                branch: Some("feature/größer".into()),
                tag: None,
                dirty: true,
                time: 1_795_248_914,
                ..Git::default()
            }),
            git_unavailable: None,
            env: BTreeMap::from([("BUILD".into(), "77".into())]),
            base_env: BTreeMap::new(),
        }
    }

    fn value(template: &str) -> String {
        match tag(template, &values()).unwrap() {
            Tag::Value(tag) => tag,
            Tag::Skipped { why } => format!("skipped: {why}"),
        }
    }

    fn error(template: &str) -> String {
        tag(template, &values()).unwrap_err().to_string()
    }

    #[test]
    fn a_template_has_bounded_time_and_memory() {
        let doubled = format!("{{% set t = 'x' %}}{}{{{{ t }}}}", "{% set t = t ~ t %}".repeat(64));
        for template in [
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}x",
            "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxx{% endfor %}{% endfor %}",
            "{{ 'x' * 99999999 }}",
            "{% for a in range(9999) %}{{ version|slug * 9999 }}{% endfor %}",
            &doubled,
        ] {
            assert!(error(template).contains("more work than a template may"), "{template}");
        }
    }

    #[test]
    fn templates_read_the_values_of_the_commit() {
        assert_eq!(value("latest"), "latest");
        assert_eq!(value("{{ version }}-{{ git.short }}"), "1.2.3-0123456");
        assert_eq!(value("{{ git.short }}{% if git.dirty %}-dirty{% endif %}"), "0123456-dirty");
        assert_eq!(value("{{ git.dirty }}"), "dirty");
        let git = values().git.map(|git| Git { dirty: false, ..git });
        let clean = |template: &str| tag(template, &Values { git: git.clone(), ..values() }).unwrap();
        let marked = "{{ git.short }}{% if git.dirty %}-{{ git.dirty }}{% endif %}";
        assert_eq!(value(marked), "0123456-dirty");
        assert_eq!(clean(marked), Tag::Value("0123456".into()));
        assert!(matches!(clean("{{ git.dirty }}"), Tag::Skipped { why } if why.contains("no file differs")));
        assert_eq!(value("{{ date }}"), "2026-11-21");
        assert_eq!(value("{{ date('%Y%m%d.%H%M%S') }}"), "20261121.081514");
        assert_eq!(value("{{ env.BUILD }}"), "77");
        assert_eq!(value("{{ git.branch | slug }}"), "feature-gr-er");
        assert_eq!(value("{{ git.tag | default('none') }}{% if git.tag %}x{% endif %}"), "none");
    }

    #[test]
    fn a_missing_value_skips_the_tag_with_a_reason() {
        insta::assert_snapshot!(value("{{ git.tag }}"), @"skipped: `git.tag` has no value: no tag points at this commit");
        insta::assert_snapshot!(value("{{ git.tag | slug }}"), @"skipped: `git.tag` has no value: no tag points at this commit");
        insta::assert_snapshot!(value("{{ env.CI_JOB }}"), @"skipped: `env.CI_JOB` has no value: CI_JOB is not set, or `tag-env` does not name it");
        let nowhere = |template: &str| match tag(template, &Values::default()).unwrap() {
            Tag::Skipped { why } => why,
            Tag::Value(tag) => panic!("{tag}"),
        };
        insta::assert_snapshot!(nowhere("{{ git.short }}"), @"`git.short` has no value: this directory is not in a git checkout");
        insta::assert_snapshot!(nowhere("{{ date('%Y') }}"), @"`date` has no value: this directory is not in a git checkout");
        insta::assert_snapshot!(nowhere("{{ date }}"), @"`date` has no value: this directory is not in a git checkout");
        insta::assert_snapshot!(nowhere("{{ version }}"), @"`version` has no value: this commit has no git tag that could be one");
    }

    #[test]
    fn a_template_that_is_wrong_everywhere_is_an_error() {
        insta::assert_snapshot!(error("{{ verison }}"), @"the tag template `{{ verison }}` uses `verison`, which does not exist; did you mean `version`?");
        insta::assert_snapshot!(error("{{ git.comit }}"), @"the tag template `{{ git.comit }}` uses `git.comit`, which does not exist; there are `version`, `date`, `git.short`, `git.sha`, `git.branch`, `git.tag`, `git.dirty` and `env.NAME`");
        insta::assert_snapshot!(error("{{ commit }}"), @"the tag template `{{ commit }}` uses `commit`, which does not exist; there are `version`, `date`, `git.short`, `git.sha`, `git.branch`, `git.tag`, `git.dirty` and `env.NAME`");
        insta::assert_snapshot!(error("{{ version"), @"`{{ version` is not a template: unexpected end of input, expected end of variable block");
        insta::assert_snapshot!(error("{{ git.branch }}"), @r#"the tag template `{{ git.branch }}` does not give a tag: "feature/größer" is not a tag: character 8, '/', is not one of letters, digits, `_.-`; the filter `slug` replaces what is not allowed"#);
        insta::assert_snapshot!(error("{{ version }}+{{ git.short }}"), @r#"the tag template `{{ version }}+{{ git.short }}` does not give a tag: "1.2.3+0123456" is not a tag: character 6, '+', is not one of letters, digits, `_.-`; the filter `slug` replaces what is not allowed"#);
        let nowhere = tag("{% if git.tag %}{{ git.tag }}{% endif %}", &Values::default()).unwrap();
        assert!(matches!(nowhere, Tag::Skipped { .. }), "{nowhere:?}");
        insta::assert_snapshot!(error("{% if false %}x{% endif %}"), @r#"the tag template `{% if false %}x{% endif %}` does not give a tag: "" is not a tag: it is empty; the filter `slug` replaces what is not allowed"#);
        insta::assert_snapshot!(error("{{ date('%Q') }}"), @"the tag template `{{ date('%Q') }}` cannot be rendered: `%Q` is not a field of a date; use %Y, %m, %d, %H, %M, %S or %s");
        insta::assert_snapshot!(error("{{ version | nofilter }}"), @"the tag template `{{ version | nofilter }}` cannot be rendered: filter nofilter is unknown");
        insta::assert_snapshot!(error("{{ nofunction() }}"), @"the tag template `{{ nofunction() }}` uses `nofunction`, which does not exist; there are `version`, `date`, `git.short`, `git.sha`, `git.branch`, `git.tag`, `git.dirty` and `env.NAME`");
    }

    #[test]
    fn constant_text_is_checked_without_values() {
        for good in
            ["latest", "{{ version }}", "v{{ version }}-{{ git.short }}", "{% if git.tag %} x{% endif %}"]
        {
            assert_eq!(check(good, &[]), Ok(()), "{good}");
        }
        for (wrong, said) in
            [("a b", "' '"), ("", "empty"), ("{{ version }}+x", "'+'"), (".{{ version }}", "begins with")]
        {
            assert!(
                check(wrong, &[]).is_err_and(|why| why.contains(said)),
                "{wrong}: {:?}",
                check(wrong, &[])
            );
        }
    }

    /// The documented tables are those that the code reads.
    #[test]
    fn every_name_and_every_key_is_documented() {
        let tables: Vec<&str> = MARKDOWN.split("\n\n").filter(|part| part.starts_with("| ")).collect();
        let first_cells = |table: &str| -> Vec<String> {
            let cells = table.lines().skip(2).filter_map(|row| row.split('|').nth(1));
            let code = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
            code.map(|code| code.split('(').next().unwrap_or_default().to_owned()).collect()
        };
        let mut names = first_cells(tables[0]);
        names.sort();
        names.dedup();
        let mut known = [&NAMES[..], &["env.NAME"]].concat();
        known.sort_unstable();
        assert_eq!(names, known);
        assert_eq!(first_cells(tables[1]), KEYS);
    }

    #[test]
    fn slugs_are_tags() {
        for text in ["--a/b", "..x", "a//b//", "ä", &"x/".repeat(200), "v1.2.3+meta"] {
            let slug = slug(text);
            assert!(slug.is_empty() || slug.parse::<OciTag>().is_ok(), "{text}: {slug}");
        }
        assert_eq!(slug("v1.2.3+meta"), "v1.2.3-meta");
    }
}
