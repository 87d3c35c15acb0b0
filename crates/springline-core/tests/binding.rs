//! Arguments to parameters, with Python's words for what does not fit.

use std::borrow::Cow;

use springline_core::bind::{BytesArg, FromArgs, StrArg};
use springline_core::{Bytes, Call, Error, ErrorKind, MethodInfo, ParamInfo, Payload, Result, Value};

fn param(name: &'static str, optional: bool) -> ParamInfo {
    ParamInfo { name: name.into(), optional, ..ParamInfo::default() }
}

/// `def transfer(source, target, amount=None)`
fn transfer() -> MethodInfo {
    let params = vec![param("source", false), param("target", false), param("amount", true)];
    MethodInfo { name: "transfer".into(), params: Cow::Owned(params), ..MethodInfo::default() }
}

type Transfer = (String, i64, Option<f64>);

fn bind(args: impl Into<Value>, kwargs: Option<Value>) -> Result<Transfer> {
    let mut call = Call::new("transfer", &());
    call.args = Payload::from(args.into());
    call.kwargs = kwargs.map(Payload::from);
    call.read_args(&transfer())
}

fn kwargs(pairs: &[(&str, Value)]) -> Option<Value> {
    Some(Value::Map(pairs.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect()))
}

#[track_caller]
fn refused(result: Result<Transfer>, words: &str) {
    let e = result.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Arguments, "{e}");
    assert_eq!(e.message(), words);
}

#[test]
fn positions_and_names() {
    let expected = ("a".to_owned(), 2, Some(3.5));
    let all = vec![Value::from("a"), Value::from(2), Value::from(3.5)];
    assert_eq!(bind(all.clone(), None).unwrap(), expected);
    assert_eq!(bind(Value::Tuple(all.clone()), kwargs(&[])).unwrap(), expected);
    assert_eq!(
        bind(vec![Value::from("a")], kwargs(&[("amount", 3.5.into()), ("target", 2.into())])).unwrap(),
        expected
    );
    let named = [("target", Value::from(2)), ("amount", 3.5.into()), ("source", "a".into())];
    assert_eq!(bind(Value::List(vec![]), kwargs(&named)).unwrap(), expected);
    assert_eq!(bind(Value::Null, kwargs(&named)).unwrap(), expected, "no list at all");
    let object = Value::object("x", named.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect());
    assert_eq!(bind(Value::List(vec![]), Some(object)).unwrap(), expected);
    assert_eq!(bind(all, Some(Value::Null)).unwrap(), expected);
}

#[test]
fn optional_parameters_may_be_left_out() {
    let expected = ("a".to_owned(), 2, None);
    assert_eq!(bind(vec![Value::from("a"), Value::from(2)], None).unwrap(), expected);
    assert_eq!(bind(vec![Value::from("a")], kwargs(&[("target", 2.into())])).unwrap(), expected);
    assert_eq!(bind(Value::List(vec!["a".into(), 2.into(), Value::Null]), None).unwrap(), expected);
}

#[test]
fn what_does_not_fit_is_told_as_python_does() {
    let one = || vec![Value::from("a")];
    let two = || vec![Value::from("a"), Value::from(2)];
    let four = || vec![Value::from("a"), Value::from(2), Value::from(3.5), Value::Null];
    refused(bind(one(), None), "transfer() missing 1 required argument: 'target'");
    refused(bind(Value::Null, None), "transfer() missing 2 required arguments: 'source', 'target'");
    refused(bind(Value::List(vec![]), None), "transfer() missing 2 required arguments: 'source', 'target'");
    refused(
        bind(Value::List(vec![]), kwargs(&[("amount", 1.into())])),
        "transfer() missing 2 required arguments: 'source', 'target'",
    );
    refused(
        bind(Value::List(vec![]), kwargs(&[("target", 1.into())])),
        "transfer() missing 1 required argument: 'source'",
    );
    refused(bind(two(), kwargs(&[("currency", 1.into())])), "transfer() got an unexpected keyword argument 'currency'");
    refused(bind(two(), kwargs(&[("source", 1.into())])), "transfer() got multiple values for argument 'source'");
    refused(
        bind(one(), kwargs(&[("target", 1.into()), ("target", 2.into())])),
        "transfer() got multiple values for argument 'target'",
    );
    refused(bind(four(), None), "transfer() takes 3 positional arguments but 4 were given");
    refused(bind(four(), kwargs(&[("x", 1.into())])), "transfer() takes 3 positional arguments but 4 were given");
    refused(bind(two(), Some(Value::from(5))), "transfer() keyword arguments must be a map, found I32(5)");
    refused(
        bind(two(), Some(Value::Map(vec![(1.into(), 2.into())]))),
        "transfer() keywords must be strings, found I32(1)",
    );
}

#[test]
fn a_wrong_type_names_the_argument() {
    let e = bind(vec![Value::from("a"), "b".into()], None).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Arguments);
    assert!(e.to_string().contains("argument 2 'target' of transfer()"), "{e}");
    assert!(e.to_string().contains("expected i64"), "{e}");
    let e = bind(Value::List(vec![]), kwargs(&[("source", 1.into()), ("target", 1.into())])).unwrap_err();
    assert!(e.to_string().contains("argument 1 'source' of transfer()"), "{e}");
    let e = bind(Value::from(5), None).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Mismatch);
    assert!(e.to_string().contains("a list of arguments"), "{e}");
}

#[test]
fn a_method_without_parameters() {
    let info = MethodInfo { name: "ping".into(), ..MethodInfo::default() };
    let none = Call::new("ping", &());
    let read = |call: Call<'_>| -> Result<(), Error> { call.read_args(&info) };
    read(none).unwrap();
    let e = read(Call::new("ping", &(1,))).unwrap_err();
    assert_eq!(e.message(), "ping() takes 0 positional arguments but 1 was given");
}

#[test]
fn text_and_bytes_are_borrowed_from_the_call() {
    let info = MethodInfo {
        name: "f".into(),
        params: Cow::Owned(vec![param("text", false), param("bytes", false), param("more", true)]),
        ..MethodInfo::default()
    };
    let big = Bytes::from(vec![1; 5000]);
    let mut call = Call::new("f", &());
    call.args = Payload::from(Value::Tuple(vec!["text".into(), Value::Bytes(big.clone())]));
    let bound = call.bind(&info).unwrap();
    let (text, bytes, more): (StrArg<'_>, BytesArg<'_>, Option<StrArg<'_>>) = bound.read().unwrap();
    assert!(matches!(text.0, Cow::Borrowed("text")) && more.is_none());
    assert_eq!(bytes.as_ptr(), big.as_ptr());
    // A list of small integers is bytes too, which then must be put together.
    call.args = Payload::from(Value::Tuple(vec!["t".into(), vec![Value::from(1), 2.into()].into(), "m".into()]));
    let bound = call.bind(&info).unwrap();
    let (_, bytes, more): (StrArg<'_>, BytesArg<'_>, Option<StrArg<'_>>) = bound.read().unwrap();
    assert_eq!((bytes, more), (BytesArg(Cow::Owned(vec![1, 2])), Some(StrArg(Cow::Borrowed("m")))));
}

#[test]
fn arguments_know_their_number() {
    assert_eq!(<() as FromArgs<'_>>::LEN, 0);
    assert_eq!(<(i64,) as FromArgs<'_>>::LEN, 1);
    assert_eq!(<(i64, StrArg<'_>, Option<i64>) as FromArgs<'_>>::LEN, 3);
}
