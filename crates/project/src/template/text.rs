//! Templates in the values of an image besides its tags. Each gives a text or is an error.

use std::ops::Range;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};

use super::place::place_of;
use super::{Date, Values, context, environment, missing_value, reason, unknown_name, used_names};

/// The keys whose values are templates, as messages name them. In every other key a template is an error: it would be
/// taken for text.
pub(crate) const KEYS: [&str; 10] = [
    "tags",
    "ldflags",
    "labels",
    "annotations",
    "env",
    "entrypoint",
    "cmd",
    "files.from",
    "files.to",
    "health.command",
];

/// Names that other tools give to the platform.
const PLATFORM_NAMES: [&str; 8] =
    ["platform", "os", "arch", "variant", "target", "triple", "TARGETPLATFORM", "TARGETARCH"];

const SPELLINGS: &str = "a name is `{{ version }}`, and literal braces are `{% raw %}{{ … }}{% endraw %}`";

/// The error for a template that gives no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{help}", if .help.is_empty() { "" } else { "; " })]
#[non_exhaustive]
pub struct TextError {
    /// The wrong bytes of the template; `None` if unknown.
    pub place: Option<Range<usize>>,
    /// The reason.
    pub reason: String,
    /// The remedy; empty if the reason contains it.
    pub help: String,
}

/// Returns whether a value is a template. Any other value is taken as it is, even with a `{#`.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Checks a value as far as possible without the values of variables. It may read the variables of `tag_env`.
pub(crate) fn check_text(template: &str, tag_env: &[String]) -> Result<(), TextError> {
    if !is_template(template) {
        return Ok(());
    }
    let names = used_names(template).map_err(|error| syntax_error(&error))?;
    if let Some((name, help)) = unknown_name(&names) {
        return Err(unknown(template, name, help));
    }
    let variables = names.iter().filter_map(|name| name.strip_prefix("env."));
    match variables.into_iter().find(|variable| !tag_env.iter().any(|allowed| allowed == variable)) {
        None => Ok(()),
        Some(variable) => Err(TextError {
            place: place_of(template, &format!("env.{variable}")),
            reason: format!(
                "the template reads the variable {variable}, which the configuration does not allow"
            ),
            help: format!("allow it with `tag-env = [{variable:?}]`"),
        }),
    }
}

/// Returns the text of a value.
pub(crate) fn text(template: &str, values: &Values) -> Result<String, TextError> {
    render(template, values, &TEXT)
}

/// Returns the text of a value of `env`, in which variables are still to be expanded. What the template prints is
/// encoded, so that a `$` in the value of a variable stays one; [`decoded`] returns the text.
pub(crate) fn env_text(template: &str, values: &Values) -> Result<String, TextError> {
    render(template, values, &ENV_TEXT)
}

/// The characters that have a meaning in a value of `env`, each with a noncharacter, which no text contains (The
/// Unicode Standard, section 23.7).
const ENCODED: [(char, char); 3] = [('$', '\u{fdd0}'), ('}', '\u{fdd1}'), ('\\', '\u{fdd2}')];

/// The noncharacter before what a template prints: no name of a variable continues in it.
pub(crate) const OUTPUT_START: char = '\u{fdd3}';

/// Returns the text of a value of `env` after its variables are expanded.
pub(crate) fn decoded(text: &str) -> String {
    text.chars()
        .filter(|character| *character != OUTPUT_START)
        .map(|character| match ENCODED.iter().find(|(_, encoded)| *encoded == character) {
            Some((plain, _)) => *plain,
            None => character,
        })
        .collect()
}

/// Returns the names in a template whose values another commit or another environment changes.
pub(crate) fn varying_names(template: &str, values: &Values) -> Vec<String> {
    if !is_template(template) {
        return Vec::new();
    }
    let names = used_names(template).unwrap_or_default().into_iter();
    let varies = |name: &String| match name.split('.').next().unwrap_or_default() {
        "git" | "date" | "env" => true,
        "version" => values.is_version_of_commit,
        _ => false,
    };
    names.filter(varies).collect()
}

