//! The users of an image as programs in Go look them up: container engines, runc and gosu (moby/sys/user).

use std::num::IntErrorKind;

use super::container::{Credentials, MAX_GROUPS};

/// The largest number of a user or group that is taken without a line in passwd or group (`maxID`).
pub(crate) const MAX_ID: i64 = (1 << 31) - 1;

/// The numbers of a user, before they are truncated to 32 bits.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) uid: i64,
    pub(crate) gid: i64,
    pub(crate) groups: Vec<i64>,
}

impl Account {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as Go's `uint32(uid)`")]
    pub(crate) fn credentials(self) -> Credentials {
        let groups = self.groups.into_iter().map(|gid| gid as u32).collect();
        Credentials { uid: self.uid as u32, gid: self.gid as u32, groups }
    }
}

/// The reason why a user is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownUser,
    UnknownGroup,
    /// The groups are needed, and reading them fails.
    GroupsUnreadable,
    /// The number has no line, and is negative or above [`MAX_ID`].
    OutOfRange,
    /// The kernel takes -1 for no number.
    Invalid,
}

/// Returns the user that `USER[:GROUP]` names for a process of the user `current` (`GetExecUser` and `SetupUser`). `groups`
/// is `None` if reading the group file fails.
pub(crate) fn exec_user(
    passwd: &str,
    groups: Option<&str>,
    spec: &str,
    current: &Credentials,
) -> Result<Credentials, Refusal> {
    let mut parts = spec.split(':');
    let (user, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let name = if user.is_empty() { current.uid.to_string() } else { user.to_owned() };
    let has_line = lines(passwd).any(|line| match name.parse::<i64>() {
        Ok(uid) => number(line, 2) == uid,
        Err(_) => field(line, 0) == Some(&*name),
    });
    if groups.is_none() && (has_line || !group.is_empty()) {
        return Err(Refusal::GroupsUnreadable);
    }
    let groups = groups.unwrap_or_default();
    let mut account = account(passwd, groups, &name).ok_or(Refusal::UnknownUser)?;
    let is_listed = |file: &str, id: i64| lines(file).any(|line| number(line, 2) == id);
    let is_outside = |file: &str, id: i64| !(0..=MAX_ID).contains(&id) && !is_listed(file, id);
    if let Ok(uid) = name.parse::<i64>() {
        if !user.is_empty() && is_outside(passwd, uid) {
            return Err(Refusal::OutOfRange);
        }
        if !is_listed(passwd, uid) {
            account.gid = current.gid.into();
        }
    }
    if !group.is_empty() {
        account.gid = group_number(groups, group).ok_or(Refusal::UnknownGroup)?;
        account.groups.clear();
        if group.parse() == Ok(account.gid) && is_outside(groups, account.gid) {
            return Err(Refusal::OutOfRange);
        }
    }
    let user = account.credentials();
    let is_invalid = [user.uid, user.gid].contains(&u32::MAX) || user.groups.contains(&u32::MAX);
    if is_invalid { Err(Refusal::Invalid) } else { Ok(user) }
}

/// Returns the account of a user's name or number. A number without a line in passwd is valid and has the group 0.
pub(crate) fn account(passwd: &str, groups: &str, user: &str) -> Option<Account> {
    // `:group` names no user: the default of the runtime remains, which is root.
    if user.is_empty() {
        return Some(Account::default());
    }
    // The first line counts, by its number if the text is one: a number is never looked up as a name (`GetExecUser`).
    let uid = user.parse::<i64>().ok();
    let is_it = |line: &&str| match uid {
        Some(uid) => number(line, 2) == uid,
        None => field(line, 0) == Some(user),
    };
    let Some(line) = lines(passwd).find(is_it) else {
        return Some(Account { uid: uid?, ..Account::default() });
    };
    let name = field(line, 0)?;
    let has_member =
        |line: &&str| field(line, 3).is_some_and(|names| names.split(',').any(|each| each == name));
    let groups = lines(groups).filter(has_member).map(|line| number(line, 2)).take(MAX_GROUPS);
    Some(Account { uid: number(line, 2), gid: number(line, 3), groups: groups.collect() })
}

/// Returns the number of a group, by its name or as a number that needs no line in the group file.
pub(crate) fn group_number(groups: &str, group: &str) -> Option<i64> {
    // A number is never looked up as a name (`GetExecUser`).
    let named = || lines(groups).find(|line| field(line, 0) == Some(group));
    group.parse().ok().or_else(|| Some(number(named()?, 2)))
}

/// Returns the lines of a passwd or group file, without the blanks around each.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Returns a field of a line, whose fields colons separate.
pub(crate) fn field(line: &str, index: usize) -> Option<&str> {
    line.split(':').nth(index)
}

/// Returns a number of a line as Go's `strconv.Atoi` reads it, whose errors are ignored: 0 for other text or a missing
/// field, and the nearest number for one that is too large.
pub(crate) fn number(line: &str, index: usize) -> i64 {
    let text = field(line, index).unwrap_or_default();
    text.parse().unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => i64::MAX,
        IntErrorKind::NegOverflow => i64::MIN,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = include_str!("../../tests/accounts/passwd");
    const GROUP: &str = include_str!("../../tests/accounts/group");

    /// Each word was given to gosu 1.12, 1.14 and 1.19 with these two files.
    #[test]
    fn words_are_read_as_gosu_does() {
        let words: &[(&str, Result<&str, Refusal>)] = &[
            ("app", Ok("1000:1001:0,7")),
            ("1000", Ok("1000:1001:0,7")),
            ("app:app", Ok("1000:1001:")),
            (":app", Ok("0:1001:")),
            (":", Ok("0:0:7")),
            (":log", Ok("0:7:")),
            ("app:", Ok("1000:1001:0,7")),
            ("app:log", Ok("1000:7:")),
            ("1000:log", Ok("1000:7:")),
            ("7", Ok("7:0:")),
            ("8", Ok("8:0:")),
            ("7:9", Ok("7:9:")),
            ("77", Ok("77:78:")),
            ("short", Ok("5:0:")),
            ("bad", Ok("0:6:")),
            ("big", Err(Refusal::Invalid)),
            ("huge", Ok("1215752191:5:")),
            ("neg", Err(Refusal::Invalid)),
            ("-1", Err(Refusal::Invalid)),
            ("2147483647", Ok("2147483647:0:")),
            ("2147483648", Err(Refusal::OutOfRange)),
            ("4294967295", Err(Refusal::Invalid)),
            ("4294967296", Err(Refusal::OutOfRange)),
            ("99999999999", Ok("1215752191:5:")),
            (" ", Err(Refusal::UnknownUser)),
            ("sp", Err(Refusal::UnknownUser)),
            (" sp ", Err(Refusal::UnknownUser)),
            ("#com", Ok("48:49:")),
            ("dup", Ok("50:51:")),
            ("dup:dupg", Ok("50:68:")),
            ("none", Err(Refusal::UnknownUser)),
            ("app:none", Err(Refusal::UnknownGroup)),
            ("app:9", Ok("1000:9:")),
            ("app:8", Ok("1000:8:")),
            ("app:-1", Err(Refusal::OutOfRange)),
            ("app:2147483648", Err(Refusal::OutOfRange)),
            ("app:badg", Ok("1000:0:")),
            ("app:bigg", Err(Refusal::Invalid)),
            ("app:hugeg", Ok("1000:1215752191:")),
            ("app:sg", Err(Refusal::UnknownGroup)),
            ("0", Ok("0:0:7")),
            ("root", Ok("0:0:7")),
            ("00", Ok("0:0:7")),
            ("01000", Ok("1000:1001:0,7")),
            ("+1000", Ok("1000:1001:0,7")),
            ("app:+5", Ok("1000:5:")),
            (" 1000", Err(Refusal::UnknownUser)),
            ("1000 ", Err(Refusal::UnknownUser)),
            ("app:app:app", Ok("1000:1001:")),
            ("a:b:c", Err(Refusal::UnknownUser)),
            ("zero", Ok("60:61:")),
            ("plus", Ok("62:63:")),
            ("60", Ok("60:61:")),
            ("62", Ok("62:63:")),
            ("0x10", Err(Refusal::UnknownUser)),
            ("abc", Err(Refusal::UnknownUser)),
            ("app:short", Err(Refusal::UnknownGroup)),
            ("5", Ok("5:0:")),
            (":1000", Ok("0:1000:")),
            ("1000:", Ok("1000:1001:0,7")),
            ("1000:1000", Ok("1000:1000:")),
            ("123:", Ok("123:0:")),
            ("123", Ok("123:0:")),
            ("123:app", Ok("123:1001:")),
            (":123", Ok("0:123:")),
            ("0:", Ok("0:0:7")),
            ("root:0", Ok("0:0:")),
            ("app.app", Err(Refusal::UnknownUser)),
            ("1000.app", Err(Refusal::UnknownUser)),
        ];
        for (word, expected) in words {
            let found = exec_user(PASSWD, Some(GROUP), word, &Credentials::default()).map(|user| {
                // The kernel sorts the groups.
                let mut groups = user.groups;
                groups.sort_unstable();
                let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
                format!("{}:{}:{}", user.uid, user.gid, groups.join(","))
            });
            assert_eq!(found.as_deref(), expected.as_deref(), "{word:?}");
        }
    }

    #[test]
    fn groups_are_read_for_an_account_or_a_group() {
        let read = |word| exec_user(PASSWD, None, word, &Credentials::default());
        assert_eq!(read("app"), Err(Refusal::GroupsUnreadable));
        assert_eq!(read("123:app"), Err(Refusal::GroupsUnreadable));
        assert_eq!(read("none"), Err(Refusal::UnknownUser));
        assert_eq!(read("123"), Ok(Credentials { uid: 123, ..Credentials::default() }));
    }
}
