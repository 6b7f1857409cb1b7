//! Launchers that start a command as another user.

use super::accounts::{Account, Lookup};
use super::call::Call;
use super::options::{Given, Grammar, OptionError, Value, is_given, value_of};
use super::process::{Certainty, Environment, Process, Search, Word, base_name};
use super::search;
use super::user_spec::{self, Switch, accounts, long};
use super::{Next, next, report};
use crate::program::container::Credentials;
use crate::root::{ResolveError, resolve};

/// `gosu USER[:GROUP] COMMAND`, which looks names up as runc does (moby's `user.GetExecUser`). It is written in Go, whose
/// exec runs no text.
pub(super) fn gosu(call: &Call<'_>) -> Next {
    match call.arguments() {
        [only] if matches!(only.known(), Some("--help" | "-h" | "-?" | "--version" | "-v")) => Next::Nothing,
        [user, command @ ..] if !command.is_empty() => {
            switched(call, user, user_spec::of_go(call, user), command)
        }
        _ => next::no_command(call),
    }
}

/// `su-exec USER[:GROUP] COMMAND`.
pub(super) fn su_exec(call: &Call<'_>) -> Next {
    match call.arguments() {
        [user, command @ ..] if !command.is_empty() => {
            switched(call, user, user_spec::of_su_exec(call, user), command)
        }
        _ => next::no_command(call),
    }
}

/// `chpst [OPTIONS] COMMAND` of runit and of BusyBox.
pub(super) fn chpst(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar { short: "vVP012u:U:b:e:/:n:l:L:m:d:o:p:f:c:r:t:C:", long: &[] };
    let (options, command) = match GRAMMAR.read(call.arguments()) {
        Ok((_, [])) => return next::no_command(call),
        Ok(read) => read,
        Err(error) => return next::refused(call, error),
    };
    if is_given(&options, &["/"]) {
        return next::other_root();
    }
    // `-e` reads variables from the files of a directory; they may be mounted.
    let has_variables = is_given(&options, &["e"]);
    let next = match value_of(&options, &["u"]) {
        None => next::start(call, command),
        Some(user) if call.is_busybox() => switched(call, user, user_spec::of_busybox(call, user), command),
        Some(user) => switched(call, user, user_spec::of_runit(call, user), command),
    };
    match next {
        Next::Start(process) if has_variables => Next::Start(Box::new(process.doubtful())),
        next => next,
    }
}

/// `setuidgid USER COMMAND` of daemontools and BusyBox, and `s6-setuidgid USER COMMAND`.
pub(super) fn setuidgid(call: &Call<'_>) -> Next {
    match call.arguments() {
        [user, command @ ..] if !command.is_empty() => {
            let switch = if call.is_busybox() {
                user_spec::of_busybox(call, user)
            } else if call.program.contains("s6-") {
                user_spec::of_s6(call, user)
            } else {
                user_spec::of_daemontools(call, user)
            };
            switched(call, user, switch, command)
        }
        _ => next::no_command(call),
    }
}

/// `chroot [--userspec=USER[:GROUP]] / COMMAND`.
pub(super) fn chroot(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "",
        long: &[
            ("groups", Value::Required),
            ("help", Value::None),
            ("skip-chdir", Value::None),
            ("userspec", Value::Required),
            ("version", Value::None),
        ],
    };
    let (options, operands) = match GRAMMAR.read(call.arguments()) {
        Ok(read) => read,
        Err(error) => return next::refused(call, error),
    };
    if let Some(option) = options.first().filter(|_| call.is_busybox()) {
        return next::fails(call, format!("it takes the option `--{}` as the directory", option.name));
    }
    let command = match operands {
        _ if is_given(&options, &["help", "version"]) => return Next::Nothing,
        [] => return next::no_command(call),
        [root, ..] if root.known() != Some("/") => return next::other_root(),
        [_] => return Next::Nothing,
        [_, command @ ..] => command,
    };
    if let Some(user) = call.process.user.as_ref().filter(|user| user.uid != 0) {
        return next::fails(call, format!("user {} may not change the root directory", user.uid));
    }
    let next = match value_of(&options, &["userspec"]) {
        None => next::start(call, command),
        Some(user) => switched(call, user, user_spec::of_chroot(call, user), command),
    };
    match next {
        Next::Start(mut process) => {
            if !is_given(&options, &["skip-chdir"]) {
                process.directory = Some("/".to_owned());
            }
            if is_given(&options, &["groups"]) {
                process.user = None;
            }
            Next::Start(process)
        }
        next => next,
    }
}

