//! Names of string tables. In a hostile file they may overlap, so that a megabyte can name a terabyte.

/// Returns the bytes up to the first NUL; `None` if there is none.
pub(crate) fn c_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(0, bytes)?;
    Some(&bytes[..end])
}

/// The cost of a name in addition to its bytes.
const COST_OF_A_NAME: usize = 64;

/// The memory in bytes that names may still take.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Budget {
        Budget(bytes)
    }

    /// Returns whether a name exceeded the budget. Then every later name does.
    pub(crate) fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// Subtracts the cost of a name of this length; `None` if the budget is smaller.
    pub(super) fn take(&mut self, length: usize) -> Option<()> {
        let left = self.0.checked_sub(length + COST_OF_A_NAME);
        self.0 = left.unwrap_or(0);
        left.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::inspect::Content;

    #[test]
    fn names_are_read_until_the_budget_is_spent() {
        let mut bytes = vec![b'x'; 1000];
        bytes.push(0);
        let (content, mut budget) = (Content::of(&bytes), Budget::new(10_000));
        let strings = content.whole();
        let names = (0..100).filter_map(|offset| strings.string(offset, 4096, &mut budget)).count();
        assert_eq!(names, 9, "each of about 1000 bytes and its cost");
        assert!(budget.is_spent());
    }

    #[test]
    fn unterminated_strings_are_skipped_and_cost_budget() {
        let (content, mut budget) = (Content::of(&[b'x'; 1000]), Budget::new(1500));
        let strings = content.whole();
        assert_eq!(strings.string(0, 500, &mut budget), None);
        assert!(!budget.is_spent());
        assert_eq!(strings.string(0, 4096, &mut budget), None);
        assert!(budget.is_spent());
        assert_eq!(strings.string(5000, 4096, &mut Budget::new(1500)), None);
    }
}
