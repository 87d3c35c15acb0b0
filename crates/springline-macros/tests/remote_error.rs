//! `derive(RemoteError)`: exceptions to variants and back.

use std::fmt;

use springline_core::{Error, ErrorKind, Exception, Reached, RemoteError, Value};
use springline_macros::RemoteError;

#[derive(Debug, RemoteError)]
#[remote(crate = "springline_core")]
enum BankError {
    Closed,
    #[remote(class = "bank.InsufficientFunds")]
    InsufficientFunds(i64),
    #[remote(class = "bank.Refused")]
    Refused(String),
    Transfer(i64, Option<String>),
    #[remote(class = "bank.Limit", code = -7)]
    Limit {
        limit: i64,
        #[remote(name = "validUntil")]
        valid_until: Option<String>,
    },
    #[remote(code = 42)]
    Busy,
    NoFields(),
    #[cfg(any())]
    NotThere(NoSuchType),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the account is closed"),
            Self::InsufficientFunds(n) => write!(f, "{n} missing"),
            Self::Refused(why) => f.write_str(why),
            Self::Transfer(to, _) => write!(f, "transfer to {to}"),
            Self::Limit { limit, .. } => write!(f, "over {limit}"),
            Self::Busy => f.write_str("busy"),
            Self::NoFields() => f.write_str("none"),
            Self::Rpc(e) => e.fmt(f),
        }
    }
}

fn read(exception: Exception) -> BankError {
    BankError::from_error(Error::remote(exception))
}

fn raised(class: &str) -> Exception {
    Exception::new(class, "the text")
}

/// The exception that a variant becomes.
fn exception(e: BankError) -> Exception {
    let e = e.into_error();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Remote, Reached::Answered));
    e.into_exception().unwrap()
}

#[test]
fn classes_are_found_qualified_or_bare() {
    for class in ["Closed", "bank.Closed", "a.b.Closed"] {
        assert!(matches!(read(raised(class)), BankError::Closed), "{class}");
    }
    for class in ["bank.InsufficientFunds", "InsufficientFunds"] {
        let e = read(raised(class).with_args(vec![5.into()]));
        assert!(matches!(e, BankError::InsufficientFunds(5)), "{class}: {e:?}");
    }
    // The same bare name in another module is another class.
    let e = read(raised("shop.InsufficientFunds").with_args(vec![5.into()]));
    assert!(matches!(e, BankError::Rpc(_)), "{e:?}");
}

#[test]
fn codes_are_found_where_the_class_says_nothing() {
    assert!(matches!(read(raised("Fault").with_code(42)), BankError::Busy));
    assert!(matches!(read(raised("Closed").with_code(42)), BankError::Closed));
    let e = read(raised("Fault").with_code(-7).with_attribute("limit", 3));
    assert!(matches!(e, BankError::Limit { limit: 3, valid_until: None }), "{e:?}");
    assert!(matches!(read(raised("Fault").with_code(1)), BankError::Rpc(_)));
    assert!(matches!(read(raised("Fault")), BankError::Rpc(_)), "no code is not a code");
}

#[test]
fn fields_are_arguments_or_attributes() {
    let e = read(raised("bank.Refused"));
    assert!(matches!(&e, BankError::Refused(why) if why == "the text"));
    let mut without = raised("bank.Refused");
    without.args.clear();
    assert!(
        matches!(read(without), BankError::Refused(why) if why == "the text"),
        "the message where no arguments are"
    );
    let e = read(raised("Transfer").with_args(vec![9.into()]));
    assert!(matches!(e, BankError::Transfer(9, None)), "{e:?}");
    let e = read(raised("Transfer").with_args(vec![9.into(), "x".into(), "more".into()]));
    assert!(matches!(&e, BankError::Transfer(9, Some(x)) if x == "x"), "{e:?}");
    let e = read(raised("bank.Limit").with_attribute("limit", 3).with_attribute("validUntil", "now"));
    assert!(matches!(&e, BankError::Limit { limit: 3, valid_until: Some(t) } if t == "now"), "{e:?}");
    assert!(matches!(read(raised("NoFields")), BankError::NoFields()));
}

