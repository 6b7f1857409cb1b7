//! Runs simple commands: assignments, functions, builtins and programs.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::evaluate::effects::{self, Effect, Modes};
use crate::evaluate::expand::{BYTES_PER_STEP, LONGEST, MOST_WORDS};
use crate::evaluate::flow::{finish_builtin, give_up, leave_unknown};
use crate::evaluate::machine::Evaluator;
use crate::evaluate::operands::Refusal;
use crate::evaluate::state::{Content, Frame, Input, LastKind, Mode, State, Status, merge};
use crate::outcome::{Asked, Cause, EndKind, Found, How, Position, Program, Reason};
use crate::start::{Dialect, Entry};
use crate::syntax::is_name;
use crate::syntax::tree::{Assigned, Assignment, Command, Piece, Redirection, RedirectionKind, Word};
use crate::touched::{Changes, Reach};
use crate::value::{Part, Value};

/// The most calls of a function within itself.
const MOST_RECURSIONS: usize = 8;

/// A command whose words are expanded.
pub(crate) struct Call {
    pub(crate) words: Vec<Value>,
    pub(crate) position: Position,
    /// Variables assigned before the command word.
    pub(crate) assigned: Vec<(String, Value)>,
    /// Whether functions are skipped, after `command`.
    pub(crate) no_functions: bool,
}

