//! How a program passes floating-point numbers.

/// The floating-point calling convention, which OCI platforms do not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FloatAbi {
    /// In integer registers; no floating-point unit is needed.
    Soft,
    /// In the registers of a floating-point unit.
    Hard,
}
