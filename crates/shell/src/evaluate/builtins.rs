//! The builtins of the shell.

use std::rc::Rc;

use crate::arguments::may_be_options;
use crate::evaluate::arithmetic::forget_assigned;
use crate::evaluate::flow::{finish_builtin, leave_unknown};
use crate::evaluate::machine::Evaluator;
use crate::evaluate::simple::{Call, declaration, shown};
use crate::evaluate::state::{Content, LastKind, Mode, State, Status};
use crate::outcome::{Asked, Cause, EndKind, Found, How, Position, Reason};
use crate::start::{Dialect, Entry, Options};
use crate::syntax::{self, Lines};
use crate::touched::Reach;
use crate::value::{Part, Value};

/// The steps that a text costs which runs in the current shell.
const PRICE_OF_TEXT: usize = 64;

const COMMON: &[&str] = &[
    ":", ".", "[", "alias", "bg", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit",
    "export", "false", "fg", "getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly",
    "return", "set", "shift", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset",
    "wait",
];
const ASH: &[&str] = &["chdir", "source", "let", "help", "history"];
const BASH: &[&str] = &[
    "source",
    "let",
    "declare",
    "typeset",
    "shopt",
    "builtin",
    "mapfile",
    "readarray",
    "pushd",
    "popd",
    "dirs",
    "enable",
    "disown",
    "help",
    "history",
    "logout",
    "suspend",
    "compgen",
    "complete",
    "compopt",
    "bind",
    "fc",
    "caller",
];

/// The largest text of `eval`, `alias` and `.`.
const LARGEST_TEXT: usize = 256 * 1024;

