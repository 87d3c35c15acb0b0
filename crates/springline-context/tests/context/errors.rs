//! What is wrong with files, where, and all of it together.

use crate::support::{Log, builder, wrong};

/// One mistake, at its line and column; the objects begin at line 2.
#[track_caller]
fn check(inside: &str, place: (usize, usize), part: &str) {
    let all = wrong(inside);
    let one = all.iter().next().unwrap();
    assert!(one.message.contains(part), "{all}");
    assert_eq!((one.line, one.column), place, "{all}");
    assert_eq!(all.len(), 1, "{all}");
}

#[test]
fn of_names() {
    check("<object id='x' class='test.Keepr'/>", (2, 23), "unknown class 'test.Keepr' (did you mean 'test.Keeper'?)");
    check(
        "<object id='x' class='test.Typed'>\n  <property name='prot' value='1'/></object>",
        (3, 19),
        "test.Typed has no property 'prot' (did you mean 'port'?)",
    );
    check(
        "<object id='service' class='Keeper'/>\n<object id='x' class='Keeper'><property name='a' ref='servise'/></object>",
        (3, 55),
        "there is no object 'servise' (did you mean 'service'?)",
    );
    check("<object id='x' parent='y' class='Keeper'/>", (2, 24), "there is no object 'y' to be the parent");
    check(
        "<object id='x' class='Keeper'/>\n<object id='x' class='Keeper'/>",
        (3, 13),
        "there is an object 'x' already, at test.xml:2:13",
    );
    check("<object class='Keeper'/>", (2, 1), "<object> needs an id");
    check("<object id='x'/>", (2, 1), "the object 'x' needs a class");
}

#[test]
fn of_types() {
    check(
        "<object id='x' class='test.Typed'><property name='port' value='x7'/></object>",
        (2, 64),
        "expected an integer from 0 to 65535, found 'x7'",
    );
    check(
        "<object id='x' class='test.Typed'><property name='port'><bool>true</bool></property></object>",
        (2, 63),
        "expected an integer from 0 to 65535, found true",
    );
    check(
        "<object id='x' class='test.Typed'><property name='names' value='a'/></object>",
        (2, 65),
        "expected a list, each item text, found 'a'",
    );
    check(
        "<object id='x' class='test.Typed'><property name='fields'><list/></property></object>",
        (2, 59),
        "expected a dictionary, each value text, found a list",
    );
    check(
        "<object id='y' class='Keeper'/><object id='x' class='test.Typed'><property name='port' ref='y'/></object>",
        (2, 93),
        "expected an integer from 0 to 65535, found the object 'y'",
    );
    check(
        "<str id='y'>Hello</str><object id='x' class='Keeper'><property name='service' ref='y'/></object>",
        (2, 84),
        "expected an object, found 'Hello'",
    );
    check(
        "<object id='x' class='Keeper'><property name='a'><int>x</int></property></object>",
        (2, 55),
        "<int>: expected an integer, found 'x'",
    );
}

#[test]
fn of_references() {
    check(
        "<object id='x' class='Exporter'><property name='service_name' value='n'/></object>",
        (2, 1),
        "the object 'x' needs the property 'service': an object",
    );
    check(
        "<object id='a' class='Keeper'><property name='a' ref='b'/></object>
<object id='b' class='Keeper'><property name='a' ref='c'/></object>
<object id='c' class='Keeper'><property name='a'><list><ref object='a'/></list></property></object>",
        (2, 1),
        "objects refer to one another in a circle: a -> b -> c -> a",
    );
    check("<object id='a' class='Keeper'><property name='a' ref='a'/></object>", (2, 1), "in a circle: a -> a");
    check("<list id='a'><ref object='a'/></list>", (2, 27), "values refer to one another in a circle: a -> a");
    let all = wrong("<object id='a' parent='b' class='Keeper'/>\n<object id='b' parent='a' class='Keeper'/>");
    assert_eq!(all.len(), 2, "{all}");
    assert!(all.to_string().contains("parents in a circle: a -> b -> a"), "{all}");
    check(
        "<object id='s' class='Keeper'/>
<object id='e' class='Exporter'><property name='service_name' value='n'/><property name='service' ref='s'/></object>
<object id='x' class='Keeper'><property name='a' ref='e'/></object>",
        (4, 55),
        "found the exporter 'e', which nobody can call",
    );
    check(
        "<object id='s' class='Keeper' abstract='true'/><object id='x' class='Keeper'><property name='a' ref='s'/></object>",
        (2, 102),
        "'s' is abstract",
    );
    check(
        "<object id='x' class='Keeper'><property name='a' value='1'/><property name='a' value='2'/></object>",
        (2, 77),
        "the property 'a' is set twice",
    );
    check(
        "<object id='x' class='Keeper'><constructor-arg value='1'/><property name='a' value='2'/></object>",
        (2, 75),
        "the property 'a' is set twice",
    );
    check(
        "<object id='x' class='test.Value'><constructor-arg value='1'/><constructor-arg value='1'/></object>",
        (2, 87),
        "takes 1 arguments, this is one more",
    );
}

