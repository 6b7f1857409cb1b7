//! Expands words: parameters, substitutions, field splitting and file name patterns.

use crate::evaluate::braces;
use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{Content, LastKind, Mode, State, Status, merge};
use crate::outcome::{EndKind, How, Position, Reason};
use crate::pattern::{Pattern, Side, Size, Source};
use crate::start::{Dialect, Entry};
use crate::syntax::is_name;
use crate::syntax::tree::{Operation, Piece, Script, Word};
use crate::value::{Part, Value};

/// The longest value that is kept, and the most words of one command. Beyond, they count as unknown.
pub(crate) const LONGEST: usize = 16 * 1024;
pub(crate) const MOST_WORDS: usize = 4096;
/// How many bytes of values one step pays for. With the limit of steps, this limits the memory.
pub(crate) const BYTES_PER_STEP: usize = 32;
/// How many names of a directory one step pays for.
const NAMES_PER_STEP: usize = 8;
/// How many words a command has for one step.
const FREE_WORDS: usize = 16;

/// Whether a word becomes one word or is split into several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Splitting {
    Fields,
    One,
}

/// A parameter's value.
enum Expanded {
    Scalar(Content),
    List(Vec<Value>),
}

/// Words in the making.
struct Fields {
    splitting: Splitting,
    /// The separators, `None` if unknown.
    separators: Option<String>,
    done: Vec<Value>,
    current: Option<Value>,
    pattern: Vec<Source>,
    has_pattern: bool,
    /// Whether a blank just ended a field, which a separator after it does not end again.
    blank: bool,
    /// Whether the current field holds nothing but quotes around an empty list.
    empty_list: bool,
    size: usize,
}

impl Fields {
    fn new(state: &State, splitting: Splitting) -> Self {
        let separators = match state.variable("IFS") {
            Content::Unset => Some(" \t\n".to_owned()),
            Content::Scalar(value) => value.text().map(str::to_owned),
            // An unknown environment hardly sets IFS, and shells ignore it there.
            Content::Unknown if !state.variables.contains_key("IFS") => Some(" \t\n".to_owned()),
            _ => None,
        };
        Self {
            splitting,
            separators,
            done: Vec::new(),
            current: None,
            pattern: Vec::new(),
            has_pattern: false,
            blank: false,
            empty_list: false,
            size: 0,
        }
    }

    fn current(&mut self) -> &mut Value {
        self.current.get_or_insert_with(|| Value::from_parts([]))
    }

    /// Makes the current field zero or more words.
    fn make_many(&mut self) {
        let current = self.current.take().unwrap_or_else(|| Value::from_parts([]));
        self.current = Some(current.into_many());
    }

    fn push(&mut self, part: Part, quoted: bool) {
        self.blank = false;
        self.size += if let Part::Text(text) = &part { text.len() } else { 1 };
        if self.size > LONGEST {
            self.current().push(Part::Unknown);
            self.pattern.push(Source::Unknown);
            return;
        }
        match &part {
            Part::Text(text) if quoted => self.pattern.extend(text.chars().map(Source::Quoted)),
            Part::Text(text) => {
                self.has_pattern |= text.contains(['*', '?', '[']);
                self.pattern.extend(text.chars().map(Source::Plain));
            }
            Part::Number | Part::Unknown => self.pattern.push(Source::Unknown),
        }
        self.current().push(part);
    }

    /// Adds a value that is quoted or must not be split.
    fn push_whole(&mut self, value: &Value, quoted: bool) {
        self.current();
        for part in value.parts() {
            self.push(part.clone(), quoted);
        }
        if value.is_many() && self.splitting == Splitting::Fields {
            self.make_many();
        }
    }

    /// Adds the value of an unquoted expansion, which is split.
    fn push_split(&mut self, value: &Value) {
        if self.splitting == Splitting::One {
            return self.push_whole(value, false);
        }
        for part in value.parts() {
            match part {
                Part::Text(text) => self.split(text),
                Part::Number => self.push(Part::Number, false),
                Part::Unknown => {
                    self.push(Part::Unknown, false);
                    self.make_many();
                }
            }
        }
    }