#[test]
fn what_does_not_fit_goes_to_the_carrier_unchanged() {
    for (exception, why) in [
        (raised("InsufficientFunds"), "argument 1 of InsufficientFunds"),
        (raised("Transfer"), "argument 1 of Transfer"),
        (raised("bank.Limit"), "attribute 'limit' of bank.Limit"),
    ] {
        let BankError::Rpc(e) = read(exception.clone()) else { panic!("a variant for {exception}") };
        assert_eq!(e.exception(), Some(&exception));
        assert_eq!(e.reached(), Reached::Answered);
        assert!(e.report().contains(why), "{}", e.report());
    }
    let lost = Error::new(ErrorKind::Closed, "gone").with_reached(Reached::MaybeExecuted);
    let BankError::Rpc(e) = BankError::from_error(lost) else { panic!("a variant") };
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted));
}

#[test]
fn variants_become_exceptions() {
    assert_eq!(exception(BankError::Closed), Exception::new("Closed", "the account is closed"));
    let expected = Exception::new("bank.InsufficientFunds", "5 missing").with_args(vec![Value::I64(5)]);
    assert_eq!(exception(BankError::InsufficientFunds(5)), expected);
    assert_eq!(exception(BankError::Refused("no".into())), Exception::new("bank.Refused", "no"));
    let expected = Exception::new("Transfer", "transfer to 1").with_args(vec![Value::I64(1), Value::Null]);
    assert_eq!(exception(BankError::Transfer(1, None)), expected);
    let expected = Exception::new("bank.Limit", "over 3")
        .with_code(-7)
        .with_attribute("limit", 3_i64)
        .with_attribute("validUntil", "now");
    assert_eq!(exception(BankError::Limit { limit: 3, valid_until: Some("now".into()) }), expected);
    assert_eq!(exception(BankError::Busy), Exception::new("Busy", "busy").with_code(42));
    assert_eq!(exception(BankError::NoFields()), Exception::new("NoFields", "none"));
    let passed_on = BankError::Rpc(Error::new(ErrorKind::Timeout, "late")).into_error();
    assert_eq!((passed_on.kind(), passed_on.message()), (ErrorKind::Timeout, "late"));
}

#[test]
fn there_and_back() {
    let again = |e: BankError| BankError::from_error(e.into_error()).to_string();
    assert_eq!(again(BankError::Closed), "the account is closed");
    assert_eq!(again(BankError::InsufficientFunds(3)), "3 missing");
    assert_eq!(again(BankError::Transfer(4, Some("x".into()))), "transfer to 4");
    assert_eq!(again(BankError::Limit { limit: 5, valid_until: None }), "over 5");
}

#[derive(Debug, RemoteError)]
#[remote(crate = "springline_core")]
enum WithOther {
    Known,
    #[remote(other)]
    Other(Exception),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for WithOther {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[test]
fn other_exceptions_have_a_variant() {
    let exception = Exception::new("ValueError", "x").with_code(3);
    let WithOther::Other(found) = WithOther::from_error(Error::remote(exception.clone())) else { panic!("not other") };
    assert_eq!(found, exception);
    assert_eq!(WithOther::Other(found).into_error().exception(), Some(&exception));
    assert!(matches!(WithOther::from_error(Error::remote(raised("Known"))), WithOther::Known));
    assert!(matches!(WithOther::from_error(Error::new(ErrorKind::Closed, "x")), WithOther::Rpc(_)));
}

#[derive(Debug, RemoteError)]
#[remote(crate = "springline_core")]
enum OnlyCarrier {
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for OnlyCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[test]
fn a_carrier_alone() {
    let OnlyCarrier::Rpc(e) = OnlyCarrier::from_error(Error::remote(raised("X")));
    assert!(e.exception().is_some_and(|e| e.is("X")));
}

struct NotWritable;

impl serde::Serialize for NotWritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no form"))
    }
}

impl<'de> serde::Deserialize<'de> for NotWritable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("no form"))
    }
}

macro_rules! made {
    ($carried:ty, $field:ty) => {
        #[derive(RemoteError)]
        #[remote(crate = "springline_core")]
        enum Made {
            Field($field),
            Named {
                x: $field,
            },
            #[remote(transport)]
            Rpc($carried),
        }
    };
}

made!(Error, NotWritable);

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("made")
    }
}

#[test]
fn a_field_that_cannot_be_written_is_told() {
    for (e, place) in [(Made::Field(NotWritable), "Field"), (Made::Named { x: NotWritable }, "attribute 'x'")] {
        let e = e.into_error();
        assert_eq!(e.kind(), ErrorKind::Encode);
        assert!(e.to_string().contains(place) && e.to_string().contains("no form"), "{e}");
    }
    assert!(matches!(Made::from_error(Error::remote(raised("Field"))), Made::Rpc(_)));
}
