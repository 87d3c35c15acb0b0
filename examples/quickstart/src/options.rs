//! The command line.

/// The ports that the originals served at: Pyro's and XML-RPC's. Pyro 3 takes the next one where its own is taken.
pub(crate) const PORT: u16 = 7766;
pub(crate) const PYRO3_PORT: u16 = 7767;
pub(crate) const HTTP_PORT: u16 = 8000;

pub(crate) const HELP: &str = "\
quickstart: one service, called as a local object, through Pyro 3, Pyro 4, Pyro 5, XML-RPC and Hessian

Usage: cargo run -p quickstart [-- OPTIONS]

Options:
  --serve            keep serving PYRO:ServiceName@127.0.0.1:7766, PYROLOC://127.0.0.1:7767/ServiceName,
                     http://127.0.0.1:8000/RPC2 (XML-RPC) and http://127.0.0.1:8000/service (Hessian) until Ctrl-C
  --port PORT        the port for Pyro 4 and 5; 0 takes a free one. Default: 7766 with --serve, else a free one
  --pyro3-port PORT  the port for Pyro 3, likewise. Default: 7767 with --serve, else a free one
  --http-port PORT   the port for XML-RPC and Hessian, likewise. Default: 8000 with --serve, else a free one
  -h, --help         this text

Examples:
  cargo run -p quickstart
  cargo run -p quickstart -- --serve
  cargo run -p quickstart -- --serve --port 7000";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Help,
    Run { serve: bool, port: u16, pyro3_port: u16, http_port: u16 },
}

/// Reads the arguments behind the program's name.
pub(crate) fn read(args: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let mut args = args.into_iter();
    let (mut serve, mut port, mut pyro3_port, mut http_port) = (false, None, None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" => return Ok(Wish::Help),
            "--serve" => serve = true,
            "--port" => port = Some(number(&arg, args.next())?),
            "--pyro3-port" => pyro3_port = Some(number(&arg, args.next())?),
            "--http-port" => http_port = Some(number(&arg, args.next())?),
            other => return Err(format!("unknown argument {other:?}; --help lists what there is")),
        }
    }
    let or = |port: Option<u16>, usual| port.unwrap_or(if serve { usual } else { 0 });
    let (port, pyro3_port, http_port) = (or(port, PORT), or(pyro3_port, PYRO3_PORT), or(http_port, HTTP_PORT));
    Ok(Wish::Run { serve, port, pyro3_port, http_port })
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
        let run = |serve, port, pyro3_port, http_port| Ok(Wish::Run { serve, port, pyro3_port, http_port });
        assert_eq!(wish(""), run(false, 0, 0, 0));
        assert_eq!(wish("--serve"), run(true, 7766, 7767, 8000));
        assert_eq!(wish("--port 7000 --serve"), run(true, 7000, 7767, 8000));
        assert_eq!(wish("--pyro3-port 7000"), run(false, 0, 7000, 0));
        assert_eq!(wish("--serve -h"), Ok(Wish::Help));
        for (line, why) in [("--port", "needs a number"), ("--port x", "65535"), ("serve", "unknown argument")] {
            assert!(wish(line).unwrap_err().contains(why), "{line}");
        }
    }
}
