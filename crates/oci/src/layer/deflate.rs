//! A deflate encoder (RFC 1951) made for layers: fast, and its bytes are ours, so that no update of a library
//! changes the digest of an image.
//!
//! Matches are searched greedily through one table of hashes, with longer steps where nothing matches, as LZ4
//! does; every 64 KiB get Huffman codes of their own. Programs become a little smaller than with Go's level 1, at
//! more than twice its speed on each core.

use super::bits::Bits;
use super::code_header::CodeHeader;
use super::huffman::{Code, codes};
use super::matches::{Matcher, Sequence};

/// Input for one set of Huffman codes, in bytes.
const CHUNK: usize = 64 * 1024;
/// Literals, the end of a block and lengths of matches.
pub(super) const LITERALS: usize = 286;
/// Distances of matches.
pub(super) const DISTANCES: usize = 30;
const END_OF_BLOCK: usize = 256;
/// Four literals of this length fit into the bit buffer at once.
const LITERAL_LIMIT: usize = 14;

/// What follows the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// More input, as another stream that is put behind this one: it ends at a byte's border.
    More,
    /// Nothing.
    Last,
}

/// Compresses `data[start..]` as deflate blocks; what lies before `start` is known to the decoder.
pub(super) fn deflate(matcher: &mut Matcher, data: &[u8], start: usize, ending: Ending) -> Vec<u8> {
    let mut out = Bits::with_capacity((data.len() - start) / 2 + 1024);
    matcher.prime(data, start);
    let mut at = start;
    while at < data.len() {
        let end = data.len().min(at + CHUNK);
        matcher.search(data, at, end);
        let last = ending == Ending::Last && end == data.len();
        write_block(&mut out, &data[at..end], matcher.sequences(), last);
        at = end;
    }
    match ending {
        Ending::Last if start == data.len() => write_empty_block(&mut out),
        Ending::Last => {}
        // An empty stored block, which begins at the next byte.
        Ending::More => write_stored(&mut out, &[], false),
    }
    out.finish()
}

/// The final block of an empty input, in the fixed code (§ 3.2.6), where seven zeros end a block.
fn write_empty_block(out: &mut Bits) {
    out.put(0b011, 3);
    out.put(0, 7);
}

fn write_block(out: &mut Bits, input: &[u8], sequences: &[Sequence], last: bool) {
    let (literals, distances) = frequencies(input, sequences);
    let literals_code = codes(&literals, LITERAL_LIMIT);
    let distances_code = codes(&distances, 15);
    let header = CodeHeader::new(&literals_code, &distances_code);
    let bits = header.bits()
        + cost(&literals, &literals_code)
        + cost(&distances, &distances_code)
        + extra_bits(sequences);
    if bits / 8 >= input.len() as u64 {
        return write_stored(out, input, last);
    }
    out.reserve(bits as usize / 8);
    out.put(u64::from(last) | 0b10 << 1, 3);
    header.write(out);
    write_sequences(out, input, sequences, &literals_code, &distances_code);
    let end = literals_code[END_OF_BLOCK];
    out.put(u64::from(end.bits), u32::from(end.length));
}

/// Stored blocks (§ 3.2.4) of at most 65535 bytes each; one also for empty input.
fn write_stored(out: &mut Bits, input: &[u8], last: bool) {
    out.reserve(input.len() + 64);
    let mut chunks = input.chunks(0xffff).peekable();
    loop {
        let chunk = chunks.next().unwrap_or_default();
        let final_bit = last && chunks.peek().is_none();
        out.put(u64::from(final_bit), 3);
        out.align();
        let length = chunk.len() as u16;
        out.put(u64::from(length) | u64::from(!length) << 16, 32);
        out.append(chunk);
        if chunks.peek().is_none() {
            return;
        }
    }
}

fn frequencies(input: &[u8], sequences: &[Sequence]) -> ([u32; LITERALS], [u32; DISTANCES]) {
    // Two tables, because equal neighbours would wait for one another.
    let (mut even, mut odd) = ([0_u32; 256], [0_u32; 256]);
    let (mut literals, mut distances) = ([0; LITERALS], [0; DISTANCES]);
    let mut rest = input;
    for sequence in sequences {
        let (run, after) = rest.split_at(sequence.literals as usize);
        let pairs = run.chunks_exact(2);
        pairs.remainder().iter().for_each(|byte| even[usize::from(*byte)] += 1);
        for pair in pairs {
            even[usize::from(pair[0])] += 1;
            odd[usize::from(pair[1])] += 1;
        }
        rest = after.get(usize::from(sequence.length)..).unwrap_or_default();
        if sequence.length > 0 {
            literals[length_symbol(sequence.length).0] += 1;
            distances[distance_symbol(sequence.distance).0] += 1;
        }
    }
    for (symbol, (one, two)) in even.iter().zip(&odd).enumerate() {
        literals[symbol] = one + two;
    }
    literals[END_OF_BLOCK] = 1;
    (literals, distances)
}

fn cost<const N: usize>(frequencies: &[u32; N], codes: &[Code; N]) -> u64 {
    frequencies.iter().zip(codes).map(|(count, code)| u64::from(*count) * u64::from(code.length)).sum()
}

fn extra_bits(sequences: &[Sequence]) -> u64 {
    let bits = |sequence: &Sequence| match sequence.length {
        0 => 0,
        length => u64::from(length_symbol(length).2 + distance_symbol(sequence.distance).2),
    };
    sequences.iter().map(bits).sum()
}

