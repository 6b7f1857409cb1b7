//! How a program passes floating-point numbers.

/// The floating-point calling convention, which OCI platforms do not name.
///
/// 386 has one convention. There [`Soft`](Self::Soft) is a program for processors without SSE2: Go's
/// `GO386=softfloat` and Rust's i586 targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FloatAbi {
    /// In integer registers; no floating-point unit is needed.
    Soft,
    /// In the registers of a floating-point unit.
    Hard,
}
