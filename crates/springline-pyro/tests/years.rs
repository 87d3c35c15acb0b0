//! Java's dates reach years that Python has not: no serializer writes them.

use springline_core::{DateTime, Output, Payload, Value};
use springline_pyro::{Generation, Serializer};

#[test]
fn years_that_python_has_not_are_refused() {
    for name in ["serpent", "json", "msgpack", "pickle"] {
        let serializer: Serializer = name.parse().unwrap();
        for text in ["+10000-01-01", "+0000-12-31", "-0001-01-01", "+292278994-08-17T07:12:55"] {
            let payload = Payload::from(Value::from(DateTime::parse(text).unwrap()));
            let error = serializer.write_payload(Generation::Pyro4, &mut Output::new(), &payload).unwrap_err();
            assert!(error.to_string().contains("Python has the years 1 to 9999"), "{name} {text}: {error}");
        }
        let last = Payload::from(Value::from(DateTime::parse("9999-12-31").unwrap()));
        serializer.write_payload(Generation::Pyro4, &mut Output::new(), &last).unwrap();
    }
}
