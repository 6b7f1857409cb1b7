//! Standard input, and the builtins that read it: `read`, `mapfile`. Also `getopts`, which reads arguments.

use crate::evaluate::expand::MOST_WORDS;
use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{Content, Input, OptionPlace, State, Status};
use crate::outcome::Position;
use crate::syntax::is_name;
use crate::syntax::tree::{Piece, Redirection, RedirectionKind};
use crate::value::Value;

impl Redirection {
    /// Whether it changes the standard input. `>&2` counts too: the tree does not tell it from `<&2`.
    pub(crate) fn is_input(&self) -> bool {
        match self.kind {
            RedirectionKind::Read | RedirectionKind::Here(_) | RedirectionKind::HereText => {
                matches!(self.descriptor, None | Some(0))
            }
            RedirectionKind::Duplicate => self.descriptor == Some(0),
            _ => false,
        }
    }
}

impl Evaluator<'_> {
    /// Returns the text from which a redirection lets commands read. `None` if unknown.
    pub(crate) fn input(&mut self, state: &mut State, redirection: &Redirection) -> Option<Input> {
        let text = match &redirection.kind {
            RedirectionKind::Here(text) => self.one(state, text.get()?),
            RedirectionKind::HereText => {
                let text = self.one(state, &redirection.target);
                return text.text().map(|text| Input::new(&format!("{text}\n")));
            }
            RedirectionKind::Read => match redirection.target.pieces.as_slice() {
                [Piece::Process { lines }] => {
                    let text = self.substitution(state, lines, redirection.target.position);
                    return text.text().map(|text| match text {
                        "" => Input::new(""),
                        text => Input::new(&format!("{text}\n")),
                    });
                }
                _ => {
                    let path = self.one(state, &redirection.target);
                    if path.text() == Some("/dev/null") {
                        return Some(Input::new(""));
                    }
                    self.content(state, path.text()?, redirection.target.position)
                        .map_or_else(Value::unknown, Value::from)
                }
            },
            _ => {
                self.one(state, &redirection.target);
                return None;
            }
        };
        text.text().map(Input::new)
    }

    /// Reads a line into variables, as `read` does.
    pub(crate) fn read(&mut self, state: &mut State, words: &[Value]) -> Status {
        let texts: Option<Vec<&str>> = words.iter().map(Value::text).collect();
        let (raw, names) = match texts.as_deref() {
            Some(["-r", names @ ..]) if names.iter().all(|name| is_name(name)) => (true, names),
            Some(names) if names.iter().all(|name| is_name(name)) => (false, names),
            _ => return forget_names(state, words),
        };
        let separators = match state.variable("IFS") {
            Content::Unset => Some(" \t\n".to_owned()),
            Content::Scalar(value) => value.text().map(str::to_owned),
            Content::Unknown if !state.variables.contains_key("IFS") => Some(" \t\n".to_owned()),
            _ => None,
        };
        let (Some(input), Some(separators), false) = (state.input.text(), separators, names.is_empty())
        else {
            return forget_names(state, words);
        };
        let (line, is_whole) = input.take_line().unwrap_or_default();
        if !raw && line.contains('\\') {
            return forget_names(state, words);
        }
        let mut rest = line.as_str();
        let is_blank = |char: char| separators.contains(char) && char.is_ascii_whitespace();
        rest = rest.trim_matches(is_blank);
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let (field, after) = if is_last { (rest, "") } else { split_field(rest, &separators) };
            rest = after;
            state.assign(name, Content::Scalar(Value::from(field)));
        }
        Status::of(Some(is_whole))
    }

    /// Reads all lines into an array, as `mapfile -t` does.
    pub(crate) fn mapfile(&mut self, state: &mut State, words: &[Value], position: Position) -> Status {
        let texts: Option<Vec<&str>> = words.iter().map(Value::text).collect();
        let name = match texts.as_deref() {
            Some(["-t"]) => "MAPFILE",
            Some(["-t", name]) if is_name(name) => name,
            _ => return forget_names(state, words),
        };
        let content = match state.input.text() {
            Some(input) => {
                let text = input.take_rest();
                let lines: Vec<Value> = text.lines().take(MOST_WORDS).map(Value::from).collect();
                self.pay(lines.len(), position);
                Content::Array(lines)
            }
            None => Content::Unknown,
        };
        state.assign(name, content);
        Status::Known(0)
    }

    /// Takes the next option of the arguments, as `getopts` does.
    pub(crate) fn getopts(&mut self, state: &mut State, words: &[Value]) -> Status {
        match next_option(state, words) {
            Some(Parsed { option, argument, place, index }) => {
                let name = words[1].text().unwrap_or_default().to_owned();
                state.option = place;
                state.assign("OPTIND", Content::Scalar(Value::from(index.to_string())));
                match argument {
                    Some(argument) => state.assign("OPTARG", Content::Scalar(argument)),
                    None => state.assign("OPTARG", Content::Unset),
                }
                let found = option.is_some();
                let letter = option.unwrap_or('?');
                state.assign(&name, Content::Scalar(Value::from(letter.to_string())));
                Status::of(Some(found))
            }
            None => {
                ["OPTARG", "OPTIND"].iter().for_each(|name| state.assign(name, Content::Unknown));
                forget_names(state, words)
            }
        }
    }
}

