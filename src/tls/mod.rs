//! TLS: how certificates are read and made, what is wrong with them in words that help, what a door
//! speaks with one, and how it comes to a new one while it runs. Never opens a socket, and never
//! says that a certificate is in use which is not.

mod authority;
mod believed;
mod certificate;
mod facts;
mod fault;
mod files;
mod folder;
mod own;
mod served;
mod trust;
mod watch;

pub use authority::{Authority, Issued, Name};
pub use certificate::Certificate;
pub use facts::Facts;
pub use fault::Fault;
pub use files::Files;
pub use folder::{Made, Spoiled, init};
pub use own::{SelfSigned, self_signed};
pub use served::Served;
pub use trust::{Trust, Vouched, named};
pub use watch::{Look, Options, Watch};
