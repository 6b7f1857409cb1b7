use super::bits::Bits;
use super::deflate::{DISTANCES, LITERALS};
use super::huffman::{Code, codes};

/// The lengths of a block's codes, as they stand before its data (§ 3.2.7).
pub(super) struct CodeHeader {
    literals: usize,
    distances: usize,
    /// Symbols of the code for lengths, with extra bits and their number.
    symbols: Vec<(usize, u32, u32)>,
    codes: [Code; 19],
    sent: usize,
}

/// The order in which the lengths of that code are sent.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

impl CodeHeader {
    pub(super) fn new(literals: &[Code; LITERALS], distances: &[Code; DISTANCES]) -> Self {
        let used = |codes: &[Code]| codes.iter().rposition(|code| code.length > 0).map_or(0, |at| at + 1);
        let (literals_used, distances_used) = (used(literals).max(257), used(distances).max(1));
        let lengths: Vec<u8> = literals[..literals_used]
            .iter()
            .chain(&distances[..distances_used])
            .map(|code| code.length)
            .collect();
        let symbols = runs(&lengths);
        let mut frequencies = [0; 19];
        symbols.iter().for_each(|(symbol, ..)| frequencies[*symbol] += 1);
        let codes = codes(&frequencies, 7);
        let sent = ORDER.iter().rposition(|symbol| codes[*symbol].length > 0).map_or(4, |at| (at + 1).max(4));
        Self { literals: literals_used, distances: distances_used, symbols, codes, sent }
    }

    /// Its length in bits.
    pub(super) fn bits(&self) -> u64 {
        let symbols = self
            .symbols
            .iter()
            .map(|(symbol, _, extra)| u64::from(self.codes[*symbol].length) + u64::from(*extra));
        17 + 3 * self.sent as u64 + symbols.sum::<u64>()
    }

    pub(super) fn write(&self, out: &mut Bits) {
        out.put((self.literals - 257) as u64, 5);
        out.put((self.distances - 1) as u64, 5);
        out.put((self.sent - 4) as u64, 4);
        ORDER[..self.sent].iter().for_each(|symbol| out.put(u64::from(self.codes[*symbol].length), 3));
        for (symbol, extra, extra_length) in &self.symbols {
            let code = self.codes[*symbol];
            out.put(
                u64::from(code.bits) | u64::from(*extra) << code.length,
                u32::from(code.length) + extra_length,
            );
        }
    }
}

/// Shortens runs of equal lengths: 16 repeats the last 3 to 6 times, 17 and 18 are 3 to 10 and 11 to 138 zeros.
fn runs(lengths: &[u8]) -> Vec<(usize, u32, u32)> {
    let mut symbols = Vec::new();
    for run in lengths.chunk_by(|one, other| one == other) {
        let (value, mut left) = (usize::from(run[0]), run.len());
        if value > 0 {
            symbols.push((value, 0, 0));
            left -= 1;
        }
        while left >= 3 {
            let (symbol, least, most, bits) = match (value, left) {
                (0, 11..) => (18, 11, 138, 7),
                (0, _) => (17, 3, 10, 3),
                _ => (16, 3, 6, 2),
            };
            let taken = left.min(most);
            symbols.push((symbol, (taken - least) as u32, bits));
            left -= taken;
        }
        symbols.extend(std::iter::repeat_n((value, 0, 0), left));
    }
    symbols
}
