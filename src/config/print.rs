//! A checked configuration, told: as a file that can be used again, and in a sentence.

use std::fmt::Write as _;

use super::problem::Place;
use super::settings::Setting;
use super::{Config, Door, Listen};
use crate::seams::Address;

/// One setting's line in a file, with a comment that says where it comes from.
pub(super) fn line(setting: &Setting, texts: &[String], place: &Place) -> String {
    let key = setting.key();
    let value = match texts {
        [] if !setting.is_list() => return format!("# {key} is not set # default\n"),
        [text] if !setting.is_list() => quoted(text),
        texts => format!("[{}]", texts.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", ")),
    };
    let from = match place {
        Place::Default => "default".to_owned(),
        Place::Flag => format!("flag {}", setting.flag()),
        Place::Variable(name) => format!("variable {name}"),
        Place::File(spot) => format!("file {spot}"),
    };
    format!("{key} = {value} # {from}\n")
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a string takes all");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What would listen where, in one line.
pub(super) fn sentence(config: &Config) -> String {
    let Config { viewers, engines, admin, .. } = config;
    let (viewers, engines) = (door(viewers), door(engines));
    let admin =
        if admin.is_empty() { "nowhere".to_owned() } else { format!("at {}", ports(admin, false)) };
    format!(
        "The configuration is right: dashboards at {viewers}; engines at {engines}; operators \
         {admin}.\n"
    )
}

fn door(door: &Door) -> String {
    ports(&door.listen, door.tls.is_some())
}

fn ports(all: &[Listen], tls: bool) -> String {
    let port = |it: &Listen| match &it.address {
        // Unix sockets stay plain.
        Address::Tcp(address) if tls => format!("{address} (TLS)"),
        Address::Tcp(_) | Address::Unix(_) => it.address.to_string(),
    };
    all.iter().map(port).collect::<Vec<_>>().join(", ")
}
