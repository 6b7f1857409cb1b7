//! Follows lists, pipelines, conditions and loops.

use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{
    Content, Input, LastKind, Mode, Source, State, Status, absorb_failures, join_by_mode, merge,
};
use crate::outcome::{Cause, EndKind, How, Position, Reason, SyntaxError};
use crate::start::Dialect;
use crate::syntax::Lines;
use crate::syntax::tree::{
    AfterArm, Arm, Command, CommandKind, Connector, Item, List, Pipeline, Redirection, Script, Word,
};
use crate::value::Value;

/// The most rounds of a loop that are followed one by one while nothing in it is unknown.
const MOST_ROUNDS: usize = 256;
/// The rounds of a loop with something unknown before its states are joined.
const FIRST_ROUNDS: usize = 3;
/// The rounds after which everything counts as unknown.
const LAST_ROUNDS: usize = 24;

/// States by the outcome of a condition.
#[derive(Default)]
struct Branches {
    yes: Vec<State>,
    no: Vec<State>,
    /// States that do not get to the outcome.
    left: Vec<State>,
    forked: bool,
}

impl Branches {
    fn of(states: Vec<State>) -> Self {
        let mut branches = Self::default();
        for state in states {
            match state.status.success() {
                _ if !state.is_running() => branches.left.push(state),
                Some(true) => branches.yes.push(state),
                Some(false) => branches.no.push(state),
                None => {
                    let (yes, no) = state.fork();
                    branches.yes.push(yes);
                    branches.no.push(no);
                    branches.forked = true;
                }
            }
        }
        branches
    }
}

/// How many comparisons of states one step pays for.
const COMPARISONS_PER_STEP: usize = 4096;