    fn split(&mut self, text: &str) {
        let Some(separators) = self.separators.clone() else {
            self.push(Part::Text(text.to_owned()), false);
            self.make_many();
            return;
        };
        let mut run = String::new();
        for char in text.chars() {
            if !separators.contains(char) {
                run.push(char);
                continue;
            }
            if !run.is_empty() {
                self.push(Part::Text(std::mem::take(&mut run)), false);
            }
            let is_blank = matches!(char, ' ' | '\t' | '\n');
            if self.current.is_none() && !is_blank && !self.blank {
                self.current();
            }
            self.finish();
            self.blank = is_blank;
        }
        if !run.is_empty() {
            self.push(Part::Text(run), false);
        }
    }

    /// Ends the current field.
    fn finish(&mut self) {
        let Some(field) = self.current.take() else { return };
        self.pattern.clear();
        self.has_pattern = false;
        self.add(field);
    }

    fn add(&mut self, field: Value) {
        if self.done.len() < MOST_WORDS {
            self.done.push(field);
        } else {
            self.done.pop();
            self.done.push(Value::many());
        }
    }

    /// Adds the words of `"$@"`: the first joins the text before it, the last the text after it.
    fn push_list(&mut self, values: &[Value], quoted: bool) {
        if values.is_empty() {
            self.empty_list = true;
            return;
        }
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.finish();
            }
            if quoted { self.push_whole(value, true) } else { self.push_split(value) }
        }
    }
}

