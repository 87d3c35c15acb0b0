//! The command line.

/// The ports that the originals served at: Pyro's and XML-RPC's.
pub(crate) const PORT: u16 = 7766;
pub(crate) const HTTP_PORT: u16 = 8000;

pub(crate) const HELP: &str = "\
quickstart: one service, called as a local object, through Pyro 4, Pyro 5 and XML-RPC

Usage: cargo run -p quickstart [-- OPTIONS]

Options:
  --serve            keep serving PYRO:ServiceName@127.0.0.1:7766 and http://127.0.0.1:8000/RPC2 until Ctrl-C
  --port PORT        the port for Pyro; 0 takes a free one. Default: 7766 with --serve, else a free one
  --http-port PORT   the port for XML-RPC, likewise. Default: 8000 with --serve, else a free one
  -h, --help         this text

Examples:
  cargo run -p quickstart
  cargo run -p quickstart -- --serve
  cargo run -p quickstart -- --serve --port 7000";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Help,
    Run { serve: bool, port: u16, http_port: u16 },
}

/// Reads the arguments behind the program's name.
pub(crate) fn read(args: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let mut args = args.into_iter();
    let (mut serve, mut port, mut http_port) = (false, None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" => return Ok(Wish::Help),
            "--serve" => serve = true,
            "--port" => port = Some(number(&arg, args.next())?),
            "--http-port" => http_port = Some(number(&arg, args.next())?),
            other => return Err(format!("unknown argument {other:?}; --help lists what there is")),
        }
    }
    let or = |port: Option<u16>, usual| port.unwrap_or(if serve { usual } else { 0 });
    Ok(Wish::Run { serve, port: or(port, PORT), http_port: or(http_port, HTTP_PORT) })
}

fn number(option: &str, given: Option<String>) -> Result<u16, String> {
    let number = given.ok_or_else(|| format!("{option} needs a number"))?;
    number.parse().map_err(|_| format!("{option} {number:?}: expected a number from 0 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(line: &str) -> Result<Wish, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments() {
        assert_eq!(wish(""), Ok(Wish::Run { serve: false, port: 0, http_port: 0 }));
        assert_eq!(wish("--serve"), Ok(Wish::Run { serve: true, port: 7766, http_port: 8000 }));
        assert_eq!(wish("--port 7000 --serve"), Ok(Wish::Run { serve: true, port: 7000, http_port: 8000 }));
        assert_eq!(wish("--serve -h"), Ok(Wish::Help));
        for (line, why) in [("--port", "needs a number"), ("--port x", "65535"), ("serve", "unknown argument")] {
            assert!(wish(line).unwrap_err().contains(why), "{line}");
        }
    }
}
