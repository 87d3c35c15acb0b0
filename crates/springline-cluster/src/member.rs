//! A member of a pool, and how it is doing. Time is an argument.

use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_core::Service;

/// How long a member that failed is left alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// After so many failures in a row.
    fn after(self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.checked_mul(doubled).unwrap_or(self.most).min(self.most)
    }
}

pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) service: Arc<dyn Service>,
    /// Failures of the transport in a row.
    pub(crate) failures: u32,
    /// Until when it is left alone.
    pub(crate) until: Option<Instant>,
}

impl Member {
    pub(crate) fn new(name: Arc<str>, service: Arc<dyn Service>) -> Self {
        Self { name, service, failures: 0, until: None }
    }

    /// Whether it may be called. One that was left alone for long enough may be called once: whether it is back shows then.
    pub(crate) fn take(&mut self, now: Instant, backoff: Backoff) -> bool {
        match self.until {
            None => true,
            Some(until) if until <= now => {
                self.until = Some(now + backoff.after(self.failures));
                true
            }
            Some(_) => false,
        }
    }

    pub(crate) fn answered(&mut self) -> bool {
        let back = self.until.is_some();
        self.failures = 0;
        self.until = None;
        back
    }

    pub(crate) fn failed(&mut self, now: Instant, backoff: Backoff) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff.after(self.failures);
        self.until = Some(now + pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use springline_core::FnService;

    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };
        let pauses: Vec<u128> = (1..7).map(|n| backoff.after(n).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.after(u32::MAX), Duration::from_secs(1));

        let now = Instant::now();
        let later = |ms| now + Duration::from_millis(ms);
        let mut member = Member::new("x".into(), Arc::new(FnService::new("x")));
        assert!(member.take(now, backoff));
        member.failed(now, backoff);
        assert!(!member.take(later(99), backoff));
        // One call tries; others stay away until it is known.
        assert!(member.take(later(100), backoff));
        assert!(!member.take(later(100), backoff));
        member.failed(later(101), backoff);
        assert!(!member.take(later(300), backoff) && member.take(later(301), backoff));
        assert!(member.answered() && member.take(later(301), backoff) && member.take(later(301), backoff));
    }
}
