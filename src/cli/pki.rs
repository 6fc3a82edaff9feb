//! `mylife pki`: a small private authority, what a gateway needs of it, and what to tell its peers.
//!
//! Part of `cli`. For trying things out and for closed networks of few peers; a gateway of a large
//! federation gets its certificate elsewhere. Never replaces a key that is there.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Subcommand;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    documents::{unreadable, unwritable},
    exit::Exit,
    output::Output,
};
use crate::{
    authenticate::jose::{
        key::Algorithm,
        sign::{Signer, generate, generate_rsa},
    },
    config::node,
    digest::hex,
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Kind, Result},
    gateway::open::{handle_key, jwks, log_keys},
    pki::{self, Ca, Issued, validity},
    seal::master,
};

/// The file that holds an authority's name, beside its certificate and key.
const NAME: &str = "ca.name";
/// The file of what it has revoked: a serial number in hexadecimal and an instant a line.
const REVOKED: &str = "ca.revoked";

/// What is to be made.
#[derive(Debug, Subcommand)]
pub enum Pki {
    /// Make an authority: DIR/ca.pem and DIR/ca.key
    Init {
        /// Where
        dir: PathBuf,
        /// Its name in certificates
        #[arg(long, default_value = "My Life private authority")]
        name: String,
    },
    /// Make a gateway's certificate and keys in DIR/CODE, and print what goes into configurations
    Gateway {
        /// Where
        #[arg(long)]
        dir: PathBuf,
        /// Node code
        #[arg(long)]
        code: String,
        /// Address of the gateway, `https://host:port`
        #[arg(long)]
        url: String,
        /// Its controller, `urn:oid:...`
        #[arg(long)]
        organization: String,
        /// Further names or addresses for the certificate
        #[arg(long = "name")]
        names: Vec<String>,
        /// Directory of the authority, if it is not DIR
        #[arg(long)]
        ca: Option<PathBuf>,
    },
    /// Revoke certificates of an authority: DIR/revoked.pem, for listen.revoked of every gateway
    Revoke {
        /// Where the authority is
        #[arg(long)]
        dir: PathBuf,
        /// The certificates, PEM; none renews the list
        certificates: Vec<PathBuf>,
        /// How long the list is good: make it anew before
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=397))]
        days: u32,
    },
    /// Make a key of a client, or the next one of a gateway's tokens, and print what goes into the
    /// configuration
    Client {
        /// Where: FILE.jwk
        file: PathBuf,
        /// How it signs: ES384, or ES256 as a gateway's tokens are signed
        #[arg(long, default_value = "ES384", value_parser = algorithm)]
        algorithm: Algorithm,
    },
}

fn algorithm(name: &str) -> std::result::Result<Algorithm, &'static str> {
    let known = [Algorithm::Es256, Algorithm::Es384];
    known.into_iter().find(|one| one.name() == name).ok_or("say ES256 or ES384")
}

/// Makes it.
pub fn run(asked: &Pki, output: &mut Output<'_>) -> Result<Exit> {
    match asked {
        Pki::Init { dir, name } => init(dir, name, output)?,
        Pki::Client { file, algorithm } => {
            let signer = key(file, *algorithm)?;
            output.line(format_args!("jwks = {}", inline(&jwks(&signer))));
        }
        Pki::Revoke { dir, certificates, days } => revoke(dir, certificates, *days, output)?,
        Pki::Gateway { dir, code, url, organization, names, ca } => {
            let authority = load(ca.as_ref().unwrap_or(dir), output)?;
            let wrong = || Error::invalid("A node code is 1 to 8 small letters and digits.");
            let code = NodeCode::parse(code).ok_or_else(wrong)?;
            let dir = dir.join(code.as_str());
            Member { code, url, organization, dir }.make(&authority, names, output)?;
        }
    }
    Ok(Exit::Fine)
}

