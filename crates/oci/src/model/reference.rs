use std::fmt;
use std::str::FromStr;

use super::digest::{Digest, DigestError};

/// A tag: 1 to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-` (distribution-spec § Pulling
/// manifests).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A repository name, optionally with its registry's host: `registry.example:5000/team/app`.
///
/// Path components follow the distribution-spec (§ Pulling manifests), and the host follows the grammar of
/// `distribution/reference`: the first component is a host if it contains a `.` or a `:` or is `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

/// A repository and a tag, `registry.example/app:1.0`. Parsing a name without a tag yields `latest`.
///
/// ```
/// use crossdock_oci::Reference;
/// let name: Reference = "registry.example:5000/team/app:1.0".parse()?;
/// assert_eq!(name.tag.as_str(), "1.0");
/// assert_eq!(name.to_string(), "registry.example:5000/team/app:1.0");
/// # Ok::<(), crossdock_oci::ReferenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag in that repository.
    pub tag: Tag,
}

/// A reference as registries resolve it: a repository with a tag, a digest, both, or neither.
///
/// A digest takes precedence over a tag, which then only tells people a version.
///
/// ```
/// use crossdock_oci::RegistryReference;
/// let digest = format!("sha256:{}", "0".repeat(64));
/// let pinned: RegistryReference = format!("registry.example:5000/app:1.0@{digest}").parse()?;
/// assert_eq!(pinned.tag.as_ref().map(|tag| tag.as_str()), Some("1.0"));
/// assert_eq!(pinned.digest.map(|digest| digest.to_string()), Some(digest));
/// assert_eq!("app".parse::<RegistryReference>()?.full_name(), "docker.io/library/app:latest");
/// # Ok::<(), crossdock_oci::ReferenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryReference {
    /// The repository.
    pub repository: Repository,
    /// The tag; `None` if unspecified.
    pub tag: Option<Tag>,
    /// The digest; `None` if unspecified.
    pub digest: Option<Digest>,
}

impl RegistryReference {
    /// Returns the tag, which is `latest` if neither a tag nor a digest is specified.
    pub fn tag_or_latest(&self) -> Option<Tag> {
        let latest = || self.digest.is_none().then(Tag::latest);
        self.tag.clone().or_else(latest)
    }

    /// Returns the normalized name without the digest if there is a tag: what the digest was found under.
    pub fn full_tag_name(&self) -> String {
        let digest = self.digest.filter(|_| self.tag.is_none());
        Self { digest, ..self.clone() }.full_name()
    }

    /// Returns the normalized name, see [`Repository::full_name`].
    pub fn full_name(&self) -> String {
        let mut name = self.repository.full_name();
        self.tag_or_latest().iter().for_each(|tag| name.push_str(&format!(":{tag}")));
        self.digest.iter().for_each(|digest| name.push_str(&format!("@{digest}")));
        name
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

impl FromStr for RegistryReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            None => (text, None),
            // A digest has no slash. What comes before may be a password, which no message repeats.
            Some((_, address)) if address.contains('/') => {
                let text = format!("…@{address}");
                return Err(ReferenceError { expected: "reference", text, reason: Reason::User });
            }
            Some((name, digest)) => {
                let broken = |error: DigestError| ReferenceError {
                    expected: "reference",
                    text: text.to_owned(),
                    reason: Reason::BadDigest(error),
                };
                (name, Some(digest.parse().map_err(broken)?))
            }
        };
        let (repository, tag) = split_tag(name);
        let tag = tag.map(str::parse).transpose()?;
        Ok(Self { repository: repository.parse()?, tag, digest })
    }
}

/// Splits a name from its tag. A colon before the last slash belongs to the host's port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    let after_slash = text.rfind('/').map_or(0, |slash| slash + 1);
    match text[after_slash..].find(':') {
        Some(colon) => (&text[..after_slash + colon], Some(&text[after_slash + colon + 1..])),
        None => (text, None),
    }
}

impl Tag {
    /// The length of the longest tag, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Returns `latest`, the tag of a reference that names none.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Repository {
    /// The length of the longest name, in characters: the limit of `distribution/reference`, which docker and podman
    /// use.
    pub const MAX_LENGTH: usize = 255;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the registry's host with its port, or `None` if the name has no host.
    pub fn host(&self) -> Option<&str> {
        let (first, _) = self.0.split_once('/')?;
        is_host(first).then_some(first)
    }

    /// Returns the normalized name, by which containerd and docker identify the repository (`distribution/reference`,
    /// normalized names): `docker.io/library/app` for `app`, `docker.io/app` and `index.docker.io/app`,
    /// `docker.io/team/app` for `team/app`, and the name itself for another host.
    pub fn full_name(&self) -> String {
        let path = match self.0.split_once('/') {
            Some(("docker.io" | "index.docker.io", path)) => path,
            _ if self.host().is_some() => return self.0.clone(),
            _ => &self.0,
        };
        let library = if path.contains('/') { "" } else { "library/" };
        format!("docker.io/{library}{path}")
    }
}

impl Reference {
    /// Returns the normalized name, see [`Repository::full_name`].
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.repository.full_name(), self.tag)
    }
}

