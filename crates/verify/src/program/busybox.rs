//! BusyBox and toybox: one program that is many, chosen by the name under which it starts.

use std::collections::BTreeSet;

use memchr::memmem;

use super::toybox::{self, is_name};
use crate::program::inspect::text_to_split;
use crate::root::{Resolved, Root, read_whole};
use crate::{Finding, Target, codes};

/// The size above which a file is not read. BusyBox with all its applets has 2.5 MiB.
const MAX_SIZE: u64 = 4 << 20;
/// The last version whose `env` is known to have no option `-S`.
const LAST_WITHOUT_SPLIT: u32 = 38;
/// The options of `env` as it hands them to `getopt32long`, in all versions up to the last known one.
const OPTIONS_OF_ENV: [&str; 4] = ["+i0u:*\0", "+iu:*\0", "+i0u:\0", "+iu:\0"];
/// The text before the second number of the version.
const VERSION: &[u8] = b"BusyBox v1.";

/// The programs of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    BusyBox,
    Toybox,
}

impl Family {
    /// Returns the beginning of the name under which the next word chooses the applet.
    fn beginning(self) -> &'static str {
        match self {
            Family::BusyBox => "busybox",
            Family::Toybox => "toybox",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Family::BusyBox => "BusyBox",
            Family::Toybox => "toybox",
        }
    }
}

/// The facts about a BusyBox, or a toybox.
#[derive(Debug, Clone)]
pub(crate) struct BusyBox {
    family: Family,
    /// The names of the applets; `None` if the list was not found.
    applets: Option<BTreeSet<Vec<u8>>>,
    /// Whether its `env` is known to lack the option `-S`.
    lacks_split_string: bool,
}

impl BusyBox {
    /// Returns the BusyBox or toybox that this file is; `None` if it is another program or cannot be read.
    pub(crate) fn read(root: &dyn Root, file: &Resolved) -> Option<BusyBox> {
        if file.entry.size > MAX_SIZE {
            return None;
        }
        let bytes = read_whole(root, &file.path, MAX_SIZE).ok()?;
        if toybox::is_toybox(&bytes) {
            let applets = toybox::applets(&bytes);
            return Some(BusyBox { family: Family::Toybox, applets, lacks_split_string: false });
        }
        // The three texts of `libbb/appletlib.c` that every build has.
        let texts = [VERSION, b"multi-call binary", b": applet not found"];
        texts.iter().all(|text| memmem::find(&bytes, text).is_some()).then(|| BusyBox::of(&bytes))
    }

    fn of(bytes: &[u8]) -> BusyBox {
        let names = applet_names(bytes);
        // Every useful build has more, and a shorter run may be something else.
        let is_list = names.len() >= 8;
        let is_old = minor_version(bytes).is_some_and(|version| version <= LAST_WITHOUT_SPLIT);
        BusyBox {
            family: Family::BusyBox,
            applets: is_list.then(|| names.into_iter().map(<[u8]>::to_vec).collect()),
            lacks_split_string: is_old
                || has_known_env(|text| memmem::find(bytes, text.as_bytes()).is_some()),
        }
    }

    /// Returns whether it has an applet; `None` if its list was not found.
    pub(crate) fn has(&self, applet: &str) -> Option<bool> {
        self.applets.as_ref().map(|applets| applets.contains(applet.as_bytes()))
    }

