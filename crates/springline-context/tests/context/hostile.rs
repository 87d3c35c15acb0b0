//! Files that nobody would write.

use springline_core::{Error, ErrorKind};

use crate::support::{Log, around, builder, wrong};

#[test]
fn laughs_are_bounded() {
    let mut text = "<list id='l0'><value>ha</value></list>\n".to_owned();
    for n in 1..20 {
        let before = format!("<ref object='l{}'/>", n - 1).repeat(10);
        text += &format!("<list id='l{n}'>{before}</list>\n");
    }
    assert!(wrong(&text).to_string().contains("more than 1000000 values"));
    let mut text = "<object id='p0' class='test.Proxy' scope='prototype'/>\n".to_owned();
    for n in 1..20 {
        let before = format!("<ref object='p{}'/>", n - 1).repeat(10);
        text += &format!(
            "<object id='p{n}' class='test.Proxy' scope='prototype'><property name='a'><list>{before}</list></property></object>\n"
        );
    }
    text += "<object id='x' class='Keeper'><property name='a' ref='p19'/></object>";
    assert!(wrong(&text).to_string().contains("comes to more than 250000 objects"));
    let mut text = "<object id='p0' class='test.Proxy' scope='prototype'/>\n".to_owned();
    for n in 1..100 {
        text += &format!(
            "<object id='p{n}' class='test.Proxy' scope='prototype'><property name='a' ref='p{}'/></object>\n",
            n - 1
        );
    }
    assert!(wrong(&text).to_string().contains("more than 64 levels deep"));
    let text = "<object id='x' class='test.Proxy' count='10000'><property name='a'><list>".to_owned()
        + &"<value>x</value>".repeat(10_000)
        + "</list></property></object>";
    assert!(wrong(&text).to_string().contains("asks for more than"));
}

#[test]
fn long_chains_of_parents() {
    let mut text = "<object id='o0' class='Keeper'/>\n".to_owned();
    for n in 1..1000 {
        text += &format!("<object id='o{n}' parent='o{}'/>\n", n - 1);
    }
    assert!(wrong(&text).to_string().contains("more than 64 parents"));
}

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<objects xmlns="http://www.springframework.org/springpython/schema/objects/1.1">
  <!-- a comment --> <str id="greeting">Hello &amp; <![CDATA[<you>]]></str>
  <object id="base" class="Keeper" abstract="True"><property name="a" value="${HOST:x}"/></object>
  <object id="x" parent="base" scope="prototype"><constructor-arg ref="y"/></object>
  <object id="y" class="test.Typed" lazy-init="True" count="2"><property name="port"><int>5</int></property>
    <property name="fields"><dict><entry><key><value>k</value></key><value>v%s</value></entry></dict></property>
    <property name="pool"><list><object class="Keeper"><property name="b"><props><prop key="k">v</prop></props></property></object></list></property>
  </object>
</objects>"#;

const COMPONENTS: &str = r#"<components><component id="a" class="Keeper"><property name="a">[1, {"k": (True, None, 1.5e3, "\x41")}]</property><property name="b" local="a"/></component></components>"#;

const TOML: &str = r#"
[values]
greeting = "Hello ${HOST}"
[objects.x]
class = "test.Typed"
count = 2
port = 0x1F
fields = { k = "v", "l m" = '%s' }
pool = [{ ref = "y" }, { class = "Keeper", a = { tuple = [1, 2.5, true, 1979-05-27T07:32:00Z] } }]
[objects.y]
parent = "z"
args = ["""multi
line""", { dict = [[1, { decimal = "1.5" }]] }]
[objects.z]
class = "Keeper"
abstract = true
lazy_init = false
scope = "singleton"
"#;

fn survives(text: &str) {
    for kind in ["xml", "toml"] {
        let builder = builder(&Log::default());
        let builder = if kind == "xml" { builder.xml("m", text) } else { builder.toml("m", text) };
        if let Err(all) = builder.build() {
            assert!(!all.is_empty());
            for one in &all {
                assert!(one.line >= 1 && one.column >= 1 && !one.message.is_empty(), "{one}");
            }
            assert_eq!(Error::from(all).kind(), ErrorKind::Config);
        }
    }
}

/// The body of the fuzz targets, over good files that were damaged.
#[test]
fn damaged_files() {
    let mut random = fastrand::Rng::with_seed(6);
    for good in [XML, COMPONENTS, TOML] {
        survives(good);
        for cut in (0..good.len()).filter(|at| good.is_char_boundary(*at)) {
            survives(&good[..cut]);
        }
        for _ in 0..2_000 {
            let mut bytes = good.as_bytes().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                match random.u8(..4) {
                    0 => bytes[at] = random.u8(..),
                    1 => {
                        bytes.remove(at);
                    }
                    2 => bytes.insert(at, *random.choice(b"<>&;'\"=[]{}$%./\\\n#\0").unwrap()),
                    _ => {
                        let to = random.usize(at..bytes.len().min(at + 40));
                        let piece = bytes[at..to].to_vec();
                        let place = random.usize(..bytes.len());
                        bytes.splice(place..place, piece);
                    }
                }
            }
            survives(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn deep_toml() {
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "[objects.x]\na = ".to_owned() + &"{a=".repeat(100_000),
        format!("[{}]", ["a"; 100_000].join(".")),
    ] {
        survives(&text);
    }
    survives(&around(&"<object id='x' class='Keeper'><property name='a'>".repeat(10_000)));
}