fn write_sequences(
    out: &mut Bits,
    input: &[u8],
    sequences: &[Sequence],
    literals: &[Code; LITERALS],
    distances: &[Code; DISTANCES],
) {
    let mut rest = input;
    for sequence in sequences {
        let (run, after) = rest.split_at(sequence.literals as usize);
        let fours = run.chunks_exact(4);
        let last = fours.remainder();
        fours.for_each(|four| write_literals(out, four, literals));
        write_literals(out, last, literals);
        rest = after.get(usize::from(sequence.length)..).unwrap_or_default();
        if sequence.length > 0 {
            let (symbol, extra, extra_length) = length_symbol(sequence.length);
            let code = literals[symbol];
            let mut bits = u64::from(code.bits) | u64::from(extra) << code.length;
            let mut length = u32::from(code.length) + extra_length;
            let (symbol, extra, extra_length) = distance_symbol(sequence.distance);
            let code = distances[symbol];
            bits |= (u64::from(code.bits) | u64::from(extra) << code.length) << length;
            length += u32::from(code.length) + extra_length;
            out.put(bits, length);
        }
    }
}

/// Writes at most four literals.
#[inline]
fn write_literals(out: &mut Bits, bytes: &[u8], codes: &[Code; LITERALS]) {
    let (mut bits, mut length) = (0, 0);
    for byte in bytes {
        let code = codes[usize::from(*byte)];
        bits |= u64::from(code.bits) << length;
        length += u32::from(code.length);
    }
    out.put(bits, length);
}

/// The symbol of a match's length, 3 to 258, with its extra bits and their number (§ 3.2.5).
#[inline]
fn length_symbol(length: u16) -> (usize, u32, u32) {
    if length == 258 {
        return (285, 0, 0);
    }
    let (symbol, value, bits) = logarithmic::<2>(u32::from(length) - 3);
    (257 + symbol, value, bits)
}

/// The symbol of a distance, less 1, with its extra bits and their number (§ 3.2.5).
#[inline]
fn distance_symbol(distance: u16) -> (usize, u32, u32) {
    logarithmic::<1>(u32::from(distance))
}

/// Symbols in groups of `2^GROUP`, each group with one extra bit more than the one before.
#[inline]
fn logarithmic<const GROUP: u32>(value: u32) -> (usize, u32, u32) {
    let bits = (31 - (value | 1 << GROUP).leading_zeros()) - GROUP;
    let symbol = (bits << GROUP) + (value >> bits);
    (symbol as usize, value & ((1 << bits) - 1), bits)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Compresses `input` in two streams, the second primed with the first, and decompresses both as one.
    fn round_trip(input: &[u8], cut: usize) -> Vec<u8> {
        let mut matcher = Matcher::new();
        let mut bytes = deflate(&mut matcher, &input[..cut], 0, Ending::More);
        let from = cut.saturating_sub(32 * 1024);
        bytes.extend(deflate(&mut matcher, &input[from..], cut - from, Ending::Last));
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn symbols_of_the_standard() {
        for (length, symbol) in [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 0, 1)),
            (12, (265, 1, 1)),
            (13, (266, 0, 1)),
            (115, (280, 0, 4)),
            (131, (281, 0, 5)),
            (257, (284, 30, 5)),
            (258, (285, 0, 0)),
        ] {
            assert_eq!(length_symbol(length), symbol, "{length}");
        }
        for (distance, symbol) in [
            (1, (0, 0, 0)),
            (4, (3, 0, 0)),
            (5, (4, 0, 1)),
            (6, (4, 1, 1)),
            (7, (5, 0, 1)),
            (24577, (29, 0, 13)),
            (32768, (29, 8191, 13)),
        ] {
            assert_eq!(distance_symbol((distance - 1_u32) as u16), symbol, "{distance}");
        }
    }

    #[test]
    fn shapes_of_input() {
        let noise: Vec<u8> =
            (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let far =
            [&b"a phrase that comes again"[..], &noise[..32_743], b"a phrase that comes again"].concat();
        let inputs: [&[u8]; 8] =
            [b"", b"x", b"xx", b"abcabcabcabcabcabcabc", &[0; 300_000], &noise, &far, &[7; 259]];
        for input in inputs {
            for cut in [0, 1, input.len() / 2, input.len()] {
                assert!(
                    round_trip(input, cut.min(input.len())) == input,
                    "{} bytes cut at {cut}",
                    input.len()
                );
            }
        }
    }

    #[test]
    fn noise_grows_by_little_and_zeros_vanish() {
        let mut seed = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        })
        .take(1 << 20)
        .collect();
        let stored = deflate(&mut Matcher::new(), &noise, 0, Ending::Last).len();
        assert!((noise.len()..noise.len() + 200).contains(&stored), "{stored}");
        assert!(deflate(&mut Matcher::new(), &[0; 1 << 20], 0, Ending::Last).len() < 3000);
    }

    proptest::proptest! {
        #[test]
        fn any_input_comes_back(
            parts in proptest::collection::vec((0..6_u8, 1..3000_usize), 0..60), cut in 0..100_000_usize,
        ) {
            let mut input = Vec::new();
            for (index, (kind, length)) in parts.into_iter().enumerate() {
                match kind {
                    0 => input.resize(input.len() + length, 0),
                    1 => input.extend((0..length).map(|at| (at * at * 31 + index) as u8)),
                    2 => input.extend((0..length).map(|at| b"etaoin shrdlu"[(at * 7 + at / 3 + index) % 13])),
                    3 => input.push(index as u8),
                    _ => {
                        let from = input.len().saturating_sub(length * 11);
                        let to = input.len().min(from + length);
                        input.extend_from_within(from..to);
                    }
                }
            }
            let cut = cut.min(input.len());
            proptest::prop_assert!(round_trip(&input, cut) == input);
        }
    }
}
