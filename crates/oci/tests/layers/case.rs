//! Reads the cases and makes their layers.

use std::collections::BTreeMap;
use std::io::Write;

use crate::engines::Engine;

/// A case: layers, and what engines make of them.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) layers: Vec<Layer>,
    /// Whether crossdock does not say that engines differ.
    pub(crate) silent: bool,
    pub(crate) found: Vec<Found>,
}

/// The bytes of a layer: the tar, and the blob of it in some compression.
pub(crate) struct Layer {
    pub(crate) tar: Vec<u8>,
    pub(crate) blob: Vec<u8>,
}

/// A root, and the engines that made it; `None` if they refused the image.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) engines: Vec<Engine>,
    pub(crate) root: Option<String>,
}

const REFUSED: &str = "  refused";

impl Case {
    /// Parses the file of cases; its head explains the form.
    pub(crate) fn parse(text: &str) -> Vec<Self> {
        let mut cases: Vec<Self> = Vec::new();
        let mut open: Option<(Tar, String)> = None;
        // The last word ends the last layer.
        for line in text.lines().chain(["end"]) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if !word.is_empty()
                && let Some((tar, coding)) = open.take()
            {
                cases.last_mut().unwrap().layers.push(tar.layer(&coding));
            }
            match word {
                "case" => cases.push(Self {
                    name: rest.to_owned(),
                    layers: Vec::new(),
                    silent: false,
                    found: Vec::new(),
                }),
                "end" => {}
                "layer" => open = Some((Tar::default(), rest.to_owned())),
                "silent" => cases.last_mut().unwrap().silent = true,
                "found" => {
                    let engines = rest.split(' ').map(Engine::named).collect();
                    cases.last_mut().unwrap().found.push(Found { engines, root: Some(String::new()) });
                }
                _ => match &mut open {
                    Some((tar, _)) => tar.add(line.trim()),
                    None => cases.last_mut().unwrap().found.last_mut().unwrap().add(line),
                },
            }
        }
        cases
    }
}

impl Found {
    fn add(&mut self, line: &str) {
        if line == REFUSED {
            self.root = None;
        } else if let Some(root) = &mut self.root {
            root.push_str(line.trim_start());
            root.push('\n');
        }
    }
}

/// Returns the text of the cases with these outcomes; what is recorded of other cases stays.
pub(crate) fn with_found(text: &str, outcomes: &BTreeMap<String, Vec<Found>>) -> String {
    let (mut result, mut of_found, mut name) = (String::new(), false, None);
    let end = |result: &mut String, name: &mut Option<String>| {
        let Some(name) = name.take() else { return };
        let Some(outcomes) = outcomes.get(&name) else { return };
        for found in outcomes {
            let engines: Vec<_> = found.engines.iter().map(|engine| engine.name()).collect();
            *result = format!("{}\nfound {}\n", result.trim_end(), engines.join(" "));
            match &found.root {
                Some(root) => root.lines().for_each(|line| *result += &format!("  {line}\n")),
                None => *result += &format!("{REFUSED}\n"),
            }
        }
        result.push('\n');
    };
    for line in text.lines() {
        if let Some(next) = line.strip_prefix("case ") {
            end(&mut result, &mut name);
            name = Some(next.to_owned());
        }
        of_found = if line.starts_with(' ') { of_found } else { line.starts_with("found ") };
        let replaced = name.as_ref().is_some_and(|name| outcomes.contains_key(name));
        if !replaced || !(of_found || line.is_empty()) {
            result += &format!("{line}\n");
        }
    }
    end(&mut result, &mut name);
    format!("{}\n", result.trim_end())
}