impl Evaluator<'_> {
    /// Runs a text, of which each complete command is read when the one before has run.
    pub(crate) fn text(&mut self, mut states: Vec<State>, lines: &mut Lines<'_>) -> Vec<State> {
        while states.iter().any(State::is_running) {
            states = match lines.next_line() {
                Ok(Some(line)) => self.line(states, &line),
                Ok(None) => return states,
                Err(error) => return self.unreadable(states, &error),
            };
        }
        states
    }

    /// Runs complete commands one after the other, up to a syntax error.
    pub(crate) fn lines(&mut self, mut states: Vec<State>, script: &Script) -> Vec<State> {
        for line in &script.lines {
            states = self.line(states, line);
            if !states.iter().any(State::is_running) {
                return states;
            }
        }
        match &script.error {
            Some(error) => self.unreadable(states, error),
            None => states,
        }
    }

    fn line(&mut self, states: Vec<State>, line: &List) -> Vec<State> {
        // Every line compares the states, also those that have ended, with each other.
        if let Some(item) = line.first() {
            self.pay(states.len() * states.len() / COMPARISONS_PER_STEP, item.first.commands[0].position);
        }
        let mut states = self.list(states, line);
        let discards = states.iter_mut().filter(|state| state.mode == Mode::Discard);
        discards.for_each(|state| state.mode = Mode::Run);
        states
    }

    /// Ends the states that come to an error of the syntax.
    fn unreadable(&mut self, mut states: Vec<State>, error: &SyntaxError) -> Vec<State> {
        let kind = if error.limit {
            self.unfollowed(Cause::TooDeep, error.position, error.message.clone());
            EndKind::Unknown
        } else {
            EndKind::Fails { status: 2, reason: Reason::Syntax }
        };
        for state in states.iter_mut().filter(|state| state.is_running()) {
            state.end(kind.clone(), error.position);
        }
        states
    }

    pub(crate) fn list(&mut self, states: Vec<State>, list: &List) -> Vec<State> {
        let mut left = Vec::new();
        let mut states = states;
        for item in list {
            let (running, stopped): (Vec<_>, Vec<_>) = states.into_iter().partition(State::is_running);
            left.extend(stopped);
            states = self.item(running, item);
            if states.is_empty() {
                break;
            }
        }
        left.append(&mut states);
        merge(left)
    }

    fn item(&mut self, states: Vec<State>, item: &Item) -> Vec<State> {
        if states.is_empty() {
            return states;
        }
        if item.background { self.background(states, item) } else { self.and_or(states, item) }
    }

    fn background(&mut self, mut states: Vec<State>, item: &Item) -> Vec<State> {
        let position = item.first.commands[0].position;
        for state in &mut states {
            let ended = self.subshell(state.clone(), How::Background, position, |evaluator, states| {
                evaluator.and_or(states, item)
            });
            ended.iter().for_each(|inner| state.join_touched(inner));
            state.background = true;
            state.status = Status::Known(0);
            state.set_last(LastKind::Other, position);
        }
        states
    }

    fn and_or(&mut self, states: Vec<State>, item: &Item) -> Vec<State> {
        let Some(last) = item.rest.last() else {
            return self.pipeline(states, &item.first);
        };
        let mut states =
            self.as_condition(states, |evaluator, states| evaluator.pipeline(states, &item.first));
        for link in &item.rest {
            let (connector, pipeline) = link;
            let branches = Branches::of(states);
            let (taken, mut kept) = match connector {
                Connector::And => (branches.yes, branches.no),
                Connector::Or => (branches.no, branches.yes),
            };
            kept.extend(branches.left);
            if !taken.is_empty() {
                let is_last = std::ptr::eq(link, last);
                let asked = self.asks.last();
                let ran = self.branch(&asked, |evaluator| match is_last {
                    true => evaluator.pipeline(taken, pipeline),
                    false => evaluator
                        .as_condition(taken, |evaluator, states| evaluator.pipeline(states, pipeline)),
                });
                kept.extend(ran);
            }
            absorb_failures(&mut kept);
            states = merge(kept);
        }
        states
    }

    /// Runs commands whose status decides something.
    fn as_condition(
        &mut self,
        states: Vec<State>,
        run: impl FnOnce(&mut Self, Vec<State>) -> Vec<State>,
    ) -> Vec<State> {
        if !self.context.condition {
            self.asks.begin();
        }
        self.within(|context| context.condition = true, |evaluator| run(evaluator, states))
    }

    fn pipeline(&mut self, states: Vec<State>, pipeline: &Pipeline) -> Vec<State> {
        if states.is_empty() {
            return states;
        }
        let [command] = pipeline.commands.as_slice() else { return self.several(states, pipeline) };
        if !pipeline.negated {
            let states = self.command(states, command);
            return match command.kind {
                CommandKind::Simple { .. }
                | CommandKind::Subshell(_)
                | CommandKind::Conditional(_)
                | CommandKind::Arithmetic(_) => self.errexit(states, command.position),
                _ => states,
            };
        }
        let states = self.as_condition(states, |evaluator, states| evaluator.command(states, command));
        states.into_iter().map(negate).collect()
    }

    /// Runs a pipeline of several commands, each in a subshell.
    fn several(&mut self, states: Vec<State>, pipeline: &Pipeline) -> Vec<State> {
        let position = pipeline.commands[0].position;
        let mut all = Vec::new();
        for state in states {
            all.extend(self.several_in(state, pipeline, position));
        }
        if pipeline.negated {
            return all.into_iter().map(negate).collect();
        }
        self.errexit(all, position)
    }

    fn several_in(&mut self, mut state: State, pipeline: &Pipeline, position: Position) -> Vec<State> {
        let Some((last, before)) = pipeline.commands.split_last() else { return vec![state] };
        let pipefail = state.options.pipefail;
        let mut failed = None;
        let mut piped = state.input.clone();
        for command in before {
            let mut inner = state.clone();
            inner.output = Some(Value::from(""));
            inner.input = piped;
            let ended = self.within(
                |context| {
                    context.propagates &= pipefail;
                    context.condition |= pipeline.negated;
                },
                |evaluator| {
                    evaluator.subshell(inner, How::Pipeline, command.position, |evaluator, states| {
                        evaluator.command(states, command)
                    })
                },
            );
            piped = printed_by_all(&ended).into();
            for inner in ended {
                state.join_touched(&inner);
                if inner.status.success() == Some(false) {
                    failed.get_or_insert(inner.last);
                }
            }
        }
        let ended = self.within(
            |context| context.condition |= pipeline.negated,
            |evaluator| {
                let inner = State { input: piped, ..state.clone() };
                evaluator.subshell(inner, How::Pipeline, position, |evaluator, states| {
                    evaluator.command(states, last)
                })
            },
        );
        let keep = |inner: State| {
            let failed = failed.as_ref().filter(|_| pipefail);
            let status = if failed.is_some() { Status::Failure } else { inner.status };
            let status = if pipefail && status.success() == Some(true) { Status::Unknown } else { status };
            // Under `set -e` the script goes on only if the pipeline succeeds.
            State {
                status: self.assume_success(&state, status),
                last: failed.filter(|_| state.options.errexit).cloned().unwrap_or(inner.last),
                touched: inner.touched,
                output: inner.output,
                mode: inner.mode,
                weight: inner.weight,
                ..state.clone()
            }
        };
        merge(ended.into_iter().map(keep).collect())
    }

    /// Takes an unknown status for success where `set -e` ends the script otherwise.
    pub(crate) fn assume_success(&self, state: &State, status: Status) -> Status {
        let applies = state.options.errexit && !self.context.condition;
        if applies && status == Status::Unknown { Status::Known(0) } else { status }
    }

    /// Ends states with a failed command where `set -e` applies.
    fn errexit(&mut self, mut states: Vec<State>, position: Position) -> Vec<State> {
        if self.context.condition {
            return states;
        }
        for state in &mut states {
            if !(state.is_running() && state.options.errexit && state.status.success() == Some(false)) {
                continue;
            }
            let reason = self.reason(state.last.first().map(|last| last.kind));
            let status = state.status.known().unwrap_or(1);
            self.exits(position, self.asks.last());
            state.end(EndKind::Fails { status, reason }, position);
        }
        states
    }

    pub(crate) fn command(&mut self, states: Vec<State>, command: &Command) -> Vec<State> {
        let CommandKind::Simple { assignments, words } = &command.kind else {
            return self.compound(states, command);
        };
        self.simple(states, assignments, words, command)
    }

    fn compound(&mut self, mut states: Vec<State>, command: &Command) -> Vec<State> {
        let position = command.position;
        if !self.pay(states.len(), position) {
            return give_up(states, position);
        }
        let fallback = states.first().cloned();
        let reads = command.redirections.iter().any(Redirection::is_input);
        let input = states.first().map_or(Source::Unknown, |state| state.input.clone());
        let (mut refused, captured) = self.redirect(&mut states, &command.redirections, position);
        refused.iter_mut().for_each(|state| state.input.clone_from(&input));
        // BusyBox goes on even with `set -e`.
        if self.start.dialect != Dialect::Ash {
            refused = self.errexit(refused, position);
        }
        if states.is_empty() && !refused.is_empty() {
            return merge(refused);
        }
        let states = self.deeper(position, |evaluator| evaluator.compound_kind(states, command));
        let mut states = match states {
            Some(states) => states,
            None => return give_up(fallback.into_iter().collect(), position),
        };
        if let Some(outputs) = captured {
            // Every state has the same output here: what was captured before is in all of them.
            for state in &mut states {
                state.output.clone_from(&outputs);
            }
        }
        if reads {
            states.iter_mut().for_each(|state| state.input.clone_from(&input));
        }
        states.extend(refused);
        merge(states)
    }

    fn compound_kind(&mut self, states: Vec<State>, command: &Command) -> Vec<State> {
        let position = command.position;
        match &command.kind {
            CommandKind::Group(list) => self.list(states, list),
            CommandKind::Subshell(list) => {
                states.into_iter().flat_map(|state| self.parentheses(state, list, position)).collect()
            }
            CommandKind::If { clauses, otherwise } => self.if_command(states, clauses, otherwise.as_ref()),
            CommandKind::Case { subject, arms } => {
                let mut all: Vec<State> =
                    states.into_iter().flat_map(|state| self.case(state, subject, arms)).collect();
                absorb_failures(&mut all);
                all
            }
            CommandKind::Loop { until, condition, body } => {
                self.rounds(states, position, |evaluator, states| {
                    let states =
                        evaluator.as_condition(states, |evaluator, states| evaluator.list(states, condition));
                    let mut branches = Branches::of(states);
                    if *until {
                        std::mem::swap(&mut branches.yes, &mut branches.no);
                    }
                    branches.yes = evaluator.list(branches.yes, body);
                    branches
                })
            }
            CommandKind::For { name, words, body } => states
                .into_iter()
                .flat_map(|state| self.for_command(state, name, words.as_deref(), body, position))
                .collect(),
            CommandKind::Repeat { name, body } => self.repeat(states, name.as_deref(), body, position),
            CommandKind::Function { name, body } => self.define(states, name, body),
            CommandKind::Conditional(words) => states
                .into_iter()
                .map(|mut state| {
                    let result = self.conditional(&mut state, words);
                    let decides = result.is_none() && !self.context.condition;
                    self.outcome.demands_unknown |= decides && state.options.errexit;
                    finish_builtin(&mut state, Status::of(result), position);
                    state
                })
                .collect(),
            CommandKind::Arithmetic(expression) => states
                .into_iter()
                .map(|mut state| {
                    let value = self.arithmetic_value(&mut state, expression);
                    let result = value.text().map(|text| text != "0");
                    let status = self.assume_success(&state, Status::of(result));
                    finish_builtin(&mut state, status, position);
                    state
                })
                .collect(),
            CommandKind::Simple { .. } => states,
        }
    }

    fn parentheses(&mut self, state: State, list: &List, position: Position) -> Vec<State> {
        let ended = self.subshell(state.clone(), How::Foreground, position, |evaluator, states| {
            evaluator.list(states, list)
        });
        let keep = |inner: State| State {
            status: self.assume_success(&state, inner.status),
            last: inner.last,
            touched: inner.touched,
            output: inner.output,
            mode: inner.mode,
            weight: inner.weight,
            background: inner.background,
            waited: inner.waited,
            ..state.clone()
        };
        ended.into_iter().map(keep).collect()
    }

    fn define(&mut self, mut states: Vec<State>, name: &str, body: &std::rc::Rc<Command>) -> Vec<State> {
        for state in &mut states {
            std::rc::Rc::make_mut(&mut state.functions).insert(name.into(), vec![Some(body.clone())]);
            state.status = Status::Known(0);
        }
        states
    }

    fn if_command(
        &mut self,
        mut states: Vec<State>,
        clauses: &[(List, List)],
        otherwise: Option<&List>,
    ) -> Vec<State> {
        let (mut done, mut asked) = (Vec::new(), Vec::new());
        for (condition, body) in clauses {
            if states.is_empty() {
                break;
            }
            let decided = self.as_condition(states, |evaluator, states| evaluator.list(states, condition));
            asked.extend(self.asks.last());
            let branches = Branches::of(decided);
            done.extend(branches.left);
            if !branches.yes.is_empty() {
                done.extend(self.branch(&asked, |evaluator| evaluator.list(branches.yes, body)));
            }
            states = branches.no;
        }
        match otherwise {
            Some(body) if !states.is_empty() => {
                done.extend(self.branch(&asked, |evaluator| evaluator.list(states, body)));
            }
            _ => done.extend(states.into_iter().map(|mut state| {
                state.status = Status::Known(0);
                state
            })),
        }
        absorb_failures(&mut done);
        done
    }

    fn case(&mut self, mut state: State, subject: &Word, arms: &[Arm]) -> Vec<State> {
        let value = self.deciding(|evaluator| evaluator.one(&mut state, subject));
        let asked = self.asks.last();
        state.status = Status::Known(0);
        let (mut done, mut falling) = (Vec::new(), Vec::new());
        let mut rest = vec![state];
        for arm in arms {
            let mut entering: Vec<State> = std::mem::take(&mut falling);
            let mut passing = Vec::new();
            for mut state in rest {
                match self.arm_matches(&mut state, &value, arm) {
                    _ if !state.is_running() => done.push(state),
                    Some(true) => entering.push(state),
                    Some(false) => passing.push(state),
                    None => {
                        let (yes, mut no) = state.fork();
                        no.status = Status::Known(0);
                        entering.push(yes);
                        passing.push(no);
                    }
                }
            }
            rest = passing;
            if entering.is_empty() {
                continue;
            }
            let ran = self.branch(&asked, |evaluator| evaluator.list(entering, &arm.body));
            let (running, stopped): (Vec<_>, Vec<_>) = ran.into_iter().partition(State::is_running);
            done.extend(stopped);
            match arm.after {
                AfterArm::Leave => done.extend(running),
                AfterArm::NextBody => falling = running,
                AfterArm::NextPattern => rest.extend(running),
            }
        }
        done.append(&mut rest);
        done.append(&mut falling);
        merge(done)
    }

    fn arm_matches(&mut self, state: &mut State, value: &Value, arm: &Arm) -> Option<bool> {
        let mut unknown = false;
        for pattern in &arm.patterns {
            let pattern = self.pattern(state, pattern);
            match crate::evaluate::conditions::matches(value, &pattern) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => unknown = true,
            }
        }
        if unknown { None } else { Some(false) }
    }

    fn for_command(
        &mut self,
        mut state: State,
        name: &str,
        words: Option<&[Word]>,
        body: &List,
        position: Position,
    ) -> Vec<State> {
        let values = match words {
            Some(words) => self.fields(&mut state, words),
            None => state.arguments.to_vec(),
        };
        if !state.is_running() {
            return vec![state];
        }
        state.status = Status::Known(0);
        let known = values.iter().take_while(|value| !value.is_many()).count();
        if (known == 0 && !values.is_empty()) || known > MOST_ROUNDS {
            return self.repeat(vec![state], Some(name), body, position);
        }
        let has_more = known < values.len();
        let (mut states, mut done) = (vec![state], Vec::new());
        if states[0].is_readonly(name) && !values.is_empty() {
            self.refuse_assignment(&mut states[0], name, position);
            return states;
        }
        for value in values.into_iter().take(known) {
            for state in &mut states {
                state.assign(name, Content::Scalar(value.clone()));
            }
            let ran = self.list(states, body);
            let mut left = Vec::new();
            states = Vec::new();
            sort_by_mode(ran, &mut states, &mut left);
            done.extend(left);
            states = merge(states);
            if states.is_empty() {
                break;
            }
        }
        if has_more && !states.is_empty() {
            states = self.repeat(states, Some(name), body, position);
        }
        done.append(&mut states);
        done
    }

    /// Runs a body for an unknown number of times.
    fn repeat(
        &mut self,
        states: Vec<State>,
        name: Option<&str>,
        body: &List,
        position: Position,
    ) -> Vec<State> {
        self.rounds(states, position, |evaluator, states| {
            let mut branches = Branches { forked: true, ..Branches::default() };
            for state in states {
                if !state.is_running() {
                    branches.left.push(state);
                    continue;
                }
                let (mut yes, mut no) = state.fork();
                no.status = Status::Known(0);
                if let Some(name) = name {
                    yes.assign(name, Content::Scalar(Value::unknown()));
                }
                branches.yes.push(yes);
                branches.no.push(no);
            }
            branches.yes = evaluator.list(branches.yes, body);
            branches
        })
    }

    /// Repeats a round until its states repeat. A round returns those that go on as `yes`, those that leave as `no`.
    fn rounds(
        &mut self,
        states: Vec<State>,
        position: Position,
        mut round: impl FnMut(&mut Self, Vec<State>) -> Branches,
    ) -> Vec<State> {
        let (mut active, mut done) = (states, Vec::new());
        let mut unknown = false;
        for count in 1.. {
            if !self.pay(1, position) {
                done.append(&mut active);
                return give_up(done, position);
            }
            let before = active.clone();
            let branches = round(self, active);
            unknown |= branches.forked || before.len() > 1;
            done.extend(branches.left);
            done.extend(branches.no.into_iter().map(|mut state| {
                state.status = Status::Known(0);
                state
            }));
            let mut next = Vec::new();
            sort_by_mode(branches.yes, &mut next, &mut done);
            next = merge(next);
            if next.is_empty() {
                return merge(done);
            }
            if is_repeated(&next, &before) {
                return self.without_end(next, done, position);
            }
            let widens = if unknown { count >= FIRST_ROUNDS } else { count >= MOST_ROUNDS };
            if widens {
                unknown = true;
                next = join_by_mode(next.into_iter().chain(before.iter().cloned()).collect());
                if is_repeated(&next, &before) {
                    return self.without_end(next, done, position);
                }
                let rounds = if count >= MOST_ROUNDS { count - MOST_ROUNDS } else { count };
                if rounds >= LAST_ROUNDS {
                    self.unfollowed(Cause::Loop, position, String::new());
                    next.iter_mut().for_each(State::forget);
                    let branches = round(self, next);
                    done.extend(branches.left);
                    done.extend(branches.no);
                    done.extend(branches.yes.into_iter().map(|mut state| {
                        state.mode =
                            if matches!(state.mode, Mode::Ended(..)) { state.mode } else { Mode::Run };
                        state
                    }));
                    return merge(done);
                }
            }
            active = next;
        }
        done
    }

    /// Ends a loop whose states repeat: either it has another way out, or it has no end.
    fn without_end(&mut self, mut next: Vec<State>, mut done: Vec<State>, position: Position) -> Vec<State> {
        let weight = next.iter().fold(0_u64, |sum, state| sum.saturating_add(state.weight));
        match done.iter_mut().find(|state| state.is_running()).map(|state| &mut state.weight) {
            Some(exit) => *exit = exit.saturating_add(weight),
            None => {
                next.iter_mut().for_each(|state| state.end(EndKind::Forever, position));
                done.append(&mut next);
            }
        }
        merge(done)
    }

    /// The status with which a shell of this dialect refuses a builtin's arguments.
    pub(crate) fn usage_status(&self) -> u8 {
        if self.start.dialect == Dialect::Bash { 1 } else { 2 }
    }
}