impl Evaluator<'_> {
    /// Whether a command word names a builtin of this dialect.
    pub(crate) fn is_builtin(&self, name: &str) -> bool {
        COMMON.contains(&name)
            || match self.start.dialect {
                Dialect::Dash => name == "chdir",
                Dialect::Ash => ASH.contains(&name),
                Dialect::Bash => BASH.contains(&name),
            }
    }

    /// Runs a builtin.
    pub(crate) fn builtin(&mut self, mut state: State, name: &str, mut call: Call) -> Vec<State> {
        let position = call.position;
        let status = match name {
            "eval" => return self.eval(state, &call),
            "." | "source" => return self.source(state, &call),
            "command" => return self.command_builtin(state, call),
            "builtin" => {
                call.words.remove(0);
                return self.without_functions(state, call);
            }
            "exec" => return self.exec(state, call),
            "alias" if self.start.dialect != Dialect::Bash => return self.alias(state, &call),
            "false" => Status::Known(1),
            "echo" => self.echo(&mut state, &call.words[1..]),
            "printf" => self.printf(&mut state, &call.words[1..]),
            "pwd" => {
                let mut line = state.directory.clone();
                line.push(Part::Text("\n".to_owned()));
                self.print(&mut state, line);
                Status::Known(0)
            }
            "test" | "[" => {
                let status = match name {
                    "test" => Status::of(self.test(&state, &call.words[1..])),
                    _ => self.bracket(&state, &call.words[1..]),
                };
                let decides = status == Status::Unknown && !self.context.condition;
                self.outcome.demands_unknown |= decides && state.options.errexit;
                status
            }
            "cd" | "chdir" | "pushd" | "popd" => {
                let (status, missing) = self.cd(&mut state, name, &call.words[1..]);
                let status = self.assume_success(&state, status);
                finish_builtin(&mut state, status, position);
                if let Some(path) = missing {
                    self.fails_for(&mut state, Reason::Directory(path), position);
                }
                return vec![state];
            }
            "exit" | "logout" => {
                self.exits(position, Vec::new());
                return vec![exit(state, &call)];
            }
            "return" if state.frames.is_empty() && self.context.file.is_none() => {
                return vec![self.return_outside(state, &call)];
            }
            "return" => {
                state.status = number(&call.words, state.status);
                state.mode = Mode::Return;
                return vec![state];
            }
            "break" | "continue" => {
                let levels =
                    call.words.get(1).and_then(Value::text).and_then(|text| text.parse().ok()).unwrap_or(1);
                state.mode = if name == "break" { Mode::Break(levels) } else { Mode::Continue(levels) };
                state.status = Status::Known(0);
                return vec![state];
            }
            "set" => return vec![self.set(state, &call)],
            "shift" => return vec![self.shift(state, &call)],
            "export" | "readonly" | "local" | "declare" | "typeset" => {
                self.declare(&mut state, name, &call.words[1..], position)
            }
            "unset" => match readonly_operand(&state, &call.words[1..]) {
                Some(name) => self.refuse_change(&mut state, &name, position),
                None => unset(&mut state, &call.words[1..]),
            },
            "trap" => trap(&mut state, &call.words[1..]),
            "read" => self.read(&mut state, &call.words[1..]),
            "mapfile" | "readarray" => self.mapfile(&mut state, &call.words[1..], position),
            "getopts" => self.getopts(&mut state, &call.words[1..]),
            "wait" => {
                state.waited |= state.background;
                let missing = self.missing_background().filter(|_| call.words.len() > 1);
                let status = missing.map_or(Status::Unknown, |_| Status::Known(127));
                state.status = self.assume_success(&state, status);
                state.set_last(LastKind::Wait, position);
                // `set -e` ends the script because of that program.
                if let Some(program) = missing.filter(|_| state.options.errexit) {
                    state.set_last(LastKind::Program(program), position);
                }
                return vec![state];
            }
            "type" | "hash" => self.describes(&state, &call.words[1..]),
            "let" => {
                call.words[1..].iter().for_each(|word| forget_assigned(&mut state, &word.to_string()));
                Status::Unknown
            }
            "kill" | "fg" | "bg" | "jobs" => Status::Unknown,
            _ => Status::Known(0),
        };
        let status = self.assume_success(&state, status);
        finish_builtin(&mut state, status, position);
        vec![state]
    }

    /// Returns the only program in the background so far, if it is missing: `wait $!` tells its status.
    fn missing_background(&self) -> Option<usize> {
        let programs = self.outcome.programs.iter().enumerate();
        let mut programs = programs.filter(|(_, program)| program.how == How::Background);
        let (index, program) = programs.next()?;
        (programs.next().is_none() && program.found == Found::Missing).then_some(index)
    }

    fn eval(&mut self, mut state: State, call: &Call) -> Vec<State> {
        if sets_arguments(&call.words) {
            state.arguments = Rc::new(vec![Value::many()]);
            finish_builtin(&mut state, Status::Known(0), call.position);
            return vec![state];
        }
        let mut text = String::new();
        for word in &call.words[1..] {
            let Some(part) = word.text().filter(|part| text.len() + part.len() < LARGEST_TEXT) else {
                self.unfollowed(Cause::Eval, call.position, shown(&call.words));
                leave_unknown(&mut state, call.position);
                return vec![state];
            };
            text.push_str(part);
            text.push(' ');
        }
        self.run_text(state, &text, call.position, call.position)
    }

    /// Runs a text in the current shell.
    pub(crate) fn run_text(
        &mut self,
        state: State,
        text: &str,
        first: Position,
        position: Position,
    ) -> Vec<State> {
        // Reading a text and copying the state cost more than the steps of a short text.
        self.pay(PRICE_OF_TEXT + text.len() / 16, position);
        let mut lines = Lines::new(text, self.start.dialect, first);
        let mut fallback = state.clone();
        let states = self.deeper(position, |evaluator| {
            let mut state = state;
            state.status = Status::Known(0);
            evaluator.text(vec![state], &mut lines)
        });
        let mut states = states.unwrap_or_else(|| {
            fallback.end(EndKind::Unknown, position);
            vec![fallback]
        });
        if self.start.dialect == Dialect::Bash {
            states.iter_mut().for_each(survive_syntax_error);
        }
        states
    }

    /// Defines aliases as functions, which is what they are for commands on later lines. bash has none in scripts.
    fn alias(&mut self, state: State, call: &Call) -> Vec<State> {
        let mut text = String::new();
        for word in &call.words[1..] {
            match word.text().map(|word| word.split_once('=')) {
                Some(Some((name, value))) if syntax::is_name(name) && value.len() < LARGEST_TEXT => {
                    text.push_str(&format!("{name}() {{ command {value} \"$@\"\n}}\n"));
                }
                // Without a value, it prints the alias.
                Some(None) => {}
                _ => self.unfollowed(Cause::Eval, call.position, shown(&call.words)),
            }
        }
        self.pay(text.len() / 16, call.position);
        // An alias may hold a part of a command, such as `if`.
        if Lines::new(&text, self.start.dialect, call.position).finish().is_some() {
            self.unfollowed(Cause::Eval, call.position, shown(&call.words));
            text.clear();
        }
        let mut states = self.run_text(state, &text, call.position, call.position);
        states.iter_mut().for_each(|state| finish_builtin(state, Status::Known(0), call.position));
        states
    }

    fn source(&mut self, mut state: State, call: &Call) -> Vec<State> {
        let position = call.position;
        let Some(operand) = call.words.get(1) else {
            self.refuse(&mut state, ".: filename argument required".to_owned(), position);
            return vec![state];
        };
        let found = self.find_script(&state, operand);
        if found == Found::Missing {
            let reason = Reason::Source(operand.to_string());
            // After `command`, a special builtin is like any other (POSIX, `command`).
            if self.start.dialect == Dialect::Bash || call.no_functions {
                finish_builtin(&mut state, Status::Known(1), position);
                self.fails_for(&mut state, reason, position);
            } else {
                state.end(EndKind::Fails { status: self.usage_status(), reason }, position);
            }
            return vec![state];
        }
        let path = match found {
            Found::At(path) | Found::NotExecutable(path) => Some(path),
            Found::Missing | Found::Unknown => None,
        };
        let trusted = path.as_ref().filter(|path| !state.touched.has(path, Reach::Itself));
        let text = trusted.and_then(|path| self.files.text(path));
        self.pay(text.as_ref().map_or(0, Vec::len) / 16, position);
        let (Some(text), Some(path)) = (text.filter(|text| text.len() < LARGEST_TEXT), path) else {
            self.unfollowed(Cause::Source, position, shown(&call.words));
            leave_unknown(&mut state, position);
            return vec![state];
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let arguments = state.arguments.clone();
        if call.words.len() > 2 && self.start.dialect != Dialect::Dash {
            state.arguments = Rc::new(call.words[2..].to_vec());
        }
        let mut states = self.within(
            |context| context.file = Some(path),
            |evaluator| evaluator.run_text(state, &text, Position::FIRST, position),
        );
        for state in &mut states {
            if state.mode == Mode::Return {
                state.mode = Mode::Run;
            }
            if call.words.len() > 2 && self.start.dialect != Dialect::Dash {
                state.arguments = arguments.clone();
            }
        }
        states
    }

    /// Looks a sourced file up: by its path, or in PATH and then, except in dash, in the working directory.
    fn find_script(&self, state: &State, operand: &Value) -> Found {
        let Some(name) = operand.text() else { return Found::Unknown };
        let found = self.find(state, operand, None);
        let here = match Self::absolute(state, name) {
            Some(path) if !name.contains('/') && self.start.dialect != Dialect::Dash => {
                match self.entry(state, &path) {
                    Entry::Absent => Found::Missing,
                    Entry::Unknown => Found::Unknown,
                    _ => Found::At(path),
                }
            }
            _ => Found::Missing,
        };
        if found == Found::Missing { here } else { found }
    }

    /// Runs `command`, which skips functions, or tells where a command is.
    fn command_builtin(&mut self, mut state: State, mut call: Call) -> Vec<State> {
        let options = call.words[1..]
            .iter()
            .take_while(|word| word.text().is_some_and(|text| text.starts_with('-') && text.len() > 1))
            .count();
        let asks = call.words[1..=options].iter().any(|word| matches!(word.text(), Some("-v" | "-V")));
        call.words.drain(..=options);
        if asks {
            let status = self.describes(&state, &call.words);
            let told = self.told_place(&state, call.words.first());
            self.print(&mut state, told);
            let status = self.assume_success(&state, status);
            finish_builtin(&mut state, status, call.position);
            return vec![state];
        }
        self.without_functions(state, call)
    }

    /// Returns what `command -v` prints about a command.
    fn told_place(&self, state: &State, word: Option<&Value>) -> Value {
        let Some(name) = word.and_then(Value::text) else { return Value::unknown() };
        if self.is_builtin(name) || state.functions.contains_key(name) {
            return Value::from(format!("{name}\n"));
        }
        match self.find(state, &Value::from(name), None) {
            Found::Missing => Value::from(""),
            Found::At(_) if name.contains('/') => Value::from(format!("{name}\n")),
            Found::At(path) => Value::from(format!("{path}\n")),
            Found::NotExecutable(_) if name.contains('/') => match self.start.dialect {
                Dialect::Bash => Value::from(""),
                Dialect::Dash | Dialect::Ash => Value::from(format!("{name}\n")),
            },
            Found::NotExecutable(_) | Found::Unknown => Value::unknown(),
        }
    }

    /// Runs the command after `command` or `builtin`, if there is one.
    fn without_functions(&mut self, mut state: State, mut call: Call) -> Vec<State> {
        if call.words.is_empty() {
            finish_builtin(&mut state, Status::Known(0), call.position);
            return vec![state];
        }
        call.no_functions = true;
        self.call(state, call)
    }

    /// Whether all commands exist, as `command -v`, `type` and `hash` tell.
    fn describes(&self, state: &State, words: &[Value]) -> Status {
        let mut status = Status::Known(0);
        for word in words {
            let Some(name) = word.text() else { return Status::Unknown };
            if name.starts_with('-') || self.is_builtin(name) || state.functions.contains_key(name) {
                continue;
            }
            match self.find(state, word, None) {
                Found::At(_) => {}
                Found::Missing => {
                    self.asks.add(Asked::Command(name.to_owned()));
                    return Status::Known(if self.start.dialect == Dialect::Bash { 1 } else { 127 });
                }
                // dash and BusyBox ask only whether a path exists.
                Found::NotExecutable(_) if name.contains('/') => {
                    if self.start.dialect == Dialect::Bash {
                        return Status::Known(1);
                    }
                }
                Found::NotExecutable(_) | Found::Unknown => status = Status::Unknown,
            }
        }
        status
    }

    fn exec(&mut self, mut state: State, mut call: Call) -> Vec<State> {
        call.words.remove(0);
        if self.start.dialect != Dialect::Dash {
            skip_exec_options(&mut call.words);
        }
        if call.words.first().is_some_and(|word| word.text() == Some("--")) {
            call.words.remove(0);
        }
        let Some(first) = call.words.first() else {
            finish_builtin(&mut state, Status::Known(0), call.position);
            return vec![state];
        };
        if first.text().is_none() {
            let text = format!("exec {}", shown(&call.words));
            self.unfollowed(Cause::CommandWord, call.position, text);
        }
        vec![self.program_runs(state, call, true)]
    }

    fn echo(&self, state: &mut State, words: &[Value]) -> Status {
        if state.output.is_none() {
            return Status::Known(0);
        }
        let mut line = Value::from("");
        let without_newline = words.first().and_then(Value::text) == Some("-n");
        let skipped = usize::from(without_newline);
        for (at, word) in words.iter().skip(skipped).enumerate() {
            if at > 0 {
                line.push(Part::Text(" ".to_owned()));
            }
            let escapes =
                word.parts().iter().any(|part| matches!(part, Part::Text(text) if text.contains('\\')));
            let is_option = at == 0 && word.prefix().starts_with('-');
            if escapes || is_option || word.is_many() {
                line = Value::unknown();
                break;
            }
            line.append(word);
        }
        if !without_newline {
            line.push(Part::Text("\n".to_owned()));
        }
        self.print(state, line);
        Status::Known(0)
    }

    fn printf(&self, state: &mut State, words: &[Value]) -> Status {
        let bash = self.start.dialect == Dialect::Bash;
        match words {
            [option, name, words @ ..] if bash && option.text() == Some("-v") => match name.text() {
                Some(name) => state.assign(name, Content::Scalar(Self::formatted(words))),
                None => state.forget_variables(name.prefix()),
            },
            words => self.print(state, Self::formatted(words)),
        }
        Status::Known(0)
    }

    fn bracket(&self, state: &State, words: &[Value]) -> Status {
        match words.split_last() {
            Some((last, words)) if last.text() == Some("]") => Status::of(self.test(state, words)),
            Some((last, _)) if last.text().is_none() => Status::Unknown,
            // dash and bash: `missing ]`, status 2.
            _ => Status::Known(2),
        }
    }

    /// Changes the directory. Returns the status, and the path if it is not a directory.
    fn cd(&self, state: &mut State, name: &str, words: &[Value]) -> (Status, Option<String>) {
        let operand =
            words.iter().find(|word| word.text().is_none_or(|text| !text.starts_with('-') || text == "-"));
        let target = match (operand, state.variable("HOME")) {
            (Some(word), _) => word.clone(),
            (None, Content::Scalar(home)) => home.clone(),
            (None, _) => Value::unknown(),
        };
        let path = match target.text() {
            Some("-") | None => None,
            Some(_) if name == "popd" => None,
            Some(path) => Self::absolute(state, path),
        };
        let Some(path) = path else {
            set_directory(state, Value::unknown());
            return (Status::Unknown, None);
        };
        match self.entry(state, &path) {
            Entry::Directory => {
                set_directory(state, Value::from(path));
                (Status::Known(0), None)
            }
            Entry::Unknown => {
                set_directory(state, Value::from(path));
                (Status::Unknown, None)
            }
            Entry::Absent | Entry::File(_) | Entry::Other => (Status::Known(self.usage_status()), Some(path)),
        }
    }

    fn set(&self, mut state: State, call: &Call) -> State {
        let before = state.options;
        let mut rest = &call.words[1..];
        while let [word, after @ ..] = rest {
            let Some(text) = word.text() else {
                if may_be_options(word) {
                    // Options or arguments: both are unknown from here on.
                    state.arguments = Rc::new(vec![Value::many()]);
                    finish_builtin(&mut state, Status::Known(0), call.position);
                    return state;
                }
                break;
            };
            if !text.starts_with(['-', '+']) {
                break;
            }
            rest = after;
            if text == "--" {
                state.arguments = Rc::new(rest.to_vec());
                finish_builtin(&mut state, Status::Known(0), call.position);
                return state;
            }
            if text == "-" {
                break;
            }
            let on = text.starts_with('-');
            for letter in text.chars().skip(1) {
                let known = if letter == 'o' {
                    let name = rest.first().and_then(Value::text);
                    rest = rest.get(1..).unwrap_or_default();
                    name.is_none_or(|name| {
                        let is_absent = name == "pipefail" && !self.start.has_pipefail;
                        !is_absent && set_named(&mut state.options, name, on)
                    })
                } else {
                    set_letter(&mut state.options, letter, on, self.start.dialect)
                };
                if !known {
                    state.options = before;
                    self.refuse(&mut state, format!("set: Illegal option {text}"), call.position);
                    return state;
                }
            }
        }
        if !rest.is_empty() {
            state.arguments = Rc::new(rest.to_vec());
        }
        finish_builtin(&mut state, Status::Known(0), call.position);
        state
    }

    fn shift(&self, mut state: State, call: &Call) -> State {
        let steps = match call.words.get(1) {
            None => Some(1),
            Some(word) => word.text().and_then(|text| text.parse::<usize>().ok()),
        };
        let arguments = &state.arguments;
        let has_many = arguments.iter().any(Value::is_many);
        let known = steps.filter(|steps| !arguments.iter().take(*steps).any(Value::is_many));
        match known {
            Some(steps) if steps <= arguments.len() => {
                state.arguments = Rc::new(arguments[steps..].to_vec());
                finish_builtin(&mut state, Status::Known(0), call.position);
            }
            // BusyBox only fails.
            Some(_) if !has_many && self.start.dialect == Dialect::Ash => {
                finish_builtin(&mut state, Status::Known(1), call.position);
            }
            Some(_) if !has_many => {
                self.refuse(&mut state, "shift: can't shift that many".to_owned(), call.position);
            }
            _ => {
                state.arguments = Rc::new(vec![Value::many()]);
                finish_builtin(&mut state, Status::Known(0), call.position);
            }
        }
        state
    }

    fn declare(&self, state: &mut State, name: &str, words: &[Value], position: Position) -> Status {
        if name == "local" && state.frames.is_empty() {
            return self.local_outside(state, position);
        }
        let mut is_local = match name {
            "local" => true,
            "declare" | "typeset" => !state.frames.is_empty(),
            _ => false,
        };
        let mut exported = (name == "export").then_some(true);
        let mut is_readonly = name == "readonly";
        for word in words {
            match word.text() {
                Some("-n") if name == "export" => exported = Some(false),
                Some(option) if option.starts_with('-') => {
                    // The names that follow are others' from now on: any assignment may change any variable.
                    if matches!(name, "declare" | "typeset" | "local") && option.contains('n') {
                        state.forget_variables("");
                    }
                    is_local &= !option.contains('g');
                    // A local one is protected only in its function.
                    is_readonly |= name == "declare" && !is_local && option.contains('r');
                    if matches!(name, "declare" | "typeset" | "local") && option.contains('x') {
                        exported = Some(true);
                    }
                    continue;
                }
                _ => {}
            }
            let Some((variable, value)) = declaration(word) else {
                if word.text().is_none() {
                    state.forget_variables(word.prefix());
                }
                continue;
            };
            if state.is_readonly(&variable)
                && (value.is_some() || (is_local && self.start.dialect == Dialect::Bash))
            {
                return self.refuse_change(state, &variable, position);
            }
            if is_readonly {
                state.protect(&variable);
            }
            let is_new = is_local && hide(state, &variable);
            match value {
                Some(value) => state.assign(&variable, Content::Scalar(value)),
                None if is_new && self.start.dialect == Dialect::Bash => {
                    state.assign(&variable, Content::Unset)
                }
                None => {}
            }
            if let Some(exported) = exported {
                state.export(&variable, exported);
            }
        }
        Status::Known(0)
    }

    /// A builtin fails that would change a variable which cannot be changed. It ends the script of shells other than bash.
    fn refuse_change(&self, state: &mut State, name: &str, position: Position) -> Status {
        if self.start.dialect != Dialect::Bash {
            let reason = Reason::Builtin(format!("{name}: is read only"));
            state.end(EndKind::Fails { status: 2, reason }, position);
        }
        Status::Known(1)
    }

    /// `return` outside functions and sourced files is an error in bash, and ends the script of other shells.
    fn return_outside(&mut self, mut state: State, call: &Call) -> State {
        if self.start.dialect == Dialect::Bash {
            finish_builtin(&mut state, Status::Known(2), call.position);
            return state;
        }
        if !self.context.subshell {
            self.returns.push((call.position, shown(&call.words)));
        }
        exit(state, call)
    }

    /// `local` outside a function fails in bash, and ends the script of other shells.
    fn local_outside(&self, state: &mut State, position: Position) -> Status {
        let message = "local: not in a function".to_owned();
        if self.start.dialect != Dialect::Bash {
            state.end(EndKind::Fails { status: 2, reason: Reason::Builtin(message) }, position);
        }
        Status::Known(1)
    }
}

