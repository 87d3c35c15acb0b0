//! Back references: data that is shared, or that contains itself.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use springline_core::de::from_source;
use springline_core::value_source::ValueSource;
use springline_core::{
    Budget, Container, DateTime, ErrorKind, Limits, RemoteRef, Result, Sink, Source, Tape, Value, transcode,
};

/// Reads `value` as `T` within `budget`, by both sources.
fn read<T: DeserializeOwned>(value: &Value, budget: Budget) -> [Result<T>; 2] {
    let tape = Tape::of(value).unwrap();
    [from_source(&mut tape.source(budget)), from_source(&mut ValueSource::new(value, budget))]
}

#[track_caller]
fn reads<T: DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value, expected: &T) {
    for result in read::<T>(value, Budget::default()) {
        assert_eq!(&result.unwrap(), expected);
    }
}

fn numbers(v: &[i64]) -> Value {
    v.iter().copied().map(Value::I64).collect()
}

#[test]
fn shared_data_is_read_where_it_is_shared() {
    // [[1, 2], the same]
    let value = Value::List(vec![numbers(&[1, 2]), Value::Back(1)]);
    reads(&value, &vec![vec![1_i64, 2], vec![1, 2]]);
    reads(&value, &(vec![1_i64, 2], (1_i64, 2_i64)));

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i64,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    enum Shape {
        At(Point),
        Same(std::collections::BTreeMap<String, i64>),
    }
    let point = Value::Map(vec![("x".into(), 1.into())]);
    reads(&Value::List(vec![point.clone(), Value::Back(1)]), &[Point { x: 1 }, Point { x: 1 }]);
    let shapes = Value::List(vec![
        Value::Map(vec![("At".into(), point.clone())]),
        Value::Map(vec![("Same".into(), Value::Back(2))]),
    ]);
    reads(&shapes, &vec![Shape::At(Point { x: 1 }), Shape::Same([("x".to_owned(), 1)].into())]);
    let shared = Value::List(vec![Value::Map(vec![("At".into(), point)]), Value::Back(1)]);
    reads(&shared, &vec![Shape::At(Point { x: 1 }), Shape::At(Point { x: 1 })]);
    // An object, an option of one, an ignored one, and one inside of shared data.
    let object = Value::object("a.B", vec![("x".into(), 2.into()), ("more".into(), Value::Back(0))]);
    reads(&Value::List(vec![object, Value::Back(1)]), &vec![Some(Point { x: 2 }), Some(Point { x: 2 })]);
    let nested = Value::List(vec![Value::List(vec![numbers(&[1])]), Value::Back(1), Value::Back(2)]);
    reads(&nested, &(vec![vec![1_i64]], vec![vec![1_i64]], vec![1_i64]));
}

#[derive(Debug, Deserialize)]
struct Node(#[allow(dead_code)] Vec<Node>);

#[test]
fn a_cycle_ends_at_the_depth_limit() {
    let mut limits = Limits::new();
    limits.depth = 50;
    for value in [Value::List(vec![Value::Back(0)]), Value::List(vec![Value::List(vec![Value::Back(0)])])] {
        for result in read::<Node>(&value, limits.budget()) {
            let e = result.unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Limit);
            assert!(e.to_string().contains("depth = 50"), "{e}");
        }
    }
}

#[test]
fn a_reference_to_nothing_is_told() {
    let value = Value::List(vec![Value::Back(7)]);
    let mut tape = Tape::new();
    tape.begin(Container::list(Some(1))).unwrap();
    tape.back(7).unwrap();
    tape.end().unwrap();
    let (mut first, mut second) = (tape.source(Budget::default()), ValueSource::new(&value, Budget::default()));
    let sources: [&mut dyn Source<'_>; 2] = [&mut first, &mut second];
    for source in sources {
        let e = from_source::<Vec<Vec<i64>>, _>(source).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Malformed);
        assert!(e.to_string().contains("container 7"), "{e}");
    }
}

#[test]
fn references_stay_in_a_value() {
    let value = Value::List(vec![numbers(&[1]), Value::Back(1), Value::Back(0)]);
    for result in read::<Value>(&value, Budget::default()) {
        assert_eq!(result.unwrap(), value);
    }
}

/// Each level refers ten times to the one before: few bytes, and more values than any memory has.
fn laughs(levels: u32) -> Value {
    let mut all = vec![numbers(&[1; 10])];
    for level in 1..levels {
        all.push(Value::List(vec![Value::Back(level); 10]));
    }
    Value::List(all)
}

