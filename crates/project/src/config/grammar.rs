//! The grammars of single values. Each function returns what is wrong as a clause of a message.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use crossdock_oci::Repository;

use super::Port;

/// Checks a path component of a repository (distribution-spec § Pulling manifests, `<name>`).
pub fn component(text: &str) -> Result<(), String> {
    if text.contains(['/', ':']) {
        return Err(format!("`{text}` is not a single name; write a whole repository as `repository`"));
    }
    repository(text)
}

/// Checks a repository with or without a registry, such as `registry.example:5000/team/name`.
pub fn repository(text: &str) -> Result<(), String> {
    let last = text.rsplit('/').next().unwrap_or(text);
    if let Some((_, tag)) = last.split_once(':').filter(|_| !text.contains("://") && !text.contains('@')) {
        let name = &text[..text.len() - tag.len() - 1];
        return Err(format!("`{text}` has a tag: write `{name}`, and put `{tag}` into `tags`"));
    }
    text.parse::<Repository>().map(drop).map_err(|error| error.to_string())
}

/// Parses a port, such as `2222` or `53/udp`.
pub fn port(text: &str) -> Result<Port, String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol) {
        return Err(format!("`{protocol}` is not the protocol of a port: use `tcp`, `udp` or `sctp`"));
    }
    match number.parse::<u16>() {
        Ok(number) if number > 0 => Ok(Port { number, protocol: protocol.to_owned() }),
        _ => Err(format!("`{number}` is not a port: use a number from 1 to 65535")),
    }
}

/// Parses octal permission bits, such as `0755`.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    // `from_str_radix` would accept a leading sign.
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(8));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if plain && mode <= 0o7777 => Ok(mode),
        _ => Err(format!("`{text}` is not a mode: use octal digits up to 7777, such as \"0755\"")),
    }
}

/// Checks a user: `uid`, `uid:gid`, `user` or `user:group` (OCI image-spec, config, `User`).
pub(super) fn user(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        let named = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        named || (part.chars().all(|c| c.is_ascii_digit()) && part.parse::<u32>().is_ok())
    };
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    require(part(user) && part(group), || {
        format!(
            "`{text}` is not a user: use a number or a name, optionally with a group, such as \"65532:65532\""
        )
    })
}

/// Normalizes an absolute path in an image: without `.`, without repeated slashes. `..` is an error, because the
/// directory that it leads to depends on symbolic links in the image.
pub(super) fn image_path(text: &str) -> Result<String, String> {
    require(text.starts_with('/'), || {
        format!("`{text}` is relative; write an absolute path, such as `/{text}`")
    })?;
    require(!text.contains('\0'), || "a path must not contain NUL".to_owned())?;
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    require(!parts.contains(&".."), || format!("`{text}` contains `..`; write the path without it"))?;
    Ok(format!("/{}", parts.join("/")))
}

/// Checks one argument of a command. NUL ends the strings that execve(2) takes, so that it cannot occur in one.
pub(super) fn argument(text: &str) -> Result<(), String> {
    require(!text.contains('\0'), || "an argument must not contain NUL".to_owned())
}

pub(super) fn not_empty(text: &str) -> Result<(), String> {
    require(!text.trim().is_empty(), || "it is empty".to_owned())
}

/// Checks the name of a program, which becomes a file name.
pub(super) fn program(text: &str) -> Result<(), String> {
    let is_name = !text.is_empty() && !text.contains(['/', '\\', '\0']) && ![".", ".."].contains(&text);
    require(is_name, || {
        format!("`{text}` is not the name of a program: write it without a directory, such as `server`")
    })
}

/// Checks a Cargo feature. Cargo would split text with a space or a comma into several.
pub(super) fn feature(text: &str) -> Result<(), String> {
    let is_one = !text.is_empty() && !text.contains([' ', ',', '\0']) && !text.starts_with('-');
    require(is_one, || format!("`{text}` is not a feature: write each one as its own item"))
}

/// Checks the name of a cargo profile (The Cargo Book, "Profiles").
pub(super) fn profile(text: &str) -> Result<(), String> {
    let is_name = !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || "_-".contains(c))
        && !text.starts_with('-');
    require(is_name, || format!("`{text}` is not the name of a cargo profile, such as `release`"))
}

/// Checks the name of an environment variable (environ(7)).
pub(super) fn variable(text: &str) -> Result<(), String> {
    let is_name = !text.is_empty() && !text.contains(['=', '\0']);
    require(is_name, || format!("`{text}` is not the name of a variable"))
}

/// Converts a number of seconds or of retries.
pub(super) fn at_least(number: i64, least: i64) -> Result<u32, String> {
    let number = u32::try_from(number).ok().filter(|number| i64::from(*number) >= least);
    number.ok_or_else(|| format!("use a whole number of at least {least}"))
}

/// Checks a stop signal, such as `SIGINT` or `15`.
pub(super) fn stop_signal(text: &str) -> Result<(), String> {
    let number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let named = text.strip_prefix("SIG").is_some_and(|name| {
        let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte);
        !name.is_empty() && name.bytes().all(known)
    });
    require(number || named, || {
        format!("`{text}` is not a signal: use a name such as SIGINT, or a number from 1 to 64")
    })
}

