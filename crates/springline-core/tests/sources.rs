//! What sources may do beyond the ordinary: lend blobs that they put together, and start over for the last of repeated
//! fields.

use serde::Deserialize;
use springline_core::{
    Blob, Bytes, Chunk, Container, Event, Kind, Mark, Result, Source, Tape, Text, Value, de, transcode,
};

// Gives these events; text is a scalar.
struct Script {
    events: Vec<Step>,
    at: usize,
    // Whether it can start over, and with which events.
    last_ones: Option<Vec<Step>>,
}

#[derive(Clone)]
enum Step {
    Map,
    Text(&'static str),
    Int(i64),
    Blob(Bytes),
    End,
}

impl<'de> Source<'de> for Script {
    fn peek(&mut self) -> Result<Kind> {
        Ok(match &self.events[self.at] {
            Step::Map => Kind::Map,
            Step::Text(_) => Kind::Str,
            Step::Int(_) => Kind::Int,
            Step::Blob(_) => Kind::Bytes,
            Step::End => Kind::End,
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        self.at += 1;
        Ok(match &self.events[self.at - 1] {
            Step::Map => Event::Begin(Container::map(None)),
            Step::Text(text) => Event::Str(Text::Message(text)),
            Step::Int(v) => Event::I64(*v),
            Step::Blob(b) => Event::Bytes(Chunk::Shared(b)),
            Step::End => Event::End,
        })
    }

    fn skip(&mut self) -> Result<()> {
        self.next().map(|_| ())
    }

    fn offset(&self) -> usize {
        self.at
    }

    fn mark(&self) -> Mark {
        Mark { offset: self.at, own: [1, 2, 3] }
    }

    fn start_over(&mut self, mark: Mark) -> bool {
        assert_eq!(mark.own, [1, 2, 3]);
        match self.last_ones.take() {
            Some(events) => {
                self.events = events;
                self.at = mark.offset;
                true
            }
            None => false,
        }
    }
}

fn script(events: &[Step]) -> Script {
    Script { events: events.to_vec(), at: 0, last_ones: None }
}

#[test]
fn blobs_that_are_lent_are_kept_without_a_copy() {
    let blob = Bytes::from(vec![7; 100]);
    let of = |b: &Bytes| (b.as_ptr(), b.len());
    let events = [Step::Blob(blob.clone())];
    assert_eq!(of(Value::read(&mut script(&events)).unwrap().as_bytes().unwrap()), of(&blob));
    let read: Blob = de::from_source(&mut script(&events)).unwrap();
    assert_eq!(of(&read), of(&blob));
    let mut tape = Tape::new();
    transcode(&mut script(&events), &mut tape).unwrap();
    let Value::Bytes(read) = Value::read(&mut tape.source(springline_core::Budget::default())).unwrap() else {
        panic!()
    };
    assert_eq!(read, blob);
    assert_eq!(Chunk::Shared(&blob).get(), &blob[..]);
    let read: Vec<u8> = de::from_source(&mut script(&events)).unwrap();
    assert_eq!(read, blob);
}

#[test]
fn the_last_of_repeated_fields_counts_where_the_source_says_so() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Point {
        x: i64,
    }
    let twice = [Step::Map, Step::Text("x"), Step::Int(1), Step::Text("x"), Step::Int(2), Step::End];
    let last = vec![Step::Map, Step::Text("x"), Step::Int(2), Step::End];
    let e = de::from_source::<Point, _>(&mut script(&twice)).unwrap_err();
    assert!(e.to_string().contains("duplicate field `x`"), "{e}");
    let mut source = Script { last_ones: Some(last), ..script(&twice) };
    assert_eq!(de::from_source::<Point, _>(&mut source).unwrap(), Point { x: 2 });
    // Once only, and for nothing else.
    let mut source = Script { last_ones: Some(twice.to_vec()), ..script(&twice) };
    assert!(de::from_source::<Point, _>(&mut source).is_err());
    let wrong = [Step::Map, Step::Text("x"), Step::Text("y"), Step::End];
    let mut source = Script { last_ones: Some(Vec::new()), ..script(&wrong) };
    assert!(de::from_source::<Point, _>(&mut source).is_err());
    assert!(source.last_ones.is_some());
}