type Formatter = fn(&mut Output<'_>, &mut State<'_, '_>, &Value) -> Result<(), Error>;

/// Shared, as [`super::PLAIN`] is.
static TEXT: LazyLock<Environment<'static>> = LazyLock::new(|| with_formatter(print));
static ENV_TEXT: LazyLock<Environment<'static>> = LazyLock::new(|| with_formatter(print_encoded));

fn with_formatter(formatter: Formatter) -> Environment<'static> {
    let mut environment = environment();
    environment.set_formatter(formatter);
    // The last line break of a text belongs to it. Only other delimiters could fail.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

fn render(template: &str, values: &Values, environment: &Environment<'static>) -> Result<String, TextError> {
    if !is_template(template) {
        return Ok(template.to_owned());
    }
    let names = used_names(template).map_err(|error| syntax_error(&error))?;
    if let Some((name, help)) = unknown_name(&names) {
        return Err(unknown(template, name, help));
    }
    let rendered = environment.render_str(template, Value::from_pairs(context(values)));
    rendered.map_err(|error| failed(template, &names, values, &error))
}

fn print(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    refuse_table(value)?;
    minijinja::escape_formatter(output, state, value)
}

fn print_encoded(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    refuse_table(value)?;
    let encode = |character: char| match ENCODED.iter().find(|(plain, _)| *plain == character) {
        Some((_, encoded)) => *encoded,
        None => character,
    };
    let text: String = [OUTPUT_START].into_iter().chain(value.to_string().chars().map(encode)).collect();
    output.write_str(&text).map_err(Error::from)
}

/// Refuses a value that would be printed in MiniJinja's notation, such as the whole table `git`.
fn refuse_table(value: &Value) -> Result<(), Error> {
    let is_table = matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable);
    if is_table && value.downcast_object_ref::<Date>().is_none() {
        let detail = "a table or a list cannot be printed: name one of its values, such as `git.short`";
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    }
    Ok(())
}

fn syntax_error(error: &Error) -> TextError {
    TextError {
        place: error.range(),
        reason: format!("the template is malformed: {}", reason(error)),
        help: SPELLINGS.to_owned(),
    }
}

fn unknown(template: &str, name: &str, help: String) -> TextError {
    let names_platform = PLATFORM_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    TextError {
        place: place_of(template, name),
        reason: format!("the template uses `{name}`, which does not exist"),
        help: match names_platform {
            true => "a value is the same for all platforms of an image, so no variable names the platform"
                .to_owned(),
            false => help,
        },
    }
}

