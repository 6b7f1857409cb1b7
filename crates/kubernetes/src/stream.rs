//! Files as one stream of documents, as kubectl reads it.

use crate::yaml::{json_objects, surrogate_pairs};

/// Returns the texts of files as one stream. A single file is its text.
///
/// kubectl reads a stream whose first character is `{` as JSON to its end, and else as YAML, in which an object directly after
/// another one is lost and a surrogate pair of JSON is refused. So, in a stream of several files, `---` precedes each object of
/// a JSON file, and its surrogate pairs are written as YAML does.
///
/// ```
/// let json = "{\"kind\": \"A\"}\n{\"kind\": \"B\"}\n";
/// let stream = crossdock_kubernetes::stream(&[json, "kind: C"]);
/// assert_eq!(stream, "---\n{\"kind\": \"A\"}\n---\n{\"kind\": \"B\"}\n---\nkind: C");
/// ```
pub fn stream(files: &[&str]) -> String {
    if let [only] = files {
        return (*only).to_owned();
    }
    let mut stream = String::new();
    for file in files {
        // A byte order mark is valid only at the start of a stream.
        let text = if stream.is_empty() { file } else { file.trim_start_matches('\u{feff}') };
        let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        match is_json {
            true => {
                let text = surrogate_pairs(text.trim_start_matches('\u{feff}'));
                json_objects(&text).into_iter().for_each(|object| add(&mut stream, object, Begin::Marked));
            }
            false => add(&mut stream, text, Begin::Plain),
        }
    }
    stream
}

/// Whether the first document of a stream needs a mark before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    Marked,
    Plain,
}

fn add(stream: &mut String, text: &str, begin: Begin) {
    if !stream.is_empty() && !stream.ends_with('\n') {
        stream.push('\n');
    }
    match (stream.is_empty(), begin) {
        (true, Begin::Plain) => {}
        // Directives come after the end of a document.
        (false, _) if text.starts_with('%') => stream.push_str("...\n"),
        _ => stream.push_str("---\n"),
    }
    stream.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_yaml_in_a_stream() {
        let table: [(&[&str], &str); 6] = [
            (&["{\"a\":1}\n{\"b\":1}"], "{\"a\":1}\n{\"b\":1}"),
            (&["{\"a\":1}", "b: 1\n"], "---\n{\"a\":1}\n---\nb: 1\n"),
            (
                &["b: 1\n", "\u{feff} {\"a\":\"}{\"}{\"c\":1}\n"],
                "b: 1\n---\n {\"a\":\"}{\"}\n---\n{\"c\":1}\n",
            ),
            (&["\u{feff}{\"a\":1}", "b: 1"], "---\n{\"a\":1}\n---\nb: 1"),
            (&["a: 1", "%YAML 1.1\n---\nb: 1"], "a: 1\n...\n%YAML 1.1\n---\nb: 1"),
            (
                &[r#"{"a":"\ud83d\ude00 \\ud83d\\ude00 \u00e9"}"#, "b: 1"],
                "---\n{\"a\":\"\\U0001f600 \\\\ud83d\\\\ude00 \\u00e9\"}\n---\nb: 1",
            ),
        ];
        for (files, expected) in table {
            assert_eq!(stream(files), expected, "{files:?}");
        }
    }
}
