//! Request lines in the form of CPython's `http.server`.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Version;
use springline_core::Peer;

use super::Request;

/// What a line of a server's log needs of a request that is gone by then.
///
/// The servers of the protocols write it themselves, each under a target of its own.
#[derive(Clone, Debug)]
pub struct RequestLine {
    peer: Arc<Peer>,
    request: String,
}

impl RequestLine {
    /// Of a request that is about to be answered.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let version = if request.version() == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut text = String::new();
        // Nothing in a target may look like the end of the line.
        for c in request.target().chars() {
            if c.is_control() || c == '"' || c == '\\' { text.extend(c.escape_default()) } else { text.push(c) }
        }
        Self { peer: request.peer().clone(), request: format!("{} {text} {version}", request.method()) }
    }

    /// Who asked.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The line, at the present time.
    #[must_use]
    pub fn text(&self, status: u16) -> String {
        let (host, request, time) = (host(&self.peer.address), &self.request, Time(SystemTime::now()));
        format!("{host} - - [{time}] \"{request}\" {status} -")
    }
}

// The address without the port, as CPython writes it.
fn host(address: &str) -> &str {
    if address.starts_with("unix:") {
        return address;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

/// `22/Nov/2026 07:57:16`, in UTC: nothing here knows the machine's time zone.
struct Time(SystemTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let seconds = self.0.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Days since 1 March of the year 0, in eras of 400 years.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12;
        let year = era * 400 + year_of_era + u64::from(month < 2);
        let name = MONTHS.get(month as usize).copied().unwrap_or_default();
        write!(f, "{day:02}/{name}/{year:04} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_and_hosts() {
        let check = |seconds, expected: &str| {
            assert_eq!(Time(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), expected);
        };
        check(0, "01/Jan/1970 00:00:00");
        check(951_782_400, "29/Feb/2000 00:00:00");
        check(951_868_799, "29/Feb/2000 23:59:59");
        check(951_868_800, "01/Mar/2000 00:00:00");
        check(1_795_334_236, "22/Nov/2026 07:57:16");
        check(4_102_444_799, "31/Dec/2099 23:59:59");
        assert_eq!(host("127.0.0.1:80"), "127.0.0.1");
        assert_eq!(host("[::1]:80"), "::1");
        assert_eq!(host("unix:/run/x"), "unix:/run/x");
    }
}