impl Evaluator<'_> {
    /// Expands words into the arguments of a command.
    pub(crate) fn fields(&mut self, state: &mut State, words: &[Word]) -> Vec<Value> {
        let mut all = Vec::new();
        for word in words {
            all.append(&mut self.word_fields(state, word));
            if all.len() > MOST_WORDS {
                all.truncate(MOST_WORDS);
                all.push(Value::many());
                break;
            }
        }
        if let Some(word) = words.first() {
            self.pay(all.len().saturating_sub(FREE_WORDS), word.position);
        }
        all
    }

    fn word_fields(&mut self, state: &mut State, word: &Word) -> Vec<Value> {
        if self.start.dialect != Dialect::Bash {
            return self.fields_without_braces(state, word);
        }
        let Some(words) = braces::expand(word) else {
            self.one(state, word);
            return vec![Value::many()];
        };
        words.iter().flat_map(|word| self.fields_without_braces(state, word)).collect()
    }

    fn fields_without_braces(&mut self, state: &mut State, word: &Word) -> Vec<Value> {
        let mut fields = Fields::new(state, Splitting::Fields);
        self.pieces(state, word, &mut fields);
        let is_nothing = fields.empty_list
            && fields.current.as_ref().is_some_and(|value| value.parts().is_empty())
            && fields.done.is_empty();
        let pattern = (fields.has_pattern && !state.options.noglob && fields.done.is_empty())
            .then(|| std::mem::take(&mut fields.pattern));
        if is_nothing {
            return Vec::new();
        }
        if let Some(pattern) = pattern {
            let is_many = fields.current.as_ref().is_some_and(Value::is_many);
            match self.glob(state, &pattern, word.position).filter(|_| !is_many) {
                None => return vec![Value::many()],
                // A pattern that matches nothing stays.
                Some(words) if words.is_empty() => {}
                Some(words) => return words,
            }
        }
        fields.finish();
        self.pay(fields.size / BYTES_PER_STEP, word.position);
        fields.done
    }

    /// Expands a word that is not split.
    pub(crate) fn one(&mut self, state: &mut State, word: &Word) -> Value {
        self.one_with_pattern(state, word).0
    }

    /// Expands a word that is a pattern.
    pub(crate) fn pattern(&mut self, state: &mut State, word: &Word) -> Pattern {
        Pattern::read(&self.one_with_pattern(state, word).1)
    }

    /// Expands a word that is not split, and returns the pattern that it is too.
    pub(crate) fn one_with_pattern(&mut self, state: &mut State, word: &Word) -> (Value, Vec<Source>) {
        let mut fields = Fields::new(state, Splitting::One);
        self.pieces(state, word, &mut fields);
        self.pay(fields.size / BYTES_PER_STEP, word.position);
        (fields.current.unwrap_or_else(|| Value::from("")).into_one(), fields.pattern)
    }

    fn pieces(&mut self, state: &mut State, word: &Word, fields: &mut Fields) {
        for piece in &word.pieces {
            if !state.is_running() || self.is_exhausted() {
                return;
            }
            self.piece(state, piece, word.position, fields);
        }
    }

    fn piece(&mut self, state: &mut State, piece: &Piece, position: Position, fields: &mut Fields) {
        match piece {
            Piece::Text { text, quoted } => {
                fields.current();
                fields.push(Part::Text(text.clone()), *quoted);
            }
            Piece::Home { user } => {
                let home = if user.is_empty() { state.variable("HOME").clone() } else { Content::Unknown };
                match home {
                    Content::Scalar(value) => fields.push_whole(&value, true),
                    _ => fields.push_whole(&Value::unknown(), true),
                }
            }
            Piece::Unknown { .. } | Piece::Array(_) => {
                fields.push_whole(&Value::unknown(), true);
            }
            Piece::Substitution { lines, quoted } => {
                let value = self.substitution(state, lines, position);
                push_scalar(fields, &value, *quoted);
            }
            Piece::Process { lines } => {
                self.process(state, lines, position);
                fields
                    .push_whole(&Value::from_parts([Part::Text("/dev/fd/".to_owned()), Part::Number]), true);
            }
            Piece::Arithmetic { expression, quoted } => {
                let value = self.arithmetic_value(state, expression);
                push_scalar(fields, &value, *quoted);
            }
            Piece::Parameter { name, operation, quoted } => {
                self.parameter(state, name, operation, *quoted, position, fields);
            }
        }
    }

    fn parameter(
        &mut self,
        state: &mut State,
        name: &str,
        operation: &Operation,
        quoted: bool,
        position: Position,
        fields: &mut Fields,
    ) {
        let expanded = self.lookup(state, name, operation);
        let has_default = match operation {
            Operation::Default { word, .. } | Operation::Assign { word, .. } => !word.pieces.is_empty(),
            _ => false,
        };
        if let (Expanded::Scalar(content), false) = (&expanded, has_default) {
            self.asks_variable(state, name, content);
        }
        match operation {
            Operation::Get | Operation::Elements | Operation::Element(_) => {
                self.get(state, name, expanded, quoted, position, fields);
            }
            Operation::JoinedElements => self.get(state, "*", expanded, quoted, position, fields),
            Operation::Length => fields.push_whole(&length(&expanded), true),
            Operation::ElementCount => fields.push_whole(&count(&expanded), true),
            Operation::Default { empty, word } => match is_set(&expanded, *empty) {
                Some(true) => self.get(state, name, expanded, quoted, position, fields),
                Some(false) => self.operand(state, word, quoted, fields),
                None => {
                    self.one(state, word);
                    push_scalar(fields, &Value::unknown(), quoted);
                }
            },
            Operation::Assign { empty, word } => match is_set(&expanded, *empty) {
                Some(true) => self.get(state, name, expanded, quoted, position, fields),
                set => {
                    let value = self.one(state, word);
                    let value = if set.is_none() { Value::unknown() } else { value };
                    state.assign(name, Content::Scalar(value.clone()));
                    push_scalar(fields, &value, quoted);
                }
            },
            Operation::Error { empty, word } => match is_set(&expanded, *empty) {
                Some(false) => {
                    self.one(state, word);
                    self.fails_for_unset(state, name, position);
                }
                Some(true) => self.get(state, name, expanded, quoted, position, fields),
                None => {
                    self.outcome.demands_unknown = true;
                    push_scalar(fields, &Value::unknown(), quoted);
                }
            },
            Operation::Alternative { empty, word } => match is_set(&expanded, *empty) {
                Some(true) => self.operand(state, word, quoted, fields),
                Some(false) if matches!(expanded, Expanded::List(_)) => fields.empty_list = true,
                Some(false) => push_scalar(fields, &Value::from(""), quoted),
                None => {
                    self.one(state, word);
                    fields.push_whole(&Value::many(), quoted);
                }
            },
            Operation::Remove { side, size, pattern } => {
                let pattern = self.pattern(state, pattern);
                let value = remove(&scalar(&expanded), &pattern, *side, *size);
                push_scalar(fields, &value, quoted);
            }
            Operation::Bad => {
                let reason = Reason::Builtin("Bad substitution".to_owned());
                state.end(EndKind::Fails { status: 2, reason }, position);
            }
            Operation::Indirect(_) if matches!(expanded, Expanded::Scalar(Content::Unset)) => {
                let reason = Reason::Builtin(format!("{name}: invalid indirect expansion"));
                state.end(EndKind::Fails { status: 1, reason }, position);
            }
            Operation::Indirect(operation) => {
                let target = scalar(&expanded).text().filter(|name| is_name(name)).map(str::to_owned);
                match target {
                    Some(name) => self.parameter(state, &name, operation, quoted, position, fields),
                    None => push_scalar(fields, &Value::unknown(), quoted),
                }
            }
            Operation::Names => fields.push_list(&names(state, name), quoted),
            Operation::Substring { offset, length } => {
                let (is_list, value) = (matches!(expanded, Expanded::List(_)), scalar(&expanded));
                let offset = self.one(state, offset);
                let length = length.as_ref().map(|length| self.one(state, length));
                match substring(&value, &offset, length.as_ref()).filter(|_| !is_list) {
                    Some(text) => push_scalar(fields, &Value::from(text), quoted),
                    None if is_list => fields.push_whole(&Value::many(), quoted),
                    None => push_scalar(fields, &Value::unknown(), quoted),
                }
            }
            Operation::Replace { all, pattern, word } => {
                let value = scalar(&expanded);
                let pattern = self.pattern(state, pattern).plain_text();
                let word = self.one(state, word);
                let replaced = replace(&value, pattern.as_deref(), &word, *all);
                push_scalar(fields, &replaced.map_or_else(Value::unknown, Value::from), quoted);
            }
            Operation::Case { upper } => {
                let value = scalar(&expanded);
                let text =
                    value.text().map(|text| if *upper { text.to_uppercase() } else { text.to_lowercase() });
                push_scalar(fields, &text.map_or_else(Value::unknown, Value::from), quoted);
            }
            Operation::Other(words) => {
                for word in words {
                    self.one(state, word);
                }
                push_scalar(fields, &Value::unknown(), quoted);
            }
        }
    }

    /// Expands the word of `${x:-word}` in place: its quotes count.
    fn operand(&mut self, state: &mut State, word: &Word, quoted: bool, fields: &mut Fields) {
        if quoted {
            fields.current();
        }
        for piece in &word.pieces {
            if !state.is_running() {
                return;
            }
            match piece {
                // Unquoted text of the word is split like an expansion.
                Piece::Text { text, quoted: false } => fields.push_split(&Value::from(text.clone())),
                piece => self.piece(state, piece, word.position, fields),
            }
        }
    }

    fn get(
        &mut self,
        state: &mut State,
        name: &str,
        expanded: Expanded,
        quoted: bool,
        position: Position,
        fields: &mut Fields,
    ) {
        match expanded {
            Expanded::List(values) if fields.splitting == Splitting::One || (name == "*" && quoted) => {
                fields.push_whole(&joined(&values, name == "*", fields.separators.as_deref()), quoted);
            }
            Expanded::List(values) => fields.push_list(&values, quoted),
            Expanded::Scalar(Content::Unset) if state.options.nounset => {
                self.fails_for_unset(state, name, position);
            }
            Expanded::Scalar(Content::Unknown) if state.options.nounset => {
                self.outcome.demands_unknown = true;
                push_scalar(fields, &Value::unknown(), quoted);
            }
            Expanded::Scalar(content) => push_scalar(fields, &scalar(&Expanded::Scalar(content)), quoted),
        }
    }

    fn fails_for_unset(&mut self, state: &mut State, name: &str, position: Position) {
        let status = if self.start.dialect == Dialect::Bash { 1 } else { 2 };
        state.end(EndKind::Fails { status, reason: Reason::Unset(name.to_owned()) }, position);
    }

    fn lookup(&mut self, state: &mut State, name: &str, operation: &Operation) -> Expanded {
        if matches!(name, "@" | "*") {
            return Expanded::List(state.arguments.to_vec());
        }
        let elements =
            matches!(operation, Operation::Elements | Operation::JoinedElements | Operation::ElementCount);
        match (state.variables.get(name).map(|variable| &variable.content), operation) {
            (Some(Content::Array(values)), Operation::Element(index)) => {
                let values = values.clone();
                let index =
                    self.one(state, index).text().and_then(|index| index.trim().parse::<usize>().ok());
                let known = !values.iter().any(Value::is_many);
                Expanded::Scalar(match index {
                    Some(index) if known => {
                        values.get(index).cloned().map_or(Content::Unset, Content::Scalar)
                    }
                    _ => Content::Unknown,
                })
            }
            (Some(Content::Array(values)), Operation::Get | Operation::Length | Operation::Remove { .. }) => {
                Expanded::Scalar(match values.first() {
                    Some(value) if !value.is_many() => Content::Scalar(value.clone()),
                    Some(_) => Content::Unknown,
                    None => Content::Unset,
                })
            }
            (Some(Content::Array(values)), _) => Expanded::List(values.clone()),
            (Some(Content::Unset), _) if elements => Expanded::List(Vec::new()),
            (Some(Content::Unknown), _) if elements => Expanded::List(vec![Value::many()]),
            (Some(content), _) => Expanded::Scalar(content.clone()),
            (None, _) => Expanded::Scalar(self.special(state, name)),
        }
    }

    /// Returns a parameter that the shell itself sets, or one that is not assigned.
    fn special(&self, state: &State, name: &str) -> Content {
        let bash = self.start.dialect == Dialect::Bash;
        match name {
            "#" => Content::Scalar(argument_count(&state.arguments)),
            "?" => Content::Scalar(match state.status {
                Status::Known(status) => Value::from(status.to_string()),
                _ => Value::number(),
            }),
            "$" | "PPID" => Content::Scalar(Value::number()),
            "!" if state.background => Content::Scalar(Value::number()),
            "!" => Content::Unset,
            "-" => Content::Scalar(Value::unknown()),
            "0" => Content::Scalar(self.start.name.clone()),
            "PWD" => Content::Scalar(state.directory.clone()),
            "IFS" => Content::Scalar(Value::from(" \t\n")),
            "OPTIND" => Content::Scalar(Value::from("1")),
            "LINENO" => Content::Scalar(Value::number()),
            "UID" | "EUID" if bash => Content::Scalar(
                self.start.user.map_or_else(Value::number, |user| Value::from(user.to_string())),
            ),
            "RANDOM" | "SECONDS" if self.start.dialect != Dialect::Dash => Content::Scalar(Value::number()),
            "BASH_SOURCE" if bash => Content::Scalar(self.start.name.clone()),
            "BASH_VERSION" | "BASH" | "BASH_VERSINFO" | "HOSTNAME" | "OSTYPE" | "HOSTTYPE" | "MACHTYPE"
            | "SHLVL" | "_" | "SHELLOPTS" | "FUNCNAME" | "BASH_REMATCH" | "PIPESTATUS" | "SHELL"
            | "BASHPID" | "GROUPS" | "DIRSTACK" | "EPOCHSECONDS" | "EPOCHREALTIME" | "OPTERR"
            | "BASH_SUBSHELL" | "BASH_COMMAND"
                if bash =>
            {
                Content::Scalar(Value::from_parts([Part::Unknown]))
            }
            name => match name.parse::<usize>() {
                Ok(number) => argument(&state.arguments, number),
                Err(_) => state.rest.clone(),
            },
        }
    }

    /// Runs a command substitution and returns what it prints.
    pub(crate) fn substitution(&mut self, state: &mut State, lines: &Script, position: Position) -> Value {
        let mut inner = state.clone();
        inner.output = Some(Value::from(""));
        let outer = std::mem::take(&mut self.descriptors);
        if self.start.dialect != Dialect::Dash {
            inner.options.errexit = false;
        }
        let states = self
            .subshell(inner, How::Substitution, position, |evaluator, states| evaluator.lines(states, lines));
        let inside = std::mem::replace(&mut self.descriptors, outer);
        self.descriptors.written |= inside.written;
        let states = merge(states);
        let (mut output, mut status) = (None::<Value>, None::<Status>);
        self.substituted = match states.as_slice() {
            [only] => only.last.first().map(|last| last.kind),
            _ => None,
        };
        for inner in states {
            state.join_touched(&inner);
            let printed = inner.output.unwrap_or_else(Value::unknown);
            output = Some(match output {
                None => printed,
                Some(other) if other == printed => printed,
                Some(_) => Value::unknown(),
            });
            status = Some(match status {
                None => inner.status,
                Some(other) if other == inner.status => other,
                Some(_) => Status::Unknown,
            });
        }
        state.status = status.unwrap_or(Status::Unknown);
        let is_known = !(inside.copied && inside.written);
        without_newlines(output.filter(|_| is_known).unwrap_or_else(Value::unknown))
    }

    fn process(&mut self, state: &mut State, lines: &Script, position: Position) {
        let status = state.status;
        self.substitution(state, lines, position);
        state.status = status;
    }

    /// Runs commands in a subshell: what they change is lost, and how they end becomes a status.
    pub(crate) fn subshell(
        &mut self,
        mut state: State,
        how: How,
        position: Position,
        run: impl FnOnce(&mut Self, Vec<State>) -> Vec<State>,
    ) -> Vec<State> {
        // A subshell has none of the script's traps.
        state.exit_trap = None;
        let fallback = state.clone();
        let propagates = self.context.propagates && !matches!(how, How::Substitution | How::Background);
        let outer = self.context.how;
        let how = if outer == How::Foreground { how } else { outer };
        let states = self.deeper(position, |evaluator| {
            evaluator.within(
                |context| {
                    context.how = how;
                    context.subshell = true;
                    context.propagates = propagates;
                    context.condition &= how != How::Substitution;
                },
                |evaluator| run(evaluator, vec![state]),
            )
        });
        let Some(mut states) = states else {
            let mut state = fallback;
            state.status = Status::Unknown;
            state.output = state.output.map(|_| Value::unknown());
            return vec![state];
        };
        for state in &mut states {
            leave_subshell(state);
        }
        states
    }

    /// Returns the paths that a file name pattern matches, in order, and whether there may be others. `None` if unknown.
    fn glob(&mut self, state: &State, pattern: &[Source], position: Position) -> Option<Vec<Value>> {
        if Pattern::read(pattern).is_plain() {
            return Some(Vec::new());
        }
        let mut found = vec![String::new()];
        let mut may_have_more = false;
        for (index, part) in pattern.split(|char| char.known() == Some('/')).enumerate() {
            if index > 0 {
                found.iter_mut().for_each(|path| path.push('/'));
            }
            let text: String = part.iter().copied().map(Source::known).collect::<Option<_>>()?;
            let pattern = Pattern::read(part);
            if pattern.is_plain() {
                found.iter_mut().for_each(|path| path.push_str(&text));
                continue;
            }
            let mut next = Vec::new();
            for path in &found {
                let listing = self.entries(state, path)?;
                may_have_more |= listing.may_have_more;
                let mut names = listing.names;
                if !self.pay(1 + names.len() / NAMES_PER_STEP, position) {
                    return None;
                }
                names.retain(|name| {
                    (text.starts_with('.') || !name.starts_with('.')) && pattern.matches(name) == Some(true)
                });
                names.sort();
                next.extend(names.into_iter().map(|name| format!("{path}{name}")));
                next.truncate(MOST_WORDS);
            }
            found = next;
        }
        // Parts after the last pattern need not exist.
        found.retain(|path| self.entry(state, path) != Entry::Absent);
        let more = may_have_more.then(Value::many);
        Some(found.into_iter().map(Value::from).chain(more).collect())
    }
}

