//! Who is let in, and as whom: tokens, API keys, tickets, revocations, and the rights that follow. Test
//! names begin with the line of the security checklist that they show.

mod apart;
mod bench;
mod canary;
mod caps;
mod carriers;
mod crowds;
mod doors;
mod engines;
mod forged;
mod four_eyes;
mod issuer;
mod keys;
mod lives;
mod mint;
mod owners;
mod published;
mod rights;
mod secrets;
mod sneaky;
mod stand;
mod vouching;
