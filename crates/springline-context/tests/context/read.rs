//! What files say, in both forms.

use springline_core::{BigInt, Value};

use crate::support::{kept, objects, property, toml, value};

async fn check_xml(inside: &str, expected: Value) {
    let context =
        objects(&format!("<object id='x' class='test.Keeper'>{inside}</object><object id='y' class='Keeper'/>"));
    assert_eq!(kept(&context, "x").await, expected, "{inside}");
}

async fn check_toml(line: &str, expected: Value) {
    let context = toml(&format!("[objects.x]\nclass = 'test.Keeper'\n{line}\n[objects.y]\nclass = 'Keeper'\n"));
    assert_eq!(kept(&context, "x").await, expected, "{line}");
}

fn list(items: impl IntoIterator<Item = &'static str>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

#[tokio::test]
async fn values_in_xml() {
    for (inside, expected) in [
        ("<property name='a' value='text'/>", "text".into()),
        ("<property name='a' value='&lt;&amp;&#65;'/>", "<&A".into()),
        ("<property name='a'><value>text</value></property>", "text".into()),
        ("<property name='a'><value>a &lt; b <![CDATA[<c>]]></value></property>", "a < b <c>".into()),
        ("<property name='a'><value></value></property>", "".into()),
        ("<property name='a' value='http://${HOST}:${PORT:8000}/'/>", "http://db.example:8000/".into()),
        ("<property name='a' ref='y'/>", "-> y".into()),
        ("<property name='a'><ref object='y'/></property>", "-> y".into()),
        ("<property name='a'><object class='Keeper'/></property>", "-> x.<anonymous>".into()),
        ("<property name='a'><object id='in' class='Keeper'/></property>", "-> x.in".into()),
        ("<constructor-arg value='first'/>", "first".into()),
        ("<constructor-arg name='a' value='named'/>", "named".into()),
        ("<constructor-arg><value>child</value></constructor-arg>", "child".into()),
        ("<property name='a'><str> text </str></property>", " text ".into()),
        ("<property name='a'><int> 5 </int></property>", 5_i64.into()),
        (
            "<property name='a'><long>99999999999999999999</long></property>",
            Value::Big(Box::new("99999999999999999999".parse::<BigInt>().unwrap())),
        ),
        ("<property name='a'><float>1.5</float></property>", 1.5.into()),
        ("<property name='a'><decimal>1.50</decimal></property>", Value::Decimal("1.50".to_owned())),
        ("<property name='a'><bool>True</bool></property>", true.into()),
        ("<property name='a'><boolean>false</boolean></property>", false.into()),
        ("<property name='a'><complex>1+2j</complex></property>", Value::Complex(1.0, 2.0)),
        ("<property name='a'><list><value>1</value><value>2</value></list></property>", list(["1", "2"])),
        ("<property name='a'><list/></property>", Value::List(vec![])),
        (
            "<property name='a'><tuple><int>1</int><ref object='y'/></tuple></property>",
            Value::List(vec![1_i64.into(), "-> y".into()]),
        ),
        ("<property name='a'><tuple><int>1</int></tuple></property>", Value::Tuple(vec![1_i64.into()])),
        ("<property name='a'><set><int>1</int></set></property>", Value::Set(vec![1_i64.into()])),
        ("<property name='a'><frozenset><int>1</int></frozenset></property>", Value::FrozenSet(vec![1_i64.into()])),
        (
            "<property name='a'><dict>
                <entry><key><value>k</value></key><value>v</value></entry>
                <entry key='l' value='w'/>
                <entry><key><int>3</int></key><list><value>x</value></list></entry>
            </dict></property>",
            Value::Map(vec![("k".into(), "v".into()), ("l".into(), "w".into()), (3_i64.into(), list(["x"]))]),
        ),
        (
            "<property name='a'><dict><entry key='k' value-ref='y'/></dict></property>",
            Value::Map(vec![("k".into(), "-> y".into())]),
        ),
        (
            "<property name='a'><props><prop key='administrator'>a@b</prop></props></property>",
            Value::Map(vec![("administrator".into(), "a@b".into())]),
        ),
    ] {
        check_xml(inside, expected).await;
    }
}

#[tokio::test]
async fn values_in_toml() {
    for (line, expected) in [
        ("a = 'text'", "text".into()),
        ("a = 'http://${HOST}:${PORT:8000}/'", "http://db.example:8000/".into()),
        ("a = { ref = 'y' }", "-> y".into()),
        ("a = { class = 'Keeper' }", "-> x.<anonymous>".into()),
        ("args = ['first']", "first".into()),
        ("properties = { a = 'there' }", "there".into()),
        ("a = 0x10", 16_i64.into()),
        ("a = 1.5", 1.5.into()),
        ("a = inf", f64::INFINITY.into()),
        ("a = true", true.into()),
        ("a = { decimal = '1.50' }", Value::Decimal("1.50".to_owned())),
        ("a = ['1', '2']", list(["1", "2"])),
        ("a = { tuple = [1] }", Value::Tuple(vec![1_i64.into()])),
        ("a = { set = [1] }", Value::Set(vec![1_i64.into()])),
        ("a = { frozenset = [1] }", Value::FrozenSet(vec![1_i64.into()])),
        ("a = { z = 'v', k = 'w' }", Value::Map(vec![("z".into(), "v".into()), ("k".into(), "w".into())])),
        (
            "a = { dict = [[1, 'v'], ['k', { ref = 'y' }]] }",
            Value::Map(vec![(1_i64.into(), "v".into()), ("k".into(), "-> y".into())]),
        ),
        ("a = { dict = { class = 'v' } }", Value::Map(vec![("class".into(), "v".into())])),
        ("a.k = 'v'", Value::Map(vec![("k".into(), "v".into())])),
    ] {
        check_toml(line, expected).await;
    }
}

#[tokio::test]
async fn text_is_read_as_what_the_property_is() {
    let text = "<object id='x' class='test.Typed'>
        <property name='port' value='7000'/> <property name='flag' value='True'/>
        <property name='timeout' value='500ms'/> <property name='ratio' value='2'/>
        <property name='names'><tuple><value>a</value></tuple></property>
        <property name='fields'><dict><entry key='commonName' value='My Client'/></dict></property>
    </object>";
    let context = objects(text);
    assert_eq!(property(&context, "x", "port").await, 7000_i64.into());
    assert_eq!(property(&context, "x", "flag").await, true.into());
    assert_eq!(property(&context, "x", "timeout").await, 0.5.into());
    assert_eq!(property(&context, "x", "ratio").await, 2.0.into());
    assert_eq!(property(&context, "x", "names").await, Value::Tuple(vec!["a".into()]));
    assert_eq!(property(&context, "x", "fields").await, Value::Map(vec![("commonName".into(), "My Client".into())]));
}

#[tokio::test]
async fn values_with_names() {
    let context = objects(
        "<str id='greeting'>Hello</str><int id='number'>7</int>
         <list id='pool'><ref object='y'/><ref object='y'/></list>
         <object id='y' class='Keeper'/>
         <object id='made' class='test.Value'><property name='text' ref='greeting'/></object>
         <object id='x' class='test.Typed'><property name='port' ref='number'/><property name='pool' ref='pool'/></object>
         <object id='z' class='Keeper'><property name='a' ref='made'/></object>",
    );
    assert_eq!(context.value::<String>("greeting").unwrap(), "Hello");
    assert_eq!(context.value::<u8>("number").unwrap(), 7);
    assert_eq!(context.value::<String>("made").unwrap(), "Hello!");
    assert_eq!(property(&context, "x", "port").await, 7_i64.into());
    assert_eq!(property(&context, "x", "pool").await, list(["-> y", "-> y"]));
    assert_eq!(kept(&context, "z").await, "Hello!".into());
    let context = toml("[values]\ngreeting = 'Hello'\n[objects.x]\nclass='Keeper'\na={ref='greeting'}");
    assert_eq!(kept(&context, "x").await, "Hello".into());
}

#[tokio::test]
async fn parents_are_merged() {
    let context = objects(
        "<object id='base' abstract='True' class='Keeper'><property name='a' value='1'/><property name='b' value='2'/></object>
         <object id='middle' abstract='True' parent='base'><property name='b' value='3'/></object>
         <object id='x' parent='middle'><property name='a' value='4'/></object>
         <object id='y' parent='base'/>
         <object id='z' class='Keeper'><property name='a'><object parent='middle'/></property></object>",
    );
    assert_eq!((property(&context, "x", "a").await, property(&context, "x", "b").await), ("4".into(), "3".into()));
    assert_eq!((property(&context, "y", "a").await, property(&context, "y", "b").await), ("1".into(), "2".into()));
    assert_eq!(kept(&context, "z").await, "-> z.<anonymous>".into());
    assert_eq!(context.ids(), ["x", "y", "z"]);
}

#[tokio::test]
async fn several_of_one() {
    let context = objects(
        "<object id='s' class='Keeper' count='3'><property name='a' value='name%s at %s'/></object>
         <object id='e' class='Exporter' count='${N:2}'>
            <property name='service_name' value='ServiceName'/><property name='service'><object class='Keeper'/></property>
         </object>
         <object id='x' class='test.Typed'><property name='pool' ref='s'/></object>
         <object id='y' class='test.Typed'><property name='pool'><list><ref object='s'/><ref object='x'/></list></property></object>",
    );
    assert_eq!(context.ids(), ["s0", "s1", "s2", "e0", "e1", "x", "y"]);
    assert_eq!(kept(&context, "s2").await, "name2 at 2".into());
    assert_eq!(property(&context, "x", "pool").await, list(["-> s0", "-> s1", "-> s2"]));
    assert_eq!(property(&context, "y", "pool").await, list(["-> s0", "-> s1", "-> s2", "-> x"]));
    context.start().await.unwrap();
    let uris: Vec<String> = context.endpoints().into_iter().flat_map(|e| e.uris).collect();
    assert_eq!(uris, ["test:ServiceName0", "test:ServiceName1"]);
    assert!(context.proxy("s").unwrap_err().to_string().contains("there are 3 of 's'"));
}

#[tokio::test]
async fn the_older_format() {
    let context = crate::support::builder(&crate::support::Log::default())
        .xml(
            "test.xml",
            r#"<components xmlns="http://www.springframework.org/springpython/schema/pycontainer-components">
                <component id="MovieLister" class="Keeper">
                    <property name="a" local="ColonMovieFinder"/>
                    <property name="b">"support/movies1.txt"</property>
                </component>
                <component id="ColonMovieFinder" class="Keeper">
                    <property name="a">[1, {'k': (True, None)}]</property>
                </component>
            </components>"#,
        )
        .build()
        .unwrap();
    assert_eq!(kept(&context, "MovieLister").await, "-> ColonMovieFinder".into());
    assert_eq!(property(&context, "MovieLister", "b").await, "support/movies1.txt".into());
    let inner = Value::Map(vec![("k".into(), Value::Tuple(vec![true.into(), Value::Null]))]);
    assert_eq!(kept(&context, "ColonMovieFinder").await, Value::List(vec![1_i64.into(), inner]));
}

#[tokio::test]
async fn files_add_up() {
    let context = crate::support::builder(&crate::support::Log::default())
        .xml("a.xml", "<objects><object id='x' class='Keeper'><property name='a' ref='y'/></object></objects>")
        .toml("b.toml", "[objects.y]\nclass = 'Keeper'\na = 5")
        .build()
        .unwrap();
    assert_eq!(kept(&context, "x").await, "-> y".into());
    assert_eq!(kept(&context, "y").await, value(5_i64));
}
