//! Texts that look like images, in places that are not touched.

/// Returns whether a field's name says that its value is an image.
pub(super) fn is_image_field(name: &str) -> bool {
    name == "image" || name.ends_with("Image")
}

/// Returns whether a value can be a reference: one word of a reference's characters.
pub(super) fn is_reference(value: &str) -> bool {
    let character = |c: char| c.is_ascii_alphanumeric() || "._-:/@".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(character)
        && !value.contains("://")
}

/// Returns whether a value is a reference without doubt: with the host of a registry, and a tag or digest.
pub(super) fn is_qualified(value: &str) -> bool {
    let Some((host, path)) = value.split_once('/') else { return false };
    let is_host = host == "localhost" || host.contains(['.', ':']);
    is_reference(value)
        && is_host
        && (path.contains('@') || path.rsplit('/').next().is_some_and(|last| last.contains(':')))
}

/// Returns whether a line of a text has a field that is an image, or a JSON patch to one.
pub(super) fn is_image_line(line: &str) -> bool {
    let field = line.trim_start().trim_start_matches("- ");
    let value = field.strip_prefix("image:").or_else(|| field.strip_prefix("\"image\":"));
    value.is_some_and(|value| is_reference(value.trim().trim_matches(['"', '\'', ','])))
        || ["image", "value"].iter().any(|key| {
            let fields = line.match_indices(key).map(|(at, _)| &line[at + key.len()..]);
            let values = fields.filter_map(|rest| rest.trim_start_matches('"').strip_prefix(':'));
            values
                .map(|rest| rest.trim_start_matches([' ', '"', '\'']))
                .any(|rest| rest.split([' ', ',', '}', '"', '\'']).next().is_some_and(is_qualified))
        })
}
