//! The percent encoding of options in `os(version+feature)/architecture`, as containerd's `FormatAll` writes it.

use std::fmt;

/// Writes `value` and encodes every byte that [`decode`] does not accept unencoded.
pub(crate) fn write_encoded(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    for byte in value.bytes() {
        match byte {
            plain if is_plain(plain) => fmt::Write::write_char(f, char::from(plain))?,
            other => write!(f, "%{other:02X}")?,
        }
    }
    Ok(())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Decodes `value`. Returns `None` for a character that must be encoded, an incomplete escape or invalid UTF-8.
pub(crate) fn decode(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?].map(|digit| char::from(digit).to_digit(16));
                let value = digits[0]? * 16 + digits[1]?;
                decoded.push(u8::try_from(value).ok()?);
            }
            plain if is_plain(plain) => decoded.push(plain),
            _ => return None,
        }
    }
    String::from_utf8(decoded).ok()
}