/// Starts a command as the user of a switch. Only root may switch (`setgroups` needs CAP_SETGID).
fn switched(call: &Call<'_>, word: &Word, switch: Switch, command: &[Word]) -> Next {
    let user = match switch {
        Switch::To(user) => Some(user),
        Switch::Unknown => None,
        Switch::Fails(next) => return *next,
    };
    let user_word = word.to_string();
    let process = Process { user, user_word, ..call.process.starting(&call.program, command.to_vec()) };
    match call.process.user.as_ref().filter(|user| user.uid != 0) {
        None => next::started_by(call, process),
        // A set-user-ID launcher runs as its owner.
        Some(_) if call.found.entry.mode & 0o4000 != 0 => next::started_by(call, process.doubtful()),
        Some(current) => next::fails(
            call,
            format!(
                "user {} may not switch to another user: `operation not permitted`; only root may",
                current.uid
            ),
        ),
    }
}

/// `setpriv` of util-linux and BusyBox.
pub(super) fn setpriv(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "dhV",
        long: &[
            ("ambient-caps", Value::Required),
            ("apparmor-profile", Value::Required),
            ("bounding-set", Value::Required),
            ("clear-groups", Value::None),
            ("dump", Value::None),
            ("egid", Value::Required),
            ("euid", Value::Required),
            ("groups", Value::Required),
            ("help", Value::None),
            ("inh-caps", Value::Required),
            ("init-groups", Value::None),
            ("keep-groups", Value::None),
            ("landlock-access", Value::Required),
            ("landlock-rule", Value::Required),
            ("list-caps", Value::None),
            ("nnp", Value::None),
            ("no-new-privs", Value::None),
            ("pdeathsig", Value::Required),
            ("ptracer", Value::Required),
            ("regid", Value::Required),
            ("reset-env", Value::None),
            ("reuid", Value::Required),
            ("rgid", Value::Required),
            ("ruid", Value::Required),
            ("seccomp-filter", Value::Required),
            ("securebits", Value::Required),
            ("selinux-label", Value::Required),
            ("version", Value::None),
        ],
    };
    let (options, command) = match GRAMMAR.read(call.arguments()) {
        Ok(read) => read,
        Err(error) => return next::refused(call, error),
    };
    // BusyBox has only some of the options, and its program contains the names of all that it has.
    let has = |option: &&Given| option.name.len() == 1 || call.contains(&option.name);
    if let Some(option) = options.iter().find(|option| call.is_busybox() && !has(option)) {
        return next::refused(call, OptionError::Refused(format!("--{}", option.name)));
    }
    if is_given(&options, &["d", "h", "V", "dump", "help", "list-caps", "version"]) {
        return Next::Nothing;
    }
    if command.is_empty() {
        return next::no_command(call);
    }
    if let Some(next) = refused_switch(call, &options) {
        return next;
    }
    let mut process = call.process.starting(&call.program, command.to_vec());
    if is_given(&options, &["reuid", "euid", "regid", "egid", "ruid", "rgid"]) {
        process.user = user_of_setpriv(call, &options).filter(|user| {
            // It keeps its capabilities until the program starts (`PR_SET_KEEPCAPS`), which then may be one of root's.
            let search = Search::Path(call.libc());
            let process = Process { user: Some(user.clone()), search, ..process.clone() };
            search::find(&process, call.context.container).is_ok()
        });
        process.user_word =
            value_of(&options, &["reuid", "euid", "ruid"]).map(Word::to_string).unwrap_or_default();
    }
    // Without root's rights some of these switches fail and others change nothing.
    let is_root = call.process.user.as_ref().is_some_and(|user| user.uid == 0);
    let mut process = if is_root || options.is_empty() { process } else { process.doubtful() };
    if is_given(&options, &["reset-env"]) {
        process.environment = Environment::default();
    }
    next::started_by(call, process)
}

/// Returns the user that `setpriv` switches to; `None` if its options do not tell all of it.
fn user_of_setpriv(call: &Call<'_>, options: &[Given]) -> Option<Credentials> {
    if is_given(options, &["euid", "egid", "ruid", "rgid", "groups", "ambient-caps"]) {
        return None;
    }
    let (accounts, current) = (accounts(call), call.process.user.clone()?);
    let word = value_of(options, &["reuid"])?.known()?;
    let number = |text: &str| long(text, call.context.target);
    let mut user = match accounts.user(word) {
        Lookup::Found(account) => account.credentials,
        Lookup::Absent => accounts.numbered(number(word)?, current.gid),
        Lookup::Unknown => return None,
    };
    user.gid = match value_of(options, &["regid"]) {
        None => current.gid,
        Some(word) => match accounts.group(word.known()?) {
            Lookup::Found(gid) => gid,
            Lookup::Absent => number(word.known()?)?,
            Lookup::Unknown => return None,
        },
    };
    if is_given(options, &["clear-groups"]) {
        user.groups.clear();
    } else if !is_given(options, &["init-groups"]) {
        user.groups = current.groups;
    }
    Some(user)
}