fn init(dir: &Path, name: &str, output: &mut Output<'_>) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
    keep(&dir.join("ca.key"))?;
    let authority = Ca::new(name, output.around.clock.now())?;
    put(authority.issued(), dir, "ca")?;
    write(&dir.join(NAME), name)?;
    let dir = dir.display();
    output.line(format_args!(
        "{dir}/ca.pem vouches; {dir}/ca.key stays where it is, readable to you."
    ));
    output.line(format_args!(
        "Next: mylife pki gateway --dir {dir} --code 297 --url https://HOST:PORT --organization urn:oid:..."
    ));
    Ok(())
}

fn load(dir: &Path, output: &Output<'_>) -> Result<Ca> {
    let read = |name: &str| {
        let path = dir.join(name);
        fs::read_to_string(&path).map_err(|error| {
            let say = format!("{} cannot be read: `mylife pki init` makes one.", path.display());
            Error::invalid(say).because(error)
        })
    };
    let issued = Issued { certificate: read("ca.pem")?, key: Zeroizing::new(read("ca.key")?) };
    Ca::load(read(NAME)?.trim_end(), issued, output.around.clock.now())
}

/// Adds to what an authority has revoked, and makes the list of all of it.
fn revoke(dir: &Path, certificates: &[PathBuf], days: u32, output: &mut Output<'_>) -> Result<()> {
    let authority = load(dir, output)?;
    let (kept, now) = (dir.join(REVOKED), output.around.clock.now());
    let mut text = match fs::read_to_string(&kept) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(&kept, error)),
    };
    for path in certificates {
        let pem = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        for certificate in pki::certificates(&pem)? {
            let say = format!("{} is no certificate.", path.display());
            let serial = validity::serial(&certificate).ok_or_else(|| Error::invalid(say))?;
            let serial = hex(serial);
            if !text.lines().any(|line| line.split(' ').next() == Some(&serial)) {
                writeln!(text, "{serial} {now}").map_err(Error::internal)?;
            }
        }
    }
    let damaged = || Error::invalid(format!("{} is damaged: restore it.", kept.display()));
    let revoked: Option<Vec<_>> = text.lines().map(revocation).collect();
    let list = authority.revoked(&revoked.ok_or_else(damaged)?, now, days)?;
    secret(&kept, text.as_bytes())?;
    let to = dir.join("revoked.pem");
    write(&to, list)?;
    let (to, count) = (to.display(), text.lines().count());
    output.line(format_args!(
        "{to} names {count} and is good for {days} days: put it under listen.revoked of every gateway of \
         the authority, and `systemctl reload mylife` there."
    ));
    Ok(())
}

/// A line of what is revoked.
fn revocation(line: &str) -> Option<(Vec<u8>, Moment)> {
    let (serial, at) = line.split_once(' ')?;
    let bytes = (0..serial.len()).step_by(2);
    let bytes = bytes.map(|from| u8::from_str_radix(serial.get(from..from + 2)?, 16).ok());
    Some((bytes.collect::<Option<_>>()?, Moment::parse(at)?))
}

/// A gateway that is made a member of the authority's federation.
struct Member<'a> {
    code: NodeCode,
    url: &'a str,
    organization: &'a str,
    dir: PathBuf,
}

