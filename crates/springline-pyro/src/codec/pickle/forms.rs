//! What values look like that a pickle makes by a call, and texts and bytes in their older forms.

use springline_core::{DateTime, Error, RemoteRef, Result, Time, Value};

use super::encode::{Encoder, Peer, length};
use crate::pyro3::Uri;
use crate::{PyroUri, special};

impl Encoder<'_> {
    pub(super) fn unicode(&mut self, text: &str) {
        self.out.buf.push(b'V');
        for c in text.chars() {
            match c {
                ' '..='~' if c != '\\' => self.out.buf.push(c as u8),
                _ => {
                    let code = u32::from(c);
                    let escape = if code > 0xffff { format!("\\U{code:08x}") } else { format!("\\u{code:04x}") };
                    self.out.buf.extend_from_slice(escape.as_bytes());
                }
            }
        }
        self.out.buf.push(b'\n');
    }

    pub(super) fn python2_str(&mut self, bytes: &[u8]) -> Result<()> {
        if self.protocol == 0 {
            self.out.buf.extend_from_slice(b"S'");
            for b in bytes {
                match b {
                    b' '..=b'~' if !matches!(b, b'\\' | b'\'') => self.out.buf.push(*b),
                    _ => self.out.buf.extend_from_slice(format!("\\x{b:02x}").as_bytes()),
                }
            }
            self.out.buf.extend_from_slice(b"'\n");
            return Ok(());
        }
        self.python2_str_start(bytes.len())?;
        self.out.buf.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn python2_str_start(&mut self, len: usize) -> Result<()> {
        match u8::try_from(len) {
            Ok(len) => self.out.buf.extend_from_slice(&[b'U', len]),
            Err(_) => self.sized(b'T', length(len)?),
        }
        Ok(())
    }

    // Bytes for a Python 3 that has no opcode for them yet: characters of the same numbers, which it encodes.
    pub(super) fn encoded_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            self.global("builtins", "bytes");
            self.open_args();
        } else {
            self.global("_codecs", "encode");
            self.open_args();
            let text: String = bytes.iter().map(|b| char::from(*b)).collect();
            self.text(&text)?;
            self.text("latin1")?;
        }
        self.call();
        Ok(())
    }

    pub(super) fn remote_value(&mut self, v: &RemoteRef) -> Result<()> {
        if self.peer == Peer::Pyro3 {
            if !Uri::looks_like(&v.uri) {
                return Err(Error::encode(format!(
                    "Pyro 3 cannot use {}: it needs a URI such as PYRO://host:port/id",
                    v.uri
                )));
            }
            let class = match v.proxy {
                // Asks before the first use of each name, so only where there is something to be found out (3.16).
                true if !v.attrs.is_empty() => "DynamicProxyWithAttrs",
                true => "DynamicProxy",
                false => "PyroURI",
            };
            self.global("Pyro.core", class);
            self.open_args();
            self.text(&v.uri)?;
            self.call();
            return Ok(());
        }
        if self.peer == Peer::OldPyro4 {
            let uri: PyroUri = v.uri.parse().map_err(|e: Error| Error::encode(e.message().to_owned()))?;
            self.global("Pyro4.core", if v.proxy { "Proxy" } else { "URI" });
            self.open_args();
            // As `str`: with `unicode` 4.10 cannot open a Unix socket.
            match uri.to_string() {
                text if text.is_ascii() => self.python2_str(text.as_bytes())?,
                text => self.text(&text)?,
            }
            self.call();
            return Ok(());
        }
        if !v.proxy {
            return self.pyro4_uri(&v.uri);
        }
        // The class keeps its constructor's arguments in its state (Pyro4 4.82).
        self.made_without_args("Pyro4.core", "Proxy");
        self.open_args();
        self.pyro4_uri(&v.uri)?;
        for names in [&v.oneway, &v.methods, &v.attrs] {
            self.global("builtins", "set");
            self.open_args();
            self.out.buf.extend_from_slice(b"(");
            names.iter().try_for_each(|name| self.text(name))?;
            self.out.buf.push(b'l');
            self.call();
        }
        self.float(0.0); // timeout
        self.out.buf.push(b'N'); // HMAC key: a credential, never sent
        self.text("hello")?; // handshake
        self.int(0); // retries
        self.out.buf.push(b'N'); // serializer: the receiver's own
        self.out.buf.extend_from_slice(b"tb");
        Ok(())
    }

    pub(super) fn pyro4_uri(&mut self, uri: &str) -> Result<()> {
        let uri: PyroUri = uri.parse().map_err(|e: Error| Error::encode(e.message().to_owned()))?;
        self.made_without_args("Pyro4.core", "URI");
        self.open_args();
        let state = uri.state();
        for part in &state {
            match part {
                Value::Str(text) => self.text(text)?,
                Value::I64(v) => self.int(*v),
                _ => self.out.buf.push(b'N'),
            }
        }
        self.out.buf.extend_from_slice(b"tb");
        Ok(())
    }

    // An instance for which `__init__` is not called.
    pub(super) fn made_without_args(&mut self, module: &str, name: &str) {
        if self.protocol >= 2 {
            self.global(module, name);
            self.out.buf.extend_from_slice(b")\x81");
        } else {
            self.global("copy_reg", "_reconstructor");
            self.open_args();
            self.global(module, name);
            self.global("builtins", "object");
            self.out.buf.push(b'N');
            self.call();
        }
    }

    pub(super) fn datetime_value(&mut self, v: &DateTime) -> Result<()> {
        let name = match (v.date, v.time) {
            (Some(_), Some(_)) => "datetime",
            (None, Some(_)) => "time",
            (Some(_), None) => "date",
            (None, None) => return Err(Error::encode("pickle: a date without a day and a time")),
        };
        self.global("datetime", name);
        self.open_args();
        if let Some(date) = v.date {
            special::check_years(v)?;
            self.int(date.year.into());
            self.int(date.month.into());
            self.int(date.day.into());
        }
        if let Some(Time { hour, minute, second, nanosecond }) = v.time {
            self.int(hour.into());
            self.int(minute.into());
            self.int(second.into());
            self.int((nanosecond / 1000).into());
            if let Some(offset) = v.offset {
                if self.peer == Peer::Pyro3 {
                    return Err(Error::encode("Python 2 has no class for a date's offset from UTC: send it without"));
                }
                self.global("datetime", "timezone");
                self.open_args();
                self.global("datetime", "timedelta");
                self.open_args();
                self.int(0);
                self.int(offset.into());
                self.call();
                self.call();
            }
        }
        self.call();
        Ok(())
    }
}
