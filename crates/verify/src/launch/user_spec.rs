//! The words with which launchers name a user and a group, each read as the launcher's source does.

use super::accounts::{Accounts, GoLookup, Lookup};
use super::call::Call;
use super::process::Word;
use super::{Next, next};
use crate::program::container::{Credentials, MAX_GROUPS};
use crate::program::go_accounts::Refusal;
use crate::{Finding, Target, codes};

/// The user that a launcher switches to.
pub(super) enum Switch {
    To(Credentials),
    Unknown,
    Fails(Box<Next>),
}

impl Switch {
    fn fails(next: Next) -> Switch {
        Switch::Fails(Box::new(next))
    }
}

/// The reading of one part of a word, before it is known that the whole one switches.
type Part<T> = Result<T, Switch>;

/// Returns the users and groups of the image, read by the launcher.
pub(super) fn accounts(call: &Call<'_>) -> Accounts {
    // An unknown user may be root; a set-user-ID launcher is.
    let is_owner = call.found.entry.mode & 0o4000 != 0;
    let reader = call.process.user.clone().filter(|_| !is_owner).unwrap_or_default();
    Accounts::read(call.context.container.root, &reader)
}

/// Reads the word of gosu.
pub(super) fn of_go(call: &Call<'_>, word: &Word) -> Switch {
    let Some(spec) = word.known() else { return Switch::Unknown };
    let (user, group) = split(spec);
    let refused = |why: &str| Switch::fails(next::fails(call, format!("it switches to {spec:?}, and {why}")));
    match accounts(call).of_go(spec, &current(call)) {
        GoLookup::Found(user) => Switch::To(user),
        GoLookup::Unknown => Switch::Unknown,
        GoLookup::Directory(file) => refused(&format!("{file} of the image is a directory")),
        GoLookup::Refused(Refusal::UnknownUser) => Switch::fails(unknown_name(call, "user", user)),
        GoLookup::Refused(Refusal::OutOfRange) => refused("`uids and gids must be in range 0-2147483647`"),
        GoLookup::Refused(Refusal::Invalid) => refused(INVALID),
        GoLookup::Refused(Refusal::UnknownGroup | Refusal::GroupsUnreadable) => {
            let group = group.unwrap_or_default().split(':').next().unwrap_or_default();
            Switch::fails(unknown_name(call, "group", group))
        }
    }
}

/// Reads the word of su-exec, for which a number needs no account.
pub(super) fn of_su_exec(call: &Call<'_>, word: &Word) -> Switch {
    let Some(spec) = word.known() else { return Switch::Unknown };
    let ((user, group), accounts, current) = (split(spec), accounts(call), current(call));
    let uid = if user.is_empty() { Some(current.uid) } else { long(user, call.context.target) };
    // Its newest source refuses a number although it means to take one with an account.
    if uid.is_some() && call.contains("user %s does not exist") {
        return Switch::fails(Next::Unknown(format!("this version may refuse {spec:?}, a number")));
    }
    let switch = || -> Part<Credentials> {
        let mut credentials = match uid {
            Some(uid) => accounts.numbered(uid, current.gid),
            None => named_user(call, &accounts, user)?,
        };
        if let Some(group) = group.filter(|group| !group.is_empty()) {
            let number = long(group, call.context.target);
            credentials.gid = number.map_or_else(|| named_group(call, &accounts, group), Ok)?;
            credentials.groups.clear();
        }
        Ok(credentials)
    };
    valid(call, spec, switch())
}

/// Reads the word of chroot, for which a name comes before a number, and a user without an account needs a group.
pub(super) fn of_chroot(call: &Call<'_>, word: &Word) -> Switch {
    let Some(spec) = word.known() else { return Switch::Unknown };
    let ((user, group), accounts, current) = (split(spec), accounts(call), current(call));
    let number = |text: &str| {
        let number = u32::try_from(integer(text, call.context.target)?).ok()?;
        (number != u32::MAX).then_some(number)
    };
    let group = group.filter(|group| !group.is_empty());
    let switch = || -> Part<Credentials> {
        let mut credentials = match (accounts.user(user), number(user)) {
            _ if user.is_empty() => Credentials { groups: Vec::new(), ..current },
            (Lookup::Found(account), _) => account.credentials,
            (Lookup::Unknown, _) => return Err(Switch::Unknown),
            (Lookup::Absent, Some(uid)) => match (accounts.has_number(uid), group) {
                (Lookup::Unknown, _) => return Err(Switch::Unknown),
                (Lookup::Absent, None) => {
                    let why = format!("{user:?} has no account, so that it needs a group: `{user}:GROUP`");
                    return Err(Switch::fails(next::fails(call, why)));
                }
                _ => accounts.numbered(uid, current.gid),
            },
            // `user.group` is an older form.
            (Lookup::Absent, None) if user.contains('.') => return Err(Switch::Unknown),
            (Lookup::Absent, None) => return Err(Switch::fails(unknown_name(call, "user", user))),
        };
        if let Some(group) = group {
            credentials.gid = match (accounts.group(group), number(group)) {
                (Lookup::Found(gid), _) | (Lookup::Absent, Some(gid)) => gid,
                (Lookup::Unknown, _) => return Err(Switch::Unknown),
                (Lookup::Absent, None) => return Err(Switch::fails(unknown_name(call, "group", group))),
            };
        }
        Ok(credentials)
    };
    match switch() {
        // It changes neither to a user nor to a group of the number -1.
        Ok(user) if [user.uid, user.gid].contains(&u32::MAX) => Switch::Unknown,
        Ok(user) => Switch::To(user),
        Err(switch) => switch,
    }
}

