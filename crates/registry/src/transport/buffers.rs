//! The buffers of a connection.

use ureq::unversioned::transport::Buffers;

/// Buffers whose memory is taken from the system where it is used: most requests are short, and the zeros that ureq's own
/// buffers are filled with take longer than such a request.
pub(super) struct PlainBuffers {
    output: Vec<u8>,
    input: Vec<u8>,
    /// The place of the bytes in `input` that were read and not yet used.
    start: usize,
    end: usize,
    /// Whether some of them were used since the last look. Half an answer's head stays, and needs more input.
    has_progressed: bool,
}

/// The length of each buffer, in bytes. Larger than ureq's own: each buffer that is sent costs a look for input.
const LENGTH: usize = 256 * 1024;

impl PlainBuffers {
    pub(super) fn new() -> Self {
        // The allocator gets zeroed pages for buffers of this length, and the system provides each at its first use.
        Self { output: vec![0; LENGTH], input: vec![0; LENGTH], start: 0, end: 0, has_progressed: false }
    }

    /// Moves the unused input to the start if less than half of the buffer is free.
    fn make_space(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end > LENGTH / 2 && self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

impl Buffers for PlainBuffers {
    fn output(&mut self) -> &mut [u8] {
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_space();
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end = (self.end + amount).min(LENGTH);
    }

    fn input_consume(&mut self, amount: usize) {
        self.has_progressed = amount > 0;
        self.start = (self.start + amount).min(self.end);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_space();
        (&mut self.input[self.end..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.has_progressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_kept_until_it_is_used() {
        let mut buffers = PlainBuffers::new();
        buffers.input_append_buf()[..5].copy_from_slice(b"12345");
        buffers.input_appended(5);
        assert!(!buffers.can_use_input());
        buffers.input_consume(2);
        assert!(buffers.can_use_input());
        assert_eq!(buffers.input(), b"345");
        // Nearly full: what is unused moves to the start.
        let free = buffers.input_append_buf().len();
        buffers.input_appended(free);
        buffers.input_consume(free);
        assert_eq!(buffers.input().len(), 3);
        assert_eq!(buffers.input_append_buf().len(), LENGTH - 3);
        buffers.input_consume(3);
        assert!(buffers.input().is_empty());
        assert_eq!(buffers.tmp_and_output().0.len(), LENGTH);
    }

    #[test]
    fn input_that_fills_the_buffer_leaves_no_space() {
        let mut buffers = PlainBuffers::new();
        buffers.input_appended(LENGTH);
        assert!(buffers.input_append_buf().is_empty());
        assert_eq!(buffers.input().len(), LENGTH);
    }
}