/// Turns the end of a subshell into a status.
fn leave_subshell(state: &mut State) {
    if let Mode::Ended(kind, position) = std::mem::replace(&mut state.mode, Mode::Run) {
        match kind {
            EndKind::Exec(program) => {
                state.status = Status::Unknown;
                state.set_last(LastKind::Program(program), position);
            }
            EndKind::Exit(status) => state.status = status.map_or(Status::Unknown, Status::Known),
            EndKind::Fails { status, .. } => state.status = Status::Known(status),
            EndKind::Last(_) | EndKind::Waits | EndKind::Unknown => state.status = Status::Unknown,
            // Whoever waits for an endless loop waits without end, too.
            EndKind::Forever => state.mode = Mode::Ended(EndKind::Forever, position),
        }
    }
}

/// Returns the names of the variables that are set and whose names begin like this.
fn names(state: &State, beginning: &str) -> Vec<Value> {
    let mut names = Vec::new();
    for (name, variable) in state.variables.iter().filter(|(name, _)| name.starts_with(beginning)) {
        match variable.content {
            Content::Unset => {}
            Content::Unknown => names.push(Value::from(&**name).into_many()),
            Content::Scalar(_) | Content::Array(_) => names.push(Value::from(&**name)),
        }
    }
    if state.rest != Content::Unset {
        let other = Value::from_parts([Part::Text(beginning.to_owned()), Part::Unknown]);
        names.push(other.into_many());
    }
    names.truncate(MOST_WORDS);
    names
}

