use std::fmt;
use std::str::FromStr;

/// An image's tag: at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`
/// (distribution-spec § Pulling manifests).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A repository's name with its registry's host where one is given: `registry.example:5000/team/app`.
///
/// Path components follow the distribution-spec (§ Pulling manifests), the host follows the reference grammar of
/// `distribution/reference`: the first component is a host when it holds a `.` or a `:`, or is `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

/// A repository and a tag, `registry.example/app:1.0`; without a tag it means `latest`.
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
    /// Where it is kept.
    pub repository: Repository,
    /// Which of the images there.
    pub tag: Tag,
}

impl Tag {
    /// The longest tag, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Repository {
    /// The longest name, in characters: the limit of `distribution/reference`, which docker and podman share.
    pub const MAX_LENGTH: usize = 255;

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry's host, with its port, where the name gives one.
    pub fn host(&self) -> Option<&str> {
        let (first, _) = self.0.split_once('/')?;
        is_host(first).then_some(first)
    }

    /// The name as containerd and docker know it (`distribution/reference`, normalized names):
    /// `docker.io/library/app` for `app`, `docker.io/app` and `index.docker.io/app`, `docker.io/team/app` for
    /// `team/app`, and as it is when it has another host.
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
    /// The name as containerd and docker know it, see [`Repository::full_name`].
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
        let fail = |why| Err(ReferenceError { what: "tag", text: text.to_owned(), why });
        if text.is_empty() {
            return fail(Why::Empty);
        }
        for (index, char) in text.chars().enumerate() {
            match char {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => {}
                '.' | '-' if index > 0 => {}
                '.' | '-' => return fail(Why::First(char)),
                _ => return fail(Why::Character { char, at: index + 1, allowed: "letters, digits, `_.-`" }),
            }
        }
        if text.len() > Self::MAX_LENGTH {
            return fail(Why::Long { length: text.len(), limit: Self::MAX_LENGTH });
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        check_repository(text).map_err(|why| ReferenceError {
            what: "repository",
            text: text.to_owned(),
            why,
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains('@') {
            return Err(ReferenceError { what: "name to tag", text: text.to_owned(), why: Why::Digest });
        }
        // A colon before the last slash belongs to the host's port.
        let after_slash = text.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match text[after_slash..].find(':') {
            Some(colon) => (&text[..after_slash + colon], &text[after_slash + colon + 1..]),
            None => (text, "latest"),
        };
        Ok(Self { repository: repository.parse()?, tag: tag.parse()? })
    }
}

fn check_repository(text: &str) -> Result<(), Why> {
    if text.is_empty() {
        return Err(Why::Empty);
    }
    if text.len() > Repository::MAX_LENGTH {
        return Err(Why::Long { length: text.len(), limit: Repository::MAX_LENGTH });
    }
    if text.contains("://") {
        return Err(Why::Scheme);
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

/// `name:port`, where the name has letters, digits, `.` and `-`, or is an IPv6 address in brackets.
fn check_host(host: &str) -> Result<(), Why> {
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
            return Err(Why::Character { char, at: index + 1, allowed });
        }
    }
    if name.is_empty()
        || name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        return Err(Why::Host(host.to_owned()));
    }
    match port {
        Some((digits, before)) => check_port(digits, before, host),
        None => Ok(()),
    }
}

fn check_port(digits: &str, before: usize, host: &str) -> Result<(), Why> {
    if let Some((index, char)) = digits.chars().enumerate().find(|(_, char)| !char.is_ascii_digit()) {
        return Err(Why::Character { char, at: before + index + 1, allowed: "digits in a port" });
    }
    digits.parse::<u16>().map(drop).map_err(|_| Why::Host(host.to_owned()))
}

/// Lower-case letters and digits, between them one `.`, one or two `_`, or any number of `-`.
fn check_component(component: &str, before: usize) -> Result<(), Why> {
    let allowed = "lower-case letters, digits and, between them, `.`, `_`, `__` and `-`";
    let at = |index| before + index + 1;
    let mut separator = String::new();
    for (index, char) in component.chars().enumerate() {
        match char {
            'a'..='z' | '0'..='9' => separator.clear(),
            'A'..='Z' => return Err(Why::Capital { char, at: at(index) }),
            '.' | '_' | '-' if index > 0 => {
                separator.push(char);
                let fits = separator == "."
                    || separator == "_"
                    || separator == "__"
                    || separator.chars().all(|char| char == '-');
                if !fits {
                    return Err(Why::Separator { separator, at: at(index) });
                }
            }
            _ => return Err(Why::Character { char, at: at(index), allowed }),
        }
    }
    if component.is_empty() {
        return Err(Why::EmptyComponent { at: before + 1 });
    }
    if !separator.is_empty() {
        return Err(Why::Separator { separator, at: before + component.chars().count() });
    }
    Ok(())
}

/// A text that is no tag, repository or reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}: {why}")]
pub struct ReferenceError {
    what: &'static str,
    text: String,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error("it is empty")]
    Empty,
    #[error("it has {length} characters, more than {limit}")]
    Long { length: usize, limit: usize },
    #[error("character {at}, {char:?}, is none of {allowed}")]
    Character { char: char, at: usize, allowed: &'static str },
    #[error("it begins with `{0}`; begin with a letter, a digit or `_`")]
    First(char),
    #[error("character {at}, `{char}`, is a capital letter; a repository is written in lower case")]
    Capital { char: char, at: usize },
    #[error(
        "`{separator}` at character {at} does not stand between letters or digits as one `.`, `_`, `__` or `-`s"
    )]
    Separator { separator: String, at: usize },
    #[error("a part between slashes is empty at character {at}")]
    EmptyComponent { at: usize },
    #[error("it is an address with `://`; leave out everything up to there")]
    Scheme,
    #[error("`{0}` is not a host with an optional port")]
    Host(String),
    #[error("a digest says what an image is, and cannot be given to it as a name; leave out `@…`")]
    Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_grammar() {
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
    fn errors_say_which_character() {
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
    fn full_names() {
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
