//! `footplate certs init`: makes the files, and says what they are and what to do next. It starts
//! nothing.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::Context;

use crate::config::Certs;
use crate::model::Timestamp;
use crate::seams::Seams;
use crate::tls::{self, Made, Name};

/// Makes a local authority and a server's certificate, and tells on standard output what to do
/// with them.
///
/// # Errors
/// What is in the way, with the remedy.
pub fn certs(settings: &Certs, seams: &Seams) -> anyhow::Result<()> {
    let made = tls::init(&settings.dir, &settings.names, seams)?;
    let text = told(&made, &settings.names);
    // Whoever closes the pipe has read enough; the files are there.
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(err).context("can't say so"),
        _ => Ok(()),
    }
}

fn told(made: &Made, names: &[Name]) -> String {
    let [ca, ca_key, server, server_key] =
        [&made.ca, &made.ca_key, &made.server, &made.server_key].map(|it| quoted(&it.display()));
    let all: Vec<_> = names.iter().map(ToString::to_string).collect();
    let all = all.join(", ");
    let (ca_ends, ends) = (day(made.ca_facts.expires), day(made.server_facts.expires));
    let serial = &made.server_facts.serial;
    let hosts = names.iter().filter(|it| !Name::of_this_machine().contains(it));
    let hosts = hosts.fold(String::new(), |mut text, name| {
        let bare = match name {
            Name::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
            Name::Ip(_) | Name::Host(_) => name.to_string(),
        };
        write!(text, " \\\n    --allow-host {}", quoted(&bare)).expect("a string takes all");
        text
    });
    let mut text = String::new();
    if made.new_authority {
        text += &format!(
            "Wrote {ca}, the authority that clients have to trust, until {ca_ends}.\n\
             Wrote {ca_key}, its key. Whoever has it can pose as any server to those clients: copy it nowhere.\n"
        );
    } else {
        text += &format!("Kept {ca} and its key; whoever trusts it needs nothing new.\n");
    }
    // Names are not remembered: a new run says all of them again.
    text += &format!(
        "Wrote {server} and {server_key}, serial {serial}, until {ends},\n  \
           for {all}. It is for no other name: say further ones with --name.\n\
         \n\
         Serve with it:\n  \
           footplate serve \\\n    \
             --viewer-tls-cert {server} --viewer-tls-key {server_key} \\\n    \
             --engine-tls-cert {server} --engine-tls-key {server_key}{hosts}\n\
         A relay that runs with these files takes up new ones within seconds, or at once on SIGHUP.\n\
         \n\
         Trust it:\n  \
           curl      curl --cacert {ca} https://localhost:8000/livez\n  \
           Python    footplate.Engine(\"localhost:50051\", producer_id=\"mine\", tls_ca={ca_text})\n            \
                     ssl.create_default_context(cafile={ca_text}) for WebSockets\n  \
           Go        credentials.NewClientTLSFromFile({ca_text}, \"\") for gRPC\n  \
           Node.js   NODE_EXTRA_CA_CERTS={ca} node app.js\n  \
           browsers  Firefox: Settings, Certificates, Authorities, Import {ca}\n            \
                     Chrome on Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n footplate -i {ca}\n            \
                     macOS: security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {ca}\n",
        ca_text = format!("{:?}", made.ca.display().to_string()),
    );
    text
}

/// `2027-12-22`.
fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// As a shell takes it for one word.
fn quoted(word: &dyn std::fmt::Display) -> String {
    let word = word.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:+=@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
