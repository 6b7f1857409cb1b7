//! The cases of `cases.txt`, whose beginning describes their form.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crossdock_verify::{Entry, EntryKind, MemoryRoot};

use crate::support::{Recipe, damage};

/// An image, our verdict about it, and what its loader does.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) files: Vec<File>,
    pub(super) program: String,
    pub(super) user: String,
    pub(super) directory: String,
    pub(super) environment: Vec<String>,
    pub(super) platform: String,
    /// The capabilities of the program, as setcap takes them.
    pub(super) capabilities: Option<String>,
    /// The verdict and the codes.
    pub(super) ours: String,
    /// The loader's message when it stops; empty if the program starts. The second one is with `no_new_privs`.
    pub(super) real: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    Link(String),
    Directory,
}

impl Case {
    /// Returns the root that the case describes.
    pub(super) fn root(&self) -> MemoryRoot {
        let root = self.files.iter().fold(MemoryRoot::new(), |root, file| {
            let (kind, bytes) = match &file.content {
                Content::Bytes(bytes) => (EntryKind::File, bytes.clone()),
                Content::Link(target) => (EntryKind::Link(target.clone()), Vec::new()),
                Content::Directory => (EntryKind::Directory, Vec::new()),
            };
            let size = bytes.len() as u64;
            root.put(
                &file.path,
                Entry { kind, mode: file.mode, uid: file.owner, gid: file.owner, size },
                bytes,
            )
        });
        match &self.capabilities {
            Some(text) => root.with_attribute(&self.program, "security.capability", capabilities(text)),
            None => root,
        }
    }
}

/// Encodes `cap_net_bind_service+ep` or `+p` as the kernel stores it (`struct vfs_cap_data`, second revision).
fn capabilities(text: &str) -> Vec<u8> {
    let effective = match text {
        "cap_net_bind_service+ep" => 1,
        "cap_net_bind_service+p" => 0,
        other => panic!("unknown capabilities {other}"),
    };
    [0x0200_0000u32 | effective, 1 << 10, 0, 0, 0].map(u32::to_le_bytes).concat()
}

/// Reads all cases.
pub(super) fn all() -> Vec<Case> {
    let mut reader = Reader::default();
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').expect("a name ends with a bracket").to_owned();
            let default = |text: &str| text.to_owned();
            cases.push(Case {
                name,
                program: default("/app"),
                user: default("65532"),
                directory: default("/"),
                platform: default("linux/amd64"),
                ..Case::default()
            });
            continue;
        }
        reader.line(line, cases.last_mut());
    }
    cases
}

#[derive(Default)]
struct Reader {
    recipes: BTreeMap<String, PathBuf>,
    bases: BTreeMap<String, Vec<File>>,
}