/// A tar under construction. Nothing is checked.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn add(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (verb, words): (_, Vec<_>) = (words.next().unwrap(), words.collect());
        let kind = match verb {
            "file" => b'0',
            "hard" => b'1',
            "link" => b'2',
            "char" => b'3',
            "block" => b'4',
            "dir" => b'5',
            "fifo" => b'6',
            "pax" | "global" => {
                let records: Vec<u8> = words.iter().flat_map(|word| record(&decoded(word))).collect();
                return self.entry(if verb == "pax" { b'x' } else { b'g' }, &Fields::of_extension(records));
            }
            "long" | "longlink" => {
                let name = [&decoded(words[0])[..], b"\0"].concat();
                return self.entry(if verb == "long" { b'L' } else { b'K' }, &Fields::of_extension(name));
            }
            "zeros" => return self.0.extend(vec![0; 512 * words[0].parse::<usize>().unwrap()]),
            "bytes" => return self.0.extend(decoded(words[0])),
            "cut" => return self.0.truncate(self.0.len() - words[0].parse::<usize>().unwrap()),
            "type" => {
                return self.entry(decoded(words[0])[0], &Fields::parse(&words[1..]));
            }
            _ => panic!("unknown verb {verb}"),
        };
        self.entry(kind, &Fields::parse(&words));
    }

    fn entry(&mut self, kind: u8, fields: &Fields) {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..fields.path.len()].copy_from_slice(&fields.path);
        old.linkname[..fields.to.len()].copy_from_slice(&fields.to);
        header.as_old_mut().linkflag = [kind];
        header.set_mode(fields.mode.unwrap_or(match kind {
            b'5' => 0o750,
            b'2' => 0o777,
            _ => 0o640,
        }));
        header.set_uid(fields.owner.0);
        header.set_gid(fields.owner.1);
        header.set_mtime(0);
        let content = fields.content();
        let size = fields.size.unwrap_or(content.len() as u64);
        header.set_size(size);
        if fields.binary {
            let mut field = [0_u8; 12];
            field[0] = 0x80;
            field[4..].copy_from_slice(&size.to_be_bytes());
            header.as_old_mut().size = field;
        }
        if matches!(kind, b'3' | b'4') {
            header.set_device_major(fields.device.0).unwrap();
            header.set_device_minor(fields.device.1).unwrap();
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(&content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    fn layer(mut self, coding: &str) -> Layer {
        let (coding, bare) = match coding.strip_suffix("no-end") {
            Some(coding) => (coding.trim(), true),
            None => (coding, false),
        };
        if !bare {
            self.0.extend([0; 1024]);
        }
        let tar = self.0;
        let blob = match coding {
            "" => tar.clone(),
            "gzip" => gzip(&tar),
            "two-gzip-members" => {
                let (first, second) = tar.split_at(tar.len() / 2);
                [gzip(first), gzip(second)].concat()
            }
            "gzip-and-garbage" => [&gzip(&tar)[..], b"garbage"].concat(),
            "gzip-and-zeros" => [gzip(&tar), vec![0; 600]].concat(),
            "zstd" => zstd(&tar),
            "two-zstd-frames" => {
                let (first, second) = tar.split_at(tar.len() / 2);
                [zstd(first), zstd(second)].concat()
            }
            _ => panic!("unknown coding {coding}"),
        };
        Layer { tar, blob }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The fields of an entry's line.
#[derive(Default)]
struct Fields {
    path: Vec<u8>,
    to: Vec<u8>,
    mode: Option<u32>,
    owner: (u64, u64),
    text: Vec<u8>,
    /// Content after `text`, which is then padded to a block.
    then: Vec<u8>,
    size: Option<u64>,
    /// Whether the length is written in base 256.
    binary: bool,
    device: (u32, u32),
}

impl Fields {
    fn parse(words: &[&str]) -> Self {
        let mut fields = Self { path: decoded(words[0]), owner: (7, 8), ..Self::default() };
        for word in &words[1..] {
            let (key, value) = word.split_once('=').unwrap();
            let pair = |by: char| value.split_once(by).unwrap();
            match key {
                "to" => fields.to = decoded(value),
                "mode" => fields.mode = Some(u32::from_str_radix(value, 8).unwrap()),
                "owner" => fields.owner = (pair(':').0.parse().unwrap(), pair(':').1.parse().unwrap()),
                "text" => fields.text = decoded(value),
                "then" => fields.then = decoded(value),
                "size" => fields.size = Some(value.parse().unwrap()),
                "size256" => (fields.size, fields.binary) = (Some(value.parse().unwrap()), true),
                "device" => fields.device = (pair(',').0.parse().unwrap(), pair(',').1.parse().unwrap()),
                _ => panic!("unknown field {key}"),
            }
        }
        fields
    }

    fn of_extension(text: Vec<u8>) -> Self {
        Self { path: b"extension".to_vec(), text, ..Self::default() }
    }

    fn content(&self) -> Vec<u8> {
        let mut content = self.text.clone();
        if !self.then.is_empty() {
            content.resize(content.len().next_multiple_of(512), 0);
            content.extend_from_slice(&self.then);
        }
        content
    }
}

/// Decodes `%` and two hexadecimal digits to a byte, and `{x*9}` to a repeated text.
fn decoded(word: &str) -> Vec<u8> {
    if let Some((head, rest)) = word.split_once('{') {
        let (repeat, tail) = rest.split_once('}').unwrap();
        let (unit, times) = repeat.split_once('*').unwrap();
        return [decoded(head), decoded(unit).repeat(times.parse().unwrap()), decoded(tail)].concat();
    }
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// Returns a PAX record. The length at its start counts its own digits.
fn record(pair: &[u8]) -> Vec<u8> {
    let rest = pair.len() + 2;
    let length = (rest..).find(|length| length.to_string().len() + rest == *length).unwrap();
    [format!("{length} ").as_bytes(), pair, b"\n"].concat()
}
