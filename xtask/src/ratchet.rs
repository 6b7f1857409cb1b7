//! `cargo xtask ratchet`: counts the worst habits of this repository's prose. A count may only fall.
//!
//! The habits and their counts are `xtask/ratchet.toml`. Prose is every comment and string literal of a Rust file and
//! every line of a Markdown file.

mod prose;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::arguments::Ratchet;
use crate::shell::{Failure, files, repository, say};
use prose::Line;

/// The file of the counts, below the repository's root.
const FILE: &str = "xtask/ratchet.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    habit: Vec<Habit>,
}

/// A habit to lose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Habit {
    name: String,
    /// Words with which no line of a comment begins, case-sensitive.
    #[serde(default)]
    comment_begins_with: Vec<String>,
    /// Words or sequences of words that occur nowhere, in any case.
    #[serde(default)]
    phrases: Vec<String>,
    /// Longer sequences that do not count as an occurrence of a phrase.
    #[serde(default)]
    except: Vec<String>,
    count: usize,
}

/// An occurrence of a habit.
struct Occurrence<'a> {
    path: &'a Path,
    line: usize,
    text: &'a str,
}

/// Compares the counts, lowers them, or lists the occurrences of one habit.
pub(crate) fn run(options: &Ratchet) -> Result<(), Failure> {
    let path = repository().join(FILE);
    let recorded = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
    let counts: Counts =
        toml::from_str(&recorded).map_err(|error| Failure::Answer(format!("{FILE}: {error}")))?;
    let files = read_prose(repository())?;
    if let Some(name) = &options.list {
        return list(&counts, name, &files);
    }
    let counted: Vec<usize> = counts.habit.iter().map(|habit| occurrences(habit, &files).len()).collect();
    check(&counts.habit, &counted)?;
    if options.write {
        std::fs::write(&path, lower(&recorded, &counted)).map_err(Failure::file(&path))?;
    }
    Ok(())
}

/// Fails if a count has risen.
fn check(habits: &[Habit], counted: &[usize]) -> Result<(), Failure> {
    let mut risen = Vec::new();
    for (habit, counted) in habits.iter().zip(counted) {
        let note = match counted.cmp(&habit.count) {
            std::cmp::Ordering::Less => "fallen: lower it with `cargo xtask ratchet --write`",
            std::cmp::Ordering::Equal => "",
            std::cmp::Ordering::Greater => "RISEN",
        };
        say(&format!("{:<8} {counted:>5} of {:>5}  {note}", habit.name, habit.count));
        if *counted > habit.count {
            risen.push(habit.name.as_str());
        }
    }
    if risen.is_empty() {
        return Ok(());
    }
    let advice = "reword the new ones; `cargo xtask ratchet --list NAME` shows every occurrence";
    Err(Failure::Answer(format!("more of {} than {FILE} allows: {advice}", risen.join(", "))))
}

/// Returns the file with the counts replaced, in order. Its comments are kept.
fn lower(recorded: &str, counted: &[usize]) -> String {
    let mut counted = counted.iter();
    let line = |line: &str| match counted.as_slice().first() {
        Some(count) if line.starts_with("count = ") => {
            counted.next();
            format!("count = {count}\n")
        }
        _ => line.to_owned(),
    };
    recorded.split_inclusive('\n').map(line).collect()
}

fn list(counts: &Counts, name: &str, files: &[(PathBuf, Vec<Line>)]) -> Result<(), Failure> {
    let Some(habit) = counts.habit.iter().find(|habit| habit.name == name) else {
        let names: Vec<&str> = counts.habit.iter().map(|habit| habit.name.as_str()).collect();
        return Err(Failure::Answer(format!("no habit `{name}`; the habits are {}", names.join(", "))));
    };
    for Occurrence { path, line, text } in occurrences(habit, files) {
        say(&format!("{}:{line}: {}", path.display(), text.trim()));
    }
    Ok(())
}

/// Returns every occurrence of a habit; a line with two phrases counts twice.
fn occurrences<'a>(habit: &Habit, files: &'a [(PathBuf, Vec<Line>)]) -> Vec<Occurrence<'a>> {
    let lines = files.iter().flat_map(|(path, lines)| lines.iter().map(move |line| (path, line)));
    lines
        .flat_map(|(path, line)| {
            let occurrence = || Occurrence { path, line: line.number, text: &line.text };
            std::iter::repeat_with(occurrence).take(habit.count_in(line))
        })
        .collect()
}