    /// Returns the finding about a process for which it does not have the applet, or not the option `-S` of `env`.
    ///
    /// `words` are those with which the file starts: its name decides, without directories and one leading hyphen, and a
    /// name that begins with `busybox` leaves the choice to the next word (`run_applet_and_exit`). toybox does the same with
    /// `toybox` (`toybox_main`).
    pub(crate) fn check(&self, target: &Target, file: &Resolved, words: &[&str]) -> Option<Finding> {
        let [first, rest @ ..] = words else { return None };
        let beginning = self.family.beginning();
        let name = base_name(first);
        let (applet, arguments) = match rest {
            [next, rest @ ..] if name.starts_with(beginning) && !next.starts_with('-') => {
                (base_name(next), rest)
            }
            // BusyBox knows some words with two dashes: `--help`, `--install`, `--list` and the like.
            [next, ..] if name.starts_with(beginning) && (*next == "--" || !next.starts_with("--")) => {
                return Some(self.missing(target, file, first, next));
            }
            // BusyBox itself shows its help.
            _ if name.starts_with(beginning) => return None,
            _ => (name, rest),
        };
        match self.has(applet) {
            Some(true) => {}
            // toybox looks one link further.
            Some(false)
                if self.family == Family::Toybox
                    && file.links.iter().any(|(_, link)| self.has(base_name(link)) == Some(true)) =>
            {
                return Some(self.unknown(target, file, format!("which applet it takes for {applet}")));
            }
            Some(false) => return Some(self.missing(target, file, first, applet)),
            None => return Some(self.unknown(target, file, format!("whether it has the applet {applet}"))),
        }
        if applet != "env" || !splits_text(arguments) {
            return None;
        }
        Some(if self.lacks_split_string {
            without_split(target, file)
        } else {
            self.unknown(target, file, "whether its env has the option -S".to_owned())
        })
    }
}

impl BusyBox {
    fn missing(&self, target: &Target, file: &Resolved, word: &str, applet: &str) -> Finding {
        let shown = match self.family {
            Family::BusyBox => format!("{applet}: applet not found"),
            Family::Toybox => format!("toybox: Unknown command {applet}"),
        };
        let message = format!(
            "{word} starts {}, a {} without the applet {applet}: it shows `{shown}`, exit 127.",
            file.path,
            self.family.name()
        );
        let finding = Finding::new(codes::BUSYBOX_APPLET_MISSING, target.name(), &file.path, message);
        finding.with_evidence("applet", applet)
    }

    fn unknown(&self, target: &Target, file: &Resolved, what: String) -> Finding {
        let message = format!("{} is a {}, and it is unknown {what}.", file.path, self.family.name());
        Finding::new(codes::BUSYBOX_UNKNOWN, target.name(), &file.path, message)
    }
}

/// Returns whether a BusyBox that contains these texts has the options of `env` that are known.
pub(crate) fn has_known_env(contains: impl Fn(&str) -> bool) -> bool {
    OPTIONS_OF_ENV.iter().any(|options| contains(options))
}

/// Returns whether one of the options of `env` is `-S`.
pub(crate) fn splits_text(arguments: &[&str]) -> bool {
    let mut words = arguments.iter();
    while let Some(word) = words.next().filter(|word| word.len() > 1 && word.starts_with('-')) {
        match *word {
            "--" => return false,
            "-u" | "--unset" => drop(words.next()),
            _ if word.starts_with("--split-string") || text_to_split(word).is_some() => return true,
            _ => {}
        }
    }
    false
}