#[test]
fn what_references_expand_to_is_counted() {
    let mut limits = Limits::new();
    limits.nodes = 100_000;
    let value = laughs(12);
    for result in read::<Untyped>(&value, limits.budget()) {
        let e = result.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Limit);
        assert!(e.to_string().contains("nodes = 100000"), "{e}");
    }
    let sources: [Box<dyn Source<'_>>; 2] = [
        Box::new(Tape::of(&value).map(Box::new).map(|t| Box::leak(t).source(limits.budget())).unwrap()),
        Box::new(ValueSource::new(&value, limits.budget())),
    ];
    for mut source in sources {
        let e = transcode(&mut *source, &mut Counter::default()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Limit);
    }
    // What fits still goes through.
    for result in read::<Untyped>(&laughs(4), limits.budget()) {
        assert_eq!(result.unwrap().0, 10 + 100 + 1_000 + 10_000);
    }
}

/// The number of scalars, however deep.
#[derive(Debug)]
struct Untyped(u64);

impl<'de> Deserialize<'de> for Untyped {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> serde::de::Visitor<'de> for V {
            type Value = u64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("lists of integers")
            }

            fn visit_i64<E>(self, _: i64) -> Result<u64, E> {
                Ok(1)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<u64, A::Error> {
                let mut sum = 0;
                while let Some(Untyped(n)) = seq.next_element()? {
                    sum += n;
                }
                Ok(sum)
            }
        }
        d.deserialize_any(V).map(Untyped)
    }
}

#[test]
fn a_sink_without_references_gets_the_data_itself() {
    let value = Value::List(vec![numbers(&[1, 2]), Value::Back(1)]);
    let mut plain = Counter::default();
    transcode(&mut ValueSource::new(&value, Budget::default()), &mut plain).unwrap();
    assert_eq!((plain.scalars, plain.containers), (4, 3));
    let e = transcode(&mut ValueSource::new(&Value::List(vec![Value::Back(0)]), Budget::default()), &mut plain);
    let e = e.unwrap_err();
    assert!(e.kind() == ErrorKind::Encode && e.message().contains("contains itself"), "{e}");
}

/// `[[1], [[2], <the 3rd container>, <the 2nd>, <the 2nd>, <the 1st>]]`
fn outside() -> Value {
    let inner = Value::List(vec![numbers(&[2]), Value::Back(3), Value::Back(1), Value::Back(1), Value::Back(2)]);
    Value::List(vec![numbers(&[1]), inner])
}

/// What its second item is alone: what lies outside is copied, once, and the rest counts from the item.
fn cut_out() -> Value {
    Value::List(vec![numbers(&[2]), Value::Back(1), numbers(&[1]), Value::Back(2), Value::Back(0)])
}

#[test]
fn a_value_taken_out_of_a_message_is_whole() {
    let whole = outside();
    let tape = Tape::of(&whole).unwrap();
    let (mut first, mut second) = (tape.source(Budget::default()), ValueSource::new(&whole, Budget::default()));
    let sources: [&mut dyn Source<'_>; 2] = [&mut first, &mut second];
    for source in sources {
        source.next().unwrap();
        source.skip().unwrap();
        let mut part = Tape::new();
        part.begin(Container::list(None)).unwrap();
        part.null().unwrap();
        transcode(source, &mut part).unwrap();
        part.end().unwrap();
        let expected = Value::List(vec![Value::Null, shifted(&cut_out(), 1)]);
        assert_eq!(Value::read(&mut part.source(Budget::default())).unwrap(), expected);
    }
    let items: Vec<Value> = from_source(&mut tape.source(Budget::default())).unwrap();
    assert_eq!(items, [numbers(&[1]), cut_out()]);
    let items: Vec<Value> = from_source(&mut ValueSource::new(&whole, Budget::default())).unwrap();
    assert_eq!(items, [numbers(&[1]), cut_out()]);
}

/// The value as a part of one in which `by` containers began before.
fn shifted(value: &Value, by: u32) -> Value {
    match value {
        Value::Back(n) => Value::Back(n + by),
        Value::List(v) => v.iter().map(|v| shifted(v, by)).collect(),
        other => other.clone(),
    }
}

#[test]
fn a_cycle_that_leaves_the_value_is_unrolled_once() {
    // a = [[a]], of which the inner list is taken
    let whole = Value::List(vec![Value::List(vec![Value::Back(0)])]);
    let items: Vec<Value> = from_source(&mut ValueSource::new(&whole, Budget::default())).unwrap();
    let unrolled = Value::List(vec![Value::List(vec![Value::List(vec![Value::Back(1)])])]);
    assert_eq!(items, [unrolled]);
}

#[test]
fn references_count_from_their_own_value() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Both {
        before: Vec<Vec<i64>>,
        shared: Value,
        after: Value,
    }
    let shared = Value::List(vec![numbers(&[1]), Value::Back(1), Value::Back(0)]);
    let both = Both { before: vec![vec![1], vec![]], shared: shared.clone(), after: cut_out() };
    let tape = Tape::of(&springline_core::payload::Typed(&both)).unwrap();
    assert_eq!(from_source::<Both, _>(&mut tape.source(Budget::default())).unwrap(), both);
    let field = Value::read(&mut tape.source(Budget::default())).unwrap();
    assert_eq!(field.field("shared"), Some(&shifted(&shared, 4)));
    // Arguments are values of their own too.
    let args = vec![numbers(&[5]), shared];
    let tape = Tape::of(&args).unwrap();
    assert_eq!(from_source::<Vec<Value>, _>(&mut tape.source(Budget::default())).unwrap(), args);
}

