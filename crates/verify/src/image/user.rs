//! Checks that the image knows the user that it runs as, and that this user may listen on the image's ports.

use crate::image::ImageFacts;
use crate::program::container::{Credentials, MAX_ACCOUNTS};
use crate::program::go_accounts::{Account, MAX_ID, account, field, group_number, lines, number};
use crate::root::{EntryKind, ResolveError, Root, read_whole, resolve};
use crate::{Finding, Target, codes};

/// The longest line of a passwd file that engines read (`bufio.MaxScanTokenSize` of Go, less the line break).
const MAX_LINE: usize = (64 << 10) - 1;

/// Returns the numeric user of the image. For an unknown name a finding is added and root is assumed.
pub(crate) fn find(
    image: &ImageFacts,
    target: &Target,
    root: &dyn Root,
    findings: &mut Vec<Finding>,
) -> Credentials {
    let passwd = database(root, "/etc/passwd", target, findings);
    let groups = database(root, "/etc/group", target, findings);
    findings.extend(long_line(&passwd, target));
    if image.user.is_empty() {
        return Credentials::default();
    }
    // Docker takes the first two parts (`parseLine` of moby/sys/user).
    let mut parts = image.user.split(':');
    let (user, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if parts.next().is_some() {
        findings.push(more_than_two_parts(image, target));
    }
    let refused: Vec<Finding> = [(user, &passwd), (group, &groups)]
        .into_iter()
        .filter_map(|(id, file)| out_of_range(image, target, id, file))
        .collect();
    let mut unknown = |kind: &str, name: &str, (file, content): (&str, &Database)| {
        // The finding about an unreadable file explains it.
        if content.is_some() {
            findings.push(unknown_name(image, target, kind, name, file));
        }
    };
    let mut account = account(text(&passwd), text(&groups), user).unwrap_or_else(|| {
        unknown("user", user, ("/etc/passwd", &passwd));
        Account::default()
    });
    if !group.is_empty() {
        match group_number(text(&groups), group) {
            Some(gid) => account.gid = gid,
            None => unknown("group", group, ("/etc/group", &groups)),
        }
        // A group that is named replaces the supplementary groups of the account.
        account.groups.clear();
    }
    if !user.is_empty() && user.parse::<i64>().is_err() {
        findings.push(not_numeric(image, target, user));
    }
    let credentials = account.credentials();
    let of_runc = || refused_by_runc(&credentials, target, &passwd, &groups);
    findings.extend(if refused.is_empty() { of_runc().into_iter().collect() } else { refused });
    credentials
}

fn more_than_two_parts(image: &ImageFacts, target: &Target) -> Finding {
    let message = format!(
        "The image runs as {:?}, which has more than a user and a group: Docker takes the first two parts, and containerd refuses with \
         `invalid USER value {}`.",
        image.user, image.user
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), "", message);
    finding.with_help("Write `USER user:group`.").with_evidence("User", &*image.user)
}

/// Returns the finding about a number that no user or group can have. Docker and podman take one that a line of the file
/// has, and containerd takes it as a name.
fn out_of_range(image: &ImageFacts, target: &Target, id: &str, file: &Database) -> Option<Finding> {
    let number = id.parse::<i64>().ok().filter(|number| !(0..=MAX_ID).contains(number))?;
    let is_listed =
        lines(text(file)).any(|line| self::number(line, 2) == number || field(line, 0) == Some(id));
    let (code, who) = if is_listed {
        (codes::ENGINES_DIFFER, "some engines show")
    } else {
        (codes::USER_OUT_OF_RANGE, "a runtime shows")
    };
    let message =
        format!("The image runs as {:?}: {who} `uids and gids must be in range 0-2147483647`.", image.user);
    let finding = Finding::new(code, target.name(), "", message);
    Some(
        finding
            .with_help(codes::USER_OUT_OF_RANGE.remedy().unwrap_or_default())
            .with_evidence("User", &*image.user),
    )
}

/// Returns the finding about numbers of the passwd or group file for which runc stops before version 1.3, which looks
/// up the numeric user once more in the container (`setupUser`).
fn refused_by_runc(
    user: &Credentials,
    target: &Target,
    passwd: &Database,
    groups: &Database,
) -> Option<Finding> {
    if [user.uid, user.gid].contains(&u32::MAX) {
        let message = "The user or group of the image has the number 4294967295, which system calls take for -1: runc shows `unable to \
                       setup user: invalid argument`, and crun starts the program as root.";
        return Some(Finding::new(codes::ENGINES_DIFFER, target.name(), "/etc/passwd", message));
    }
    let is_refused = |id: u32, file: &Database| {
        i64::from(id) > MAX_ID && lines(text(file)).all(|line| number(line, 2) != i64::from(id))
    };
    let mut of_groups = user.groups.iter().chain([&user.gid]);
    if !is_refused(user.uid, passwd) && !of_groups.any(|gid| is_refused(*gid, groups)) {
        return None;
    }
    let message = "The user of the image has a number above 2147483647 in /etc/passwd or /etc/group: runc before version 1.3 shows `uids and \
                   gids must be in range 0-2147483647`.";
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), "/etc/passwd", message);
    Some(finding.with_help(codes::USER_OUT_OF_RANGE.remedy().unwrap_or_default()))
}

/// Returns the finding about a line that Go's `bufio.Scanner`, with which engines read the file, does not take.
fn long_line(passwd: &Database, target: &Target) -> Option<Finding> {
    passwd.as_ref().filter(|content| content.split('\n').any(|line| line.len() > MAX_LINE))?;
    let message =
        "/etc/passwd has a line of 65536 bytes or more: a runtime shows `bufio.Scanner: token too long`.";
    Some(Finding::new(codes::USER_FILES_BROKEN, target.name(), "/etc/passwd", message))
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

/// The content of a passwd or group file: empty if the file does not exist, `None` if it cannot be read.
type Database = Option<String>;

fn database(root: &dyn Root, path: &str, target: &Target, findings: &mut Vec<Finding>) -> Database {
    let why = match resolve(root, path) {
        Ok(found) if found.entry.size > MAX_ACCOUNTS => "it is longer than 4 MiB".to_owned(),
        Ok(found) if found.entry.kind == EntryKind::File => {
            match read_whole(root, &found.path, MAX_ACCOUNTS) {
                Ok(bytes) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) => error.to_string(),
            }
        }
        Ok(_) => {
            let message = format!(
                "{path} of the image is not a regular file: a runtime shows `read {path}: is a directory`."
            );
            findings.push(Finding::new(codes::USER_FILES_BROKEN, target.name(), path, message));
            return None;
        }
        Err(ResolveError::Unreadable(error)) => error.to_string(),
        Err(error @ (ResolveError::Loop { .. } | ResolveError::NotDirectory { .. })) => {
            // One finding for both files if their directory is the cause.
            let at = if let ResolveError::NotDirectory { path, .. } = &error { path } else { path };
            let message = format!(
                "Engines look for users and groups in /etc, and {error}: some of them refuse the image."
            );
            let help = "Remove the entry, or let it be a regular file.";
            findings.push(Finding::new(codes::ENGINES_DIFFER, target.name(), at, message).with_help(help));
            return Some(String::new());
        }
        Err(_) => return Some(String::new()),
    };
    let message = format!("{path}, which names the users of the image, was not read: {why}.");
    findings.push(Finding::new(codes::UNREADABLE, target.name(), path, message));
    None
}

fn text(content: &Database) -> &str {
    content.as_deref().unwrap_or_default()
}
