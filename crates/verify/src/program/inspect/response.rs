//! Answers of servers that a failed download saved in place of a program.

/// The length above which a plain text is not a server's short error message.
const MAX_MESSAGE: usize = 200;

/// Returns the name of the format of a server's answer; `None` if this text is something else, such as a shell script.
pub(super) fn format(text: &[u8]) -> Option<&'static str> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let begins_with = |start: &str| {
        text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
    };
    if ["<!doctype html", "<html", "<head", "<body", "<!--"].into_iter().any(begins_with) {
        return Some("HTML");
    }
    // S3 and its like answer with `<Error>`.
    if ["<?xml", "<error>"].into_iter().any(begins_with) {
        return Some("XML");
    }
    if is_json(text) {
        return Some("JSON");
    }
    is_message(text).then_some("plain text")
}

/// Returns whether a text begins as a JSON object with a member does. A shell's group begins with a brace too, but no
/// colon follows its first word.
fn is_json(text: &[u8]) -> bool {
    let object = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
    let Some(name) = object.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let Some(name) = name.strip_prefix(b"\"") else { return false };
    let end = memchr::memchr(b'"', name);
    end.is_some_and(|end| name[end + 1..].trim_ascii_start().starts_with(b":"))
}

/// Returns whether a text is an error message as servers send: a status from 400 to 599 with a reason, as in
/// `404: Not Found` of GitHub, or only the reason.
fn is_message(text: &[u8]) -> bool {
    const REASONS: &[&str] = &["Not Found", "Forbidden", "Access Denied", "Unauthorized", "Bad Gateway"];
    let Ok(text) = std::str::from_utf8(&text[..text.len().min(MAX_MESSAGE + 1)]) else { return false };
    let text = text.trim_end();
    if text.len() >= MAX_MESSAGE || text.lines().count() != 1 {
        return false;
    }
    if REASONS.iter().any(|reason| text.trim_end_matches('.').eq_ignore_ascii_case(reason)) {
        return true;
    }
    let (status, reason) = text.split_at_checked(3).unwrap_or_default();
    let is_status = status.parse::<u16>().is_ok_and(|status| (400..600).contains(&status));
    is_status && reason.trim_start_matches([':', ' ', '-']).starts_with(|letter: char| letter.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_scripts() {
        let cases = [
            ("\n<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n", Some("HTML")),
            ("<html><head><title>404 Not Found</title>", Some("HTML")),
            ("\u{feff}<!doctype html><html>", Some("HTML")),
            ("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code>", Some("XML")),
            ("<Error><Code>AccessDenied</Code></Error>", Some("XML")),
            ("{\"message\":\"Not Found\"}", Some("JSON")),
            ("{\n  \"errors\" : [ {\"status\": 404} ] }\n", Some("JSON")),
            ("[{\"code\":404}]", Some("JSON")),
            ("Not Found", Some("plain text")),
            ("404: Not Found", Some("plain text")),
            ("404 page not found\n", Some("plain text")),
            ("{ echo hello; }\n", None),
            ("{ \"$tool\" run; }\n", None),
            ("[ -f /x ] && exec /app\n", None),
            ("<input sort\n", None),
            ("echo 404: Not Found\n", None),
            ("404\n", None),
            ("999 bottles\n", None),
            ("500 lines\nof text\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(format(text.as_bytes()), expected, "{text:?}");
        }
    }
}