#[test]
fn a_value_is_written_whole_where_there_are_no_references() {
    let mut plain = Counter::default();
    Value::List(vec![numbers(&[1, 2]), Value::Back(1)]).write(&mut plain).unwrap();
    assert_eq!((plain.scalars, plain.containers), (4, 3));
    assert_eq!(laughs(12).write(&mut Counter::default()).unwrap_err().kind(), ErrorKind::Limit);
    let e = Value::List(vec![numbers(&[1]), Value::List(vec![Value::Back(0)])]).write(&mut plain).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Encode);
    assert!(e.to_string().contains("contains itself"), "{e}");
    for sink in [&mut Tape::new() as &mut dyn Sink, &mut Counter::default()] {
        let e = Value::List(vec![Value::Back(1), numbers(&[1])]).write(sink).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Encode);
        assert!(e.to_string().contains("container 1"), "{e}");
    }
}

#[test]
fn a_tree_has_no_references() {
    let tree = Value::read_tree(&mut ValueSource::new(&outside(), Budget::default()));
    assert_eq!(tree.unwrap_err().kind(), ErrorKind::Limit);
    let shared = Value::List(vec![numbers(&[1]), Value::Back(1)]);
    let tree = Value::read_tree(&mut ValueSource::new(&shared, Budget::default())).unwrap();
    assert_eq!(tree, Value::List(vec![numbers(&[1]), numbers(&[1])]));
    assert!(shared.refers_back() && !tree.refers_back());
}

#[test]
fn what_is_skipped_is_charged_and_counted() {
    let value = Value::List(vec![numbers(&[1, 2, 3]), numbers(&[4]), Value::Back(2)]);
    let mut limits = Limits::new();
    limits.nodes = 4;
    let mut source = ValueSource::new(&value, limits.budget());
    source.next().unwrap();
    assert_eq!(source.skip().unwrap_err().kind(), ErrorKind::Limit);
    let mut source = ValueSource::new(&value, Budget::default());
    source.next().unwrap();
    source.skip().unwrap();
    assert_eq!(source.begun(), Some(2));
}

/// A sink of a format without back references.
#[derive(Default)]
struct Counter {
    scalars: u64,
    containers: u64,
}

impl Counter {
    fn scalar(&mut self) -> Result<()> {
        self.scalars += 1;
        Ok(())
    }
}

impl Sink for Counter {
    fn null(&mut self) -> Result<()> {
        self.scalar()
    }

    fn bool(&mut self, _: bool) -> Result<()> {
        self.scalar()
    }

    fn i32(&mut self, _: i32) -> Result<()> {
        self.scalar()
    }

    fn i64(&mut self, _: i64) -> Result<()> {
        self.scalar()
    }

    fn big(&mut self, _: &springline_core::BigInt) -> Result<()> {
        self.scalar()
    }

    fn f64(&mut self, _: f64) -> Result<()> {
        self.scalar()
    }

    fn str(&mut self, _: &str) -> Result<()> {
        self.scalar()
    }

    fn bytes(&mut self, _: &[u8]) -> Result<()> {
        self.scalar()
    }

    fn datetime(&mut self, _: &DateTime) -> Result<()> {
        self.scalar()
    }

    fn remote(&mut self, _: &RemoteRef) -> Result<()> {
        self.scalar()
    }

    fn begin(&mut self, _: Container<'_>) -> Result<()> {
        self.containers += 1;
        Ok(())
    }

    fn key(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
