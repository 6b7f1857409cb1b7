//! Tag templates: `{{ version }}`, `{{ git.short }}`.

/// Whether a template can be read at all.
pub(crate) fn check(template: &str) -> Result<(), String> {
    match minijinja::Environment::new().template_from_str(template) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(format!("`{template}` is not a template: {}", error.detail().unwrap_or("syntax error")))
        }
    }
}