/// Returns the first variable among the operands of `unset` that cannot be changed.
fn readonly_operand(state: &State, words: &[Value]) -> Option<String> {
    let texts =
        words.iter().filter_map(Value::text).filter(|_| !words.iter().any(|word| word.text() == Some("-f")));
    texts.into_iter().find(|name| state.is_readonly(name)).map(str::to_owned)
}

/// Whether this is `eval set -- "$options"`, the usual way to take what `getopt` prints: quoted words, and no commands.
fn sets_arguments(words: &[Value]) -> bool {
    let texts: Vec<Option<&str>> = words.iter().map(Value::text).collect();
    match texts.as_slice() {
        [_, Some("set"), Some("--"), None, ..] => true,
        // Gradle's start scripts add `"$@"` as a word of its own.
        [_, None, rest @ ..] => {
            words[1].prefix().starts_with("set -- ") && rest.iter().all(|word| *word == Some("\"$@\""))
        }
        _ => false,
    }
}

/// Lets bash go on after a syntax error in the text of `eval` or of a sourced file.
fn survive_syntax_error(state: &mut State) {
    if matches!(state.mode, Mode::Ended(EndKind::Fails { reason: Reason::Syntax, .. }, _)) {
        state.mode = Mode::Run;
        state.status = Status::Failure;
    }
}

