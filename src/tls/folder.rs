//! The directory of `footplate certs init`: an authority that is made once and kept, and a server's
//! certificate that is issued anew at each run. Nothing is overwritten that was not written here,
//! and nothing is ever seen half-written.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Authority, Facts, Name};
use crate::seams::Seams;

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca-key.pem";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server-key.pem";

/// Who may do what with a directory, a key, and what everybody may know.
const OURS: u32 = 0o700;
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// What stands in the directory now.
#[derive(Debug)]
pub struct Made {
    /// The authority's certificate, which clients have to trust.
    pub ca: PathBuf,
    /// Its key.
    pub ca_key: PathBuf,
    /// The server's chain.
    pub server: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// Whether the authority is new.
    pub new_authority: bool,
    /// What the authority's certificate says of itself.
    pub ca_facts: Facts,
    /// What the server's says of itself.
    pub server_facts: Facts,
}

/// Why nothing was written, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Spoiled {
    /// The authority is there, but not whole.
    #[error(
        "the authority in {} can't be used: {}. Put both of its files back from a copy; or begin anew by moving \
         ca.pem and ca-key.pem away, or with another --dir: then everybody has to trust the new ca.pem",
        .dir.display(),
        .what
    )]
    Authority {
        /// The directory.
        dir: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// There is something of somebody else's.
    #[error(
        "{} was not written by this command for the authority beside it, and is not overwritten; move it away, or name \
         another directory with --dir",
        .0.display()
    )]
    Foreign(PathBuf),
    /// Others could change what is trusted, or read the key.
    #[error(
        "others may {what} {}; make it yours alone with `chmod {mode} {}`, and begin anew if you don't trust them",
        .path.display(),
        .path.display()
    )]
    Open {
        /// The directory, or the file.
        path: PathBuf,
        /// What others may do with it.
        what: &'static str,
        /// The mode that it needs, as `chmod` takes it.
        mode: &'static str,
    },
    /// It can't be read or written.
    #[error("{}: {err}; let this user read and write there, or name another directory with --dir", .0.display(), err = .1)]
    Io(PathBuf, io::Error),
    /// The cryptography has failed.
    #[error("no certificate could be made ({0}); try once more")]
    Cryptography(#[from] rcgen::Error),
}

/// Makes the directory and the authority, if they are not there, and issues a new certificate for
/// `names`. It blocks.
///
/// # Errors
/// What is in the way, with the remedy. What was there before is still there then.
pub fn init(dir: &Path, names: &[Name], seams: &Seams) -> Result<Made, Spoiled> {
    let now = seams.clock.now().time;
    let folder = Folder { dir, seams };
    folder.open()?;
    let kept = folder.authority()?;
    folder.is_free(kept.as_ref())?;
    let new_authority = kept.is_none();
    let authority = match kept {
        Some(authority) => authority,
        None => {
            let authority = Authority::make(now)?;
            folder.write(CA_KEY, SECRET, &authority.key(), Place::New)?;
            folder.write(CA, PUBLIC, authority.pem(), Place::New)?;
            authority
        }
    };
    let issued = authority.issue(names, now)?;
    folder.write(SERVER_KEY, SECRET, &issued.key, Place::Any)?;
    folder.write(SERVER, PUBLIC, &issued.chain, Place::Any)?;
    let [ca, ca_key, server, server_key] =
        [CA, CA_KEY, SERVER, SERVER_KEY].map(|name| dir.join(name));
    let (ca_facts, server_facts) = (authority.facts().clone(), issued.facts);
    Ok(Made { ca, ca_key, server, server_key, new_authority, ca_facts, server_facts })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where nothing is.
    New,
    /// In the place of what is there.
    Any,
}

struct Folder<'a> {
    dir: &'a Path,
    seams: &'a Seams,
}

impl Folder<'_> {
    /// Makes it, unless it is there and nobody else may write to it.
    fn open(&self) -> Result<(), Spoiled> {
        let made = DirBuilder::new().recursive(true).mode(OURS).create(self.dir);
        made.map_err(|err| Spoiled::Io(self.dir.to_owned(), err))?;
        let it = fs::metadata(self.dir).map_err(|err| Spoiled::Io(self.dir.to_owned(), err))?;
        if it.mode() & 0o022 != 0 {
            return Err(Spoiled::Open {
                path: self.dir.to_owned(),
                what: "write to",
                mode: "go-w",
            });
        }
        Ok(())
    }

    /// The authority that is there, if one is.
    fn authority(&self) -> Result<Option<Authority>, Spoiled> {
        let spoiled = |what| Spoiled::Authority { dir: self.dir.to_owned(), what };
        let (pem, key) = match (self.read(CA)?, self.read(CA_KEY)?) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(spoiled("ca-key.pem is missing")),
            (None, Some(_)) => return Err(spoiled("ca.pem is missing")),
            (Some(pem), Some(key)) => (pem, key),
        };
        let path = self.dir.join(CA_KEY);
        let mode = fs::metadata(&path).map_err(|err| Spoiled::Io(path.clone(), err))?.mode();
        if mode & 0o077 != 0 {
            return Err(Spoiled::Open { path, what: "read", mode: "600" });
        }
        let now = self.seams.clock.now().time;
        Authority::read(&pem, &key, now).map(Some).map_err(spoiled)
    }

    /// Whether the server's files are ours to replace. A key alone is what is left of a run of
    /// ours that was cut off, if the authority is there.
    fn is_free(&self, authority: Option<&Authority>) -> Result<(), Spoiled> {
        let foreign = |name| Err(Spoiled::Foreign(self.dir.join(name)));
        match (self.read(SERVER)?, authority) {
            (Some(chain), Some(authority)) if authority.has_issued(&chain) => Ok(()),
            (Some(_), _) => foreign(SERVER),
            (None, None) if self.read(SERVER_KEY)?.is_some() => foreign(SERVER_KEY),
            (None, _) => Ok(()),
        }
    }

    /// What stands there. What is not text has no meaning here, and is kept as what it is: there.
    fn read(&self, name: &str) -> Result<Option<String>, Spoiled> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(Spoiled::Io(path, err)),
        }
    }

    /// Writes all of it under another name, and only then gives it this one.
    fn write(&self, name: &str, mode: u32, text: &str, place: Place) -> Result<(), Spoiled> {
        let path = self.dir.join(name);
        let draft = self.dir.join(format!(".{name}.{:016x}", self.seams.chance.number()));
        let written = write(&draft, mode, text).and_then(|()| match place {
            Place::Any => fs::rename(&draft, &path),
            // Unlike a rename it never takes the place of what another run has just put there.
            Place::New => fs::hard_link(&draft, &path).and_then(|()| fs::remove_file(&draft)),
        });
        written.map_err(|err| {
            // It may not even have been made; what counts is the first fault.
            let _ = fs::remove_file(&draft);
            Spoiled::Io(path, err)
        })
    }
}

fn write(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The same whatever the umask takes away.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