impl Evaluator<'_> {
    pub(crate) fn simple(
        &mut self,
        states: Vec<State>,
        assignments: &[Assignment],
        words: &[Word],
        command: &Command,
    ) -> Vec<State> {
        let mut done = Vec::new();
        let mut weights: BTreeMap<usize, u64> = BTreeMap::new();
        for state in states {
            let cost = 1 + state.variables.len() / 64;
            if !self.pay(cost, command.position) {
                done.extend(give_up(vec![state], command.position));
                continue;
            }
            let weight = state.weight;
            let ran = self.simple_in(state, assignments, words, command);
            for program in ran.iter().filter_map(|state| ran_program(state, command.position)) {
                let sum = weights.entry(program).or_default();
                *sum = sum.saturating_add(weight);
            }
            done.extend(ran);
        }
        for (program, sum) in weights {
            self.runs(program, sum);
        }
        merge(done)
    }

    fn simple_in(
        &mut self,
        mut state: State,
        assignments: &[Assignment],
        words: &[Word],
        command: &Command,
    ) -> Vec<State> {
        let status_before = state.status;
        let saved = state.output.clone();
        let is_redirected = writes_elsewhere(&command.redirections);
        self.substituted = None;
        let is_test = words.first().and_then(Word::plain).is_some_and(|name| matches!(name, "[" | "test"));
        let (fields, arrays) = match is_test {
            true => self.deciding(|evaluator| evaluator.arguments(&mut state, words)),
            false => self.arguments(&mut state, words),
        };
        let ran_substitution =
            assignments.iter().any(has_substitution) || words.iter().any(word_has_substitution);
        if !state.is_running() {
            return vec![state];
        }
        if fields.is_empty() {
            if !ran_substitution {
                state.status = Status::Known(0);
            }
            for assignment in assignments {
                self.assign(&mut state, assignment);
                if state.is_running() && state.is_readonly(&assignment.name) {
                    self.refuse_assignment(&mut state, &assignment.name, command.position);
                }
            }
            if !state.is_running() {
                return vec![state];
            }
            let input = state.input.clone();
            if let Opened::Failed(path) = self.redirections(&mut state, &command.redirections) {
                self.refuse_redirection(&mut state, &path, "", command.position);
                return vec![state];
            }
            // `$(< file)` of bash.
            if words.is_empty() && command.redirections.iter().any(Redirection::is_input) {
                let text = state.input.text().map(Input::take_rest);
                self.print(&mut state, text.map_or_else(Value::unknown, Value::from));
            }
            state.input = input;
            let status = self.assume_success(&state, state.status);
            finish_builtin(&mut state, status, command.position);
            if let Some(LastKind::Program(program)) = self.substituted {
                let failure = self.failure(&state, How::Substitution);
                self.outcome.programs[program].failure = self.outcome.programs[program].failure.min(failure);
            }
            // A program that is missing in a substitution is why `set -e` ends the script here.
            if let Some(kind @ (LastKind::Program(_) | LastKind::Failed(_))) = self.substituted
                && status.success() == Some(false)
            {
                state.set_last(kind, command.position);
            }
            return vec![state];
        }
        let mut assigned = Vec::new();
        for assignment in assignments {
            if let Assigned::Scalar(word) = &assignment.value {
                let value = self.one(&mut state, word);
                assigned.push((assignment.name.clone(), value));
            }
        }
        let refused = assigned.iter().find(|(name, _)| state.is_readonly(name)).map(|(name, _)| name.clone());
        match refused {
            // It runs the command all the same.
            Some(_) if self.start.dialect == Dialect::Bash => {
                assigned.retain(|(name, _)| !state.is_readonly(name))
            }
            Some(name) => {
                self.refuse_assignment(&mut state, &name, command.position);
                return vec![state];
            }
            None => {}
        }
        let input = state.input.clone();
        let opened = self.redirections(&mut state, &command.redirections);
        if !state.is_running() {
            return vec![state];
        }
        if let Opened::Failed(path) = opened {
            let name = fields.first().and_then(Value::text).unwrap_or_default();
            self.refuse_redirection(&mut state, &path, name, command.position);
            state.input = input;
            return vec![state];
        }
        // `$?` in the arguments of `exit` and `return` is that of the command before.
        if !ran_substitution {
            state.status = status_before;
        }
        if is_redirected && state.output.is_some() {
            state.output = None;
        }
        let call = Call { words: fields, position: command.position, assigned, no_functions: false };
        // `exec < file` is for all commands after it.
        let stays = matches!(call.words.as_slice(), [word] if word.text() == Some("exec"));
        let is_map =
            call.words.iter().any(|word| word.prefix().starts_with('-') && word.prefix().contains('A'));
        let mut states = self.call(state, call);
        for state in states.iter_mut().filter(|state| state.is_running()) {
            for DeclaredArray { name, append, values } in &arrays {
                let mut all = if *append { elements(state.variable(name)) } else { Vec::new() };
                all.extend(values.iter().cloned());
                all.truncate(MOST_WORDS);
                state.assign(name, if is_map { Content::Unknown } else { Content::Array(all) });
            }
        }
        if is_redirected && saved.is_some() {
            states.iter_mut().for_each(|state| state.output.clone_from(&saved));
        }
        if !stays && command.redirections.iter().any(Redirection::is_input) {
            states.iter_mut().for_each(|state| state.input.clone_from(&input));
        }
        states
    }

    /// Expands the words of a command. Assignments to `export` and the like are not split; arrays among them are returned
    /// apart, and their words only name the variables.
    fn arguments(&mut self, state: &mut State, words: &[Word]) -> (Vec<Value>, Vec<DeclaredArray>) {
        const DECLARE: [&str; 5] = ["export", "readonly", "local", "declare", "typeset"];
        let declares = words.first().and_then(Word::plain).is_some_and(|name| DECLARE.contains(&name));
        let mut arrays = Vec::new();
        if !declares {
            return (self.fields(state, words), arrays);
        }
        let mut fields = Vec::new();
        for word in words {
            if let [Piece::Text { text, .. }, Piece::Array(elements)] = word.pieces.as_slice() {
                let name = text.trim_end_matches('=');
                let append = name.ends_with('+');
                let name = name.trim_end_matches('+').to_owned();
                fields.push(Value::from(&*name));
                arrays.push(DeclaredArray { name, append, values: self.fields(state, elements) });
                continue;
            }
            let assigns = matches!(word.pieces.first(), Some(Piece::Text { text, .. }) if text.contains('='));
            if assigns {
                fields.push(self.one(state, word));
            } else {
                fields.extend(self.fields(state, std::slice::from_ref(word)));
            }
        }
        (fields, arrays)
    }

    fn assign(&mut self, state: &mut State, assignment: &Assignment) {
        let name = assignment.name.as_str();
        let content = match &assignment.value {
            Assigned::Scalar(word) => {
                let value = self.one(state, word);
                if assignment.append {
                    appended(state.variable(name), &value)
                } else {
                    Content::Scalar(value)
                }
            }
            Assigned::Array(words) => {
                let mut values = if assignment.append { elements(state.variable(name)) } else { Vec::new() };
                values.extend(self.fields(state, words));
                values.truncate(MOST_WORDS);
                Content::Array(values)
            }
            Assigned::Element(word) => {
                self.one(state, word);
                Content::Unknown
            }
        };
        if state.is_running() && !state.is_readonly(name) {
            state.assign(name, content);
        }
    }

    /// Runs a command whose words are known as far as they are.
    pub(crate) fn call(&mut self, mut state: State, call: Call) -> Vec<State> {
        let Some(name) = call.words.first().and_then(Value::text).map(str::to_owned) else {
            let text = shown(&call.words);
            self.unfollowed(Cause::CommandWord, call.position, text);
            return vec![self.program_runs(state, call, false)];
        };
        let bodies = state.functions.get(name.as_str()).cloned();
        if let (Some(bodies), false) = (bodies, call.no_functions) {
            return self.call_function(state, &call, &bodies);
        }
        if self.is_builtin(&name) {
            let before = assign_for_call(&mut state, &call.assigned);
            let keeps = is_special(&name) && self.start.dialect != Dialect::Bash;
            let mut states = self.builtin(state, &name, call);
            if !keeps {
                states.iter_mut().for_each(|state| restore(state, &before));
            }
            return states;
        }
        let parts = self.parts(&state, &call.words, call.position);
        let (position, touched) = (call.position, state.touched.clone());
        let mut state = self.program_runs(state, call, false);
        if parts.is_some() {
            // It changes nothing but by its parts, which are followed.
            state.touched = touched;
        }
        let is_there =
            |index: usize| matches!(self.outcome.programs[index].found, Found::At(_) | Found::Unknown);
        match parts.filter(|_| state.is_running() && ran_program(&state, position).is_some_and(is_there)) {
            Some(text) => self.run_parts(state, &text, position),
            None => vec![state],
        }
    }

    /// Runs the programs of a directory after `run-parts`, which starts them.
    fn run_parts(&mut self, state: State, text: &str, position: Position) -> Vec<State> {
        if let Some(program) = ran_program(&state, position) {
            self.runs(program, state.weight);
        }
        let mut states = self.run_text(state, text, position, position);
        for state in states.iter_mut().filter(|state| state.is_running()) {
            state.status = self.assume_success(state, Status::Unknown);
        }
        states
    }

    fn call_function(&mut self, state: State, call: &Call, bodies: &[Option<Rc<Command>>]) -> Vec<State> {
        let position = call.position;
        let mut rest = Some(state);
        let mut done = Vec::new();
        for (at, body) in bodies.iter().enumerate() {
            let Some(state) = rest.take() else { break };
            let mine = if at + 1 < bodies.len() {
                let status = state.status;
                let (mut mine, mut others) = state.fork();
                (mine.status, others.status) = (status, status);
                rest = Some(others);
                mine
            } else {
                state
            };
            done.extend(match body {
                Some(body) => self.call_body(mine, call, body),
                None => {
                    let call = Call {
                        words: call.words.clone(),
                        assigned: call.assigned.clone(),
                        no_functions: true,
                        position,
                    };
                    self.call(mine, call)
                }
            });
        }
        done
    }

    fn call_body(&mut self, mut state: State, call: &Call, body: &Rc<Command>) -> Vec<State> {
        let before = assign_for_call(&mut state, &call.assigned);
        call.assigned.iter().for_each(|(name, _)| state.export(name, true));
        let arguments = std::mem::replace(&mut state.arguments, Rc::new(call.words[1..].to_vec()));
        state.frames.push(Frame::new());
        let mut states = self.run_body(state, call, body);
        for state in &mut states {
            if matches!(state.mode, Mode::Return | Mode::Break(_) | Mode::Continue(_)) {
                state.mode = Mode::Run;
            }
            state.arguments = arguments.clone();
            let hidden = state.frames.pop().unwrap_or_default();
            restore(state, &hidden);
            restore(state, &before);
        }
        states
    }

    /// Runs a function's body. Calls that go too deep may do anything.
    fn run_body(&mut self, state: State, call: &Call, body: &Rc<Command>) -> Vec<State> {
        let name: Rc<str> = call.words[0].text().unwrap_or_default().into();
        let mut fallback = state.clone();
        let recursions = self.running.iter().filter(|(other, _)| *other == name).count();
        let states = if recursions < MOST_RECURSIONS {
            let place = self.place(call.position);
            self.running.push((name, place));
            let states = self.deeper(call.position, |evaluator| evaluator.command(vec![state], body));
            self.running.pop();
            states
        } else {
            self.unfollowed(Cause::TooDeep, call.position, shown(&call.words));
            None
        };
        states.unwrap_or_else(|| {
            leave_unknown(&mut fallback, call.position);
            vec![fallback]
        })
    }

    /// Lists a program and follows what it does to the shell.
    pub(crate) fn program_runs(&mut self, mut state: State, call: Call, exec: bool) -> State {
        let how = self.how(exec);
        let failure = self.failure(&state, how);
        let path = call.assigned.iter().rev().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, value)| Content::Scalar(value.clone()));
        let found = self.find(&state, &call.words[0], path.as_ref());
        let environment = self.environment_changes(&state, &call.assigned);
        let size: usize =
            environment.iter().map(|(name, value)| name.len() + value.as_ref().map_or(1, Value::size)).sum();
        self.pay(size / BYTES_PER_STEP, call.position);
        let program = Program {
            words: call.words.clone(),
            position: call.position,
            file: self.context.file.clone(),
            how,
            certain: false,
            failure,
            found: found.clone(),
            rewritten: Self::is_rewritten(&state, &found),
            guessed: self.is_guessed(&state, &found),
            environment,
            directory: state.directory.clone(),
            input: state.input.of_program(),
            changes: Changes::of(&state.touched),
        };
        let index = self.program(program);
        if self.is_exhausted() {
            // The index may be that of another program.
            state.end(EndKind::Unknown, call.position);
            return state;
        }
        if exec {
            state.set_last(LastKind::Program(index), call.position);
            state.end(EndKind::Exec(index), call.position);
            return state;
        }
        let words: Option<Vec<&str>> = call.words.iter().map(Value::text).collect();
        let refusal = words
            .as_deref()
            .filter(|_| matches!(found, Found::At(_)))
            .and_then(|words| self.refusal(&state, words));
        let told = match &refusal {
            Some(refusal) => Some(refusal.status()),
            None => words.as_deref().and_then(|words| self.status_of(&state, words)),
        };
        let decides = self.context.condition || self.context.how == How::Substitution;
        match &found {
            Found::Missing if decides => self.asks.add(Asked::Command(call.words[0].to_string())),
            Found::NotExecutable(path) if decides => self.asks.add(Asked::Execution(path.clone())),
            _ => {}
        }
        let status = match found {
            Found::Missing => Status::Known(127),
            Found::NotExecutable(_) => Status::Known(126),
            Found::At(_) | Found::Unknown => told.unwrap_or(Status::Unknown),
        };
        match found {
            // `find` goes on with its other directories.
            Found::At(_) if refusal.is_some() && words.as_deref().is_none_or(|words| words[0] != "find") => {}
            Found::At(_) | Found::Unknown => {
                self.program_writes(&mut state, &call.words, call.position);
            }
            // The shell's message goes to standard error.
            Found::Missing | Found::NotExecutable(_) if self.descriptors.copied => {
                self.print(&mut state, Value::unknown());
            }
            Found::Missing | Found::NotExecutable(_) => {}
        }
        state.status = self.assume_success(&state, status);
        state.set_last(LastKind::Program(index), call.position);
        if let Some(Refusal { reason, .. }) = refusal {
            self.runs(index, state.weight);
            self.fails_for(&mut state, reason, call.position);
        }
        state
    }

    /// Does what the shell does after an assignment to a variable that cannot be assigned: dash and BusyBox end, bash skips
    /// the rest of the commands that it read together.
    pub(crate) fn refuse_assignment(&mut self, state: &mut State, name: &str, position: Position) {
        let reason = Reason::Builtin(format!("{name}: is read only"));
        if self.start.dialect != Dialect::Bash {
            state.end(EndKind::Fails { status: 2, reason }, position);
        } else if state.options.errexit && !self.context.condition {
            state.end(EndKind::Fails { status: 1, reason }, position);
        } else {
            finish_builtin(state, Status::Known(1), position);
            state.mode = Mode::Discard;
        }
    }

    /// Follows what a program prints and which files it changes.
    fn program_writes(&mut self, state: &mut State, words: &[Value], position: Position) {
        let texts: Option<Vec<&str>> = words.iter().map(Value::text).collect();
        if state.output.is_some() {
            let printed = texts.as_deref().and_then(|words| self.printed(state, words, position));
            self.print(state, printed.map_or_else(Value::unknown, Value::from));
        }
        for path in effects::written(words) {
            self.rewrite(state, path);
        }
        match effects::of(words) {
            Effect::None => {}
            Effect::Anything => {
                if texts.is_none_or(|words| self.files.may_change_files(&words)) {
                    state.touch_anything();
                }
            }
            Effect::Owners(paths) => {
                let paths = paths.iter().map(|path| Self::absolute(state, path).unwrap_or("/".to_owned()));
                let paths: Vec<String> = paths.filter(|path| !state.touched.owners.contains(path)).collect();
                if !paths.is_empty() {
                    Arc::make_mut(&mut state.touched).give(paths);
                }
            }
            Effect::Paths { changed, removed, modes, reach } => {
                let (gone, closed) = self.lost(state, texts.as_deref().unwrap_or_default());
                let made = self.made(state, texts.as_deref().unwrap_or_default());
                for path in changed.into_iter().filter(|path| !path.is_empty()) {
                    self.touch(state, &path, reach);
                    let absolute = Self::absolute(state, &path).filter(|_| modes == Modes::Changed);
                    if let Some(path) = absolute.filter(|path| state.touched.has(path, reach)) {
                        Arc::make_mut(&mut state.touched).opened.insert(path);
                    }
                }
                if !gone.is_empty() || !closed.is_empty() {
                    let touched = Arc::make_mut(&mut state.touched);
                    touched.gone.extend(gone);
                    touched.closed.extend(closed);
                }
                if !made.is_empty() {
                    Arc::make_mut(&mut state.touched).make(made);
                }
                for path in removed {
                    if let Some(path) = Self::absolute(state, &path) {
                        Arc::make_mut(&mut state.touched).removed.insert(path);
                    }
                }
            }
        }
    }

    /// Appends to what a command substitution captures.
    pub(crate) fn print(&self, state: &mut State, value: Value) {
        if let Some(output) = &mut state.output {
            output.append(&value);
            if output.size() > LONGEST {
                *output = Value::unknown();
            }
        }
    }

    /// Notes that a path may have another content.
    fn rewrite(&self, state: &mut State, path: &str) {
        let path = Self::absolute(state, path);
        if let Some(path) = path.filter(|path| path != "/" && state.touched.rewritten.len() < 256) {
            Arc::make_mut(&mut state.touched).rewritten.insert(path);
        }
    }

    /// Notes that a path may be created or changed.
    pub(crate) fn touch(&self, state: &mut State, path: &str, reach: Reach) {
        match Self::absolute(state, path) {
            Some(path) if state.touched.len() < 256 => {
                let touched = &state.touched;
                let is_certain = [touched.gone.len(), touched.closed.len(), touched.made.len()] != [0; 3];
                if is_certain || !touched.has(&path, reach) {
                    Arc::make_mut(&mut state.touched).add(path, reach);
                }
            }
            _ => state.touch_anything(),
        }
    }

    fn environment_changes(
        &self,
        state: &State,
        assigned: &[(String, Value)],
    ) -> Vec<(String, Option<Value>)> {
        let initial = &self.start.environment.values;
        let mut changes: Vec<(String, Option<Value>)> = Vec::new();
        for (name, variable) in state.variables.iter().filter(|(_, variable)| variable.exported) {
            let value = match &variable.content {
                Content::Scalar(value) => Some(value.clone()),
                Content::Unset if initial.contains_key(&**name) => None,
                Content::Unset => continue,
                Content::Unknown | Content::Array(_) => Some(Value::unknown()),
            };
            if value.is_none() || initial.get(&**name) != value.as_ref() {
                changes.push((name.to_string(), value));
            }
        }
        for name in initial.keys() {
            if state.variables.get(name.as_str()).is_none_or(|variable| !variable.exported) {
                changes.push((name.clone(), None));
            }
        }
        for (name, value) in assigned {
            changes.retain(|(other, _)| other != name);
            changes.push((name.clone(), Some(value.clone())));
        }
        changes
    }

    /// Follows the redirections of a compound command. Returns the states in which a file cannot be
    /// opened, so that the command does not run, and what was captured before if standard output is redirected.
    pub(crate) fn redirect(
        &mut self,
        states: &mut Vec<State>,
        redirections: &[Redirection],
        position: Position,
    ) -> (Vec<State>, Option<Option<Value>>) {
        let (mut refused, mut opened) = (Vec::new(), Vec::new());
        for mut state in states.drain(..) {
            match self.redirections(&mut state, redirections) {
                Opened::Failed(path) if state.is_running() => {
                    self.refuse_redirection(&mut state, &path, "", position);
                    refused.push(state);
                }
                _ => opened.push(state),
            }
        }
        *states = opened;
        if !writes_elsewhere(redirections) {
            return (refused, None);
        }
        let first = states.first().and_then(|state| state.output.clone());
        let same = states.iter().all(|state| state.output == first);
        states.iter_mut().for_each(|state| state.output = None);
        (refused, Some(if same { first } else { Some(Value::unknown()) }))
    }

    /// Follows redirections in the order in which the shell opens their files.
    fn redirections(&mut self, state: &mut State, redirections: &[Redirection]) -> Opened {
        let mut opened = Opened::All;
        for redirection in redirections {
            self.descriptors.copied |= copies_output(redirection);
            self.descriptors.written |= writes_to_descriptor(redirection);
            if redirection.is_input() {
                if let Some(path) = self.absent_input(state, redirection) {
                    opened = Opened::Failed(path.to_owned());
                }
                state.input = self.input(state, redirection).into();
                continue;
            }
            let target = match &redirection.kind {
                RedirectionKind::Here(text) => {
                    if let Some(text) = text.get() {
                        self.one(state, text);
                    }
                    continue;
                }
                _ => self.one(state, &redirection.target),
            };
            let writes = matches!(
                redirection.kind,
                RedirectionKind::Write
                    | RedirectionKind::Append
                    | RedirectionKind::ReadWrite
                    | RedirectionKind::WriteBoth
            );
            match target.text() {
                _ if !writes => {}
                Some(path) if path.starts_with("/dev/") => {}
                Some(path) if self.lacks_directory(state, path) || self.blocks_writing(state, path) => {
                    opened = Opened::Failed(path.to_owned());
                }
                Some(path) => {
                    self.rewrite(state, path);
                    self.touch(state, path, Reach::Itself);
                }
                None => state.touch_anything(),
            }
        }
        opened
    }

    /// Returns the file of `< file` if it is certainly absent.
    fn absent_input<'r>(&self, state: &State, redirection: &'r Redirection) -> Option<&'r str> {
        let path = redirection.target.plain().filter(|_| redirection.kind == RedirectionKind::Read);
        path.filter(|path| self.entry(state, path) == Entry::Absent)
    }

    /// Whether the directory is certainly absent in which a file is to be created.
    fn lacks_directory(&self, state: &State, path: &str) -> bool {
        let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
        !directory.is_empty() && self.entry(state, directory) == Entry::Absent
    }

    /// Skips a command because a file of its redirections cannot be opened. A special builtin then ends the script, except
    /// in bash.
    fn refuse_redirection(&mut self, state: &mut State, path: &str, name: &str, position: Position) {
        let status = if self.start.dialect == Dialect::Dash { 2 } else { 1 };
        let reason = Reason::Builtin(format!("cannot open {path}"));
        if is_special(name) && self.start.dialect != Dialect::Bash {
            state.end(EndKind::Fails { status, reason }, position);
        } else {
            finish_builtin(state, Status::Known(status), position);
            self.fails_for(state, reason, position);
        }
    }

    /// Ends the script because a special builtin refuses its arguments, or only fails, as the dialect does.
    pub(crate) fn refuse(&self, state: &mut State, message: String, position: Position) {
        let status = self.usage_status();
        if self.start.dialect == Dialect::Bash {
            return finish_builtin(state, Status::Known(status), position);
        }
        state.end(EndKind::Fails { status, reason: Reason::Builtin(message) }, position);
    }
}

