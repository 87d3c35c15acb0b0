//! What can go wrong, in the words and with the exit code that a shell user gets.

use std::io::{self, Write};
use std::process::ExitCode;

use springline::xmlrpc::client::HttpStatus;
use springline::{Error, ErrorKind, Reached};

use crate::output::one_line;

/// The remote method raised.
pub(crate) const REMOTE: u8 = 1;
/// What was typed cannot work.
pub(crate) const USAGE: u8 = 2;
/// The object could not be reached, or no answer came of it.
pub(crate) const UNREACHED: u8 = 3;

/// Why the program ends without a result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was typed cannot work.
    Usage(String),
    /// A call, or the way to it, failed; of Pyro 4 and 5 where it matters.
    Call(Error),
    /// The same of Pyro 3.
    Pyro3(Error),
    /// The same of XML-RPC.
    XmlRpc(Error),
    /// The same of Hessian.
    Hessian(Error),
    /// The result could not be written.
    Output(io::Error),
    /// What was configured could not be started.
    Start(Error),
    /// What is wrong with configuration files, one a line.
    Diagnostics(Vec<String>),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Call(e)
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Diagnostics(_) => USAGE,
            Self::Output(_) => REMOTE,
            Self::Call(e) | Self::Pyro3(e) | Self::XmlRpc(e) | Self::Hessian(e) | Self::Start(e) => match e.kind() {
                ErrorKind::Remote => REMOTE,
                ErrorKind::Name | ErrorKind::Config | ErrorKind::Encode | ErrorKind::Arguments => USAGE,
                _ => UNREACHED,
            },
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Usage(text) => text.clone(),
            Self::Diagnostics(lines) => match lines.len() {
                1 => "1 mistake".to_owned(),
                n => format!("{n} mistakes"),
            },
            Self::Call(e) | Self::Pyro3(e) | Self::Hessian(e) | Self::Start(e) => e.report(),
            Self::XmlRpc(e) => match e.exception().and_then(|x| x.code) {
                Some(code) => format!("{} (fault code {code})", e.report()),
                None => e.report(),
            },
            Self::Output(e) => format!("cannot write the result: {e}"),
        }
    }

    /// Says it on stderr and gives the exit code.
    pub(crate) fn tell(&self, verbose: u8) -> ExitCode {
        let mut text = String::new();
        if let Self::Diagnostics(lines) = self {
            for line in lines {
                text += &format!("{}\n", one_line(line));
            }
        }
        text += &format!("error: {}\n", one_line(&self.text()));
        if let (1.., Self::Call(e) | Self::Pyro3(e) | Self::XmlRpc(e) | Self::Hessian(e)) = (verbose, self) {
            text += &remote_details(e);
        }
        if let Some(hint) = self.hint() {
            text += &format!("hint: {hint}\n");
        }
        // Where stderr is gone there is nobody to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(self.code())
    }

    fn hint(&self) -> Option<String> {
        let e = match self {
            Self::Call(e) => e,
            Self::Pyro3(e) => return pyro3_hint(e).map(str::to_owned),
            Self::XmlRpc(e) => return xmlrpc_hint(e).map(str::to_owned),
            Self::Hessian(e) => return hessian_hint(e).map(str::to_owned),
            Self::Usage(_) | Self::Output(_) | Self::Diagnostics(_) | Self::Start(_) => return None,
        };
        let about = |word: &str| e.message().contains(word);
        let hint = match e.kind() {
            ErrorKind::Remote => {
                let attribute = e.exception().is_some_and(|x| x.is("AttributeError"));
                let unknown = ["method", "attribute", "exposed"].iter().any(|w| about(w));
                return (attribute && unknown)
                    .then(|| "`springline methods URI` lists what the object offers".to_owned());
            }
            ErrorKind::Unavailable if about("no free workers") => "all of the daemon's workers are taken; try later",
            ErrorKind::Unavailable => "is the daemon running, and are host and port right?",
            ErrorKind::Timeout | ErrorKind::Closed if e.reached() == Reached::MaybeExecuted => {
                "the call was sent: it may have run, or be running still"
            }
            ErrorKind::Timeout => "nothing was called; --timeout allows more time",
            ErrorKind::Denied if about("hmac") => {
                "the key is read from the variable SPRINGLINE_HMAC_KEY or from --hmac-key-file"
            }
            ErrorKind::Denied if about("serializer") => "the daemon does not accept this serializer: try --serializer",
            ErrorKind::Denied => "the daemon wants other handshake data: --handshake",
            ErrorKind::NotFound => "`springline call PYRO:Pyro.Daemon@HOST:PORT registered` lists a daemon's objects",
            ErrorKind::Closed | ErrorKind::Protocol | ErrorKind::Malformed if e.reached() == Reached::NotSent => {
                "does a Pyro daemon listen there, and of the generation that --pyro says?"
            }
            ErrorKind::Encode => "not every serializer can carry every value; serpent carries most: --serializer",
            ErrorKind::Name if about("name server") => {
                "ask the name server for its PYRO: URI, as with `pyro5-nsc lookup`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

const REGISTERED: &str =
    "`springline call PYRO://HOST:PORT/c0000000011000001000000010000001 getRegistered` lists a daemon's objects";

// The same for Pyro 3.
fn pyro3_hint(e: &Error) -> Option<&'static str> {
    let about = |word: &str| e.message().contains(word);
    Some(match e.kind() {
        ErrorKind::Remote if about("no object found by this name") || about("unknown object ID") => REGISTERED,
        ErrorKind::NotFound => REGISTERED,
        ErrorKind::Unavailable if about("as many connections") => "try later",
        ErrorKind::Unavailable => "is the daemon running, and are host and port right?",
        ErrorKind::Timeout | ErrorKind::Closed if e.reached() == Reached::MaybeExecuted => {
            "the call was sent: it may have run, or be running still"
        }
        ErrorKind::Timeout => {
            "nothing was called; a Pyro 3 daemon speaks first: does one listen there, and without TLS? --timeout allows more \
             time"
        }
        ErrorKind::Denied if about("identification") => {
            "the passphrase is read from the variable SPRINGLINE_PYRO_IDENT or from --ident-file"
        }
        ErrorKind::Denied => certificate_hint(e)?,
        ErrorKind::Closed | ErrorKind::Protocol => "does a Pyro 3 daemon listen there?",
        _ => return None,
    })
}

fn certificate_hint(e: &Error) -> Option<&'static str> {
    let about = |word: &str| e.message().contains(word);
    Some(match () {
        () if about("certificate of ours") || about("our certificate") => {
            "--cert and --key name our certificate and its key"
        }
        () if about("certificate") => "--ca names the authorities to trust, --server-name the name to expect",
        () => return None,
    })
}

// The same for XML-RPC.
fn xmlrpc_hint(e: &Error) -> Option<&'static str> {
    let about = |word: &str| e.message().contains(word);
    let status = HttpStatus::of(e).map(|s| s.status.as_u16());
    Some(match (e.kind(), status) {
        (ErrorKind::Remote, _) => {
            let unknown = e.exception().is_some_and(|x| x.code == Some(-32601) || x.message.contains("not supported"));
            return unknown.then_some("`springline methods URL` lists what the server offers");
        }
        (_, Some(401)) => "the server asks for a user and a password: http://user:password@host/path",
        (_, Some(404)) => "the server is there, but serves another path: /RPC2 and / are usual",
        (_, Some(_)) => "does an XML-RPC server listen there, at that path?",
        (ErrorKind::Unavailable, _) => "is the server running, and are host and port right?",
        (ErrorKind::Timeout | ErrorKind::Closed, _) if e.reached() == Reached::MaybeExecuted => {
            "the call was sent: it may have run, or be running still"
        }
        (ErrorKind::Timeout, _) => "nothing was called; --timeout allows more time",
        (ErrorKind::Denied, _) => certificate_hint(e)?,
        (ErrorKind::Encode, _) if about("null") || about("nil") || about("allow_none") => {
            "--allow-none sends what XML-RPC itself has no form for"
        }
        _ => return None,
    })
}

