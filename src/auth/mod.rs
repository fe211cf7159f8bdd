//! Who may do what. Doors establish who somebody is; [`access`] is the one place that decides.

pub mod access;
pub mod verifier;