/// Whether the files of all redirections can be opened, as far as it is known.
enum Opened {
    All,
    /// This one cannot.
    Failed(String),
}

/// An array among the arguments of `declare` and the like.
struct DeclaredArray {
    name: String,
    append: bool,
    values: Vec<Value>,
}

/// Returns the elements of a variable as an array.
fn elements(content: &Content) -> Vec<Value> {
    match content {
        Content::Array(values) => values.clone(),
        Content::Scalar(value) => vec![value.clone()],
        Content::Unknown => vec![Value::many()],
        Content::Unset => Vec::new(),
    }
}

/// The program that a state ran last, if the command at this place ran it.
fn ran_program(state: &State, position: Position) -> Option<usize> {
    match state.last.as_slice() {
        [last] if last.position == position => match last.kind {
            LastKind::Program(program) => Some(program),
            LastKind::Wait | LastKind::Failed(_) | LastKind::Other | LastKind::Unknown => None,
        },
        _ => None,
    }
}

/// Whether another descriptor leads to standard output from now on, as after `2>&1` and `5>&1`.
fn copies_output(redirection: &Redirection) -> bool {
    redirection.kind == RedirectionKind::Duplicate
        && redirection.target.plain() == Some("1")
        && redirection.descriptor.is_some_and(|descriptor| descriptor != 1)
}

