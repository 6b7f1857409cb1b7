//! What a step's tool says, on its way to whoever watches.

use std::sync::mpsc::Sender;

use super::schedule::Message;

/// What a line of a tool means for a person who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Something to read: a warning, an error.
    Line(&'a str),
    /// Progress in words; worth reading only for who asked for everything.
    Chatter(&'a str),
    /// Progress in numbers.
    Progress { done: u64, total: u64, what: String },
    /// Nothing.
    Nothing,
}

impl<'a> Said<'a> {
    pub(super) fn line(text: &'a str) -> Self {
        match text.trim() {
            "" => Self::Nothing,
            _ => Self::Line(text),
        }
    }
}

/// Sends what one step's tool says to the thread that watches.
pub(super) struct Reporter<'a> {
    pub(super) step: usize,
    pub(super) sender: &'a Sender<Message>,
}

impl Reporter<'_> {
    pub(super) fn said(&self, said: Said<'_>) {
        let step = self.step;
        self.send(match said {
            Said::Line(text) => Message::Line { step, text: text.to_owned() },
            Said::Progress { done, total, what } => Message::Progress { step, done, total, what },
            Said::Chatter(text) => Message::Chatter { step, text: text.to_owned() },
            Said::Nothing => return,
        });
    }

    pub(super) fn warn(&self, text: String) {
        self.send(Message::Warning(text));
    }

    pub(super) fn note(&self, text: String) {
        self.send(Message::Note(text));
    }

    fn send(&self, message: Message) {
        // The receiver lives until every worker has reported: sending cannot fail.
        let _received = self.sender.send(message);
    }
}
