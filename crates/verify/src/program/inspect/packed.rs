//! Programs that UPX packed: the original's headers, which are the first block of the packed data.

use object::elf::PT_INTERP;

use super::content::Content;
use super::headers::Header;

/// The size of the original's headers above which the file is damaged.
const MAX_HEADERS: usize = 1 << 16;
/// The methods whose blocks are unpacked here (src/conf.h of UPX); that of others, such as LZMA, is not.
const NRV2B_LE32: u8 = 2;
const NRV2E_LE32: u8 = 8;

/// The linkage of a program before UPX packed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// It needs no dynamic loader.
    Static,
    /// UPX's stub loads its dynamic loader, which no header names any longer.
    Dynamic,
    /// Its headers cannot be unpacked.
    Unknown,
}

/// Reads the headers of the original; `None` if the file is not packed.
pub(super) fn read(file: &Content<'_>, header: &Header) -> Option<Packed> {
    let start = header.table.checked_add(header.table_length())?;
    // After the program headers: l_info with the magic, 12 bytes; p_info, 12 bytes; b_info of the first block, 12 bytes
    // (src/stub/src/include/linux.h).
    let info = file.bytes(start, 36);
    if info.get(4..8) != Some(b"UPX!") {
        return None;
    }
    let word =
        |at: usize| info.get(at..at + 4).and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)));
    let (Some(unpacked), Some(packed), Some(method)) = (word(24), word(28), info.get(32)) else {
        return Some(Packed::Unknown);
    };
    let block = file.bytes(start.checked_add(36)?, u64::from(packed).min(MAX_HEADERS as u64));
    let headers = unpack(&block, *method, usize::try_from(unpacked).unwrap_or(usize::MAX));
    Some(headers.and_then(|headers| linkage(&headers)).unwrap_or(Packed::Unknown))
}

fn linkage(headers: &[u8]) -> Option<Packed> {
    let header = Header::read(headers)?;
    let segments = header.segments(&Content::new(Box::new(headers)));
    if segments.len() < usize::from(header.entries) || !headers.starts_with(b"\x7fELF") {
        return None;
    }
    let has_loader = segments.iter().any(|segment| segment.kind == PT_INTERP.0);
    Some(if has_loader { Packed::Dynamic } else { Packed::Static })
}

/// Unpacks a block; `None` if it is damaged or its method is another.
fn unpack(block: &[u8], method: u8, length: usize) -> Option<Vec<u8>> {
    if length > MAX_HEADERS || ![NRV2B_LE32, NRV2E_LE32].contains(&method) {
        return None;
    }
    let mut bits = Bits { bytes: block, at: 0, word: 0, left: 0 };
    let (mut out, mut last) = (Vec::with_capacity(length), 1);
    while out.len() < length {
        if bits.next()? == 1 {
            out.push(bits.byte()?);
            continue;
        }
        let (offset, count) = match method {
            NRV2B_LE32 => bits.match_of_2b(&mut last)?,
            _ => bits.match_of_2e(&mut last)?,
        };
        let from = out.len().checked_sub(usize::try_from(offset).ok()?)?;
        let count = usize::try_from(count).ok()?.min(length - out.len());
        for index in from..from + count {
            out.push(*out.get(index)?);
        }
    }
    Some(out)
}