/// Whether a round changed no state.
fn is_repeated(next: &[State], before: &[State]) -> bool {
    next.iter().all(|state| before.iter().any(|other| state.is_repeated(other)))
}

/// Sorts the states after a loop's body by whether the loop goes on with them.
fn sort_by_mode(states: Vec<State>, next: &mut Vec<State>, left: &mut Vec<State>) {
    for mut state in states {
        match state.mode {
            Mode::Run => next.push(state),
            Mode::Continue(1) => {
                state.mode = Mode::Run;
                next.push(state);
            }
            Mode::Break(1) => {
                state.mode = Mode::Run;
                left.push(state);
            }
            Mode::Continue(levels) => {
                state.mode = Mode::Continue(levels - 1);
                left.push(state);
            }
            Mode::Break(levels) => {
                state.mode = Mode::Break(levels - 1);
                left.push(state);
            }
            Mode::Return | Mode::Discard | Mode::Ended(..) => left.push(state),
        }
    }
}

/// Returns what the states of one command print, if that is one known text.
fn printed_by_all(states: &[State]) -> Option<Input> {
    let first = states.first()?.output.as_ref()?;
    let is_same = states.iter().all(|state| state.output.as_ref() == Some(first));
    first.text().filter(|_| is_same).map(Input::new)
}

fn negate(mut state: State) -> State {
    if state.is_running() {
        state.status = match state.status {
            Status::Known(0) => Status::Known(1),
            Status::Known(_) | Status::Failure => Status::Known(0),
            Status::Unknown => Status::Unknown,
        };
    }
    state
}

/// Ends states that are not followed further.
pub(crate) fn give_up(mut states: Vec<State>, position: Position) -> Vec<State> {
    for state in states.iter_mut().filter(|state| !matches!(state.mode, Mode::Ended(..))) {
        state.end(EndKind::Unknown, position);
    }
    join_by_mode(states)
}

/// Notes that a builtin ran with a status.
pub(crate) fn finish_builtin(state: &mut State, status: Status, position: Position) {
    if state.is_running() {
        state.status = status;
        state.set_last(LastKind::Other, position);
    }
}

/// Leaves commands that could not be followed: they may have changed everything.
pub(crate) fn leave_unknown(state: &mut State, position: Position) {
    state.forget();
    state.status = Status::Unknown;
    state.set_last(LastKind::Unknown, position);
}
