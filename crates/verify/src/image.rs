//! What an image's index and configuration say.

use std::fmt;

use crossdock_platform::matching::normal_form;

/// What an image's index and configuration say of it, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The platform in the index's entry; `None` for an image without an index.
    pub index_platform: Option<PlatformText>,
    /// The platform in the image's configuration.
    pub config_platform: PlatformText,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `Env`, as `NAME=VALUE`.
    pub env: Vec<String>,
    /// `User`: `user`, `user:group`, names or numbers; empty means root.
    pub user: String,
    /// `WorkingDir`; empty means `/`.
    pub working_directory: String,
    /// The keys of `ExposedPorts`, such as `80/tcp`.
    pub exposed_ports: Vec<String>,
}

/// A platform as an index or configuration spells it, which may be wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformText {
    /// `os`.
    pub os: String,
    /// `architecture`.
    pub architecture: String,
    /// `variant`.
    pub variant: Option<String>,
}

impl ImageFacts {
    /// The words that the runtime starts: the entry point's, then the command's.
    pub fn command(&self) -> impl Iterator<Item = &str> {
        self.entrypoint.iter().chain(&self.cmd).map(String::as_str)
    }

    /// The working directory; `/` where the configuration names none.
    pub fn working_directory(&self) -> &str {
        if self.working_directory.is_empty() { "/" } else { &self.working_directory }
    }

    /// True when the program is started through a shell: `["/bin/sh", "-c", …]`.
    pub fn is_shell_form(&self) -> bool {
        let mut words = self.command();
        words.next().is_some_and(|word| word.ends_with("sh")) && words.next() == Some("-c")
    }
}

impl PlatformText {
    /// A platform in these words.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> PlatformText {
        PlatformText {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.filter(|variant| !variant.is_empty()).map(str::to_owned),
        }
    }

    /// containerd's normal form (`platforms.Normalize`): its spellings of an architecture are one, and a variant that is the
    /// default goes away.
    #[must_use]
    pub fn normalized(&self) -> PlatformText {
        let variant = self.variant.as_deref().unwrap_or_default();
        let (os, architecture, variant) = normal_form(&self.os, &self.architecture, variant);
        PlatformText::new(&os, &architecture, Some(&variant))
    }
}

impl fmt::Display for PlatformText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}
