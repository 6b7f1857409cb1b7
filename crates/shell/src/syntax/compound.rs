//! Reads `if`, `case`, loops, groups, functions and bash's `[[`.

use std::rc::Rc;

use crate::start::Dialect;
use crate::syntax::reader::{Parsed, Parser};
use crate::syntax::tree::{AfterArm, Arm, CommandKind, Item, List, Piece, Pipeline, Word};
use crate::syntax::words::{Until, is_name, is_name_char, is_name_start};

impl Parser<'_> {
    /// Reads a compound command, if one is next.
    pub(crate) fn compound(&mut self) -> Parsed<Option<CommandKind>> {
        if self.peek() == Some('(') {
            return self.parenthesis().map(Some);
        }
        let word = self.reserved_word().to_owned();
        let bash = self.dialect == Dialect::Bash;
        let not_dash = self.dialect != Dialect::Dash;
        let read: fn(&mut Self) -> Parsed<CommandKind> = match word.as_str() {
            "{" => Self::group,
            "if" => Self::if_command,
            "case" => Self::case,
            "for" => Self::for_command,
            "select" if bash => Self::select,
            "while" => |parser| parser.loop_command(false),
            "until" => |parser| parser.loop_command(true),
            "function" if not_dash => Self::function_keyword,
            "coproc" if bash => Self::coproc,
            "[[" if not_dash => Self::conditional,
            _ => return Ok(None),
        };
        self.at += word.len();
        read(self).map(Some)
    }

    fn parenthesis(&mut self) -> Parsed<CommandKind> {
        if self.dialect == Dialect::Bash
            && self.is_at("((")
            && let Some(expression) = self.arithmetic()?
        {
            return Ok(CommandKind::Arithmetic(expression));
        }
        self.at += 1;
        let list = self.compound_list()?;
        if self.take(")") { Ok(CommandKind::Subshell(list)) } else { self.unexpected(Some(")")) }
    }

    /// Reads bash's `coproc COMMAND`, which runs in the background. Only a compound command may have a name.
    fn coproc(&mut self) -> Parsed<CommandKind> {
        const COMPOUND: [&str; 8] = ["{", "if", "case", "for", "select", "while", "until", "[["];
        self.blanks();
        let start = self.at;
        let has_name = self.variable_name().is_some();
        self.blanks();
        if !has_name || !(self.peek() == Some('(') || COMPOUND.contains(&self.reserved_word())) {
            self.at = start;
        }
        let first = Pipeline { negated: false, commands: vec![self.command()?] };
        Ok(CommandKind::Group(vec![Item { first, rest: Vec::new(), background: true }]))
    }

    fn group(&mut self) -> Parsed<CommandKind> {
        let list = self.compound_list()?;
        self.expect_reserved("}")?;
        Ok(CommandKind::Group(list))
    }

    fn if_command(&mut self) -> Parsed<CommandKind> {
        let mut clauses = Vec::new();
        let mut otherwise = None;
        loop {
            let condition = self.compound_list()?;
            self.expect_reserved("then")?;
            clauses.push((condition, self.compound_list()?));
            if self.take_reserved("elif") {
                continue;
            }
            if self.take_reserved("else") {
                otherwise = Some(self.compound_list()?);
            }
            self.expect_reserved("fi")?;
            return Ok(CommandKind::If { clauses, otherwise });
        }
    }

    fn loop_command(&mut self, until: bool) -> Parsed<CommandKind> {
        let condition = self.compound_list()?;
        let body = self.do_group()?;
        Ok(CommandKind::Loop { until, condition, body })
    }

    fn do_group(&mut self) -> Parsed<List> {
        self.expect_reserved("do")?;
        let body = self.compound_list()?;
        self.expect_reserved("done")?;
        Ok(body)
    }

    fn for_command(&mut self) -> Parsed<CommandKind> {
        self.blanks();
        if self.dialect == Dialect::Bash && self.is_at("((") {
            return self.arithmetic_for();
        }
        let Some(name) = self.variable_name() else { return self.error("Bad for loop variable") };
        let words = self.loop_words()?;
        let body = self.loop_body()?;
        Ok(CommandKind::For { name, words, body })
    }

    /// Reads bash's `for ((…)); do …; done`.
    fn arithmetic_for(&mut self) -> Parsed<CommandKind> {
        if self.arithmetic()?.is_none() {
            return self.unexpected(None);
        }
        self.blanks();
        self.take(";");
        let body = self.loop_body()?;
        Ok(CommandKind::Repeat { name: None, body })
    }

    fn select(&mut self) -> Parsed<CommandKind> {
        self.blanks();
        let Some(name) = self.variable_name() else { return self.unexpected(None) };
        self.loop_words()?;
        let body = self.loop_body()?;
        Ok(CommandKind::Repeat { name: Some(name), body })
    }

    fn variable_name(&mut self) -> Option<String> {
        // bash refuses other names only when the loop runs.
        let starts = self
            .peek()
            .is_some_and(|char| is_name_start(char) || (self.dialect == Dialect::Bash && is_name_char(char)));
        starts.then(|| self.take_while(is_name_char).to_owned())
    }

    /// Reads `in word…;`. `None` if absent: the loop is over `"$@"`.
    fn loop_words(&mut self) -> Parsed<Option<Vec<Word>>> {
        self.newlines()?;
        if !self.take_reserved("in") {
            self.take(";");
            return Ok(None);
        }
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.word()? {
                Some(word) => words.push(word),
                None => break,
            }
        }
        if !self.take(";") && self.peek() != Some('\n') {
            return self.unexpected(None);
        }
        Ok(Some(words))
    }

    fn loop_body(&mut self) -> Parsed<List> {
        self.newlines()?;
        if self.dialect == Dialect::Bash && self.take_reserved("{") {
            let body = self.compound_list()?;
            self.expect_reserved("}")?;
            return Ok(body);
        }
        self.do_group()
    }

    fn case(&mut self) -> Parsed<CommandKind> {
        self.blanks();
        let Some(subject) = self.word()? else { return self.unexpected(None) };
        self.expect_reserved("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.take_reserved("esac") {
                return Ok(CommandKind::Case { subject, arms });
            }
            arms.push(self.arm()?);
        }
    }

    fn arm(&mut self) -> Parsed<Arm> {
        if self.take("(") {
            self.blanks();
        }
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            let Some(pattern) = self.word()? else { return self.unexpected(None) };
            patterns.push(pattern);
            self.blanks();
            if self.take(")") {
                break;
            }
            if !self.take("|") {
                return self.unexpected(Some(")"));
            }
        }
        let body = self.optional_list()?;
        let not_dash = self.dialect != Dialect::Dash;
        let after = if not_dash && self.take(";;&") {
            AfterArm::NextPattern
        } else if self.take(";;") {
            AfterArm::Leave
        } else if not_dash && self.take(";&") {
            AfterArm::NextBody
        } else if self.reserved_word() == "esac" {
            AfterArm::Leave
        } else {
            return self.unexpected(Some(";;"));
        };
        Ok(Arm { patterns, body, after })
    }

    fn function_keyword(&mut self) -> Parsed<CommandKind> {
        self.blanks();
        let Some(word) = self.word()? else { return self.unexpected(None) };
        let name = word.plain().unwrap_or_default().to_owned();
        self.blanks();
        if self.peek() == Some('(') {
            return self.function(name);
        }
        self.newlines()?;
        self.function_body(name)
    }

    /// Reads `() body` after a function's name.
    pub(crate) fn function(&mut self, name: String) -> Parsed<CommandKind> {
        self.at += 1;
        self.blanks();
        if !self.take(")") {
            return self.unexpected(Some(")"));
        }
        if self.dialect == Dialect::Dash && !is_name(&name) {
            return self.error("Bad function name");
        }
        self.newlines()?;
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Parsed<CommandKind> {
        let body = Rc::new(self.deeper(|parser| parser.command())?);
        self.keeps = true;
        Ok(CommandKind::Function { name, body })
    }

    /// Reads the words of `[[ … ]]`.
    fn conditional(&mut self) -> Parsed<CommandKind> {
        const OPERATORS: [&str; 6] = ["&&", "||", "(", ")", "<", ">"];
        let mut words: Vec<Word> = Vec::new();
        loop {
            self.newlines()?;
            if self.take_reserved("]]") {
                return Ok(CommandKind::Conditional(words));
            }
            let after = words.last().and_then(Word::plain).unwrap_or_default();
            let until = if after == "=~" { Until::Expression } else { Until::Blank };
            let operator =
                OPERATORS.into_iter().find(|operator| until == Until::Blank && self.is_at(operator));
            if let Some(operator) = operator {
                let position = self.position();
                self.at += operator.len();
                let text = operator.to_owned();
                words.push(Word { position, pieces: vec![Piece::Text { text, quoted: false }] });
                continue;
            }
            let start = self.at;
            let mut word = self.word_until(until)?;
            if self.at == start {
                return self.unexpected(Some("]]"));
            }
            // A pattern such as `@(a|b)`: its text is not known.
            if self.peek() == Some('(') {
                self.word_until(Until::Expression)?;
                word.pieces.push(Piece::Unknown { quoted: false });
            }
            words.push(word);
        }
    }
}
