//! Writes the tar of a layer (POSIX.1-2017, pax § ustar Interchange Format, § pax Extended Header).
//!
//! Every byte is chosen here instead of by the `tar` crate's builder, because a new version of that crate must not
//! change the digest of an image.

use std::io::{Read, Write};

use tar::{EntryType, Header};

use super::LayerError;
use super::entry::{Node, NodeKind, OpenContent, reading};
use crate::model::Timestamp;

const BLOCK: u64 = 512;
/// The largest number in a ustar header's field of 11 octal digits: lengths and times.
const OCTAL_11: u64 = 0o77_777_777_777;
/// The largest number in a field of 7 octal digits: users and groups.
const OCTAL_7: u64 = 0o7_777_777;
const READ_SIZE: usize = 256 * 1024;

pub(super) fn write_entry(
    out: &mut dyn Write,
    path: &str,
    node: &Node,
    mtime: Timestamp,
) -> Result<(), LayerError> {
    match &node.kind {
        NodeKind::File(content) => {
            let open = content.open()?;
            write_header(out, path, "", EntryType::Regular, node, open.size, mtime)?;
            copy_exactly(out, open, content)
        }
        NodeKind::Dir | NodeKind::ImpliedDir => {
            write_header(out, &format!("{path}/"), "", EntryType::Directory, node, 0, mtime)
        }
        NodeKind::Symlink(target) => write_header(out, path, target, EntryType::Symlink, node, 0, mtime),
    }
}

/// Writes the two blocks of zeros that end a tar.
pub(super) fn write_end(out: &mut dyn Write) -> Result<(), LayerError> {
    Ok(out.write_all(&[0; 2 * BLOCK as usize])?)
}

fn write_header(
    out: &mut dyn Write,
    path: &str,
    target: &str,
    kind: EntryType,
    node: &Node,
    size: u64,
    mtime: Timestamp,
) -> Result<(), LayerError> {
    let records = extended_records(path, target, node, size, mtime);
    if !records.is_empty() {
        let mut header =
            // POSIX proposes a name with the id of the process, which would be different in every run.
            plain_header("PaxHeaders/entry", "", EntryType::XHeader, 0o644, records.len() as u64);
        header.set_cksum();
        out.write_all(header.as_bytes())?;
        out.write_all(&records)?;
        write_padding(out, records.len() as u64)?;
    }
    let mut header = plain_header(path, target, kind, node.mode, size);
    // A number that exceeds its field is written in base 256 by the tar crate, as GNU tar does; readers of PAX take
    // the record.
    header.set_uid(u64::from(node.owner.uid));
    header.set_gid(u64::from(node.owner.gid));
    header.set_mtime(mtime.as_unix());
    header.set_cksum();
    Ok(out.write_all(header.as_bytes())?)
}

fn plain_header(path: &str, target: &str, kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    let old = header.as_old_mut();
    fill(&mut old.name, path);
    fill(&mut old.linkname, target);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// Fills a field of the header. A text that does not fit is cut here and complete in an extended record, so that only
/// readers without PAX support see the cut one.
fn fill(field: &mut [u8; 100], text: &str) {
    let ascii = text.bytes().map(|byte| if byte.is_ascii() { byte } else { b'_' });
    for (slot, byte) in field.iter_mut().zip(ascii) {
        *slot = byte;
    }
}

/// Returns the extended records for values that the plain header cannot hold, in a fixed order; mostly none.
fn extended_records(path: &str, target: &str, node: &Node, size: u64, mtime: Timestamp) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add_text = |key, text: &str| {
        // A record instead of ustar's field `prefix`, which needs a slash in the right place and ends at 255 bytes.
        if text.len() > 100 || !text.is_ascii() {
            add_record(&mut records, key, text);
        }
    };
    add_text("path", path);
    add_text("linkpath", target);
    let mut add_number = |key, number: u64, limit| {
        if number > limit {
            add_record(&mut records, key, &number.to_string());
        }
    };
    add_number("size", size, OCTAL_11);
    add_number("uid", u64::from(node.owner.uid), OCTAL_7);
    add_number("gid", u64::from(node.owner.gid), OCTAL_7);
    add_number("mtime", mtime.as_unix(), OCTAL_11);
    records
}

/// Adds `<length> <key>=<value>\n`. The length counts its own digits, so it is found by iterating to a fixed point.
fn add_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

fn write_padding(out: &mut dyn Write, size: u64) -> Result<(), LayerError> {
    let padding = (BLOCK - size % BLOCK) % BLOCK;
    Ok(out.write_all(&[0; BLOCK as usize][..padding as usize])?)
}

/// Copies exactly as many bytes as the header declares; a file that changed its length since then is an error.
fn copy_exactly(
    out: &mut dyn Write,
    open: OpenContent<'_>,
    content: &super::Content,
) -> Result<(), LayerError> {
    let OpenContent { mut reader, size } = open;
    let changed = || match content.file() {
        Some(path) => LayerError::FileChanged { path: path.to_owned() },
        None => LayerError::ContentChanged,
    };
    let mut buffer = vec![0; READ_SIZE.min(usize::try_from(size).unwrap_or(READ_SIZE)).max(1)];
    let mut left = size;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match reader.read(&mut buffer[..want]) {
            Ok(0) => return Err(changed()),
            Ok(read) => {
                out.write_all(&buffer[..read])?;
                left -= read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(reading(content)(error)),
        }
    }
    // One more byte shows that the file grew: the layer would otherwise hold its first part without a word.
    match reader.read(&mut buffer[..1]).map_err(reading(content))? {
        0 => write_padding(out, size),
        _ => Err(changed()),
    }
}
