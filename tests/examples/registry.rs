//! Serves the registry of these tests until standard input ends, and then prints the requests and bytes that it counted.
//!
//! `cargo run --release -p crossdock-tests --example registry -- [none|ecr|ghcr] [DELAY-MS]`; the first line of its output
//! is its address. Measurements of clients run against it.

use std::io::{self, Read, Write};
use std::time::Duration;

use crossdock_tests::registry::{Habits, MemoryRegistry};
use serde_json::json;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let habits = match arguments.next().as_deref() {
        None | Some("none") => Habits::default(),
        Some("ecr") => Habits::ecr(),
        Some("ghcr") => Habits::ghcr(),
        Some(other) => return Err(io::Error::other(format!("unknown habits {other:?}: none, ecr or ghcr"))),
    };
    let delay: u64 = match arguments.next() {
        Some(text) => text.parse().map_err(|_| io::Error::other(format!("{text:?} is not a number")))?,
        None => 0,
    };
    let registry = MemoryRegistry::start(Habits { delay: Duration::from_millis(delay), ..habits });
    let mut out = io::stdout();
    writeln!(out, "{}", registry.host())?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let record = registry.record();
    let counts = json!({
        "requests": record.entries.len(), "by_method": record.counts(), "received": record.received(),
        "sent": record.sent(), "faults": registry.faults(),
    });
    writeln!(out, "{counts}")
}
