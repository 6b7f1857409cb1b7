//! The packages of one architecture and everything that they depend on, from the mirror that this machine's apt uses.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossdock_tests::outcome::{Outcome, run};
use crossdock_tests::tools::need;
use crossdock_verify::{Entry, EntryKind};

/// Essential packages, which no package names in its dependencies, and what scripts run whose packages only suggest it:
/// `zless`, `xzless` and `zstdless` end with 127 where `less` is not installed.
const BASE: [&str; 14] = [
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "findutils",
    "grep",
    "less",
    "libc-bin",
    "mawk",
    "perl-base",
    "python3-minimal",
    "sed",
    "util-linux",
];

/// The time limit for downloads from a mirror, which may be slow.
const LIMIT: Duration = Duration::from_secs(1200);

/// The largest size of a file that a script might source, in bytes.
const SOURCED: u64 = 1 << 16;

/// The packages of one architecture.
pub(crate) struct Archive {
    packages: Vec<Package>,
    /// The packages by their own names and by those that they provide.
    names: BTreeMap<String, Vec<usize>>,
    /// The entries of all packages by their paths.
    pub(crate) files: BTreeMap<String, Vec<(usize, File)>>,
}

/// A package, by its control file.
struct Package {
    name: String,
    depends: Vec<Vec<String>>,
}

/// An entry of a package.
pub(crate) struct File {
    pub(crate) entry: Entry,
    /// The content; empty for a file that no check reads.
    pub(crate) content: Vec<u8>,
}

impl Archive {
    /// Downloads these packages with their dependencies into a directory that later runs use again.
    pub(crate) fn download(directory: &Path, architecture: &str, packages: &[&str]) -> Archive {
        let directory = directory.join("debian-packages").join(architecture);
        for below in ["lists/partial", "archives/partial"] {
            std::fs::create_dir_all(directory.join(below)).expect("a directory can be created");
        }
        // Two tests of one architecture share the directory.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // A mirror that is just being updated may lack the index of one suite; the others suffice.
        apt(&directory, architecture, &["update"]);
        let install = [&["install", "--yes", "--download-only"], &BASE[..], packages].concat();
        apt(&directory, architecture, &install).success();
        let mut archive = Archive { packages: Vec::new(), names: BTreeMap::new(), files: BTreeMap::new() };
        let listed = std::fs::read_dir(directory.join("archives")).expect("apt made the directory");
        let mut paths: Vec<PathBuf> =
            listed.map(|entry| entry.expect("a readable directory").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "deb")) {
            archive.add(path);
        }
        archive
    }

    fn add(&mut self, deb: &Path) {
        let fields = "${Package}\n${Provides}\n${Pre-Depends}, ${Depends}\n";
        let mut show = Command::new(need("dpkg-deb"));
        let control = run(show.args(["--show", "--showformat", fields]).arg(deb), LIMIT).success().stdout;
        let lines: Vec<&str> = control.lines().collect();
        let [name, provides, depends] = lines[..] else { panic!("{}: {control}", deb.display()) };
        let number = self.packages.len();
        for known in std::iter::once(name).chain(relations(provides).flatten()) {
            self.names.entry(known.to_owned()).or_default().push(number);
        }
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        self.packages
            .push(Package { name: name.to_owned(), depends: relations(depends).map(owned).collect() });
        self.unpack(number, deb);
    }

    fn unpack(&mut self, number: usize, deb: &Path) {
        let mut dpkg = Command::new(need("dpkg-deb"));
        let mut unpacking = dpkg
            .arg("--fsys-tarfile")
            .arg(deb)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start dpkg-deb: {error}"));
        let mut tar = tar::Archive::new(unpacking.stdout.take().expect("its output is a pipe"));
        for entry in tar.entries().expect("dpkg-deb writes a tar") {
            let mut entry = entry.expect("the package is whole");
            let path = merged(&entry.path_bytes());
            let Some(file) = file(&path, &mut entry, self) else { continue };
            self.files.entry(path).or_default().push((number, file));
        }
        // The padding at the end of the tar was not read: without a reader, dpkg-deb may be ended by a signal.
        drop(tar);
        unpacking.wait().expect("dpkg-deb ends");
    }

    /// Returns the numbers of a package, of the base, and of everything that they depend on.
    pub(crate) fn closure(&self, package: &str) -> BTreeSet<usize> {
        let mut closure = BTreeSet::new();
        let named = |name: &str| self.names.get(name).and_then(|numbers| numbers.first().copied());
        let mut left: Vec<usize> = BASE.iter().chain([&package]).filter_map(|name| named(name)).collect();
        while let Some(number) = left.pop() {
            if closure.insert(number) {
                let needed = self.packages[number].depends.iter();
                left.extend(needed.filter_map(|choices| choices.iter().find_map(|name| named(name))));
            }
        }
        closure
    }

    /// Returns the names of all packages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|package| package.name.as_str())
    }

    /// Returns the paths of the package's entries that have an execute bit.
    pub(crate) fn executables(&self, package: &str) -> impl Iterator<Item = &str> {
        let own = self.number(package);
        let is_own = move |(number, file): &(usize, File)| *number == own && file.entry.mode & 0o111 != 0;
        self.files.iter().filter(move |(_, files)| files.iter().any(is_own)).map(|(path, _)| path.as_str())
    }

    /// Returns the number of the package of this name.
    pub(crate) fn number(&self, package: &str) -> usize {
        let number = self.packages.iter().position(|known| known.name == package);
        number.unwrap_or_else(|| panic!("apt did not download {package}"))
    }
}