fn push_scalar(fields: &mut Fields, value: &Value, quoted: bool) {
    if quoted {
        fields.push_whole(&value.clone().into_one(), true);
    } else {
        fields.push_split(value);
    }
}

fn without_newlines(value: Value) -> Value {
    let mut parts = value.parts().to_vec();
    if let Some(Part::Text(text)) = parts.last_mut() {
        text.truncate(text.trim_end_matches('\n').len());
    }
    Value::from_parts(parts)
}

fn argument(arguments: &[Value], number: usize) -> Content {
    let Some(index) = number.checked_sub(1) else { return Content::Unknown };
    let before = arguments.iter().take(index + 1);
    if before.clone().any(Value::is_many) {
        return Content::Unknown;
    }
    arguments.get(index).cloned().map_or(Content::Unset, Content::Scalar)
}

pub(crate) fn argument_count(arguments: &[Value]) -> Value {
    match arguments.iter().any(Value::is_many) {
        true => Value::number(),
        false => Value::from(arguments.len().to_string()),
    }
}

fn scalar(expanded: &Expanded) -> Value {
    match expanded {
        Expanded::Scalar(Content::Unset) => Value::from(""),
        Expanded::Scalar(Content::Scalar(value)) => value.clone().into_one(),
        Expanded::Scalar(Content::Unknown) => Value::unknown(),
        Expanded::Scalar(Content::Array(values)) | Expanded::List(values) => joined(values, false, None),
    }
}