/// Whether standard output goes to another descriptor, as after `>&2`, which may be a copy of it.
fn writes_to_descriptor(redirection: &Redirection) -> bool {
    redirection.kind == RedirectionKind::Duplicate
        && matches!(redirection.descriptor, None | Some(1))
        && !matches!(redirection.target.plain(), Some("1" | "-"))
}

/// Whether standard output goes elsewhere.
fn writes_elsewhere(redirections: &[Redirection]) -> bool {
    redirections.iter().any(|redirection| match redirection.kind {
        RedirectionKind::Write | RedirectionKind::Append | RedirectionKind::Duplicate => {
            matches!(redirection.descriptor, None | Some(1))
                && !matches!(redirection.target.plain(), Some("1"))
        }
        RedirectionKind::WriteBoth => true,
        _ => false,
    })
}

fn has_substitution(assignment: &Assignment) -> bool {
    match &assignment.value {
        Assigned::Scalar(word) | Assigned::Element(word) => word_has_substitution(word),
        Assigned::Array(words) => words.iter().any(word_has_substitution),
    }
}

fn word_has_substitution(word: &Word) -> bool {
    word.pieces.iter().any(|piece| matches!(piece, Piece::Substitution { .. }))
}

fn appended(content: &Content, value: &Value) -> Content {
    match content {
        Content::Unset => Content::Scalar(value.clone()),
        Content::Scalar(before) if before.size() + value.size() <= LONGEST => {
            let mut joined = before.clone().into_one();
            joined.append(value);
            Content::Scalar(joined)
        }
        Content::Scalar(_) | Content::Unknown | Content::Array(_) => Content::Unknown,
    }
}

