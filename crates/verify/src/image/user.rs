//! Checks that the image knows the user that it runs as, and that this user may listen on the image's ports.

use crate::image::ImageFacts;
use crate::program::container::Credentials;
use crate::root::{EntryKind, ResolveError, Root, read_whole, resolve};
use crate::{Finding, Target, codes};

/// The size above which a passwd or group file is not read, to bound memory.
const MAX_FILE_SIZE: u64 = 4 << 20;
/// The number of groups of a process in Linux (`NGROUPS_MAX`).
const MAX_GROUPS: usize = 65536;

/// Returns the numeric user of the image. For an unknown name a finding is added and root is assumed.
pub(crate) fn find(
    image: &ImageFacts,
    target: &Target,
    root: &dyn Root,
    findings: &mut Vec<Finding>,
) -> Credentials {
    if image.user.is_empty() {
        return Credentials::default();
    }
    let (user, group) = match image.user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (image.user.as_str(), None),
    };
    let passwd = database(root, "/etc/passwd", target, findings);
    let groups = database(root, "/etc/group", target, findings);
    let mut unknown = |kind: &str, name: &str, (file, content): (&str, &Database)| {
        // The finding about an unreadable file explains it.
        if content.is_some() {
            findings.push(unknown_name(image, target, kind, name, file));
        }
    };
    let mut credentials = account(&passwd, &groups, user).unwrap_or_else(|| {
        unknown("user", user, ("/etc/passwd", &passwd));
        Credentials::default()
    });
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        match group_number(&groups, group) {
            Some(gid) => credentials.gid = gid,
            None => unknown("group", group, ("/etc/group", &groups)),
        }
        // A group that is named replaces the supplementary groups of the account.
        credentials.groups.clear();
    }
    if !user.is_empty() && user.parse::<u32>().is_err() {
        findings.push(not_numeric(image, target, user));
    }
    credentials
}

fn unknown_name(image: &ImageFacts, target: &Target, kind: &str, name: &str, file: &str) -> Finding {
    let message = format!(
        "The image runs as {kind} {name:?}, and its {file} has no such name: a runtime shows `unable to find {kind} {name}`, \
         exit 125."
    );
    Finding::new(codes::USER_UNKNOWN, target.name(), file, message).with_evidence("User", &*image.user)
}

fn not_numeric(image: &ImageFacts, target: &Target, user: &str) -> Finding {
    let message = format!(
        "The image runs as {user:?}, a name: in a pod with `runAsNonRoot` the kubelet shows `image has non-numeric user \
         ({user}), cannot verify user is non-root`."
    );
    Finding::new(codes::USER_NOT_NUMERIC, target.name(), "", message).with_evidence("User", &*image.user)
}

/// Returns the number of a group, by its name or as a number that needs no line in the group file.
fn group_number(groups: &Database, group: &str) -> Option<u32> {
    // A number is never looked up as a name (`GetExecUser` of moby/sys/user, which runc and containerd use).
    let named = || lines(groups).find(|line| field(line, 0) == Some(group));
    group.parse().ok().or_else(|| number(named()?, 2))
}

/// Checks that the user may listen on the ports that the image exposes.
pub(crate) fn check_ports(
    image: &ImageFacts,
    target: &Target,
    user: &Credentials,
    findings: &mut Vec<Finding>,
) {
    // Root has CAP_NET_BIND_SERVICE in the default set of capabilities.
    if user.uid == 0 {
        return;
    }
    for port in &image.exposed_ports {
        let number = port.split('/').next().and_then(|number| number.parse::<u16>().ok());
        if number.is_some_and(|number| number < 1024) {
            let message = format!(
                "The image exposes port {port} and runs as user {}: on nodes that keep low ports for root the program fails with \
                 `bind: permission denied`.",
                user.uid
            );
            findings.push(
                Finding::new(codes::PRIVILEGED_PORT, target.name(), "", message)
                    .with_evidence("ExposedPorts", port),
            );
        }
    }
}

/// Returns the account of a user's name or number. A number without a line in passwd is valid and has the group 0.
fn account(passwd: &Database, groups: &Database, user: &str) -> Option<Credentials> {
    // `:group` names no user: the default of the runtime remains, which is root.
    if user.is_empty() {
        return Some(Credentials::default());
    }
    // The first line counts, by its number if the text is one: a number is never looked up as a name (`GetExecUser`).
    let uid = user.parse::<u32>().ok();
    let is_it = |line: &&str| match uid {
        Some(_) => number(line, 2) == uid,
        None => field(line, 0) == Some(user),
    };
    let Some(line) = lines(passwd).find(is_it) else {
        return Some(Credentials { uid: uid?, ..Credentials::default() });
    };
    let name = field(line, 0)?;
    let has_member =
        |line: &&str| field(line, 3).is_some_and(|names| names.split(',').any(|each| each == name));
    let groups = lines(groups).filter(has_member).filter_map(|line| number(line, 2)).take(MAX_GROUPS);
    Some(Credentials { uid: number(line, 2)?, gid: number(line, 3).unwrap_or(0), groups: groups.collect() })
}

/// The content of a passwd or group file: empty if the file does not exist, `None` if it cannot be read.
type Database = Option<String>;

fn database(root: &dyn Root, path: &str, target: &Target, findings: &mut Vec<Finding>) -> Database {
    let why = match resolve(root, path) {
        Ok(found) if found.entry.size > MAX_FILE_SIZE => "it is longer than 4 MiB".to_owned(),
        Ok(found) if found.entry.kind == EntryKind::File => {
            match read_whole(root, &found.path, MAX_FILE_SIZE) {
                Ok(bytes) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) => error.to_string(),
            }
        }
        Err(ResolveError::Unreadable(error)) => error.to_string(),
        _ => return Some(String::new()),
    };
    let message = format!("{path}, which names the users of the image, was not read: {why}.");
    findings.push(Finding::new(codes::UNREADABLE, target.name(), path, message));
    None
}

fn lines(content: &Database) -> impl Iterator<Item = &str> {
    content.iter().flat_map(|content| content.lines()).map(str::trim)
}

/// Returns a field of a line, whose fields colons separate.
fn field(line: &str, index: usize) -> Option<&str> {
    line.split(':').nth(index)
}

fn number(line: &str, index: usize) -> Option<u32> {
    field(line, index)?.parse().ok()
}