fn is_host(component: &str) -> bool {
    component == "localhost" || component.contains(['.', ':'])
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason| Err(ReferenceError { expected: "tag", text: text.to_owned(), reason });
        if text.is_empty() {
            return fail(Reason::Empty);
        }
        for (index, char) in text.chars().enumerate() {
            match char {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => {}
                '.' | '-' if index > 0 => {}
                '.' | '-' => return fail(Reason::First(char)),
                _ => {
                    return fail(Reason::Character {
                        char,
                        at: index + 1,
                        allowed: "letters, digits, `_.-`",
                    });
                }
            }
        }
        if text.len() > Self::MAX_LENGTH {
            return fail(Reason::Long { length: text.len(), limit: Self::MAX_LENGTH });
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        check_repository(text).map_err(|reason| ReferenceError {
            expected: "repository",
            text: text.to_owned(),
            reason,
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains('@') {
            let text = text.to_owned();
            return Err(ReferenceError { expected: "tagged reference", text, reason: Reason::Digest });
        }
        let (repository, tag) = split_tag(text);
        Ok(Self { repository: repository.parse()?, tag: tag.unwrap_or("latest").parse()? })
    }
}

fn check_repository(text: &str) -> Result<(), Reason> {
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if text.len() > Repository::MAX_LENGTH {
        return Err(Reason::Long { length: text.len(), limit: Repository::MAX_LENGTH });
    }
    // Before the parts are looked at: `https:` would count as a host without a port.
    if text.contains("://") {
        return Err(Reason::Scheme);
    }
    let mut start = 0;
    for (index, component) in text.split('/').enumerate() {
        if index == 0 && text.contains('/') && is_host(component) {
            check_host(component)?;
        } else {
            check_component(component, text[..start].chars().count())?;
        }
        start += component.len() + 1;
    }
    Ok(())
}

/// Checks `name:port`, where the name has letters, digits, `.` and `-`, or is an IPv6 address in brackets.
fn check_host(host: &str) -> Result<(), Reason> {
    let (name, port) = match host
        .rfind(']')
        .map_or_else(|| host.find(':'), |end| host[end..].find(':').map(|at| end + at))
    {
        Some(colon) => (&host[..colon], Some((&host[colon + 1..], host[..=colon].chars().count()))),
        None => (host, None),
    };
    let allowed = "letters, digits, `.-` and a port";
    let bracketed = name.starts_with('[') && name.ends_with(']');
    for (index, char) in name.chars().enumerate() {
        let fits =
            char.is_ascii_alphanumeric() || char == '.' || char == '-' || bracketed && "[]:".contains(char);
        if !fits {
            return Err(Reason::Character { char, at: index + 1, allowed });
        }
    }
    if name.is_empty()
        || name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        return Err(Reason::Host(host.to_owned()));
    }
    match port {
        Some((digits, before)) => check_port(digits, before, host),
        None => Ok(()),
    }
}

fn check_port(digits: &str, before: usize, host: &str) -> Result<(), Reason> {
    if let Some((index, char)) = digits.chars().enumerate().find(|(_, char)| !char.is_ascii_digit()) {
        return Err(Reason::Character { char, at: before + index + 1, allowed: "digits in a port" });
    }
    digits.parse::<u16>().map(drop).map_err(|_| Reason::Host(host.to_owned()))
}

/// Checks one part of a path: lower-case letters and digits, separated by one `.`, one or two `_`, or any number of
/// `-`.
fn check_component(component: &str, before: usize) -> Result<(), Reason> {
    let allowed = "lower-case letters, digits and, between them, `.`, `_`, `__` and `-`";
    let at = |index| before + index + 1;
    let mut separator = String::new();
    for (index, char) in component.chars().enumerate() {
        match char {
            'a'..='z' | '0'..='9' => separator.clear(),
            'A'..='Z' => return Err(Reason::Capital { char, at: at(index) }),
            '.' | '_' | '-' if index > 0 => {
                separator.push(char);
                let fits = separator == "."
                    || separator == "_"
                    || separator == "__"
                    || separator.chars().all(|char| char == '-');
                if !fits {
                    return Err(Reason::Separator { separator, at: at(index) });
                }
            }
            _ => return Err(Reason::Character { char, at: at(index), allowed }),
        }
    }
    if component.is_empty() {
        return Err(Reason::EmptyComponent { at: before + 1 });
    }
    if !separator.is_empty() {
        return Err(Reason::Separator { separator, at: before + component.chars().count() });
    }
    Ok(())
}

/// An error of parsing a [`Tag`], [`Repository`] or [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {expected}: {reason}")]
pub struct ReferenceError {
    expected: &'static str,
    text: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it is empty")]
    Empty,
    #[error("it has {length} characters, more than {limit}")]
    Long { length: usize, limit: usize },
    #[error("character {at}, {char:?}, is not one of {allowed}")]
    Character { char: char, at: usize, allowed: &'static str },
    #[error("it begins with `{0}`; start with a letter, a digit or `_`")]
    First(char),
    #[error("character {at}, `{char}`, is a capital letter; a repository is written in lower case")]
    Capital { char: char, at: usize },
    #[error(
        "`{separator}` at character {at} is not a separator; use one `.`, `_`, `__` or several `-` between letters or \
         digits"
    )]
    Separator { separator: String, at: usize },
    #[error("the part between slashes is empty at character {at}")]
    EmptyComponent { at: usize },
    #[error("it is an address with `://`; leave out everything up to there")]
    Scheme,
    #[error("`{0}` is not a host with an optional port")]
    Host(String),
    #[error(transparent)]
    BadDigest(DigestError),
    #[error("a digest cannot be assigned to an image; leave out `@…`")]
    Digest,
    #[error(
        "a reference has no user and password; log in to the registry, and leave out everything up to `@`"
    )]
    User,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_reference_is_not_repeated() {
        let error = "me:s3cr3t@registry.example/app:1".parse::<RegistryReference>().unwrap_err().to_string();
        assert!(error.contains("…@registry.example/app:1") && !error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn references_of_the_grammar_are_accepted() {
        for name in [
            "app",
            "app:1.0",
            "team/app:v1_2-rc.1",
            "localhost/app",
            "localhost:5000/a",
            "a.b/c__d/e-----f:X",
            "192.0.2.1:80/app",
            "[2001:db8::1]:5000/app:t",
            "registry.example/k8s-ssh-server",
        ] {
            let parsed: Reference = name.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected = if name.rsplit('/').next().unwrap().contains(':') {
                name.to_owned()
            } else {
                format!("{name}:latest")
            };
            assert_eq!(parsed.to_string(), expected);
        }
        assert!("t".repeat(128).parse::<Tag>().is_ok());
    }

    #[test]
    fn errors_name_the_character() {
        for (name, why) in [
            ("", "empty"),
            ("App", "character 1, `A`, is a capital"),
            ("reg.example/Team/app", "character 13, `T`"),
            ("a//b", "empty at character 3"),
            ("a/", "empty at character 3"),
            ("a/.b", "character 3, '.'"),
            ("a..b", "`..` at character 3"),
            ("a___b", "`___` at character 4"),
            ("a-", "`-` at character 2"),
            ("a b", "character 2, ' '"),
            ("é", "character 1"),
            ("app:", "it is empty"),
            ("app:a+b", "character 2, '+'"),
            ("app:-a", "begins with `-`"),
            ("app:ü", "character 1"),
            ("host.example:99999/app", "not a host"),
            ("host.example:8a/app", "character 15, 'a'"),
            ("-host.example/app", "not a host"),
            ("ho_st.example/app", "character 3, '_'"),
            ("https://reg.example/app", "leave out everything"),
            ("app@sha256:00", "leave out `@"),
            (&format!("app:{}", "t".repeat(129)), "129 characters"),
            (&"r".repeat(256), "256 characters"),
        ] {
            let error = name.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn registry_references_have_a_tag_a_digest_or_both() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, full) in [
            ("app".to_owned(), "docker.io/library/app:latest".to_owned()),
            ("app:1".to_owned(), "docker.io/library/app:1".to_owned()),
            (format!("app@{digest}"), format!("docker.io/library/app@{digest}")),
            (format!("app:1@{digest}"), format!("docker.io/library/app:1@{digest}")),
            (format!("[::1]:5000/a/b:1@{digest}"), format!("[::1]:5000/a/b:1@{digest}")),
            (format!("reg.example:5000/a@{digest}"), format!("reg.example:5000/a@{digest}")),
        ] {
            let parsed: RegistryReference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((parsed.to_string(), parsed.full_name()), (text, full));
        }
        for (text, why) in [
            ("app@".to_owned(), "no algorithm"),
            ("app@sha256:00".to_owned(), "2 digits"),
            (format!("app@{digest}0"), "65 digits"),
            (format!("app@{digest}@{digest}"), "digits"),
            (format!("@{digest}"), "empty"),
            (format!("app:@{digest}"), "empty"),
            (format!("App@{digest}"), "capital"),
            ("app@sha512:00".to_owned(), "sha512"),
        ] {
            let error = text.parse::<RegistryReference>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn full_names_are_normalized() {
        for (name, full) in [
            ("app", "docker.io/library/app:latest"),
            ("docker.io/app", "docker.io/library/app:latest"),
            ("docker.io/library/app:1", "docker.io/library/app:1"),
            ("index.docker.io/app:1", "docker.io/library/app:1"),
            ("index.docker.io/team/app:1", "docker.io/team/app:1"),
            ("docker.io/team/app:1", "docker.io/team/app:1"),
            ("team/app:1", "docker.io/team/app:1"),
            ("docker.io", "docker.io/library/docker.io:latest"),
            ("docker.io:443/app", "docker.io:443/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("reg.example:5000/app", "reg.example:5000/app:latest"),
        ] {
            assert_eq!(name.parse::<Reference>().unwrap().full_name(), full);
        }
        assert_eq!("reg.example/a".parse::<Repository>().unwrap().host(), Some("reg.example"));
        assert_eq!("team/a".parse::<Repository>().unwrap().host(), None);
    }
}