/// Joins the words of `$*`, by blanks or by the first separator.
fn joined(values: &[Value], by_separator: bool, separators: Option<&str>) -> Value {
    let separator = match (by_separator, separators) {
        (true, Some(separators)) => separators.chars().next().map_or(String::new(), String::from),
        _ => " ".to_owned(),
    };
    let mut joined = Value::from("");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            joined.push(Part::Text(separator.clone()));
        }
        joined.append(value);
        if joined.size() > LONGEST {
            return Value::unknown();
        }
    }
    joined
}

/// Whether a parameter is set, and not empty if that counts: `None` if unknown.
fn is_set(expanded: &Expanded, empty_counts: bool) -> Option<bool> {
    match expanded {
        Expanded::Scalar(Content::Unset) => Some(false),
        Expanded::Scalar(Content::Unknown) => None,
        Expanded::Scalar(Content::Scalar(value)) if empty_counts => value.is_empty().map(|empty| !empty),
        Expanded::Scalar(Content::Scalar(_)) => Some(true),
        Expanded::Scalar(Content::Array(values)) | Expanded::List(values) => match values.as_slice() {
            [] => Some(false),
            [one] if one.is_many() => None,
            [one] if empty_counts => one.is_empty().map(|empty| !empty),
            _ => Some(true),
        },
    }
}