/// Remembers a variable that `local` hides. Returns whether it was not local before.
fn hide(state: &mut State, name: &str) -> bool {
    let before = state.variables.get(name).cloned();
    match state.frames.last_mut() {
        Some(frame) if !frame.iter().any(|(other, _)| &**other == name) => {
            frame.push((name.into(), before));
            true
        }
        _ => false,
    }
}

fn set_directory(state: &mut State, directory: Value) {
    let before = std::mem::replace(&mut state.directory, directory.clone());
    state.assign("OLDPWD", Content::Scalar(before));
    state.assign("PWD", Content::Scalar(directory));
}

fn exit(mut state: State, call: &Call) -> State {
    let status = number(&call.words, state.status);
    let last = state.last.first().filter(|_| state.last.len() == 1).map(|last| last.kind);
    let kind = match (status, last, call.words.len()) {
        // The program decides the status of the script: what remains is that program.
        (Status::Unknown, Some(LastKind::Program(program)), 1) => EndKind::Last(program),
        (status, _, _) => EndKind::Exit(status.known()),
    };
    state.end(kind, call.position);
    state
}

/// Returns the status that the first argument of `exit` or `return` gives.
fn number(words: &[Value], before: Status) -> Status {
    match words.get(1) {
        None => before,
        Some(word) => match word.text().and_then(|text| text.trim().parse::<u32>().ok()) {
            Some(number) => Status::Known((number % 256) as u8),
            None => Status::Unknown,
        },
    }
}

