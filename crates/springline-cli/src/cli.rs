//! The command line as clap reads it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use springline::pyro::{Serializer, Version};

/// Calls, inspects, pings and serves remote objects.
#[derive(Debug, Parser)]
#[command(name = "springline", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say on stderr what is being done; twice for everything. RUST_LOG overrides it
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  springline call PYRO:ServiceName@127.0.0.1:7766 get_data Hello
  springline call PYROLOC://localhost:7766/ServiceName get_data Hello
  springline call https://localhost:8000/RPC2 pow 41 3 --ca certs/ca-chain.pem
  springline call hessian+http://localhost:8080/ transform 'Greg Turnquist a,b,c'
  springline methods PYRO:ServiceName@127.0.0.1:7766
  springline ping PYRO:ServiceName@127.0.0.1:7766
  springline serve gateway.toml

Exit codes:
  0  done
  1  the remote method raised an exception, or the result could not be written
  2  what was typed cannot work
  3  the object could not be reached: refused, unreachable, timed out, connection lost";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call a method and print its result as JSON
    #[command(after_help = CALL_EXAMPLES, after_long_help = format!("{CALL_EXAMPLES}\n\nValues:\n{VALUES}"))]
    Call(Call),
    /// Print an attribute as JSON
    #[command(after_help = "Examples:\n  springline get PYRO:thing@127.0.0.1:7766 value")]
    Get(Get),
    /// Set an attribute
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
    /// List the methods and attributes of an object
    #[command(after_help = METHODS_EXAMPLES)]
    Methods(Methods),
    /// Ask for a sign of life
    #[command(after_help = PING_EXAMPLES)]
    Ping(Ping),
    /// Make a sample PKI: two authorities, a server, a client
    #[command(after_help = CERTS_EXAMPLES)]
    Certs(Certs),
    /// Run what configuration files describe: exporters, proxies, gateways
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Say what is wrong with configuration files
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
}