fn length(expanded: &Expanded) -> Value {
    match expanded {
        Expanded::List(values) => argument_count(values),
        other => match scalar(other).text() {
            Some(text) => Value::from(text.chars().count().to_string()),
            None => Value::number(),
        },
    }
}

fn count(expanded: &Expanded) -> Value {
    match expanded {
        Expanded::List(values) => argument_count(values),
        Expanded::Scalar(Content::Unset) => Value::from("0"),
        Expanded::Scalar(Content::Scalar(_)) => Value::from("1"),
        Expanded::Scalar(_) => Value::number(),
    }
}

/// Returns `${x:offset:length}`, if the text up to its end is known.
fn substring(value: &Value, offset: &Value, length: Option<&Value>) -> Option<String> {
    let number = |value: &Value| value.text()?.trim().parse::<i64>().ok();
    let (offset, length) = (number(offset)?, length.map(number));
    let length = match length {
        Some(length) => Some(usize::try_from(length?).ok()?),
        None => None,
    };
    let text = match (value.text(), length) {
        (Some(text), _) => text,
        // `${1:0:1}` needs only the beginning.
        (None, Some(length)) if offset >= 0 => {
            let end = usize::try_from(offset).ok()?.checked_add(length)?;
            Some(value.prefix()).filter(|prefix| prefix.chars().count() >= end)?
        }
        (None, _) => return None,
    };
    let count = text.chars().count();
    let start = match usize::try_from(offset) {
        Ok(offset) => offset,
        Err(_) => count.checked_sub(usize::try_from(offset.unsigned_abs()).ok()?)?,
    };
    Some(text.chars().skip(start).take(length.unwrap_or(count)).collect())
}