// The same for Hessian.
fn hessian_hint(e: &Error) -> Option<&'static str> {
    let about = |word: &str| e.message().contains(word);
    let status = HttpStatus::of(e).map(|s| s.status.as_u16());
    Some(match (e.kind(), status) {
        (ErrorKind::Remote, _) => {
            let unknown = e.exception().is_some_and(|x| x.is("NoSuchMethodException"));
            return unknown
                .then_some("Java's names are in camel case: getData; of several with one name --overload finds one");
        }
        (_, Some(401)) => "the server asks for a user and a password: hessian+http://user:password@host/path",
        (_, Some(404)) => "the server is there, but serves another path",
        (_, Some(_)) => "does a Hessian service listen there, at that path?",
        (ErrorKind::Unavailable, _) => "is the server running, and are host and port right?",
        (ErrorKind::Timeout | ErrorKind::Closed, _) if e.reached() == Reached::MaybeExecuted => {
            "the call was sent: it may have run, or be running still"
        }
        (ErrorKind::Timeout, _) => "nothing was called; --timeout allows more time",
        (ErrorKind::Denied, _) => certificate_hint(e)?,
        (ErrorKind::Protocol, _) if about("draft") => "--hessian 1 asks in a way that old servers understand",
        (ErrorKind::Protocol, _) if about("argument") => {
            "are the arguments of the types that the method declares? --overload tells methods of one name apart"
        }
        _ => return None,
    })
}