impl Habit {
    fn count_in(&self, line: &Line) -> usize {
        let words: Vec<&str> = line
            .text
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
            .collect();
        let begins = line.comment
            && words.first().is_some_and(|first| self.comment_begins_with.iter().any(|word| word == first));
        let count =
            |phrases: &[String]| -> usize { phrases.iter().map(|phrase| count_phrase(&words, phrase)).sum() };
        usize::from(begins) + count(&self.phrases) - count(&self.except)
    }
}

/// Counts the occurrences of a sequence of words among others.
fn count_phrase(words: &[&str], phrase: &str) -> usize {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let same = |window: &&[&str]| window.iter().zip(&phrase).all(|(a, b)| a.eq_ignore_ascii_case(b));
    words.windows(phrase.len()).filter(same).count()
}

/// Returns the prose of every Rust and Markdown file.
fn read_prose(root: &Path) -> Result<Vec<(PathBuf, Vec<Line>)>, Failure> {
    let mut prose = Vec::new();
    for path in files(root)? {
        let extension = path.extension().unwrap_or_default();
        if extension == "rs" || extension == "md" {
            let text = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
            let lines = if extension == "rs" { prose::of_rust(&text) } else { prose::of_markdown(&text) };
            prose.push((path.strip_prefix(root).unwrap_or(&path).to_owned(), lines));
        }
    }
    Ok(prose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habit(begins: &[&str], phrases: &[&str], except: &[&str], count: usize) -> Habit {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Habit {
            name: "it".to_owned(),
            comment_begins_with: owned(begins),
            phrases: owned(phrases),
            except: owned(except),
            count,
        }
    }

    fn counted(habit: &Habit, source: &str) -> usize {
        occurrences(habit, &[(PathBuf::from("a.rs"), prose::of_rust(source))]).len()
    }

    #[test]
    fn only_a_line_of_comment_that_begins_with_the_word_is_counted() {
        let habit = habit(&["Of", "What"], &[], &[], 0);
        let source = "/// What it is.\n// Off we go. Of all.\nfn a() { say(\"What\") } // Of these.\n";
        assert_eq!(counted(&habit, source), 1);
    }

    #[test]
    fn a_phrase_is_whole_words_in_comments_and_strings_but_not_in_code() {
        let habit = habit(&[], &["is no", "beside"], &["is no longer"], 0);
        let source =
            "// This is no end beside Beside.\nfn beside() {}\n// besides, it is not, it is no longer.\n";
        assert_eq!(counted(&habit, source), 3);
        assert_eq!(counted(&habit, "say(\"it is no name\");\n"), 1);
    }

    #[test]
    fn a_count_may_fall_but_not_rise() {
        assert!(check(&[habit(&[], &[], &[], 3)], &[2]).is_ok());
        assert!(check(&[habit(&[], &[], &[], 3)], &[3]).is_ok());
        assert!(check(&[habit(&[], &[], &[], 3)], &[4]).is_err());
    }

    #[test]
    fn counts_are_replaced_and_comments_kept() {
        let recorded = "# why\n[[habit]]\nname = \"a\"\ncount = 12\n\n[[habit]]\nname = \"b\"\ncount = 3\n";
        let expected = "# why\n[[habit]]\nname = \"a\"\ncount = 9\n\n[[habit]]\nname = \"b\"\ncount = 0\n";
        assert_eq!(lower(recorded, &[9, 0]), expected);
    }

    /// An exception is subtracted from the phrases, so it must hold one.
    #[test]
    fn every_habit_has_something_to_look_for_and_every_exception_holds_a_phrase() {
        let counts: Counts = toml::from_str(include_str!("../ratchet.toml")).unwrap();
        for habit in counts.habit {
            assert!(!habit.comment_begins_with.is_empty() || !habit.phrases.is_empty(), "{}", habit.name);
            for except in &habit.except {
                let holds = |phrase: &String| except.starts_with(&format!("{phrase} "));
                assert!(habit.phrases.iter().any(holds), "{except}");
            }
        }
    }
}