impl Member<'_> {
    fn make(&self, authority: &Ca, names: &[String], output: &mut Output<'_>) -> Result<()> {
        let at = node::authority(self.url).ok_or_else(|| {
            Error::invalid("An address is written https://host:port, without a path.")
        })?;
        fs::create_dir_all(&self.dir).map_err(|error| unwritable(&self.dir, error))?;
        let authorities = self.dir.join("peers-ca.pem");
        write(&authorities, &authority.issued().certificate)?;
        keep(&self.dir.join("gateway.key"))?;
        let all: Vec<&str> =
            [at.host()].into_iter().chain(names.iter().map(String::as_str)).collect();
        let issued = authority.gateway(&all, output.around.clock.now())?;
        put(&issued, &self.dir, "gateway")?;
        master::create(&self.dir.join("master.key"), &*output.around.chance)?;
        let signer = key(&self.dir.join("token.jwk"), Algorithm::Es256)?;
        let identity = self.dir.join("identity.pem");
        keep(&identity)?;
        secret(&identity, generate_rsa()?.as_bytes())?;
        output.line(self.own(at.port(), output));
        output.line(self.for_peers(&issued, &signer, output)?);
        Ok(())
    }

    /// The sections of the gateway's own configuration.
    fn own(&self, port: u16, output: &Output<'_>) -> String {
        let dir = fs::canonicalize(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let (dir, code) = (dir.display(), &self.code);
        let (url, organization, now) = (self.url, self.organization, output.around.clock.now());
        format!(
            "# --- into the configuration of {code} itself\n\
             [node]\ncode = \"{code}\"\norganization = \"{organization}\"\nurl = \"{url}\"\n\
             activated = \"{now}\"\n\n\
             [listen]\npublic = \"0.0.0.0:{port}\"\ncertificate = \"{dir}/gateway.pem\"\n\
             key_file = \"{dir}/gateway.key\"\nauthorities = \"{dir}/peers-ca.pem\"\n\n\
             [store]\ndirectory = \"{dir}/data\"\nmaster_key_file = \"{dir}/master.key\"\n\n\
             [tokens]\nkey_file = \"{dir}/token.jwk\"\n\
             identity_key_file = \"{dir}/identity.pem\"\n"
        )
    }

    /// The entry its peers need; nothing of it is secret.
    fn for_peers(&self, issued: &Issued, signer: &Signer, output: &Output<'_>) -> Result<String> {
        let keys = master::read(&self.dir.join("master.key"), Arc::clone(&output.around.chance))?;
        let certificates = pki::certificates(&issued.certificate)?;
        let thumbprint = certificates.first().map(|certificate| pki::thumbprint(certificate));
        let hex = hex(&thumbprint.unwrap_or_default());
        let handle = handle_key(&keys)?.public().to_string();
        let log = log_keys(&self.code, &keys)?.signer.verifier();
        let (code, url, organization) = (&self.code, self.url, self.organization);
        let jwks = inline(&jwks(signer));
        Ok(format!(
            "# --- into the configurations of its peers\n\
             [[peers]]\ncode = \"{code}\"\norganization = \"{organization}\"\nurl = \"{url}\"\n\
             certificate = \"{hex}\"\n\
             handle_key = \"{handle}\"\njwks = {jwks}\n\
             limits = {{ organizations = [\"{organization}\"], roles = [], purposes = [] }}\n\n\
             # --- to whoever verifies its audit log: mylife audit verify DIR --vkey KEY\n# {log}"
        ))
    }
}

fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, text).map_err(|error| unwritable(path, error))
}

fn secret(path: &Path, bytes: &[u8]) -> Result<()> {
    pki::write_secret(path, bytes).map_err(|error| unwritable(path, error))
}

/// Certificate and key under a name.
fn put(issued: &Issued, dir: &Path, name: &str) -> Result<()> {
    issued.write(dir, name).map_err(|error| unwritable(&dir.join(name), error))
}

/// A key that is there is never replaced.
fn keep(path: &Path) -> Result<()> {
    if path.exists() {
        let say =
            format!("{} is there already: name another directory, or move it.", path.display());
        return Err(Error::new(Kind::Conflict, say));
    }
    Ok(())
}

fn key(path: &Path, algorithm: Algorithm) -> Result<Signer> {
    keep(path)?;
    let text = generate(algorithm)?;
    secret(path, text.as_bytes())?;
    Signer::from_jwk(&text)
}

/// JSON as an inline table of TOML.
fn inline(json: &Value) -> String {
    match json {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{key} = {}", inline(value));
            let members: Vec<String> =
                members.iter().filter(|(_, value)| !value.is_null()).map(member).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(inline).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json.to_string(),
    }
}
