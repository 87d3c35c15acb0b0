//! Reading a value once more, with only the last of the members that have the same name: what XML-RPC's peers mean by them
//! (all but Apache ws-xmlrpc and XML-RPC.NET).
//!
//! It is for readers that cannot take back what they have read, and not how a document is read at first: each struct's names
//! have to be looked through beforehand, so that the members of each level are read once for each level above. All of it is
//! charged to the budget.

use std::collections::HashMap;

use springline_core::{Mark, Result};

use super::{Ahead, Level, State, XmlSource};

/// The structs that are open and have a name more than once.
#[derive(Debug, Default)]
pub(super) struct Again {
    open: Vec<Repeating>,
}

#[derive(Debug)]
struct Repeating {
    // Its level, counted with its own.
    level: usize,
    // Which of its members come next, and which of them are kept.
    next: usize,
    kept: Vec<bool>,
}

// States as numbers, for marks. Those in which nothing of a value was read yet.
const STATES: [State; 5] = [State::Params, State::NoParams, State::Param, State::ParamEnd, State::Single];

impl<'de> XmlSource<'de> {
    pub(super) fn mark_here(&self) -> Mark {
        let (offset, before) = match self.ahead {
            Ahead::Nothing => (self.tokens.position(), self.now()),
            _ => (self.begins, self.before),
        };
        // Others are inside of a value, where nobody begins to read.
        let state = STATES.iter().position(|s| *s == before.state).unwrap_or(STATES.len());
        Mark { offset, own: [state as u32, before.levels as u32, before.depth] }
    }

    pub(super) fn go_back(&mut self, mark: Mark) -> bool {
        let [state, levels, depth] = mark.own;
        let (Some(state), false) = (STATES.get(state as usize), self.again.is_some()) else { return false };
        while self.levels.len() > levels as usize {
            if self.levels.pop() != Some(Level::Params) {
                self.budget.leave();
            }
        }
        self.state = *state;
        self.tokens.seek(mark.offset, depth);
        self.ahead = Ahead::Nothing;
        self.failed = None;
        self.passing = false;
        self.again = Some(Box::default());
        true
    }

    /// What comes next, past members that are replaced by later ones.
    #[cold]
    pub(super) fn read_last_ones(&mut self) -> Result<Ahead<'de>> {
        loop {
            let ahead = self.read_ahead()?;
            let level = self.levels.len();
            let Some(again) = &mut self.again else { return Ok(ahead) };
            match ahead {
                Ahead::Map if self.state == State::Members => self.look_through()?,
                Ahead::End => again.open.retain(|open| open.level <= level),
                // A name.
                Ahead::Str(_) | Ahead::Scratch if self.state == State::MemberValue => {
                    if let Some(open) = again.open.last_mut().filter(|open| open.level == level) {
                        let kept = open.kept.get(open.next).copied().unwrap_or(true);
                        open.next += 1;
                        if !kept {
                            let value = self.read_ahead()?;
                            self.pass(value, level)?;
                            continue;
                        }
                    }
                }
                _ => {}
            }
            return Ok(ahead);
        }
    }

    // After `<struct>`: finds out which names come again, and returns.
    fn look_through(&mut self) -> Result<()> {
        let (at, before) = (self.tokens.position(), self.now());
        let level = self.levels.len();
        let around = self.levels.clone();
        let mut last: HashMap<Box<str>, usize> = HashMap::new();
        let mut count = 0;
        loop {
            let name = match self.read_ahead()? {
                Ahead::Str(name) => Box::from(name),
                Ahead::Scratch => Box::from(self.scratch.as_str()),
                _ => break,
            };
            last.insert(name, count);
            count += 1;
            let value = self.read_ahead()?;
            self.pass(value, level)?;
        }
        // The end has left the struct.
        self.budget.enter()?;
        self.levels = around;
        self.state = State::Members;
        self.tokens.seek(at, before.depth);
        if let (Some(again), true) = (&mut self.again, last.len() < count) {
            let mut kept = vec![false; count];
            for at in last.into_values() {
                if let Some(slot) = kept.get_mut(at) {
                    *slot = true;
                }
            }
            again.open.push(Repeating { level, next: 0, kept });
        }
        Ok(())
    }
}