/// Returns the result if `setpriv` does not know a user or group, or lacks an option that another one requires.
fn refused_switch(call: &Call<'_>, options: &[Given]) -> Option<Next> {
    let accounts = accounts(call);
    let word = |names: &[&str]| names.iter().find_map(|name| value_of(options, &[name])?.known());
    // A name comes first, then a number as `strtol` reads it.
    let number = |text: &str| long(text, call.context.target);
    let (user, group) = (word(&["reuid", "ruid", "euid"]), word(&["regid", "rgid", "egid"]));
    if let Some(name) = user.filter(|name| number(name).is_none() && accounts.user(name) == Lookup::Absent) {
        return Some(user_spec::unknown_name(call, "user", name));
    }
    if let Some(name) = group.filter(|name| number(name).is_none() && accounts.group(name) == Lookup::Absent)
    {
        return Some(user_spec::unknown_name(call, "group", name));
    }
    let given = |names: &[&str]| is_given(options, names);
    if given(&["regid", "rgid", "egid"]) && !given(&["clear-groups", "keep-groups", "init-groups", "groups"])
    {
        let options = "`--clear-groups`, `--keep-groups`, `--init-groups` or `--groups`";
        return Some(next::fails(call, format!("with a group it needs {options}")));
    }
    if given(&["init-groups"]) {
        let Some(user) = word(&["reuid", "ruid"]) else {
            return Some(next::fails(call, "`--init-groups` needs `--reuid` or `--ruid`".to_owned()));
        };
        let is_unknown = accounts.user(user) == Lookup::Absent
            && number(user).is_some_and(|uid| accounts.has_number(uid) == Lookup::Absent);
        return is_unknown.then(|| user_spec::unknown_name(call, "user", user));
    }
    None
}

/// `su [-] [USER] -c TEXT`, and `runuser`, which also takes `-u USER COMMAND`.
pub(super) fn su(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "c:fg:G:lmpPs:u:w:hV",
        long: &[
            ("command", Value::Required),
            ("fast", Value::None),
            ("group", Value::Required),
            ("help", Value::None),
            ("login", Value::None),
            ("preserve-environment", Value::None),
            ("pty", Value::None),
            ("session-command", Value::Required),
            ("shell", Value::Required),
            ("supp-group", Value::Required),
            ("user", Value::Required),
            ("version", Value::None),
            ("whitelist-environment", Value::Required),
        ],
    };
    // Options may follow the user, as in `su app -c /app`.
    let (mut options, mut operands, mut rest) = (Vec::new(), Vec::new(), call.arguments());
    loop {
        match GRAMMAR.read(rest) {
            Ok((given, after)) => {
                options.extend(given);
                if is_given(&options, &["u", "user"]) {
                    operands.extend_from_slice(after);
                    break;
                }
                let Some((operand, after)) = after.split_first() else { break };
                operands.push(operand.clone());
                rest = after;
            }
            Err(error) => return next::refused(call, error),
        }
    }
    let value = |names: &[&str]| value_of(&options, names).cloned();
    let has_dash = operands.first().and_then(Word::known) == Some("-");
    if has_dash {
        operands.remove(0);
    }
    let is_login = has_dash || is_given(&options, &["l", "login"]);
    let (user, command) = match value(&["u", "user"]) {
        Some(user) => (user, Some(operands)),
        None if operands.is_empty() => (Word::Known("root".to_owned()), None),
        None => (operands.remove(0), None),
    };
    let account = match user.known().map(|name| accounts(call).user(name)) {
        Some(Lookup::Found(account)) => Some(account),
        Some(Lookup::Absent) => {
            return user_spec::unknown_name(call, "user", user.known().unwrap_or_default());
        }
        Some(Lookup::Unknown) | None => None,
    };
    let words = match (command, value(&["c", "command"]).or_else(|| value(&["session-command"]))) {
        (Some(command), _) if !command.is_empty() => command,
        (_, Some(text)) => {
            let shell =
                value(&["s", "shell"]).or_else(|| Some(Word::Known(shell_of(account.as_ref()?).to_owned())));
            let Some(shell) = shell else { return next::unknown_word(&user) };
            if let Some(refusal) = refused_by_shell(call, &shell, is_given(&options, PRESERVING)) {
                return refusal;
            }
            vec![shell, Word::Known("-c".to_owned()), text]
        }
        // An interactive shell.
        _ => return Next::Nothing,
    };
    if let Some(why) = lacks_pam(call) {
        return Next::Fails(report::weakened(match next::fails(call, why) {
            Next::Fails(finding) => finding.with_help(
                "Install PAM's modules and its files in /etc/pam.d (Debian: libpam-modules and libpam-runtime), or use gosu or setpriv, which do not ask PAM.",
            ),
            next => return next,
        }));
    }
    let mut process = call.process.starting(&call.program, words);
    process.user = account.map(|account| account.credentials);
    process.user_word = user.to_string();
    // PAM, /etc/login.defs and /etc/default/su may set PATH and refuse the user.
    if is_login {
        process.environment.forget("PATH");
    }
    process.certainty = Certainty::Possible;
    next::started_by(call, process)
}