#[test]
fn of_the_format() {
    check("<objekt id='x' class='Keeper'/>", (2, 1), "expected <object>, found <objekt> (did you mean 'object'?)");
    check(
        "<object id='x' klass='Keeper' class='Keeper'/>",
        (2, 16),
        "<object> has no attribute 'klass' (did you mean 'class'?)",
    );
    check(
        "<object id='x' class='Keeper'><propperty name='a' value='1'/></object>",
        (2, 31),
        "found <propperty> (did you mean 'property'?)",
    );
    check("<object id='x' class='Keeper'><property name='a'/></object>", (2, 31), "needs a value");
    check(
        "<object id='x' class='Keeper'><property name='a' value='1'><value>2</value></property></object>",
        (2, 31),
        "more than one value",
    );
    check(
        "<object id='x' class='Keeper'><property name='a'>text</property></object>",
        (2, 50),
        "has its text in value",
    );
    check("<object id='x' class='Keeper'>text</object>", (2, 31), "<object> has elements only, no text");
    check(
        "<object id='x' class='Keeper' scope='session'/>",
        (2, 38),
        "scope: expected singleton or prototype, found 'session'",
    );
    check(
        "<object id='x' class='Keeper' lazy-init='maybe'/>",
        (2, 42),
        "lazy-init: expected true or false, found 'maybe'",
    );
    check(
        "<object id='x' class='Keeper' count='0'/>",
        (2, 38),
        "count: expected an integer from 1 to 10000, found '0'",
    );
    check(
        "<object id='x' class='Keeper'><property name='a' value='${NONE}'/></object>",
        (2, 57),
        "the environment has no variable 'NONE'",
    );
    check(
        "<object id='x' class='Keeper'><property name='a'><value>&unknown;</value></property></object>",
        (2, 57),
        "unknown entity '&unknown;'",
    );
    check(
        "<object id='x' class='Keeper'><property name='a'><props><prop>v</prop></props></property></object>",
        (2, 57),
        "<prop> needs a key",
    );
    check(
        "<object id='x' class='Keeper'><property name='a'><dict><entry><value>v</value></entry></dict></property></object>",
        (2, 56),
        "<entry> has one <key> and one value",
    );
    check(
        "<object id='x' class='test.Broken'/>",
        (2, 1),
        "the object 'x' cannot be made: bad configuration: it does not work",
    );
    check(
        "<object id='x' class='Exporter' scope='prototype'><property name='service_name' value='n'/><property name='service'><object class='Keeper'/></property></object>",
        (2, 1),
        "an exporter is made once",
    );
}

#[test]
fn of_the_document() {
    let check = |text: &str, place: (usize, usize), part: &str| {
        let all = builder(&Log::default()).xml("d.xml", text).build().expect_err(part);
        assert!(all.iter().any(|one| one.message.contains(part) && (one.line, one.column) == place), "{all}");
    };
    check("<!DOCTYPE objects [<!ENTITY a 'b'>]>\n<objects/>", (1, 1), "a DOCTYPE is refused");
    check("<objects>\n  <object id='x'", (2, 3), "no well-formed XML");
    check("<objects>\n</object>", (2, 1), "no well-formed XML");
    check("<objects>", (1, 1), "<objects> has no end");
    check("", (1, 1), "there is no element");
    check("<beans/>", (1, 1), "expected <objects> or <components>, found <beans>");
    check("<objects/><objects/>", (1, 11), "a second one");
    check("<?xml version='1.0' encoding='ISO-8859-1'?><objects/>", (1, 1), "save the file as UTF-8");
    check(&format!("<objects>{}", "<object>".repeat(100)), (1, 514), "nested deeper than 64 levels");
    let check = |text: &str, place: (usize, usize), part: &str| {
        let all = builder(&Log::default()).toml("d.toml", text).build().expect_err(part);
        assert!(all.iter().any(|one| one.message.contains(part) && (one.line, one.column) == place), "{all}");
    };
    check("[objects.x]\nclass = \n", (2, 9), "no well-formed TOML");
    check("[objects.x]\nclass = 'Keeper'\nc = 1", (3, 1), "test.Keeper has no property 'c'");
    check("[object.x]\nclass = 'Keeper'", (1, 2), "found 'object' (did you mean 'objects'?)");
    check("[objects]\nx = 5", (2, 1), "the object 'x' has to be a table, found integer");
    check("[objects.x]\nclass = 5", (2, 9), "class: expected text, found integer");
    check("[objects.x]\nclass = 'Keeperr'", (2, 10), "did you mean 'Keeper'");
    check("[objects.x]\nclass = 'Keeper'\na = { ref = 'y' }", (3, 14), "there is no object 'y'");
    check(
        "[objects.x]\nclass = 'test.Typed'\nport = 70000",
        (3, 8),
        "expected an integer from 0 to 65535, found 70000",
    );
}

#[test]
fn all_of_them_together() {
    let all = builder(&Log::default())
        .xml("a.xml", "<objects>\n<object id='x' class='No'/>\n<object id='y' class='Keeper'><property name='a' ref='zz'/></object></objects>")
        .toml("b.toml", "[objects.q]\nclass = 'test.Typed'\nport = 'x'\nflag = 'y'")
        .file("there/is/no/such.xml")
        .build()
        .unwrap_err();
    let lines: Vec<String> = all.iter().map(|d| format!("{}:{}", d.file, d.line)).collect();
    assert_eq!(lines, ["there/is/no/such.xml:1", "a.xml:2", "a.xml:3", "b.toml:3", "b.toml:4"], "{all}");
    assert!(all.to_string().starts_with("there/is/no/such.xml:1:1: the file cannot be read: "), "{all}");
}
