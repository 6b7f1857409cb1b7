//! The names of instructions.

use std::fmt;

macro_rules! keywords {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// The name of an instruction, read in any case.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Keyword {
            $(#[doc = concat!("`", $text, "`")] $name,)+
            /// Not an instruction of BuildKit, as it was written.
            Unknown(String),
        }

        impl Keyword {
            /// Every instruction, in alphabetical order.
            pub const ALL: &[Keyword] = &[$(Keyword::$name),+];

            /// Returns the name in capital letters; an unknown one as it was written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }
    };
}

keywords! {
    Add = "ADD",
    Arg = "ARG",
    Cmd = "CMD",
    Copy = "COPY",
    Entrypoint = "ENTRYPOINT",
    Env = "ENV",
    Expose = "EXPOSE",
    From = "FROM",
    Healthcheck = "HEALTHCHECK",
    Label = "LABEL",
    Maintainer = "MAINTAINER",
    Onbuild = "ONBUILD",
    Run = "RUN",
    Shell = "SHELL",
    Stopsignal = "STOPSIGNAL",
    User = "USER",
    Volume = "VOLUME",
    Workdir = "WORKDIR",
}

impl Keyword {
    /// Parses a name in any case.
    pub(crate) fn parse(text: &str) -> Self {
        let known = Self::ALL.iter().find(|keyword| keyword.as_str().eq_ignore_ascii_case(text));
        known.cloned().unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }

    /// Returns whether here-documents may follow the instruction.
    pub(crate) fn takes_heredocs(&self) -> bool {
        matches!(self, Self::Add | Self::Copy | Self::Run)
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
