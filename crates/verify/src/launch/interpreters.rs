//! Interpreters, whose arguments name the file that they run.

use super::call::Call;
use super::process::Word;
use super::{Next, next, python};
use crate::root::{EntryKind, ResolveError};

/// An interpreter, by the beginning of its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The names, to which digits and dots of a version may be added.
    names: &'static [&'static str],
    file: Rule,
}

/// The place of the file among the arguments.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Rule {
    /// The first word that is not an option. The letters are options without a value, then those with one.
    FirstOperand { flags: &'static str, valued: &'static str },
    /// The word after `-jar`.
    Jar,
    /// The first word, if it is the path of an assembly.
    Assembly,
}

static INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["python", "pypy"],
        file: Rule::FirstOperand { flags: "bBdEiIOPqsSuvx", valued: "WX" },
    },
    Interpreter { names: &["perl"], file: Rule::FirstOperand { flags: "wWTtuUSsfcn", valued: "" } },
    Interpreter { names: &["ruby"], file: Rule::FirstOperand { flags: "wvdsacnlp", valued: "r" } },
    Interpreter { names: &["php"], file: Rule::FirstOperand { flags: "qnCe", valued: "cd" } },
    Interpreter { names: &["java"], file: Rule::Jar },
    Interpreter { names: &["dotnet"], file: Rule::Assembly },
];

/// Returns the interpreter of this name.
pub(super) fn named(name: &str) -> Option<&'static Interpreter> {
    let base = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    INTERPRETERS.iter().find(|interpreter| interpreter.names.contains(&base))
}

impl Interpreter {
    /// Checks that the file that the arguments name is there. Nothing is said about arguments that are not fully known.
    pub(super) fn read(&self, call: &Call<'_>) -> Next {
        if let Some(next) = self.names.contains(&"python").then(|| python::read(call)).flatten() {
            return next;
        }
        let Some(file) = self.file.of(call.arguments()) else { return Next::Nothing };
        let is_relative = !file.starts_with('/');
        let (Some(user), false) = (&call.process.user, is_relative && call.process.directory.is_none())
        else {
            return Next::Nothing;
        };
        let why = match call.process.within(call.context.container).resolve(file) {
            Err(ResolveError::Unreadable(_)) => return Next::Nothing,
            Err(error) => error.to_string(),
            Ok(found)
                if found.entry.kind == EntryKind::File && user.blocked_at(&found.directories).is_some() =>
            {
                format!("user {} may not enter its directory", user.uid)
            }
            Ok(found) if found.entry.kind == EntryKind::Directory && self.names.contains(&"python") => {
                return python::cannot_run(call, file, &found).unwrap_or(Next::Nothing);
            }
            Ok(_) => return Next::Nothing,
        };
        next::no_file(call, file, &why)
    }
}

impl Rule {
    /// Returns the file that the arguments name; `None` if they name none, or if it is not certain.
    fn of(self, words: &[Word]) -> Option<&str> {
        match self {
            Rule::FirstOperand { flags, valued } => first_operand(words, flags, valued),
            Rule::Jar => jar(words),
            Rule::Assembly => words.first()?.known().filter(|word| word.ends_with(".dll")),
        }
    }
}

fn first_operand<'w>(words: &'w [Word], flags: &str, valued: &str) -> Option<&'w str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.known()?;
        let Some(letters) = text.strip_prefix('-') else { return Some(text) };
        let mut letters = letters.chars();
        match letters.next()? {
            letter if valued.contains(letter) => {
                // The value is the rest of the word, or the next one.
                if letters.as_str().is_empty() {
                    words.next()?.known()?;
                }
            }
            letter
                if flags.contains(letter)
                    && letters.as_str().chars().all(|letter| flags.contains(letter)) => {}
            _ => return None,
        }
    }
    None
}

fn jar(words: &[Word]) -> Option<&str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.known()? {
            "-jar" => return words.next()?.known(),
            "-cp"
            | "-classpath"
            | "--class-path"
            | "-p"
            | "--module-path"
            | "--add-modules"
            | "--add-opens"
            | "--add-exports"
            | "--add-reads"
            | "--patch-module"
            | "--limit-modules"
            | "--enable-native-access" => {
                words.next()?;
            }
            // A file of arguments, or the name of a class.
            text if !text.starts_with('-') => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_an_interpreter_is_its_first_operand() {
        for (line, file) in [
            ("python3 /app.py -x", Some("/app.py")),
            ("python3.12 -u -OO -W ignore -Xdev app.py", Some("app.py")),
            ("python -m http.server", None),
            ("python -um app", None),
            ("python -c 1", None),
            ("python -", None),
            ("python --version", None),
            ("python", None),
            ("perl -w x.pl", Some("x.pl")),
            ("perl -Mstrict x.pl", None),
            ("java -Xmx1g -cp a -jar app.jar", Some("app.jar")),
            ("java -cp a Main -jar x", None),
            ("java @args -jar x", None),
            ("dotnet app.dll --urls x", Some("app.dll")),
            ("dotnet run", None),
        ] {
            let mut words = line.split(' ');
            let interpreter = named(words.next().unwrap()).unwrap();
            let words: Vec<Word> = words.map(|word| Word::Known(word.to_owned())).collect();
            assert_eq!(interpreter.file.of(&words), file, "{line}");
        }
        assert!(named("pythonista").is_none() && named("javac").is_none());
    }
}