const VALUES: &str = "\
An ARG that is JSON is sent as what it says, anything else as text: 5 is a number, '\"5\"' and five are texts. An ARG
that begins with a hyphen and is no number goes behind `--`. What JSON has no word for, both ways:
  {\"$bytes\": \"AAEC\"}                bytes, in base64
  {\"$complex\": [1.0, -2.0]}         a complex number
  {\"$map\": [[KEY, VALUE], ...]}     a map whose keys are not all plain
  {\"__class__\": \"bank.Account\", ..} an object with its fields
and as an ARG only:
  {\"$tuple\": [..]}  {\"$set\": [..]}  {\"$frozenset\": [..]}  {\"$date\": \"2020-01-02T03:04:05\"}
  {\"$decimal\": \"1.50\"}  {\"$float\": \"NaN\"}  {\"$remote\": \"PYRO:thing@host:7766\"}
Results have tuples and sets as arrays, dates, decimals and URIs of remote objects as text, integers with all their
digits, \"NaN\", \"Infinity\" and \"-Infinity\" as text, and {\"$ref\": N} for the Nth list, map or object of the result, counted
from 0, where one contains itself.";

const CALL_EXAMPLES: &str = "\
Examples:
  springline call PYRO:ServiceName@127.0.0.1:7766 get_data Hello
  springline call PYRO:thing@127.0.0.1:7766 add 1 --kw b=2 --timeout 500ms
  springline call PYRO:thing@127.0.0.1:7766 echo '{\"a\": [1, 2.5, null]}' --serializer msgpack --compact
  springline call PYRO:thing@127.0.0.1:7766 size '{\"$bytes\": \"AAECAw==\"}' --pyro 4 --hmac-key-file key.txt
  springline call PYRO:thing@[::1]:7766 get_data -- --text-with-a-hyphen
  springline call PYRO:Pyro.Daemon@./u:/run/things.sock registered
  springline call PYROLOC://localhost:7766/ServiceName get_data Hello
  springline call PYRONAME://localhost:7766/ServiceName get_data Hello
  springline call PYROLOCSSL://localhost:7766/thing add 1 --ca ca-chain.pem --cert client-cert.pem --key client-key.pem
  springline call http://localhost:8000 echo null --allow-none
  springline call https://localhost:8000/RPC2 pow 41 3 --ca ca-chain.pem --cert client-cert.pem --key client-key.pem
  springline call unix:/run/supervisor.sock supervisor.getState --compact
  springline call hessian+http://localhost:8080/ transform 'Greg Turnquist a,b,c' --hessian 2
  springline call hessian+https://localhost:8443/bank getAccount 7 --overload --ca ca-chain.pem";

const SET_EXAMPLES: &str = "\
Examples:
  springline set PYRO:thing@127.0.0.1:7766 value '[1, 2, 3]'
  springline set PYRO:thing@127.0.0.1:7766 value 'some text'

VALUE is read as `springline call` reads an ARG; see there.";

const METHODS_EXAMPLES: &str = "\
Examples:
  springline methods PYRO:ServiceName@127.0.0.1:7766
  springline methods PYRO:ServiceName@127.0.0.1:7766 --json
  springline methods http://localhost:8000/RPC2

Pyro's daemons tell names only, no parameters; XML-RPC's servers the types of parameters, if they know them. Pyro 3 and
Hessian have no way to ask: of their servers only those of Springline tell.";

const PING_EXAMPLES: &str = "\
Examples:
  springline ping PYRO:ServiceName@127.0.0.1:7766 --timeout 2
  springline ping PYRO:ServiceName@127.0.0.1:7766 > /dev/null && echo up

With Pyro the connection's handshake names the object: an object that the daemon does not have is not alive. An XML-RPC
server is asked for `system.listMethods`, one of Hessian for the name of its interface; a fault is an answer, too.";

const CERTS_EXAMPLES: &str = "\
Examples:
  springline certs certs
  springline certs certs --client-subject 'O=My Company, CN=Ada' --days 365 --force
  springline certs certs --san rpc.example.com --san 192.0.2.7

Files: ca-root-cert.pem signs ca-signing-cert.pem, which signs server-cert.pem and client-cert.pem; ca-chain.pem has both
authorities: it is what server and client trust. The two others are followed by the certificate of their authority, so
that trusting the root alone is enough. Each has its ...-key.pem, which is not encrypted and which only its owner can read.";

const SERVE_EXAMPLES: &str = "\
Examples:
  springline serve gateway.xml
  springline serve gateway.toml names.toml --drain 30
  springline serve gateway.toml --check

When everything runs, stdout has a line `ID URI` for each exporter, and then the line `ready`. SIGTERM and SIGINT stop:
calls in progress may finish within --drain; a second one ends the program at once. SIGHUP reads the files again and
exchanges what has changed; if something is wrong with them, everything goes on as it was.";

const CHECK_EXAMPLES: &str = "\
Examples:
  springline check gateway.xml
  springline check server.toml client.toml
  springline check --schema > springline-context.schema.json

Every mistake is a line FILE:LINE:COLUMN: MESSAGE on stderr. Exit codes: 0 nothing is wrong, 2 something is.";

/// Arguments of `springline serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The files: TOML where the name ends in .toml, else Spring Python's XML
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Only make sure that everything could be started, without starting it
    #[arg(long)]
    pub(crate) check: bool,

    /// How long calls in progress may take when it stops: seconds, or with a unit as in 500ms
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = crate::duration::parse)]
    pub(crate) drain: Duration,
}

/// Arguments of `springline check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The files: TOML where the name ends in .toml, else Spring Python's XML
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub(crate) files: Vec<PathBuf>,

    /// Print the JSON schema of TOML files instead, for editors
    #[arg(long, conflicts_with = "files")]
    pub(crate) schema: bool,
}

/// Arguments of `springline call`.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    pub(crate) object: Object,

    /// The method's name
    pub(crate) method: String,

    /// Positional arguments: JSON, or else text
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,

    /// An argument by name; may be repeated
    #[arg(long = "kw", value_name = "NAME=JSON")]
    pub(crate) kwargs: Vec<String>,

    /// Do not wait for an answer; nothing is printed
    #[arg(long)]
    pub(crate) oneway: bool,

    #[command(flatten)]
    pub(crate) print: Print,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `springline get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) object: Object,

    /// The attribute's name
    #[arg(value_name = "ATTR")]
    pub(crate) attribute: String,

    #[command(flatten)]
    pub(crate) print: Print,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `springline set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) object: Object,

    /// The attribute's name
    #[arg(value_name = "ATTR")]
    pub(crate) attribute: String,

    /// Its new value: JSON, or else text
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: String,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `springline methods`.
#[derive(Debug, Args)]
pub(crate) struct Methods {
    #[command(flatten)]
    pub(crate) object: Object,

    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the JSON on one line
    #[arg(long, requires = "json")]
    pub(crate) compact: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `springline ping`.
#[derive(Debug, Args)]
pub(crate) struct Ping {
    #[command(flatten)]
    pub(crate) object: Object,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `springline certs`.
#[derive(Debug, Args)]
pub(crate) struct Certs {
    /// Where the files go; made if it is missing
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,

    /// Overwrite files that are there already
    #[arg(long)]
    pub(crate) force: bool,

    /// For how long the certificates are valid, in days
    #[arg(long, default_value_t = 10_957, value_parser = clap::value_parser!(u32).range(1..=36_525))]
    pub(crate) days: u32,

    /// The first day on which they are valid, at 00:00 UTC [default: since yesterday, for clocks that are behind]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) start: Option<String>,

    /// A name or address that the server is reached by; may be repeated [default: localhost, 127.0.0.1 and ::1]
    #[arg(long = "san", value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// The kind of the keys
    #[arg(long, value_enum, default_value_t = KeyType::P256)]
    pub(crate) key_type: KeyType,

    /// The subject of the authority at the top
    #[arg(long, value_name = "SUBJECT", default_value = "ST=My State, O=My Company, CN=SAMPLE Root CA")]
    pub(crate) root_subject: String,

    /// The subject of the authority that signs
    #[arg(long, value_name = "SUBJECT", default_value = "ST=My State, O=My Company, CN=SAMPLE Signing CA")]
    pub(crate) signing_subject: String,

    /// The server's subject
    #[arg(long, value_name = "SUBJECT", default_value = "ST=My State, L=My Town, O=My Company, CN=My Server")]
    pub(crate) server_subject: String,

    /// The client's subject: NAME=VALUE with commas between; names are short (CN), long (commonName) or dotted OIDs; a
    /// backslash takes the next character as it is
    #[arg(long, value_name = "SUBJECT", default_value = "ST=My State, L=My Town, O=My Company, CN=My Client")]
    pub(crate) client_subject: String,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyType {
    /// NIST P-256, which everybody reads and which is the fastest
    P256,
    /// NIST P-384
    P384,
    /// Ed25519, which Java reads since 15
    Ed25519,
}

/// The object that all commands begin with.
#[derive(Debug, Args)]
pub(crate) struct Object {
    /// Where the object is: PYRO:object@host:port, PYRO:object@[ipv6]:port or PYRO:object@./u:/path/of/socket; for Pyro 3
    /// PYROLOC://host:port/name, PYRO://host:port/id or PYRONAME://name, also PYROLOCSSL:// and PYROSSL://; for XML-RPC
    /// http://host:port/path, https://host:port/path or unix:/path/of/socket
    pub(crate) uri: String,
}

/// How JSON is printed.
#[derive(Debug, Args)]
pub(crate) struct Print {
    /// Print the JSON on one line
    #[arg(long)]
    pub(crate) compact: bool,
}

/// How the object is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// How long connecting and the call may take: seconds, or with a unit as in 500ms. By default connecting may take
    /// 10 s and a call as long as it takes
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    pub(crate) timeout: Option<Duration>,

    /// Compress what is sent, where it is large
    #[arg(long)]
    pub(crate) compress: bool,

    #[command(flatten)]
    pub(crate) tls: TlsOptions,

    #[command(flatten)]
    pub(crate) pyro: PyroOptions,

    #[command(flatten)]
    pub(crate) pyro3: Pyro3Options,

    #[command(flatten)]
    pub(crate) xmlrpc: XmlRpcOptions,

    #[command(flatten)]
    pub(crate) hessian: HessianOptions,
}

/// What only Pyro 4 and 5 have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pyro 4 and 5")]
pub(crate) struct PyroOptions {
    /// How arguments are written, and so the result [default: serpent, or pickle where there is nothing else]
    #[arg(long, value_enum)]
    pub(crate) serializer: Option<Codec>,

    /// The daemon's generation; found out by default
    #[arg(long = "pyro", value_enum, default_value_t = Pyro::Auto)]
    pub(crate) generation: Pyro,

    /// Read the key that Pyro 4 signs with from this file; without it the variable SPRINGLINE_HMAC_KEY is taken, if set
    #[arg(long, value_name = "FILE")]
    pub(crate) hmac_key_file: Option<PathBuf>,

    /// What the daemon's handshake check is shown: JSON, or else text [default: hello]
    #[arg(long, value_name = "JSON")]
    pub(crate) handshake: Option<String>,

    /// Send an annotation along; the key has four characters; may be repeated
    #[arg(long = "annotation", value_name = "KEY=TEXT", value_parser = crate::annotation::parse)]
    pub(crate) annotations: Vec<(String, String)>,
}

/// Certificates, for https, hessian+https, PYROLOCSSL and PYROSSL.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsOptions {
    /// The authorities that a server's certificate may come from, in PEM [default: those of this system]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Our certificate, for servers that ask for one, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// Its private key, in PEM and not encrypted
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The name that the server's certificate has to be for, instead of the URI's host
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,

    /// Take any certificate of any server: everybody on the way can read and change what is sent
    #[arg(long, conflicts_with_all = ["ca", "server_name"])]
    pub(crate) insecure: bool,
}

/// What only Pyro 3 has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pyro 3")]
pub(crate) struct Pyro3Options {
    /// Read the passphrase that the daemon wants from this file; without it the variable SPRINGLINE_PYRO_IDENT is taken,
    /// if set
    #[arg(long, value_name = "FILE")]
    pub(crate) ident_file: Option<PathBuf>,

    /// Where a PYRONAME URI without a host looks for its name server by UDP [default: 255.255.255.255:9090]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) broadcast: Option<String>,

    /// Send checksums along
    #[arg(long)]
    pub(crate) checksum: bool,
}

/// What only XML-RPC has.
#[derive(Debug, Args)]
#[command(next_help_heading = "XML-RPC")]
pub(crate) struct XmlRpcOptions {
    /// Send null as <nil/> and integers beyond 32 bits as <i8>, which not every server reads
    #[arg(long)]
    pub(crate) allow_none: bool,

    /// The path that is asked for at a Unix socket [default: /RPC2]
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

/// What only Hessian has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hessian")]
pub(crate) struct HessianOptions {
    /// What calls are written in, and answers asked for in [default: mixed]
    #[arg(long = "hessian", value_enum)]
    pub(crate) version: Option<Hessian>,

    /// Ask for methods by their mangled names, as Java's clients do for overloaded ones: over_int_string
    #[arg(long)]
    pub(crate) overload: bool,
}

/// The dialects of Hessian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hessian {
    /// Hessian 1 both ways
    #[value(name = "1")]
    One,
    /// Hessian 1 there and 2 back, as Java's clients do
    Mixed,
    /// Hessian 2 both ways
    #[value(name = "2")]
    Two,
}

/// The serializers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    /// Python literals as text, accepted by every Pyro
    Serpent,
    /// JSON; no bytes
    Json,
    /// CPython's marshal
    Marshal,
    /// MessagePack
    Msgpack,
    /// Pickle, of Pyro 4; the daemon has to be told to accept it, except for the oldest
    Pickle,
}

impl From<Codec> for Serializer {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Serpent => Self::Serpent,
            Codec::Json => Self::Json,
            Codec::Marshal => Self::Marshal,
            Codec::Msgpack => Self::Msgpack,
            Codec::Pickle => Self::Pickle,
        }
    }
}

