//! Does the image know the user that it runs as?

use crate::image::ImageFacts;
use crate::resolve::resolve;
use crate::root::Root;
use crate::subject::Credentials;
use crate::{Finding, Target, codes};

/// A passwd or group file longer than this is taken for something else.
const LONGEST_FILE: u64 = 16 << 20;

/// The numeric user of the image. Where a name is unknown, a finding says so and root stands in for it.
pub(crate) fn find(
    image: &ImageFacts,
    target: &Target,
    root: &dyn Root,
    findings: &mut Vec<Finding>,
) -> Credentials {
    let (user, group) = match image.user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (image.user.as_str(), None),
    };
    let passwd = lines(root, "/etc/passwd");
    let groups = lines(root, "/etc/group");
    let mut unknown = |what: &str, name: &str, file: &str| {
        let message = format!(
            "The image runs as {what} {name:?}, and its {file} has no such name: a runtime shows `unable to find {what} {name}`, \
             exit 125."
        );
        findings.push(
            Finding::new(codes::USER_UNKNOWN, target.name(), file, message)
                .with_evidence("User", &*image.user),
        );
    };
    let mut credentials = account(&passwd, &groups, user).unwrap_or_else(|| {
        unknown("user", user, "/etc/passwd");
        Credentials::default()
    });
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        let known = groups.iter().find(|fields| fields.first().is_some_and(|name| name == group));
        match known.and_then(|fields| fields.get(2)?.parse().ok()).or_else(|| group.parse().ok()) {
            Some(gid) => credentials.gid = gid,
            None => unknown("group", group, "/etc/group"),
        }
        // A group that is named replaces the ones that the account would have.
        credentials.groups.clear();
    }
    if !user.is_empty() && user.parse::<u32>().is_err() {
        let message = format!(
            "The image runs as {user:?}, a name: in a pod with `runAsNonRoot` the kubelet shows `image has non-numeric user \
             ({user}), cannot verify user is non-root`."
        );
        findings.push(
            Finding::new(codes::USER_NOT_NUMERIC, target.name(), "", message)
                .with_evidence("User", &*image.user),
        );
    }
    credentials
}

/// The account of a user's name or number. A number needs no line in passwd; then its group is 0.
fn account(passwd: &[Vec<String>], groups: &[Vec<String>], user: &str) -> Option<Credentials> {
    if user.is_empty() {
        return Some(Credentials::default());
    }
    let number = user.parse::<u32>().ok();
    let line = passwd.iter().find(|fields| {
        let is_name = fields.first().is_some_and(|name| name == user);
        is_name || (number.is_some() && fields.get(2).and_then(|uid| uid.parse().ok()) == number)
    });
    let Some(line) = line else { return Some(Credentials { uid: number?, ..Credentials::default() }) };
    let field = |index: usize| line.get(index).and_then(|text| text.parse::<u32>().ok());
    let name = line.first()?;
    let member =
        |fields: &&Vec<String>| fields.get(3).is_some_and(|names| names.split(',').any(|each| each == name));
    let groups = groups.iter().filter(member).filter_map(|fields| fields.get(2)?.parse().ok()).collect();
    Some(Credentials { uid: field(2)?, gid: field(3).unwrap_or(0), groups })
}

/// The lines of a file of fields that colons separate; none when it is absent.
fn lines(root: &dyn Root, path: &str) -> Vec<Vec<String>> {
    let Ok(found) = resolve(root, path) else { return Vec::new() };
    if found.entry.size > LONGEST_FILE {
        return Vec::new();
    }
    let Ok(bytes) = root.read(&found.path) else { return Vec::new() };
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(|line| line.trim().split(':').map(str::to_owned).collect())
        .collect()
}
