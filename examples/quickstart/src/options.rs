//! The command line.

/// The port that the original served at.
pub(crate) const PORT: u16 = 7766;

pub(crate) const HELP: &str = "\
quickstart: one service, called as a local object, through Pyro 4 and through Pyro 5

Usage: cargo run -p quickstart [-- OPTIONS]

Options:
  --serve        keep serving PYRO:ServiceName@127.0.0.1:7766 until Ctrl-C
  --port PORT    the port to serve at; 0 takes a free one. Default: 7766 with --serve, else a free one
  -h, --help     this text

Examples:
  cargo run -p quickstart
  cargo run -p quickstart -- --serve
  cargo run -p quickstart -- --serve --port 7000";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Help,
    Run { serve: bool, port: u16 },
}

/// Reads the arguments behind the program's name.
pub(crate) fn read(args: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let mut args = args.into_iter();
    let (mut serve, mut port) = (false, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" => return Ok(Wish::Help),
            "--serve" => serve = true,
            "--port" => {
                let number = args.next().ok_or("--port needs a number")?;
                port =
                    Some(number.parse().map_err(|_| format!("--port {number:?}: expected a number from 0 to 65535"))?);
            }
            other => return Err(format!("unknown argument {other:?}; --help lists what there is")),
        }
    }
    Ok(Wish::Run { serve, port: port.unwrap_or(if serve { PORT } else { 0 }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(line: &str) -> Result<Wish, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments() {
        assert_eq!(wish(""), Ok(Wish::Run { serve: false, port: 0 }));
        assert_eq!(wish("--serve"), Ok(Wish::Run { serve: true, port: 7766 }));
        assert_eq!(wish("--port 7000 --serve"), Ok(Wish::Run { serve: true, port: 7000 }));
        assert_eq!(wish("--serve -h"), Ok(Wish::Help));
        for (line, why) in [("--port", "needs a number"), ("--port x", "65535"), ("serve", "unknown argument")] {
            assert!(wish(line).unwrap_err().contains(why), "{line}");
        }
    }
}