/// The generations by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pyro {
    /// Find out
    Auto,
    /// Pyro4 4.38 to 4.82
    #[value(name = "4")]
    Four,
    /// Pyro5 from 5.2 on
    #[value(name = "5")]
    Five,
    /// Pyro5 5.0 and 5.1
    #[value(name = "5.0")]
    FiveOld,
    /// Pyro4 4.26 to 4.37
    #[value(name = "4.37")]
    To437,
    /// Pyro4 4.22 to 4.25
    #[value(name = "4.25")]
    To425,
    /// Pyro4 4.20 and 4.21
    #[value(name = "4.21")]
    To421,
    /// Pyro4 4.4 to 4.18, pickle alone
    #[value(name = "4.18")]
    To418,
    /// Pyro4 4.3, pickle alone
    #[value(name = "4.3")]
    To43,
    /// Pyro4 4.2, pickle alone
    #[value(name = "4.2")]
    To42,
}

impl Pyro {
    /// The wire version; none to find it out.
    pub(crate) fn version(self) -> Option<Version> {
        Some(match self {
            Self::Auto => return None,
            Self::Four => Version::V48,
            Self::Five => Version::V502,
            Self::FiveOld => Version::V501,
            Self::To437 => Version::V47,
            Self::To425 => Version::V46,
            Self::To421 => Version::V45,
            Self::To418 => Version::V44,
            Self::To43 => Version::V43,
            Self::To42 => Version::V40,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            let first = match command.get_name() {
                "certs" => "certs",
                "serve" | "check" => "gateway",
                _ => "PYRO:",
            };
            let example = format!("  springline {} {first}", command.get_name());
            assert!(help.contains("Examples:") && help.contains(&example), "{help}");
        }
    }
}
