//! The work that following scripts may cost.

/// The most steps for one script: a step is about one simple command in one state.
const MOST_STEPS: u64 = 100_000;
/// The bytes of a script that are read for the price of a step.
const TEXT_PER_STEP: usize = 128;

/// The steps that are left for following scripts. One script uses at most 100,000 of them; a budget that several scripts
/// share bounds the time of all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// Returns a budget of so many steps. A step takes some microseconds.
    pub fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Returns the budget of one script.
    pub(crate) fn of_one_script() -> Self {
        Self::new(2 * MOST_STEPS)
    }

    /// Pays for work. Returns whether there is more to spend.
    pub fn pay(&mut self, steps: u64) -> bool {
        self.left = self.left.saturating_sub(steps);
        !self.is_spent()
    }

    /// Returns whether nothing is left: no more scripts are followed.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Pays for reading a script's text and returns the steps with which it is followed.
    pub(crate) fn start(&mut self, text: &[u8]) -> u64 {
        self.pay((text.len() / TEXT_PER_STEP) as u64);
        self.left.min(MOST_STEPS)
    }
}
