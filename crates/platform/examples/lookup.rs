//! Prints the time and allocations of interpreting a description, averaged over every known name, as a line of JSON.
//! `cargo xtask bench lookup` runs it.
#![expect(clippy::print_stdout, reason = "the line is the result of the example")]

use std::hint::black_box;
use std::time::Instant;

use crossdock_platform::{Vocabulary, interpret, known_names};

/// The number of rounds: enough for a clock with a resolution of a microsecond.
const TIMES: u32 = 20;

fn main() {
    let names: Vec<(Vocabulary, String)> = Vocabulary::ALL
        .iter()
        .flat_map(|vocabulary| known_names(*vocabulary).into_iter().map(|name| (*vocabulary, name)))
        .collect();
    let own = measure(&names, |(vocabulary, name)| drop(black_box(interpret(name, Some(*vocabulary)))));
    let all = measure(&names, |(_, name)| drop(black_box(interpret(name, None))));
    println!("{}", serde_json::json!({ "names": names.len(), "own": own, "all": all }));
}

/// Returns the microseconds and allocations of one lookup.
fn measure<T>(names: &[T], read: impl Fn(&T)) -> serde_json::Value {
    let start = Instant::now();
    for _ in 0..TIMES {
        names.iter().for_each(&read);
    }
    let microseconds = start.elapsed().as_secs_f64() * 1e6;
    let allocations = allocation_counter::measure(|| names.iter().for_each(&read)).count_total;
    let per_lookup = |whole: f64, rounds: u32| whole / (f64::from(rounds) * names.len() as f64);
    serde_json::json!({
        "microseconds": per_lookup(microseconds, TIMES),
        "allocations": per_lookup(allocations as f64, 1),
    })
}