// What else the peer told of its exception.
fn remote_details(e: &Error) -> String {
    let Some(exception) = e.exception() else { return String::new() };
    let mut text = String::new();
    for (name, value) in &exception.attributes {
        text += &format!("  {} = {}\n", one_line(name), crate::json::write(value, true));
    }
    if let Some(traceback) = &exception.traceback {
        text += "  remote traceback:\n";
        for line in traceback.lines() {
            text += &format!("  | {}\n", one_line(line));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use springline::Exception;

    use super::*;

    #[test]
    fn every_kind_has_its_code() {
        let code = |kind| Failure::Call(Error::new(kind, "x")).code();
        for kind in [ErrorKind::Name, ErrorKind::Config, ErrorKind::Encode, ErrorKind::Arguments] {
            assert_eq!(code(kind), USAGE, "{kind:?}");
        }
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Closed,
            ErrorKind::Timeout,
            ErrorKind::Protocol,
            ErrorKind::Denied,
            ErrorKind::NotFound,
            ErrorKind::Malformed,
            ErrorKind::Limit,
            ErrorKind::Shutdown,
        ] {
            assert_eq!(code(kind), UNREACHED, "{kind:?}");
        }
        assert_eq!(Failure::Call(Error::remote(Exception::new("ValueError", "x"))).code(), REMOTE);
        assert_eq!(Failure::Usage("x".into()).code(), USAGE);
    }

    #[test]
    fn a_call_that_may_have_run_says_so() {
        let hint = |e: Error| Failure::Call(e).hint().unwrap_or_default();
        let e = Error::new(ErrorKind::Timeout, "x").with_reached(Reached::MaybeExecuted);
        assert!(hint(e).contains("may have run"));
        assert!(hint(Error::new(ErrorKind::Timeout, "x")).contains("nothing was called"));
        assert_eq!(hint(Error::remote(Exception::new("ValueError", "a method"))), "");
        assert!(
            hint(Error::remote(Exception::new("AttributeError", "has no method 'x'"))).contains("springline methods")
        );
    }
}