/// Reads `USER[:GROUP]...` of chpst, which takes numbers only in `:UID[:GID]...`.
pub(super) fn of_runit(call: &Call<'_>, word: &Word) -> Switch {
    let Some(spec) = word.known() else { return Switch::Unknown };
    if let Some(numbers) = spec.strip_prefix(':') {
        return numbered(call, spec, numbers);
    }
    let accounts = accounts(call);
    let mut parts = spec.split(':');
    let switch = || -> Part<Credentials> {
        let mut credentials = named_user(call, &accounts, parts.next().unwrap_or_default())?;
        let groups: Vec<u32> =
            parts.take(MAX_GROUPS).map(|group| named_group(call, &accounts, group)).collect::<Part<_>>()?;
        credentials.gid = groups.first().copied().unwrap_or(credentials.gid);
        credentials.groups = groups;
        Ok(credentials)
    };
    valid(call, spec, switch())
}

/// Reads the word of BusyBox's chpst and setuidgid (`get_uidgid`).
pub(super) fn of_busybox(call: &Call<'_>, word: &Word) -> Switch {
    let Some(spec) = word.known() else { return Switch::Unknown };
    let ((user, group), accounts) = (split(spec), accounts(call));
    let digits = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
    let switch = || -> Part<Credentials> {
        let mut credentials = match digits(user) {
            // The group of a user without an account has the same number.
            Some(uid) => accounts.numbered(uid, uid),
            None => named_user(call, &accounts, user)?,
        };
        if let Some(group) = group {
            credentials.gid = digits(group).map_or_else(|| named_group(call, &accounts, group), Ok)?;
        }
        credentials.groups.clear();
        Ok(credentials)
    };
    valid(call, spec, switch())
}

/// Reads the word of s6-setuidgid: a name, or `UID:GID`.
pub(super) fn of_s6(call: &Call<'_>, word: &Word) -> Switch {
    match word.known() {
        None => Switch::Unknown,
        Some(spec) if spec.contains(':') => numbered(call, spec, spec),
        Some(name) => name_only(call, name),
    }
}

/// Reads the word of daemontools' setuidgid, which is a name.
pub(super) fn of_daemontools(call: &Call<'_>, word: &Word) -> Switch {
    word.known().map_or(Switch::Unknown, |name| name_only(call, name))
}

fn name_only(call: &Call<'_>, name: &str) -> Switch {
    valid(call, name, named_user(call, &accounts(call), name))
}

/// Reads `UID:GID[:GID]...`.
fn numbered(call: &Call<'_>, spec: &str, numbers: &str) -> Switch {
    let numbers: Option<Vec<u32>> =
        numbers.split(':').take(MAX_GROUPS).map(|text| text.parse::<u32>().ok()).collect();
    match numbers.as_deref() {
        Some([uid, groups @ ..]) if !groups.is_empty() => {
            let user = Credentials { uid: *uid, gid: groups[0], groups: groups.to_vec() };
            valid(call, spec, Ok(user))
        }
        _ => {
            Switch::fails(next::fails(call, format!("{spec:?} does not name a user and a group by numbers")))
        }
    }
}

/// Returns the user of the launcher; an unknown one may be root.
fn current(call: &Call<'_>) -> Credentials {
    call.process.user.clone().unwrap_or_default()
}

fn split(spec: &str) -> (&str, Option<&str>) {
    spec.split_once(':').map_or((spec, None), |(user, group)| (user, Some(group)))
}

fn named_user(call: &Call<'_>, accounts: &Accounts, name: &str) -> Part<Credentials> {
    match accounts.user(name) {
        Lookup::Found(account) => Ok(account.credentials),
        Lookup::Absent => Err(Switch::fails(unknown_name(call, "user", name))),
        Lookup::Unknown => Err(Switch::Unknown),
    }
}

fn named_group(call: &Call<'_>, accounts: &Accounts, name: &str) -> Part<u32> {
    match accounts.group(name) {
        Lookup::Found(gid) => Ok(gid),
        Lookup::Absent => Err(Switch::fails(unknown_name(call, "group", name))),
        Lookup::Unknown => Err(Switch::Unknown),
    }
}

