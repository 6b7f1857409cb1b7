use std::collections::BTreeMap;

use crate::registry::http::{Answer, Request};

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The method.
    pub method: String,
    /// The path and query.
    pub target: String,
    /// The scheme of its credentials, in lower case, such as `bearer`.
    pub credentials: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The bytes of the request's body.
    pub received: u64,
    /// The bytes of the answer's body.
    pub sent: u64,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, target, status, received, sent, .. } = self;
        write!(f, "{method} {target} → {status} ({received} bytes in, {sent} out)")
    }
}

/// The requests of a registry in the order of their answers.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The requests.
    pub entries: Vec<Entry>,
    /// The violations of clients, a line each.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn add(&mut self, request: &Request, answer: &Answer, received: u64) {
        let credentials = request.headers.get("Authorization").and_then(|value| value.split(' ').next());
        self.entries.push(Entry {
            method: request.method.clone(),
            target: request.target.clone(),
            credentials: credentials.map(str::to_ascii_lowercase),
            status: answer.status,
            received,
            sent: answer.body.len() as u64,
        });
    }

    /// Returns the number of requests by method.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.method.as_str()).or_default() += 1;
        }
        counts
    }

    /// Returns the bytes of all requests' bodies.
    pub fn received(&self) -> u64 {
        self.entries.iter().map(|entry| entry.received).sum()
    }

    /// Returns the bytes of all answers' bodies.
    pub fn sent(&self) -> u64 {
        self.entries.iter().map(|entry| entry.sent).sum()
    }

    /// Returns the requests of a method whose path contains a text.
    pub fn of<'r>(&'r self, method: &'r str, part: &'r str) -> impl Iterator<Item = &'r Entry> {
        self.entries.iter().filter(move |entry| entry.method == method && entry.target.contains(part))
    }
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}