/// The bits of a block: from the highest of each little-endian word, with bytes between the words.
struct Bits<'data> {
    bytes: &'data [u8],
    at: usize,
    word: u32,
    left: u32,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            self.word = u32::from_le_bytes(self.bytes.get(self.at..self.at + 4)?.try_into().ok()?);
            (self.at, self.left) = (self.at + 4, 32);
        }
        self.left -= 1;
        Some(self.word >> self.left & 1)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Appends a bit to a number.
    fn append(&mut self, number: u32) -> Option<u32> {
        number.checked_mul(2)?.checked_add(self.next()?)
    }

    /// Reads a number whose bits each have a bit after them that ends it.
    fn number(&mut self) -> Option<u32> {
        let mut number = 1;
        loop {
            number = self.append(number)?;
            if self.next()? == 1 {
                return Some(number);
            }
        }
    }

    /// Returns the distance and length of a match of NRV2B (src/n2b_d.c of the UCL library).
    fn match_of_2b(&mut self, last: &mut u32) -> Option<(u32, u32)> {
        let offset = self.number()?;
        if offset != 2 {
            *last = (offset.checked_sub(3)?.checked_mul(256)?)
                .checked_add(u32::from(self.byte()?))?
                .checked_add(1)?;
        }
        let first = self.next()?;
        let short = self.append(first)?;
        let length = if short == 0 { self.number()?.checked_add(2)? } else { short };
        Some((*last, length.checked_add(1 + u32::from(*last > 0xd00))?))
    }

    /// Returns the distance and length of a match of NRV2E (src/n2e_d.c of the UCL library).
    fn match_of_2e(&mut self, last: &mut u32) -> Option<(u32, u32)> {
        let mut offset = 1;
        loop {
            offset = self.append(offset)?;
            if self.next()? == 1 {
                break;
            }
            offset = self.append(offset.checked_sub(1)?)?;
        }
        let is_short = if offset == 2 {
            self.next()?
        } else {
            let code = (offset.checked_sub(3)?.checked_mul(256)?).checked_add(u32::from(self.byte()?))?;
            *last = (code >> 1).checked_add(1)?;
            !code & 1
        };
        let length = if is_short == 1 {
            1 + self.next()?
        } else if self.next()? == 1 {
            3 + self.next()?
        } else {
            self.number()?.checked_add(3)?
        };
        Some((*last, length.checked_add(1 + u32::from(*last > 0x500))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first block of a dynamic program of gcc.
    const DYNAMIC_PIE: (u8, usize, &str) = (
        2,
        792,
        "f6fb21ff7f454c460201010003003e000d70100fb7640f764017184706231338002c60dfbb0d051f001e00150427074b7621\
         8fd80208673772c8823d18035f071c000a3b201701040000ecb217f6b00607001037050f2fe4910507cd010010210b36646f\
         201707bf8125e48c1b063711c03d41b8b06717c04d07680f20835dd870026f0237d090902fecd04d07f001000bc260874f04\
         03383f078e6c6423be37580b7964c1270744001d907d900453e574646f507c64b38337b43acf072c0000d8eeb0846f513706\
         0000043b8415de526f21611f218740020007fe0000000c00120000ff",
    );
    /// The first block of a dynamic program of musl-gcc.
    const MUSL: (u8, usize, &str) = (
        2,
        568,
        "f6fb21ff7f454c460201010003003e000d70100fb7640f764017d04d06231338002c60dfbb090523002200150427074b7621\
         8ff801086737c8239b3d38020f0719002bec805c01040000b0cb5ed8280507001037050fbd90471607e4010010872cd8906f\
         201707141bc60696900637113e07bbb0c1174e0728e73002830c76616f023710104242beb04e07c001004fd80aec1f51e574\
         64060000fed8035977523704a700020007000043481e0400000000000080ff",
    );
    /// The first block of a program of Go.
    const GO: (u8, usize, &str) = (
        8,
        400,
        "bbfb20ff7f454c460201010002003e001ba005481fbf5fdaed402f9045263800060a1a00190ff6b5760e00044f4000400f50\
         017b9b3d900000100d0407780f1f817c202d0e406400006c60bbc9048d050001400f366c201fd1e109df0187c8077b1bf02f\
         f0490f88970d860f031b6f06011711c1de1eec570fa0a9fb04046fdb056cf951e5746401080f499224090000002aff",
    );
    /// The first block of a static position-independent program of gcc.
    const STATIC_PIE: (u8, usize, &str) = (
        8,
        736,
        "556e93ff7f454c460201010300103e000196fb857d9b1f402fa87313452638000c0ab153ecf72500245704000150800fdbba\
         2e3b00100d6f0511902f0f021bc8177162086f03f96acfdf0900000f66c908aff66f606f060618d51100000f785dbf4d0467\
         4f48b54f026f880d1200b7817cb5000fa00100eb00e4d0b2b70407e0021f0f20001bc5a1256f0003210f3b99900744000407\
         17d86d8860bf184f60dfdb0005bf53e574644f506f200f2dc3b4ef510fac210005fb86604f516e06000144b0bd220d0052df\
         bfc215833de83a000f1d004a92244900000080ff",
    );

    fn block(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn headers_that_upx_packed_are_read() {
        let cases = [
            (DYNAMIC_PIE, Packed::Dynamic),
            (MUSL, Packed::Dynamic),
            (GO, Packed::Static),
            (STATIC_PIE, Packed::Static),
        ];
        for ((method, length, text), expected) in cases {
            let headers = unpack(&block(text), method, length).unwrap();
            assert_eq!((headers.len(), linkage(&headers)), (length, Some(expected)));
        }
    }

    #[test]
    fn damaged_blocks_are_refused() {
        let (method, length, text) = GO;
        let bytes = block(text);
        assert_eq!(unpack(&bytes[..20], method, length), None);
        assert_eq!(unpack(&bytes, 14, length), None);
        assert_eq!(unpack(&bytes, method, MAX_HEADERS + 1), None);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let _ = unpack(&damaged, method, length).map(|headers| linkage(&headers));
        }
    }
}
