//! The flags of `footplate certs init` → what is to be made. It looks at no file.

use std::path::PathBuf;

use super::{CertsFlags, Check, Places, Problem};
use crate::tls::Name;

/// What certificates are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certs {
    /// Where they are written.
    pub dir: PathBuf,
    /// By which names the relay is called: this machine's own, then the given ones, each once.
    pub names: Vec<Name>,
}

impl CertsFlags {
    /// Checks all of them. No file is looked at.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Certs, Vec<Problem>> {
        let mut check = Check::new(Places::default());
        let dir = |text: &str| (!text.is_empty() && !text.contains('\0')).then(|| text.into());
        let text = self.dir.as_deref().unwrap_or("footplate-certs");
        let dir = check.one("--dir", Some(text), dir, DIR);
        let mut names = Name::of_this_machine().to_vec();
        for name in check.all("--name", &self.name, Name::parse, NAME) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if check.found.is_empty() { Ok(Certs { dir, names }) } else { Err(check.found) }
    }
}

const DIR: &str = "it is the path of a directory, which is made if it is not there";
const NAME: &str = "it is a host name or an IP address alone, such as relay.internal or 10.0.0.5; \
                    other scripts as in xn--bcher-kva.example";
