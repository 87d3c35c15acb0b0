//! The command line as clap reads it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use springline::pyro::Serializer;

/// Calls, inspects and pings remote objects.
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
  springline methods PYRO:ServiceName@127.0.0.1:7766
  springline ping PYRO:ServiceName@127.0.0.1:7766

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
  springline call PYRO:Pyro.Daemon@./u:/run/things.sock registered";

const SET_EXAMPLES: &str = "\
Examples:
  springline set PYRO:thing@127.0.0.1:7766 value '[1, 2, 3]'
  springline set PYRO:thing@127.0.0.1:7766 value 'some text'

VALUE is read as `springline call` reads an ARG; see there.";

const METHODS_EXAMPLES: &str = "\
Examples:
  springline methods PYRO:ServiceName@127.0.0.1:7766
  springline methods PYRO:ServiceName@127.0.0.1:7766 --json

Pyro's daemons tell names only, no parameters.";

const PING_EXAMPLES: &str = "\
Examples:
  springline ping PYRO:ServiceName@127.0.0.1:7766 --timeout 2
  springline ping PYRO:ServiceName@127.0.0.1:7766 > /dev/null && echo up

The connection's handshake names the object: an object that the daemon does not have is not alive.";

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

/// The object that all commands begin with.
#[derive(Debug, Args)]
pub(crate) struct Object {
    /// Where the object is: PYRO:object@host:port, PYRO:object@[ipv6]:port or PYRO:object@./u:/path/of/socket
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
    /// How arguments are written, and so the result
    #[arg(long, value_enum, default_value_t = Codec::Serpent)]
    pub(crate) serializer: Codec,

    /// How long connecting and the call may take: seconds, or with a unit as in 500ms. By default connecting may take
    /// 10 s and a call as long as it takes
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    pub(crate) timeout: Option<Duration>,

    /// The daemon's generation; found out by default
    #[arg(long, value_enum, default_value_t = Pyro::Auto)]
    pub(crate) pyro: Pyro,

    /// Read the key that Pyro 4 signs with from this file; without it the variable SPRINGLINE_HMAC_KEY is taken, if set
    #[arg(long, value_name = "FILE")]
    pub(crate) hmac_key_file: Option<PathBuf>,

    /// What the daemon's handshake check is shown: JSON, or else text [default: hello]
    #[arg(long, value_name = "JSON")]
    pub(crate) handshake: Option<String>,

    /// Compress what is sent, where it is large
    #[arg(long)]
    pub(crate) compress: bool,

    /// Send an annotation along; the key has four characters; may be repeated
    #[arg(long = "annotation", value_name = "KEY=TEXT", value_parser = crate::annotation::parse)]
    pub(crate) annotations: Vec<(String, String)>,
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
}

impl From<Codec> for Serializer {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Serpent => Self::Serpent,
            Codec::Json => Self::Json,
            Codec::Marshal => Self::Marshal,
            Codec::Msgpack => Self::Msgpack,
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
            let example = format!("  springline {} PYRO:", command.get_name());
            assert!(help.contains("Examples:") && help.contains(&example), "{help}");
        }
    }
}