/// Runs apt-get for another architecture, as on a machine on which nothing is installed.
fn apt(directory: &Path, architecture: &str, arguments: &[&str]) -> Outcome {
    let mut apt = Command::new(need("apt-get"));
    let path = |name: &str| directory.join(name).display().to_string();
    let options = [
        ("APT::Architecture", architecture.to_owned()),
        ("APT::Architectures", architecture.to_owned()),
        ("APT::Install-Recommends", "false".to_owned()),
        ("APT::Sandbox::User", "root".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
        ("Debug::NoLocking", "true".to_owned()),
        ("Dir::State::status", "/dev/null".to_owned()),
        ("Dir::State::Lists", path("lists")),
        ("Dir::Cache", path("")),
        ("Dir::Cache::archives", path("archives")),
    ];
    for (name, value) in options {
        apt.arg("--option").arg(format!("{name}={value}"));
    }
    run(apt.args(arguments), LIMIT)
}

/// Returns the alternatives of each relation of a control field, without versions and architectures.
fn relations(field: &str) -> impl Iterator<Item = Vec<&str>> {
    field.split(',').map(|relation| {
        let names = relation.split('|').filter_map(|choice| choice.split_whitespace().next());
        names.map(|name| name.split(':').next().unwrap_or(name)).collect()
    })
}

/// Returns the path in a system whose `/bin`, `/sbin` and `/lib` are links into `/usr`, as all of Debian 12 are.
fn merged(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let path = path.trim_start_matches('.').trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if first.starts_with("lib") || matches!(first, "bin" | "sbin") {
        format!("/usr/{path}")
    } else {
        format!("/{path}")
    }
}

/// Reads an entry of a package; `None` for the root itself.
fn file(path: &str, entry: &mut tar::Entry<'_, impl Read>, archive: &Archive) -> Option<File> {
    use tar::EntryType;
    let header = entry.header();
    let mode = header.mode().expect("dpkg-deb writes a mode") & 0o7777;
    let mut content = Vec::new();
    let kind = match header.entry_type() {
        EntryType::Directory if path == "/" => return None,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => {
            let target = entry.link_name_bytes().expect("a link has a target");
            EntryKind::Link(String::from_utf8_lossy(&target).into_owned())
        }
        EntryType::Link => {
            let target = merged(&entry.link_name_bytes().expect("a link has a target"));
            let (_, original) =
                archive.files.get(&target).and_then(|files| files.last()).expect("a link's file is first");
            return Some(File { entry: original.entry.clone(), content: original.content.clone() });
        }
        EntryType::Regular | EntryType::GNUSparse => {
            // The checks read programs, libraries, configuration, and what scripts source.
            let is_read = mode & 0o111 != 0 || path.contains(".so") || path.starts_with("/etc/");
            if is_read || entry.size() <= SOURCED {
                entry.read_to_end(&mut content).expect("the package is whole");
            }
            EntryKind::File
        }
        _ => EntryKind::Special,
    };
    let size = content.len() as u64;
    Some(File { entry: Entry { kind, mode, uid: 0, gid: 0, size }, content })
}
