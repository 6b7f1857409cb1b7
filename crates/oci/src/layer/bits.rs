/// Collects bits, lowest first, into bytes.
pub(super) struct Bits {
    /// Filled up to `length`; the rest is room.
    out: Vec<u8>,
    length: usize,
    bits: u64,
    count: u32,
}

impl Bits {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: vec![0; bytes], length: 0, bits: 0, count: 0 }
    }

    /// Makes room for so many bytes and a few more.
    pub(super) fn reserve(&mut self, bytes: usize) {
        let needed = self.length + bytes + 64;
        if needed > self.out.len() {
            self.out.resize(needed.max(self.out.len() * 2), 0);
        }
    }

    /// Adds the lowest `count` bits, at most 56; the other bits are 0.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.count;
        self.count += count;
        // Eight bytes at once cost less than as many as are full; those that are not are written again.
        if self.length + 8 > self.out.len() {
            self.reserve(8);
        }
        self.out[self.length..self.length + 8].copy_from_slice(&self.bits.to_le_bytes());
        let full = self.count / 8;
        self.length += full as usize;
        self.bits = self.bits.checked_shr(8 * full).unwrap_or(0);
        self.count %= 8;
    }

    /// Fills the last byte with zeros.
    pub(super) fn align(&mut self) {
        self.put(0, (8 - self.count) % 8);
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.out[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.reserve(8);
        self.align();
        self.out.truncate(self.length);
        self.out
    }
}
