//! How long a description takes to be read.

use std::hint::black_box;
use std::time::Instant;

use crossdock_platform::{Vocabulary, describe, known_names};

use super::Setting;
use super::row::{Goal, Row};
use crate::shell::Failure;

/// Every known name is read, in its own vocabulary and in all of them.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let names: Vec<(Vocabulary, String)> = Vocabulary::ALL
        .iter()
        .flat_map(|vocabulary| known_names(*vocabulary).into_iter().map(|name| (*vocabulary, name)))
        .collect();
    let rounds = setting.rounds.max(5);
    let row = |name, everywhere: bool| {
        let read = |(vocabulary, name): &(Vocabulary, String)| {
            black_box(describe(name, (!everywhere).then_some(*vocabulary)));
        };
        let ours = (0..rounds).map(|_| microseconds(&names, read)).collect();
        Row { name, ours, theirs: vec![], unit: "µs", goal: Goal::AtMost(1.0) }
    };
    Ok(vec![row("a name in its vocabulary", false), row("a name in all vocabularies", true)])
}

/// The time of one lookup, over many of each name.
fn microseconds(names: &[(Vocabulary, String)], read: impl Fn(&(Vocabulary, String))) -> f64 {
    const TIMES: usize = 20;
    let start = Instant::now();
    for _ in 0..TIMES {
        names.iter().for_each(&read);
    }
    start.elapsed().as_secs_f64() * 1e6 / (names.len() * TIMES) as f64
}
