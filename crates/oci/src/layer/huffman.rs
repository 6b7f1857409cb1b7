//! Huffman codes of limited length (RFC 1951 § 3.2.2).

/// The code of each symbol: its bits, in the order in which they are written, and their number. A symbol of
/// frequency 0 gets none, but there are always two codes or more, because some decoders refuse less.
pub(super) fn codes<const N: usize>(frequencies: &[u32; N], limit: usize) -> [Code; N] {
    let mut used: Vec<(u32, usize)> =
        (0..N).filter(|at| frequencies[*at] > 0).map(|at| (frequencies[at], at)).collect();
    let unused = [0, 1].into_iter().filter(|symbol| frequencies[*symbol] == 0).map(|symbol| (1, symbol));
    used.extend(unused.take(2_usize.saturating_sub(used.len())));
    used.sort_unstable();
    let counts = lengths(&used, limit);
    let mut codes = [Code::default(); N];
    // The rarest symbols come first and get the longest codes.
    let longest_first = (1..=limit).rev().flat_map(|length| std::iter::repeat_n(length, counts[length]));
    for ((_, symbol), length) in used.iter().zip(longest_first) {
        codes[*symbol].length = length as u8;
    }
    assign(&mut codes, &counts);
    codes
}

/// A Huffman code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// The bits, the first one lowest.
    pub(super) bits: u16,
    /// How many.
    pub(super) length: u8,
}

const LONGEST: usize = 15;

/// How many codes there are of each length, for symbols sorted by frequency.
fn lengths(used: &[(u32, usize)], limit: usize) -> [usize; LONGEST + 1] {
    let depths = depths(used);
    let mut counts = [0; LONGEST + 1];
    depths.iter().for_each(|depth| counts[(*depth).min(limit)] += 1);
    // Codes that were cut to the limit take more room than there is: shorter ones make place, one at a time.
    let room = |counts: &[usize; LONGEST + 1]| {
        (1..=limit).map(|length| counts[length] << (limit - length)).sum::<usize>()
    };
    while room(&counts) > 1 << limit {
        counts[limit] -= 1;
        if let Some(length) = (1..limit).rev().find(|length| counts[*length] > 0) {
            counts[length] -= 1;
            counts[length + 1] += 2;
        }
    }
    counts
}

/// The depth of each symbol in Huffman's tree, for symbols sorted by frequency: two queues, one of leaves and one of
/// inner nodes, which come up in order.
fn depths(used: &[(u32, usize)]) -> Vec<usize> {
    let leaves = used.len();
    let mut weights: Vec<u64> = used.iter().map(|(weight, _)| u64::from(*weight)).collect();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut inner) = (0, leaves);
    for parent in leaves..2 * leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let next = if leaf < leaves && (inner >= parent || weights[leaf] <= weights[inner]) {
                &mut leaf
            } else {
                &mut inner
            };
            weight += weights[*next];
            parents[*next] = parent;
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(leaves);
    depths
}

/// Gives each symbol its bits: canonical codes, reversed because deflate writes them highest bit first.
fn assign(codes: &mut [Code], counts: &[usize; LONGEST + 1]) {
    let mut next = [0_u16; LONGEST + 2];
    for length in 1..=LONGEST {
        next[length + 1] = (next[length] + counts[length] as u16) << 1;
    }
    for code in codes.iter_mut().filter(|code| code.length > 0) {
        let length = usize::from(code.length);
        code.bits = next[length].reverse_bits() >> (16 - length);
        next[length] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the codes fill the space exactly (so that decoders accept them) and none begins another.
    fn check<const N: usize>(frequencies: &[u32; N], limit: usize) -> [Code; N] {
        let codes = codes(frequencies, limit);
        let used: Vec<_> = codes.iter().filter(|code| code.length > 0).collect();
        assert!(used.iter().all(|code| usize::from(code.length) <= limit));
        let room: u32 = used.iter().map(|code| 1 << (16 - code.length)).sum();
        assert_eq!(room, 1 << 16, "{used:?}");
        for one in &used {
            for other in &used {
                let mask = (1_u32 << one.length) - 1;
                let begins =
                    one.length <= other.length && u32::from(other.bits) & mask == u32::from(one.bits);
                assert!(!begins || one == other);
            }
        }
        codes
    }

    #[test]
    fn few_symbols() {
        check(&[0; 30], 15);
        check(&[0, 0, 5], 15);
        assert_eq!(check(&[9, 0, 0, 1], 7)[0], Code { bits: 0, length: 1 });
    }

    #[test]
    fn frequent_symbols_get_short_codes() {
        let codes = check(&[100, 1, 50, 1, 25], 15);
        assert_eq!(codes.map(|code| code.length), [1, 4, 2, 4, 3]);
    }

    #[test]
    fn lengths_are_limited() {
        let mut fibonacci = [1_u32; 40];
        (2..40).for_each(|at| fibonacci[at] = fibonacci[at - 1] + fibonacci[at - 2]);
        check(&fibonacci, 15);
        check(&fibonacci, 14);
        let mut nineteen = [0; 19];
        nineteen.copy_from_slice(&fibonacci[..19]);
        check(&nineteen, 7);
        check(&[1; 286], 14);
    }
}