fn set_letter(options: &mut Options, letter: char, on: bool, dialect: Dialect) -> bool {
    if let Some(option) = options.of_letter(letter) {
        *option = on;
        return true;
    }
    match letter {
        'b' | 'C' | 'm' | 'v' | 'x' | 'i' | 'E' => true,
        'I' | 's' | 'V' => dialect != Dialect::Bash,
        'h' | 'k' | 'p' | 't' | 'B' | 'H' | 'P' | 'T' => dialect == Dialect::Bash,
        _ => false,
    }
}

fn set_named(options: &mut Options, name: &str, on: bool) -> bool {
    if let Some(option) = options.of_name(name) {
        *option = on;
        return true;
    }
    name.chars().all(|char| char.is_ascii_lowercase())
}

fn unset(state: &mut State, words: &[Value]) -> Status {
    let mut functions = false;
    for word in words {
        match word.text() {
            Some("-f") => functions = true,
            Some("-v") => functions = false,
            Some(name) if functions => {
                Rc::make_mut(&mut state.functions).remove(name);
            }
            Some(name) => {
                state.assign(name, Content::Unset);
                state.export(name, false);
            }
            None => state.forget_variables(word.prefix()),
        }
    }
    Status::Known(0)
}

fn trap(state: &mut State, words: &[Value]) -> Status {
    let words = match words {
        [first, rest @ ..] if first.text() == Some("--") => rest,
        words => words,
    };
    if let [action, signals @ ..] = words
        && signals.iter().any(|signal| matches!(signal.text(), Some("EXIT" | "0" | "exit")))
    {
        state.exit_trap = action.text().filter(|text| !matches!(*text, "-" | "")).map(Rc::from);
    }
    Status::Known(0)
}

/// Skips the options of `exec`: `-a name`, `-c`, `-l`.
fn skip_exec_options(words: &mut Vec<Value>) {
    while let Some(text) = words.first().and_then(Value::text) {
        let count = match text {
            "-a" => 2,
            "-c" | "-l" | "-cl" | "-lc" => 1,
            _ => return,
        };
        words.drain(..count.min(words.len()));
    }
}