/// One step of `getopts`.
struct Parsed {
    /// The letter, `?` or `:`. `None` at the end of the options.
    option: Option<char>,
    argument: Option<Value>,
    place: OptionPlace,
    /// The next OPTIND.
    index: usize,
}

/// Returns the next option. `None` if it is not known.
fn next_option(state: &State, words: &[Value]) -> Option<Parsed> {
    let [specification, name, given @ ..] = words else { return None };
    let specification = specification.text()?;
    is_name(name.text()?).then_some(())?;
    let arguments = if given.is_empty() { state.arguments.as_slice() } else { given };
    let index = match state.variable("OPTIND") {
        Content::Scalar(value) => value.text()?.parse::<usize>().ok()?.max(1),
        _ if !state.variables.contains_key("OPTIND") => 1,
        _ => return None,
    };
    if arguments.iter().take(index).any(Value::is_many) {
        return None;
    }
    let end = |index| Parsed { option: None, argument: None, place: OptionPlace::default(), index };
    let Some(word) = arguments.get(index - 1) else { return Some(end(index)) };
    let text = word.text().filter(|text| text.is_ascii())?;
    let read = if state.option.word == index { state.option.letters } else { 0 };
    if read == 0 {
        match text {
            "--" => return Some(end(index + 1)),
            text if !text.starts_with('-') || text == "-" => return Some(end(index)),
            _ => {}
        }
    }
    let read = read.max(1);
    let letter = char::from(*text.as_bytes().get(read)?);
    let rest = &text[read + 1..];
    let is_silent = specification.starts_with(':');
    let after = |rest: &str| match rest {
        "" => (OptionPlace::default(), index + 1),
        _ => (OptionPlace { word: index, letters: read + 1 }, index),
    };
    let known = specification.find(letter).filter(|_| letter != ':');
    let Some(at) = known else {
        let (place, index) = after(rest);
        let argument = is_silent.then(|| Value::from(letter.to_string()));
        return Some(Parsed { option: Some('?'), argument, place, index });
    };
    if !specification[at + 1..].starts_with(':') {
        let (place, index) = after(rest);
        return Some(Parsed { option: Some(letter), argument: None, place, index });
    }
    let place = OptionPlace::default();
    if !rest.is_empty() {
        return Some(Parsed {
            option: Some(letter),
            argument: Some(Value::from(rest)),
            place,
            index: index + 1,
        });
    }
    match arguments.get(index) {
        Some(argument) if argument.is_many() => None,
        Some(argument) => {
            Some(Parsed { option: Some(letter), argument: Some(argument.clone()), place, index: index + 2 })
        }
        None => {
            let option = Some(if is_silent { ':' } else { '?' });
            let argument = is_silent.then(|| Value::from(letter.to_string()));
            Some(Parsed { option, argument, place, index: index + 1 })
        }
    }
}

/// Splits the first field off, with the separator after it.
fn split_field<'t>(text: &'t str, separators: &str) -> (&'t str, &'t str) {
    let Some(end) = text.find(|char| separators.contains(char)) else { return (text, "") };
    let (field, rest) = text.split_at(end);
    let is_blank = |char: char| separators.contains(char) && char.is_ascii_whitespace();
    let rest = rest.trim_start_matches(is_blank);
    // One separator that is not a blank, with the blanks around it.
    let rest = match rest.chars().next().filter(|char| separators.contains(*char)) {
        Some(char) => rest[char.len_utf8()..].trim_start_matches(is_blank),
        None => rest,
    };
    (field, rest)
}

/// Makes the variables that a builtin fills unknown.
fn forget_names(state: &mut State, words: &[Value]) -> Status {
    // The name that `read` takes without another.
    state.assign("REPLY", Content::Unknown);
    for word in words {
        match word.text() {
            Some(name) if is_name(name) => state.assign(name, Content::Unknown),
            Some(_) => {}
            None => state.forget_variables(word.prefix()),
        }
    }
    Status::Unknown
}