fn failed(template: &str, names: &[String], values: &Values, error: &Error) -> TextError {
    let place = error.range();
    let expression = place.clone().and_then(|place| template.get(place)).unwrap_or(template);
    let missing = |name: &&String| missing_value(std::slice::from_ref(*name), values).is_some();
    let of_expression = names.iter().filter(missing).find(|name| expression.contains(name.as_str()));
    // MiniJinja reports a call of an undefined name, `date("%Y")` without a commit, as an unknown function.
    let lacks_value = [ErrorKind::UndefinedError, ErrorKind::UnknownFunction].contains(&error.kind());
    match of_expression.or_else(|| names.iter().find(missing)).filter(|_| lacks_value) {
        Some(name) => TextError {
            place,
            reason: missing_value(std::slice::from_ref(name), values).unwrap_or_default(),
            help: format!("replace a missing value with `{{{{ {name} | default(\"…\") }}}}`"),
        },
        None => TextError {
            place,
            reason: format!("the template cannot be rendered: {}", reason(error)),
            help: String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Git;

    fn values() -> Values {
        Values {
            version: Some("1.2.3".to_owned()),
            env: [("PRICE".to_owned(), "5$ \\ }".to_owned())].into(),
            ..Values::default()
        }
    }

    fn failure(template: &str) -> String {
        let error = text(template, &values()).unwrap_err();
        let place = error.place.clone().and_then(|place| template.get(place)).unwrap_or("?");
        format!("{error} [{place}]")
    }

    #[test]
    fn both_spellings_of_a_name_give_its_value() {
        for template in ["v{{version}}", "v{{ version }}", "v{{- version -}}", "{{ 'v' ~ version }}"] {
            assert_eq!(text(template, &values()).unwrap(), "v1.2.3", "{template}");
        }
    }

    #[test]
    fn text_without_a_template_is_kept() {
        for plain in ["", "a\n", "{version}", "{# kept #}", "}}", "$HOME $$", "a { b"] {
            assert_eq!(text(plain, &values()).unwrap(), plain);
        }
        assert_eq!(text("{{ version }}\n", &values()).unwrap(), "1.2.3\n", "the last line break is kept");
    }

    #[test]
    fn literal_braces_are_written_raw_or_quoted() {
        for template in
            ["{% raw %}{{.ID}}{% endraw %} {{ version }}", "{{ '{{' }}.ID{{ '}}' }} {{ version }}"]
        {
            assert_eq!(text(template, &values()).unwrap(), "{{.ID}} 1.2.3", "{template}");
        }
    }

    #[test]
    fn a_value_of_a_variable_has_no_further_meaning() {
        let encoded = env_text("$A{{ env.PRICE }}", &values()).unwrap();
        assert_eq!(encoded.matches(['$', '\\', '}']).count(), 1, "only the dollar of the file: {encoded}");
        assert_eq!(decoded(&encoded), "$A5$ \\ }");
        let captured = "{% set x %}{{ env.PRICE }}{% endset %}{{ x }}";
        assert_eq!(decoded(&env_text(captured, &values()).unwrap()), "5$ \\ }");
    }

    #[test]
    fn a_template_without_a_text_says_what_is_wrong_and_where() {
        insta::assert_snapshot!(failure("{{ version"), @"the template is malformed: unexpected end of input, expected end of variable block; a name is `{{ version }}`, and literal braces are `{% raw %}{{ … }}{% endraw %}` [version]");
        insta::assert_snapshot!(failure("{{.Version}}"), @"the template is malformed: unexpected `.`; a name is `{{ version }}`, and literal braces are `{% raw %}{{ … }}{% endraw %}` [.]");
        insta::assert_snapshot!(failure("a {{ verison }}"), @"the template uses `verison`, which does not exist; did you mean `version`? [verison]");
        insta::assert_snapshot!(failure("{{ arch }}"), @"the template uses `arch`, which does not exist; a value is the same for all platforms of an image, so no variable names the platform [arch]");
        insta::assert_snapshot!(failure("{{ version }} {{ git.tag }}"), @r#"`git.tag` has no value: this directory is not in a git checkout; replace a missing value with `{{ git.tag | default("…") }}` [git.tag]"#);
        insta::assert_snapshot!(failure("{{ date('%Y') }}"), @r#"`date` has no value: this directory is not in a git checkout; replace a missing value with `{{ date | default("…") }}` [date('%Y')]"#);
        insta::assert_snapshot!(failure("{{ env }}"), @"the template cannot be rendered: a table or a list cannot be printed: name one of its values, such as `git.short` [env]");
        insta::assert_snapshot!(failure("{{ version | nofilter }}"), @"the template cannot be rendered: filter nofilter is unknown [nofilter]");
        assert_eq!(text("{{ git.tag | default('dev') }}", &values()).unwrap(), "dev");
        // The name that is missing and printed is reported, not another one that has a default.
        let both = "{{ env.A | default('x') }} {{ git.tag }}";
        assert!(failure(both).starts_with("`git.tag` has no value"), "{}", failure(both));
    }

    #[test]
    fn a_variable_needs_permission() {
        assert_eq!(check_text("{{ env.A }}", &["A".to_owned()]), Ok(()));
        let refused = check_text("{{ env.AB }}", &["A".to_owned()]).unwrap_err();
        insta::assert_snapshot!(refused, @r#"the template reads the variable AB, which the configuration does not allow; allow it with `tag-env = ["AB"]`"#);
        assert_eq!(refused.place, Some(3..9));
    }

    #[test]
    fn names_that_vary_by_commit_are_known() {
        let names = |template: &str, values: &Values| varying_names(template, values).join(" ");
        assert_eq!(
            names("{{ version }} {{ git.short }} {{ date }} {{ env.A }}", &values()),
            "date env.A git.short"
        );
        let tagged = Values { is_version_of_commit: true, ..values() };
        assert_eq!(names("{{ version }} git.short", &tagged), "version");
        let git = Git { tag: Some("v1".to_owned()), ..Git::default() };
        let values = Values { git: Some(git), ..values() };
        assert_eq!(text("{{ git.tag }} {{ date('%Y') }} {{ date }}", &values).unwrap(), "v1 1970 1970-01-01");
    }
}