/// Assigns the variables before a command word, and returns their former state.
fn assign_for_call(state: &mut State, assigned: &[(String, Value)]) -> Frame {
    let before = assigned
        .iter()
        .map(|(name, _)| (Rc::from(name.as_str()), state.variables.get(name.as_str()).cloned()))
        .collect();
    for (name, value) in assigned {
        state.assign(name, Content::Scalar(value.clone()));
    }
    before
}

/// Gives variables their former state.
fn restore(state: &mut State, before: &Frame) {
    for (name, variable) in before {
        let variables = Rc::make_mut(&mut state.variables);
        match variable {
            Some(variable) => variables.insert(name.clone(), variable.clone()),
            None => variables.remove(name),
        };
    }
}

/// Builtins whose errors end the script, and before which assignments stay (POSIX 2.14).
fn is_special(name: &str) -> bool {
    const SPECIAL: [&str; 15] = [
        ":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
        "shift", "times", "trap", "unset",
    ];
    SPECIAL.contains(&name)
}

/// Words as a person reads them.
pub(crate) fn shown(words: &[Value]) -> String {
    let mut text = String::new();
    for word in words.iter().take(16) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(word.to_string().chars().take(200));
    }
    text
}

/// Splits `name=value`. The value is `None` without `=`.
pub(crate) fn declaration(word: &Value) -> Option<(String, Option<Value>)> {
    let prefix = word.prefix();
    let (name, rest) = match prefix.split_once('=') {
        Some((name, rest)) => (name, Some(rest)),
        None if word.text().is_some() => (prefix, None),
        None => return None,
    };
    let name = name.strip_suffix('+').unwrap_or(name);
    if !is_name(name) {
        return None;
    }
    let value = rest.map(|rest| {
        let parts = word.parts().iter().skip(1).cloned();
        Value::from_parts(std::iter::once(Part::Text(rest.to_owned())).chain(parts))
    });
    Some((name.to_owned(), value))
}
