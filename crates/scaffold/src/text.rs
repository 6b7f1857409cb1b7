//! From templates to text.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::error::ScaffoldError;
use super::source::quoted;

/// Fills in one of our templates.
///
/// # Errors
/// A template that does not fit its values, which would be a fault of crossdock.
pub(super) fn fill(name: &'static str, values: &impl Serialize) -> Result<String, ScaffoldError> {
    let text = environment().and_then(|environment| {
        let template = environment.get_template(name)?;
        template.render(Value::from(Serde(values)))
    });
    text.map_err(|source| ScaffoldError::Template { name, source })
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?,
    );
    environment.add_filter("quoted", |text: String| quoted(&text));
    environment.add_filter("key", |text: String| key(&text));
    environment.add_filter("list", |words: Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        format!("[{}]", words.join(", "))
    });
    for (name, text) in crossdock_templates::SCAFFOLD {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// A key of TOML, quoted where it must be (TOML 1.0, "Keys").
fn key(text: &str) -> String {
    let is_bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        let environment = environment().unwrap();
        for (name, _) in crossdock_templates::SCAFFOLD {
            assert!(environment.get_template(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn strings_are_escaped() {
        #[derive(Serialize)]
        struct Values {
            dependency: &'static str,
        }
        let text = fill("xtask.Cargo.toml", &Values { dependency: "\"1\"" }).unwrap();
        assert!(text.ends_with("crossdock = \"1\"\n"), "{text}");
        assert!(fill("xtask.Cargo.toml", &()).unwrap_err().to_string().contains("xtask.Cargo.toml"));
    }
}
