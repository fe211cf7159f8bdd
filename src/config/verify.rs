//! The flags of `footplate audit verify` → which files are to be checked, and for what. It opens none.

use std::path::PathBuf;

use super::{Check, Places, Problem, VerifyFlags};
use crate::audit::Digest;

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// The files, in the order in which they were written.
    pub files: Vec<PathBuf>,
    /// The hash that one of the lines has to have.
    pub head: Option<Digest>,
}

impl VerifyFlags {
    /// Checks all of them. No file is looked at.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Verify, Vec<Problem>> {
        let mut check = Check::new(Places::default());
        let head = self.head.as_deref().map(str::trim);
        let read = head.and_then(|it| it.parse().ok());
        if let (Some(text), None) = (head, read) {
            check.wrong(
                "--head",
                text,
                "it is a hash of 64 hexadecimal digits, as the log tells it",
            );
        }
        let verify = Verify { files: self.files.clone(), head: read };
        if check.found.is_empty() { Ok(verify) } else { Err(check.found) }
    }
}