impl Reader {
    fn line(&mut self, line: &str, case: Option<&mut Case>) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match (key, case) {
            ("let", _) => {
                let (name, recipe) = value.split_once(" = ").expect("let NAME = RECIPE");
                let words = recipe.split(' ').map(|word| match word.split_once('%') {
                    Some((before, name)) => format!("{before}{}", self.recipes[name].display()),
                    None => word.to_owned(),
                });
                let recipe = Recipe::parse(&words.collect::<Vec<String>>().join(" "));
                self.recipes.insert(name.to_owned(), recipe.path());
            }
            ("base", None) => {
                let (name, file) = value.split_once(' ').expect("base NAME FILE");
                let file = self.file(file);
                self.bases.entry(name.to_owned()).or_default().push(file);
            }
            ("on", Some(case)) => case.files.extend(self.bases[value].iter().cloned()),
            ("env", Some(case)) => case.environment.push(value.to_owned()),
            ("user", Some(case)) => case.user = value.to_owned(),
            ("directory", Some(case)) => case.directory = value.to_owned(),
            ("program", Some(case)) => case.program = value.to_owned(),
            ("platform", Some(case)) => case.platform = value.to_owned(),
            ("capabilities", Some(case)) => case.capabilities = Some(value.to_owned()),
            ("ours", Some(case)) => case.ours = value.to_owned(),
            ("real", Some(case)) => case.real.push(value.strip_prefix("starts").unwrap_or(value).to_owned()),
            (path, Some(case)) if path.starts_with('/') => case.files.push(self.file(line)),
            _ => panic!("unknown line {line:?}"),
        }
    }

    /// Reads `PATH MODE[:OWNER] CONTENT`, `PATH -> TARGET` or `PATH MODE[:OWNER] directory`.
    fn file(&self, line: &str) -> File {
        let (path, rest) = line.split_once(' ').expect("a path and its content");
        if let Some(target) = rest.strip_prefix("-> ") {
            return File {
                path: path.to_owned(),
                mode: 0o777,
                owner: 0,
                content: Content::Link(target.to_owned()),
            };
        }
        let (mode, content) = rest.split_once(' ').expect("a mode and a content");
        let (mode, owner) = mode.split_once(':').unwrap_or((mode, "0"));
        File {
            path: path.to_owned(),
            mode: u32::from_str_radix(mode, 8).expect("an octal mode"),
            owner: owner.parse().expect("a number"),
            content: self.content(content),
        }
    }

    /// Reads `directory`, `"TEXT"`, `host PATH`, or the name of a recipe with an optional damage.
    fn content(&self, text: &str) -> Content {
        if text == "directory" {
            return Content::Directory;
        }
        if let Some(quoted) = text.strip_prefix('"') {
            let text = quoted.strip_suffix('"').expect("a text ends with a quote").replace("\\n", "\n");
            return Content::Bytes(text.into_bytes());
        }
        if let Some(path) = text.strip_prefix("host ") {
            return Content::Bytes(crate::host::host_file(path));
        }
        if let Some(entries) = text.strip_prefix("cache ") {
            return Content::Bytes(cache(entries));
        }
        let (name, how) = text.split_once(' ').unwrap_or((text, ""));
        let path = self.recipes.get(name).unwrap_or_else(|| panic!("no recipe {name}"));
        Content::Bytes(damage(std::fs::read(path).expect("a compiled program"), how))
    }
}

/// Builds an `ld.so.cache` of these entries, each `FLAGS=NAME=PATH` with hexadecimal flags. A path in `glibc-hwcaps` gets
/// the extension that names its directory (`sysdeps/generic/dl-cache.h` of glibc).
fn cache(entries: &str) -> Vec<u8> {
    let entries: Vec<Vec<&str>> = entries.split(' ').map(|entry| entry.split('=').collect()).collect();
    let word = |number: usize| u32::try_from(number).expect("a small number").to_le_bytes();
    let directory = |path: &str| {
        let below = path.split_once("/glibc-hwcaps/")?.1;
        Some(below.split('/').next()?.to_owned())
    };
    let (mut strings, mut records) = (Vec::new(), Vec::new());
    let start = 48 + 24 * entries.len();
    let mut place = |text: &str| {
        let at = start + strings.len();
        strings.extend([text.as_bytes(), &[0]].concat());
        word(at)
    };
    let mut hwcaps = Vec::new();
    for entry in &entries {
        let [flags, name, path] = entry.as_slice() else { panic!("an entry has three parts: {entry:?}") };
        let flags = u32::from_str_radix(flags, 16).expect("hexadecimal flags");
        records.extend([flags.to_le_bytes(), place(name), place(path), word(0)].concat());
        match directory(path) {
            Some(directory) => {
                records.extend([word(hwcaps.len()), (1u32 << 30).to_le_bytes()].concat());
                hwcaps.push(place(&directory));
            }
            None => records.extend([0; 8]),
        }
    }
    let end = (start + strings.len()).next_multiple_of(4);
    let mut bytes =
        [b"glibc-ld.so.cache1.1", &word(entries.len())[..], &word(strings.len()), &[2, 0, 0, 0]].concat();
    bytes.extend(word(if hwcaps.is_empty() { 0 } else { end }));
    bytes.resize(48, 0);
    bytes.extend([records, strings].concat());
    if !hwcaps.is_empty() {
        // One extension: the names of the directories, which is the section of tag 1.
        bytes.resize(end, 0);
        let header =
            [0xeaa4_2174u32.to_le_bytes(), word(1), word(1), word(0), word(end + 24), word(4 * hwcaps.len())];
        bytes.extend(header.concat());
        bytes.extend(hwcaps.concat());
    }
    bytes
}