/// Checks a version such as `1`, `1.26`, `1.26.3` or `1.27rc1`, which begins a tag of the compiler's image. The rest of
/// the tag, the release of the distribution, follows from other keys.
pub(super) fn version(text: &str) -> Result<(), String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, preview) = text.split_at(end);
    let are_numbers = numbers.split('.').count() <= 3 && numbers.split('.').all(|number| !number.is_empty());
    let number = preview.strip_prefix("rc").or_else(|| preview.strip_prefix("beta"));
    let is_preview = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    require(are_numbers && (preview.is_empty() || number.is_some_and(is_preview)), || {
        format!(
            "`{text}` is not a plain version such as `1.26` or `1.26.3`; choose the release of the base with `base`, \
             `debian` and `alpine`"
        )
    })
}

/// Checks a host or the name of a registry. It is written into a Dockerfile without quotes.
pub(super) fn host(text: &str) -> Result<(), String> {
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    require(begins && text.bytes().all(allowed), || {
        format!(
            "`{text}` must begin with a letter or digit and contain only letters, digits, `.`, `_` and `-`"
        )
    })
}

/// Checks the name of a package or an image. A leading `-` would make it an option of the package manager.
pub(super) fn package(text: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_/~:@=".contains(&byte);
    let is_name = !text.is_empty() && !text.starts_with('-') && text.bytes().all(allowed);
    require(is_name, || {
        format!("`{text}` is not a single name: write each one as its own item, such as `libpq-dev`")
    })
}

/// Checks a pattern of `.dockerignore` below the build context. A leading `!` or `#` has a meaning of its own there.
pub(super) fn context_pattern(text: &str) -> Result<(), String> {
    let outside = text.trim().is_empty() || text.starts_with(['!', '#', '/']) || text.contains("..");
    require(!outside && !text.chars().any(char::is_control), || {
        format!("`{text}` is not a path or pattern below the project's root, such as `proto` or `assets/**`")
    })
}

/// Checks an argument that is written into one line of a Dockerfile.
pub(super) fn line(text: &str) -> Result<(), String> {
    require(!text.chars().any(char::is_control), || {
        "an argument in a Dockerfile must not contain control characters".to_owned()
    })
}

fn require(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(message()) }
}

/// Removes `.` and `..` from a path without looking at the file system; `None` if it leads above its start.
pub(crate) fn lexical(path: &Utf8Path) -> Option<Utf8PathBuf> {
    path.components().try_fold(Utf8PathBuf::new(), |mut whole, component| {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if !whole.pop() => return None,
            Utf8Component::ParentDir => {}
            other => whole.push(other),
        }
        Some(whole)
    })
}

/// Removes `.` and `..` from a path as far as that is possible without looking at the file system.
pub fn normalized_path(path: impl AsRef<Utf8Path>) -> Utf8PathBuf {
    let path = path.as_ref();
    lexical(path).unwrap_or_else(|| path.to_owned())
}

/// Returns the path that leads from one absolute directory to another: `../two` from `/p/one` to `/p/two`; empty for the
/// same directory.
pub fn relative_path(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let (from, to) = (normalized_path(from), normalized_path(to));
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| Utf8Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_up_to_the_lowest_shared_directory_and_down_again() {
        for (from, to, expected) in [
            ("/p/one", "/p/two", "../two"),
            ("/p", "/p/two/x", "two/x"),
            ("/p/one/x", "/p", "../.."),
            ("/p", "/p", ""),
            ("/p", "/q/r", "../q/r"),
        ] {
            assert_eq!(relative_path(from.into(), to.into()), expected, "{from} {to}");
        }
    }

    #[test]
    fn repositories_have_no_tag_and_names_no_directory() {
        assert_eq!(repository("registry.example:5000/team/web"), Ok(()));
        let wrong = |text: &str| repository(text).unwrap_err();
        assert_eq!(
            wrong("r.example/a:1"),
            "`r.example/a:1` has a tag: write `r.example/a`, and put `1` into `tags`"
        );
        assert!(wrong("https://r.example/a").contains("://"));
        assert!(wrong("r.example/a@sha256:0").contains("character"));
        assert!(component("team/web").is_err());
        assert_eq!(component("web--2"), Ok(()));
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0755"), Ok(0o755));
        assert_eq!(mode("0o4755"), Ok(0o4755));
        for wrong in ["", "0o", "rwx", "0888", "17777", "+755", "-1", "99999999999999"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn users_are_numbers_or_names() {
        for good in ["0", "65532:65532", "nonroot", "nobody:nogroup", "1000:web"] {
            assert_eq!(user(good), Ok(()), "{good}");
        }
        for wrong in ["", ":", "1:", "-1", "4294967296", "a b", "1:2:3"] {
            assert!(user(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_never_lead_above_their_start() {
        assert_eq!(lexical("a/./b/../c".into()), Some("a/c".into()));
        assert_eq!(lexical("../c".into()), None);
        assert_eq!(lexical("a/../../c".into()), None);
        assert_eq!(image_path("/etc//app/./x/"), Ok("/etc/app/x".into()));
        assert!(image_path("/a/../b").is_err());
    }
}