/// The words for a user or group of the number -1, which the kernel takes for none.
const INVALID: &str = "the kernel takes no user or group -1 (4294967295): `invalid argument`";

fn valid(call: &Call<'_>, spec: &str, read: Part<Credentials>) -> Switch {
    match read {
        Ok(user) if [user.uid, user.gid].contains(&u32::MAX) || user.groups.contains(&u32::MAX) => {
            Switch::fails(next::fails(call, format!("it switches to {spec:?}, and {INVALID}")))
        }
        Ok(user) => Switch::To(user),
        Err(switch) => switch,
    }
}

/// Returns a number as `strtol` reads the whole text, truncated to the 32 bits of a user's number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as C's `uid_t uid = strtol(…)`")]
pub(super) fn long(text: &str, target: &Target) -> Option<u32> {
    integer(text, target).map(|number| number as u32)
}

/// Returns a number as `strtol` reads the whole text.
fn integer(text: &str, target: &Target) -> Option<i64> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_negative = text.starts_with('-');
    let nearest = if is_negative { i64::MIN } else { i64::MAX };
    let number: i64 = text.parse().unwrap_or(nearest);
    let is_short = target.architecture().pointer_width() == 32;
    Some(if is_short { number.clamp(i32::MIN.into(), i32::MAX.into()) } else { number })
}

/// Returns the result for a name that passwd or group does not have.
pub(super) fn unknown_name(call: &Call<'_>, kind: &str, name: &str) -> Next {
    let file = if kind == "user" { "/etc/passwd" } else { "/etc/group" };
    let message = format!(
        "{} switches to the {kind} {name:?}, and the image's {file} has no such {kind}: it stops before it starts anything.",
        call.program
    );
    Next::Fails(Finding::new(codes::LAUNCH_USER_UNKNOWN, call.context.target.name(), file, message))
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
    use super::super::{Context, Volumes};
    use super::*;
    use crate::program::container::Container;
    use crate::program::inspect::inspect_file;
    use crate::{MemoryRoot, resolve};
    use crossdock_platform::Platform;

    /// Returns the user, the kind of refusal, or `unknown`.
    fn read(reader: fn(&Call<'_>, &Word) -> Switch, word: &str) -> String {
        let root = MemoryRoot::new()
            .file("/etc/passwd", 0o644, include_str!("../../tests/accounts/passwd"))
            .file("/etc/group", 0o644, include_str!("../../tests/accounts/group"))
            .file("/launcher", 0o755, "getpwnam(%s)");
        let (target, user) = (Target::new(&Platform::LINUX_AMD64), Credentials::default());
        let container = Container { root: &root, environment: &[], working_directory: "/", user: &user };
        let process = Process::of_image(container, ["/launcher"]);
        let (found, file) = (resolve(&root, "/launcher").unwrap(), inspect_file(&root, "/launcher").unwrap());
        let call = Call {
            context: Context { target: &target, container, volumes: &Volumes::default() },
            process: &process,
            found: &found,
            program: "/launcher".to_owned(),
            facts: &file.facts,
            content: &file.content,
            skipped: 1,
        };
        match reader(&call, &Word::Known(word.to_owned())) {
            Switch::To(user) => {
                // Some programs add the user's group.
                let mut groups = user.groups;
                groups.sort_unstable();
                let others = groups.iter().filter(|group| **group != user.gid);
                let groups: Vec<String> = others.map(u32::to_string).collect();
                format!("{}:{}:{}", user.uid, user.gid, groups.join(","))
            }
            Switch::Unknown => "unknown".to_owned(),
            Switch::Fails(next) => {
                let Next::Fails(finding) = *next else { return "followed".to_owned() };
                let kinds = ["no such user", "no such group", "group -1", "needs a group", "by numbers"];
                let kind = kinds.iter().find(|kind| finding.message.contains(*kind));
                (*kind.unwrap_or_else(|| panic!("{}", finding.message))).to_owned()
            }
        }
    }

    /// The answers that the programs gave about each word with these two files. `unknown` is where their C libraries read a
    /// line of the files differently.
    #[test]
    fn words_are_read_as_launchers_do() {
        let readers: [fn(&Call<'_>, &Word) -> Switch; 3] = [of_su_exec, of_chroot, of_runit];
        let table = include_str!("../../tests/accounts/words.tsv");
        let mut wrong = Vec::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let word = columns.next().unwrap().trim_matches('"');
            for (number, (reader, expected)) in readers.into_iter().zip(columns).enumerate() {
                let found = read(reader, word);
                if found != expected {
                    wrong.push(format!("{word:?}, column {number}: {found}, not {expected}"));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
    }
}