/// Returns `${x/pattern/word}` for a pattern that is plain text.
fn replace(value: &Value, pattern: Option<&str>, word: &Value, all: bool) -> Option<String> {
    let (text, pattern, word) = (value.text()?, pattern?, word.text()?);
    // bash takes `&` in the word for the match, depending on an option.
    if pattern.is_empty() || word.contains('&') || text.len().saturating_mul(word.len() + 1) > LONGEST {
        return None;
    }
    Some(if all { text.replace(pattern, word) } else { text.replacen(pattern, word, 1) })
}

fn remove(value: &Value, pattern: &Pattern, side: Side, size: Size) -> Value {
    let Some(text) = value.text() else { return remove_from_partial(value, pattern, side) };
    let chars: Vec<char> = text.chars().collect();
    if pattern.has_unknown() || pattern.is_too_long_for(&chars) {
        return Value::unknown();
    }
    let length = pattern.matching_end(&chars, side, size).unwrap_or(0);
    let kept = match side {
        Side::Front => &chars[length..],
        Side::Back => &chars[..chars.len() - length],
    };
    Value::from(kept.iter().collect::<String>())
}

/// Removes plain text from a value whose beginning or end is known.
fn remove_from_partial(value: &Value, pattern: &Pattern, side: Side) -> Value {
    let Some(plain) = pattern.plain_text() else { return Value::unknown() };
    let (known, kept) = match side {
        Side::Front => (value.prefix(), value.prefix().strip_prefix(plain.as_str())),
        Side::Back => (value.suffix(), value.suffix().strip_suffix(plain.as_str())),
    };
    if known.len() < plain.len() {
        return Value::unknown();
    }
    let mut parts = value.parts().to_vec();
    let end = if side == Side::Front { 0 } else { parts.len() - 1 };
    if let Some(kept) = kept {
        parts[end] = Part::Text(kept.to_owned());
    }
    Value::from_parts(parts)
}
