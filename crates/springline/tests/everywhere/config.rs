//! How an object gets onto a wire by configuration: files for the server, for gateways and for the client, in XML and in
//! TOML, made from one description.

use std::fmt::Write as _;
use std::sync::Arc;

use springline::context::{ApplicationContext, Classes, Environment, classes};
use springline::hessian::Dialect;
use springline::{Error, ErrorKind, MethodInfo, Result};

use crate::thing::{MyThing, ThingRef};
use crate::wires::{Far, Kept, Tls, Wire, certificate, offered};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Xml,
    Toml,
}

/// The value of a property.
pub(crate) enum Set {
    Text(String),
    Number(u16),
    On,
    Ref(&'static str),
    Refs(Vec<String>),
    Texts(Vec<String>),
}

/// An object of a file.
pub(crate) struct Definition {
    id: String,
    class: &'static str,
    properties: Vec<(&'static str, Set)>,
}

impl Definition {
    fn new(id: impl Into<String>, class: &'static str) -> Self {
        Self { id: id.into(), class, properties: Vec::new() }
    }

    fn set(mut self, name: &'static str, value: Set) -> Self {
        self.properties.push((name, value));
        self
    }

    fn text(self, name: &'static str, value: impl Into<String>) -> Self {
        self.set(name, Set::Text(value.into()))
    }
}

fn file(form: Form, definitions: &[Definition]) -> String {
    match form {
        Form::Xml => xml(definitions),
        Form::Toml => toml(definitions),
    }
}

fn xml(definitions: &[Definition]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out += "<objects xmlns=\"http://www.springframework.org/springpython/schema/objects/1.1\">\n";
    for Definition { id, class, properties } in definitions {
        writeln!(out, "  <object id=\"{id}\" class=\"{class}\">").ok();
        for (name, value) in properties {
            let value = match value {
                Set::Text(text) => format!(" value=\"{text}\"/>"),
                Set::Number(number) => format!("><int>{number}</int></property>"),
                Set::On => " value=\"True\"/>".to_owned(),
                Set::Ref(id) => format!(" ref=\"{id}\"/>"),
                Set::Refs(ids) => {
                    let items: String = ids.iter().map(|id| format!("<ref object=\"{id}\"/>")).collect();
                    format!("><list>{items}</list></property>")
                }
                Set::Texts(texts) => {
                    let items: String = texts.iter().map(|text| format!("<value>{text}</value>")).collect();
                    format!("><list>{items}</list></property>")
                }
            };
            writeln!(out, "    <property name=\"{name}\"{value}").ok();
        }
        out += "  </object>\n";
    }
    out + "</objects>\n"
}

fn toml(definitions: &[Definition]) -> String {
    let mut out = String::new();
    for Definition { id, class, properties } in definitions {
        writeln!(out, "[objects.{id}]\nclass = \"{class}\"").ok();
        for (name, value) in properties {
            let value = match value {
                Set::Text(text) => format!("{text:?}"),
                Set::Number(number) => number.to_string(),
                Set::On => "true".to_owned(),
                Set::Ref(id) => format!("{{ ref = \"{id}\" }}"),
                Set::Refs(ids) => {
                    let items: Vec<String> = ids.iter().map(|id| format!("{{ ref = \"{id}\" }}")).collect();
                    format!("[{}]", items.join(", "))
                }
                Set::Texts(texts) => format!("{texts:?}"),
            };
            writeln!(out, "{name} = {value}").ok();
        }
        out.push('\n');
    }
    out
}

fn exporter(wire: Wire) -> Definition {
    let over_http = |definition: Definition, tls| {
        let mut definition = definition.text("host", "localhost").set("port", Set::Number(0));
        if tls != Tls::None {
            definition = definition.text("keyfile", certificate("server-key.pem").display().to_string());
            definition = definition.text("certfile", certificate("server-cert.pem").display().to_string());
        }
        if tls == Tls::Client {
            definition = definition.text("ca_certs", certificate("ca-chain.pem").display().to_string());
            definition = definition.text("cert_reqs", "ssl.CERT_REQUIRED");
        }
        definition
    };
    let pyro = |class| {
        Definition::new("exporter", class)
            .text("service_name", "ServiceName")
            .text("service_host", "127.0.0.1")
            .set("service_port", Set::Number(0))
    };
    let definition = match wire {
        Wire::Pyro3 => pyro("springpython.remoting.pyro.PyroServiceExporter"),
        Wire::Pyro4(serializer) => pyro("springpython.remoting.pyro.Pyro4ServiceExporter")
            .set("serializers", Set::Texts(vec![serializer.to_string()]))
            .text("hmac_key", KEY),
        Wire::Pyro5(serializer) => {
            pyro("pyro5.ServiceExporter").set("serializers", Set::Texts(vec![serializer.to_string()]))
        }
        Wire::XmlRpc(tls) => {
            let definition = Definition::new("exporter", "springpython.remoting.xmlrpc.SSLServer");
            over_http(definition, tls).set("allow_none", Set::On)
        }
        Wire::Hessian(_, tls) => over_http(
            Definition::new("exporter", "springpython.remoting.hessian.HessianServiceExporter").text("path", "/thing"),
            tls,
        ),
    };
    definition.set("service", Set::Ref("thing"))
}

/// Signed messages are Pyro 4's alone, which is how these columns make sure of their wire.
const KEY: &str = "the key of the suite";

fn proxy(id: &str, wire: Wire, url: &str) -> Definition {
    let over_http = |mut definition: Definition, tls| {
        if tls != Tls::None {
            definition = definition.text("ca_certs", certificate("ca-chain.pem").display().to_string());
        }
        if tls == Tls::Client {
            definition = definition.text("certfile", certificate("client-cert.pem").display().to_string());
            definition = definition.text("keyfile", certificate("client-key.pem").display().to_string());
        }
        definition.set("methods", Set::Texts(methods()))
    };
    match wire {
        Wire::Pyro3 => Definition::new(id, "springpython.remoting.pyro.PyroProxyFactory")
            .text("service_url", url)
            .set("methods", Set::Texts(methods())),
        Wire::Pyro4(serializer) => Definition::new(id, "springpython.remoting.pyro.Pyro4ProxyFactory")
            .text("service_url", url)
            .text("serializer", serializer.to_string())
            .text("hmac_key", KEY),
        Wire::Pyro5(serializer) => Definition::new(id, "pyro5.ProxyFactory")
            .text("service_url", url)
            .text("serializer", serializer.to_string()),
        Wire::XmlRpc(tls) => {
            let definition = Definition::new(id, "springpython.remoting.xmlrpc.SSLClient").text("uri", url);
            over_http(definition.set("allow_none", Set::On), tls)
        }
        Wire::Hessian(dialect, tls) => {
            let definition =
                Definition::new(id, "springpython.remoting.hessian.HessianProxyFactory").text("service_url", url).text(
                    "dialect",
                    match dialect {
                        Dialect::Hessian1 => "hessian1",
                        Dialect::Mixed => "mixed",
                        Dialect::Hessian2 => "hessian2",
                    },
                );
            over_http(definition, tls)
        }
    }
}

// What the object offers, as the property tells it.
fn methods() -> Vec<String> {
    let line = |method: &MethodInfo| {
        let params: Vec<String> =
            method.params.iter().map(|p| format!("{}{}", p.name, if p.optional { "?" } else { "" })).collect();
        format!("{}({})", method.name, params.join(", "))
    };
    offered().methods.iter().filter(|m| m.kind == springline::CallKind::Method).map(line).collect()
}

fn classes_with(object: &MyThing) -> Classes {
    let object = object.clone();
    classes().class("suite.Thing", move |class| class.handle(move |_| Ok(ThingRef::local(object.clone()))))
}

async fn start(form: Form, name: &str, object: &MyThing, uris: &[String], text: String) -> Result<ApplicationContext> {
    let uris: Arc<[String]> = uris.into();
    let environment = Environment::new(move |name| {
        let number: usize = name.strip_prefix("URL")?.parse().ok()?;
        uris.get(number).cloned()
    });
    let builder = ApplicationContext::builder().classes(classes_with(object)).environment(environment);
    let builder = match form {
        Form::Xml => builder.xml(format!("{name}.xml"), text),
        Form::Toml => builder.toml(format!("{name}.toml"), text),
    };
    builder.start().await
}

fn address(context: &ApplicationContext) -> Result<String> {
    let endpoint = context.endpoints().into_iter().next().and_then(|e| e.uris.into_iter().last());
    endpoint.ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was exported"))
}

fn client(context: &ApplicationContext) -> Result<Far> {
    Ok((context.get::<ThingRef>("thing")?, context.service("thing")?))
}

/// The object in the client's own file.
pub(crate) async fn local(form: Form, object: &MyThing) -> Result<(Vec<Kept>, Far)> {
    let context = start(form, "local", object, &[], file(form, &[Definition::new("thing", "suite.Thing")])).await?;
    let far = client(&context)?;
    Ok((vec![Box::new(context)], far))
}

/// The object behind wires, the nearest to the client first, with a gateway between one and the next.
pub(crate) async fn chain(form: Form, object: &MyThing, wires: &[Wire]) -> Result<(Vec<Kept>, Far)> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut behind = Definition::new("thing", "suite.Thing");
    let mut uri = Vec::new();
    for wire in wires.iter().rev() {
        let text = file(form, &[behind, exporter(*wire)]);
        let context = start(form, "server", object, &uri, text).await?;
        uri = vec![address(&context)?];
        kept.push(Box::new(context));
        behind = proxy("thing", *wire, "${URL0}");
    }
    let context = start(form, "client", object, &uri, file(form, &[behind])).await?;
    let far = client(&context)?;
    kept.push(Box::new(context));
    Ok((kept, far))
}

/// A pool of the object behind each of the wires.
pub(crate) async fn pool(form: Form, object: &MyThing, wires: &[Wire]) -> Result<(Vec<Kept>, Far)> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut uris = Vec::new();
    let mut definitions = Vec::new();
    for (n, wire) in wires.iter().enumerate() {
        let text = file(form, &[Definition::new("thing", "suite.Thing"), exporter(*wire)]);
        let context = start(form, "member", object, &[], text).await?;
        uris.push(address(&context)?);
        kept.push(Box::new(context));
        definitions.push(proxy(&format!("member{n}"), *wire, &format!("${{URL{n}}}")));
    }
    definitions.push(Definition::new("here", "suite.Thing"));
    let members = definitions.iter().map(|d| d.id.clone()).collect();
    definitions.push(Definition::new("thing", "HighAvailabilityService").set("service_pool", Set::Refs(members)));
    let context = start(form, "pool", object, &uris, file(form, &definitions)).await?;
    let far = client(&context)?;
    kept.push(Box::new(context));
    Ok((kept, far))
}