/// Returns the second number of the version, whose first one is 1.
fn minor_version(bytes: &[u8]) -> Option<u32> {
    let at = memmem::find(bytes, VERSION)? + VERSION.len();
    let digits = bytes[at..].iter().take(3).map(|byte| char::from(*byte));
    digits.take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Returns the names of the applets: the longest run of ascending names that NULs separate (`applet_names` in
/// `applet_tables.h`, which is sorted for a binary search).
fn applet_names(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut longest, mut run): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for word in bytes.split(|byte| *byte == 0) {
        if !is_name(word) || run.last().is_some_and(|last| *last >= word) {
            if run.len() > longest.len() {
                longest = std::mem::take(&mut run);
            }
            run.clear();
        }
        if is_name(word) {
            run.push(word);
        }
    }
    if run.len() > longest.len() { run } else { longest }
}

/// Returns the finding about a process that starts this file, if it is a BusyBox without what is asked of it.
pub(crate) fn check(root: &dyn Root, target: &Target, file: &Resolved, words: &[&str]) -> Option<Finding> {
    BusyBox::read(root, file)?.check(target, file, words)
}

fn base_name(word: &str) -> &str {
    let name = word.rsplit_once('/').map_or(word, |(_, name)| name);
    name.strip_prefix('-').filter(|_| !word.contains('/')).unwrap_or(name)
}

fn without_split(target: &Target, file: &Resolved) -> Finding {
    let message = format!(
        "`env -S` is started with {}, a BusyBox, whose env has no such option: it shows `env: unrecognized option: S`, exit 1.",
        file.path
    );
    let help = "Name the interpreter itself in the `#!` line, or install GNU env (coreutils).";
    Finding::new(codes::BUSYBOX_OPTION_MISSING, target.name(), &file.path, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryRoot, resolve};
    use crossdock_platform::Platform;

    /// Builds the texts of a BusyBox, with a table that other texts surround.
    fn busybox(version: &str, applets: &str) -> Vec<u8> {
        let texts = format!(
            "zz\0BusyBox v1.{version} (x)\0 multi-call binary.\0%s: applet not found\n\0{}\0aa\0",
            applets.replace(' ', "\0")
        );
        texts.into_bytes()
    }

    const APPLETS: &str = "[ ash cat cp env grep ls sh tar";

    fn found(version: &str, applets: &str, words: &[&str]) -> Option<&'static str> {
        let root = MemoryRoot::new().file("/bin/busybox", 0o755, busybox(version, applets));
        let file = resolve(&root, "/bin/busybox").unwrap();
        check(&root, &Target::new(&Platform::LINUX_AMD64), &file, words).map(|finding| finding.code.id())
    }

    #[test]
    fn the_name_chooses_the_applet() {
        for words in [
            &["/bin/sh"][..],
            &["sh", "-c", "x"],
            &["-sh"],
            &["/bin/busybox", "ls"],
            &["busybox-1", "/x/cat"],
        ] {
            assert_eq!(found("35.0", APPLETS, words), None, "{words:?}");
        }
        for words in [&["/bin/bash"][..], &["/bin/-sh"], &["/bin/busybox", "bash"], &["/srv/tool"]] {
            assert_eq!(found("35.0", APPLETS, words), Some("busybox-applet-missing"), "{words:?}");
        }
        assert_eq!(found("35.0", APPLETS, &["busybox"]), None);
        assert_eq!(found("35.0", APPLETS, &["busybox", "--list"]), None);
        assert_eq!(found("35.0", "[ ash", &["/bin/bash"]), Some("busybox-unknown"));
    }

    /// 1.30, 1.35, 1.37 and 1.38 of Debian refuse each of these words. A later version is known by its options.
    #[test]
    fn env_of_busybox_splits_no_text() {
        for words in [
            &["-S"][..],
            &["-Snode x"],
            &["-vS node"],
            &["--split-string=node"],
            &["--split-string", "node"],
            &["-i", "-S", "node"],
            &["-u", "HOME", "-S", "node"],
        ] {
            let words: Vec<&str> = [&["/usr/bin/env"], words].concat();
            let of = |version: &str, applets: &str| found(version, applets, &words);
            assert_eq!(of("38.0", APPLETS), Some("busybox-option-missing"), "{words:?}");
            assert_eq!(of("39.0", APPLETS), Some("busybox-unknown"), "{words:?}");
            let options = format!("{APPLETS}\0+i0u:*");
            assert_eq!(of("39.0", &options), Some("busybox-option-missing"), "{words:?}");
        }
        for words in [&["node"][..], &["-u", "-S", "node"], &["--", "-S"], &["node", "-S"], &["-", "-S"]] {
            let words: Vec<&str> = [&["/usr/bin/env"], words].concat();
            assert_eq!(found("38.0", APPLETS, &words), None, "{words:?}");
        }
    }
}
