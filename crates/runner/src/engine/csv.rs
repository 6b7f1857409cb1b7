//! The comma-separated fields in which docker and buildx take secrets, caches and outputs: RFC 4180, of one line.

/// The fields of a line; none where a quoted one does not end.
pub fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let field = fields.last_mut()?;
        match c {
            // Two within quotes are one.
            '"' if is_quoted && rest.peek() == Some(&'"') => field.extend(rest.next()),
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    (!is_quoted).then_some(fields)
}

/// `NAME=VALUE` as one field, whatever the value holds.
pub fn field(name: &str, value: &str) -> String {
    let text = format!("{name}={value}");
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// The value of a name in a line: `netrc` of `id` in `id=netrc,src=/n`.
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
    fn what_is_written_is_read() {
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