/// The directories of PAM's services and of its modules (Linux-PAM's `libpam`, as distributions build it).
const PAM_SERVICES: &[&str] = &["/etc/pam.d", "/usr/lib/pam.d", "/etc/pam.conf"];
const PAM_MODULES: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Returns why PAM refuses every user, if the program asks it; `None` if it may be set up.
fn lacks_pam(call: &Call<'_>) -> Option<String> {
    if !call.contains("libpam.so") {
        return None;
    }
    let root = call.context.container.root;
    if !PAM_SERVICES.iter().any(|path| resolve(root, path).is_ok()) {
        return Some("it asks PAM, and the image has no file of PAM's services in /etc/pam.d".to_owned());
    }
    let has_modules = |directory: &String| resolve(root, &format!("{directory}/security")).is_ok();
    let names = |directory: &str| match resolve(root, directory) {
        Ok(found) => root.list(&found.path).ok()?,
        Err(_) => Some(Vec::new()),
    };
    let mut directories: Vec<String> = PAM_MODULES.iter().map(ToString::to_string).collect();
    for parent in ["/lib", "/usr/lib"] {
        let triplets = names(parent)?.into_iter().filter(|name| name.contains("-linux-"));
        directories.extend(triplets.map(|name| format!("{parent}/{name}")));
    }
    (!directories.iter().any(has_modules))
        .then(|| "it asks PAM, and the image has none of PAM's modules (`security/pam_*.so`)".to_owned())
}

/// The options with which `su` starts the shell that the variable SHELL names.
const PRESERVING: &[&str] = &["m", "p", "preserve-environment"];

/// Returns the result for a shell that runs no commands, or that is not in the image.
fn refused_by_shell(call: &Call<'_>, shell: &Word, takes_variable: bool) -> Option<Next> {
    let shell = shell.known().filter(|_| !takes_variable)?;
    if matches!(base_name(shell), "nologin" | "false") {
        return Some(next::fails(call, format!("the user's shell is {shell}, which runs no commands")));
    }
    let missing = call.process.within(call.context.container).resolve(shell);
    match missing {
        Err(ResolveError::Missing { .. }) => {
            Some(next::no_file(call, shell, "the image does not have this shell of the user"))
        }
        _ => None,
    }
}

fn shell_of(account: &Account) -> &str {
    if account.shell.is_empty() { "/bin/sh" } else { &account.shell }
}

/// `sudo [OPTIONS] [NAME=VALUE] COMMAND` and `doas [OPTIONS] COMMAND`. What they allow is in files that are not read, so
/// that nothing is certain.
pub(super) fn sudo(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "ABbC:D:Eeg:HhiKklNnPp:R:r:Sst:T:U:u:Vva:",
        long: &[
            ("background", Value::None),
            ("chdir", Value::Required),
            ("group", Value::Required),
            ("login", Value::None),
            ("non-interactive", Value::None),
            ("preserve-env", Value::Attached),
            ("preserve-groups", Value::None),
            ("set-home", Value::None),
            ("shell", Value::None),
            ("stdin", Value::None),
            ("user", Value::Required),
        ],
    };
    let Ok((options, mut command)) = GRAMMAR.read(call.arguments()) else {
        return Next::Unknown(format!("the options of {} are not followed", call.program));
    };
    while let Some((_, after)) = command.split_first().filter(|(word, _)| {
        word.known().and_then(|text| text.split_once('=')).is_some_and(|(name, _)| !name.contains('/'))
    }) {
        command = after;
    }
    if command.is_empty() || is_given(&options, &["i", "s", "login", "shell"]) {
        return Next::Unknown(format!("{} starts a shell", call.program));
    }
    let mut process = call.process.starting(&call.program, command.to_vec());
    process.user = None;
    process.certainty = Certainty::Possible;
    process.environment.forget("PATH");
    next::started_by(call, process)
}
