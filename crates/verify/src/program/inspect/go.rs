//! Go build information, which the Go linker writes.
//!
//! The format is that of `debug/buildinfo` since Go 1.18: a 32-byte header at a 16-byte boundary, then two strings with
//! their lengths before them. The first is the Go version, the second the module information between two 16-byte marks.

use std::collections::BTreeMap;

use super::content::Part;
use super::headers::Memory;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: u64 = 32;
const MARK: usize = 16;
/// The length of one string. The module information of a program with thousands of dependencies has some hundred
/// kilobytes.
const MAX_STRING_LENGTH: u64 = 2 << 20;
/// The flag for strings that follow the header. Without it the header contains pointers to them.
const INLINE: u8 = 2;
const BIG_ENDIAN: u8 = 1;

/// The build information of a Go program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoBuildInfo {
    /// The version of Go, such as `go1.26.8`; `None` if the information has the format before Go 1.18.
    pub go_version: Option<String>,
    /// The import path of the main package.
    pub path: Option<String>,
    /// The version of the main module, such as `v1.4.4` or `(devel)`.
    pub version: Option<String>,
    /// The settings of the build: `GOOS`, `GOARCH`, `GOAMD64`, `CGO_ENABLED`, `-buildmode`, `vcs.revision` and so on.
    pub settings: BTreeMap<String, String>,
}

impl GoBuildInfo {
    /// Returns the value of a setting.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }
}

/// Finds the build information in a writable segment, where the linker puts it and `debug/buildinfo` searches it.
pub(super) fn read(memory: Memory<'_>) -> Option<GoBuildInfo> {
    let writable = memory.segments.iter().filter(|segment| segment.is_loaded() && segment.is_writable());
    // Segments overlap by a page at most. The limit of twice the file bounds the search in a hostile file.
    let mut left = memory.file.length().saturating_mul(2);
    let within = |(part, _): &(Part<'_>, u64)| {
        let rest = left.checked_sub(part.length);
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let parts = writable.map(|segment| (segment.part(memory.file), segment.address));
    parts.take_while(within).find_map(|(part, address)| {
        part.find(MAGIC, |offset| {
            let at = offset - part.offset;
            let is_aligned = address.wrapping_add(at).is_multiple_of(MARK as u64);
            is_aligned.then(|| parse(part.skip(at))).flatten()
        })
    })
}

/// Reads the build information at the beginning of this part of the file.
fn parse(part: Part<'_>) -> Option<GoBuildInfo> {
    let header = part.record::<[u8; HEADER as usize]>(0)?;
    let flags = header[15];
    if flags & INLINE == 0 {
        // Before Go 1.18 the header holds the size of a pointer and the byte order. What the pointers lead to is not
        // read.
        return matches!((header[14], flags), (4 | 8, 0 | BIG_ENDIAN)).then(GoBuildInfo::default);
    }
    let (version, rest) = string(part.skip(HEADER))?;
    // A program that was built outside of a module has no module information.
    let module = string(rest).map(|(module, _)| module.bytes()).unwrap_or_default();
    let mut info = GoBuildInfo { go_version: Some(text(&version.bytes())), ..GoBuildInfo::default() };
    // `debug/buildinfo` recognizes the marks by the line break before the last one.
    let marked = module.len() > 2 * MARK && module[module.len() - MARK - 1] == b'\n';
    if marked {
        read_module(&mut info, &text(&module[MARK..module.len() - MARK]));
    }
    Some(info)
}

/// Splits off a string with its length before it, a base-128 number.
fn string(part: Part<'_>) -> Option<(Part<'_>, Part<'_>)> {
    let mut length: u64 = 0;
    // Nine bytes hold 63 bits, more than any length needs.
    for index in 0..9 {
        let byte = part.record::<u8>(index)?;
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = part.skip(index + 1);
            let is_whole = length <= rest.length && length <= MAX_STRING_LENGTH;
            return is_whole.then(|| (rest.up_to(length), rest.skip(length)));
        }
    }
    None
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads lines of `key TAB value`. `build` lines contain `NAME=VALUE`, where Go may have quoted either part.
fn read_module(info: &mut GoBuildInfo, lines: &str) {
    for line in lines.lines() {
        match line.split_once('\t') {
            Some(("path", path)) => info.path = Some(path.to_owned()),
            // The module's path, its version, and its hash if it was downloaded.
            Some(("mod", module)) => info.version = module.split('\t').nth(1).map(str::to_owned),
            Some(("build", setting)) => {
                if let Some((name, value)) = split_setting(setting) {
                    info.settings.insert(name, value);
                }
            }
            _ => {}
        }
    }
}

fn split_setting(setting: &str) -> Option<(String, String)> {
    let end = match setting.strip_prefix('"') {
        Some(quoted) => closing_quote(quoted)? + 2,
        None => setting.find('=')?,
    };
    let value = setting.get(end..)?.strip_prefix('=')?;
    Some((unquote(&setting[..end]), unquote(value)))
}

/// Returns the position of the closing quote of a text that begins just after the opening one.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Removes Go's quotes. The only escapes in settings are `\"` and `\\`.
fn unquote(text: &str) -> String {
    if let Some(raw) = text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        return raw.to_owned();
    }
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::inspect::Content;

    #[test]
    fn settings_may_be_quoted() {
        let cases = [
            ("GOOS=linux", Some(("GOOS", "linux"))),
            ("-ldflags=\"-s -w\"", Some(("-ldflags", "-s -w"))),
            ("-tags=`a\"b`", Some(("-tags", "a\"b"))),
            ("\"odd=name\"=x", Some(("odd=name", "x"))),
            ("CGO_CFLAGS=", Some(("CGO_CFLAGS", ""))),
            ("nothing", None),
        ];
        for (setting, expected) in cases {
            let found = split_setting(setting);
            assert_eq!(
                found.as_ref().map(|(name, value)| (name.as_str(), value.as_str())),
                expected,
                "{setting}"
            );
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_not_build_information() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([8, INLINE]);
        bytes.resize(32, 0);
        bytes.extend([0xff; 16]);
        assert_eq!(parse(Content::of(&bytes).whole()), None);
        bytes.splice(32.., *b"\x02go\x05mod");
        let info = parse(Content::of(&bytes).whole()).unwrap();
        assert_eq!((info.go_version.as_deref(), info.path), (Some("go"), None));
    }
}
