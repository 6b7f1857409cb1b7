//! The comma-separated fields in which docker and buildx take secrets, caches and outputs: one line of RFC 4180.

/// Returns the fields of a line; `None` if a quote is not closed.
///
/// ```
/// use crossdock_runner::engine::csv;
///
/// assert_eq!(csv::fields(r#"id=n,"src=/a,b""#).unwrap(), ["id=n", "src=/a,b"]);
/// ```
pub fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let field = fields.last_mut()?;
        match c {
            // A doubled quote within quotes is one quote.
            '"' if is_quoted && rest.peek() == Some(&'"') => field.extend(rest.next()),
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    (!is_quoted).then_some(fields)
}

/// Writes `NAME=VALUE` as one field, quoted if the value needs it.
pub fn field(name: &str, value: &str) -> String {
    let text = format!("{name}={value}");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Returns the value of a name in a line: `netrc` for `id` in `id=netrc,src=/n`.
pub fn value(line: &str, name: &str) -> Option<String> {
    let fields = fields(line)?;
    fields
        .iter()
        .filter_map(|field| field.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_fields_are_read_back() {
        for value in ["/plain", "/a,b", "/a\"b", "", "\""] {
            let line = format!("id=x,{},type=y", field("src", value));
            let read = fields(&line).unwrap();
            assert_eq!(super::value(&line, "src").as_deref(), Some(value));
            assert_eq!(read, ["id=x".to_owned(), format!("src={value}"), "type=y".to_owned()]);
        }
        assert_eq!(fields("a,\"b"), None);
        assert_eq!(fields(""), Some(vec![String::new()]));
    }
}
