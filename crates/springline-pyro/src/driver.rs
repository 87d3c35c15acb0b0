//! What configuration can make of this crate: the original's exporters and proxy factories.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use springline_core::component::{Class, Described, Driver, Exporter, Settings, Type};
use springline_core::{BoxFuture, Error, ErrorKind, Result};

use crate::exporter::Hosted;
use crate::exporter::ServiceExporter;
use crate::{Daemon, Proxy, PyroDaemonHolder, PyroUri, Serializer, Version, pyro3};

/// The classes `PyroServiceExporter` and `PyroProxyFactory`, and those for Pyro 4 and 5.
pub static DRIVER: Driver = Driver {
    name: "pyro",
    classes: || {
        vec![
            exporter3(),
            proxy3(),
            exporter("springpython.remoting.pyro.Pyro4ServiceExporter", "pyro4.ServiceExporter", "Pyro 4 and 5"),
            proxy("springpython.remoting.pyro.Pyro4ProxyFactory", "pyro4.ProxyFactory", "Pyro 4 or 5"),
            exporter("springpython.remoting.pyro.Pyro5ServiceExporter", "pyro5.ServiceExporter", "Pyro 5 and 4"),
            proxy("springpython.remoting.pyro.Pyro5ProxyFactory", "pyro5.ProxyFactory", "Pyro 5 or 4"),
        ]
    },
};

const SERIALIZER: Type = Type::Choice(&[
    ("serpent", &[]),
    ("json", &[]),
    ("marshal", &[]),
    ("msgpack", &[]),
    ("pickle", &[]),
    ("dill", &[]),
    ("cloudpickle", &[]),
]);

fn why(e: Error) -> String {
    e.message().to_owned()
}

fn exporter_properties(class: Class) -> Class {
    class
        .required("service_name", Type::Text, "The name that clients ask for.")
        .required("service", Type::Service, "The object.")
        .optional("service_host", Type::Text, "The name or address to listen on. Default localhost.")
        .optional("service_port", Type::PORT, "The port; 0 takes a free one. Default 7766.")
        .optional("compression", Type::Boolean, "Whether large answers are compressed. Default false.")
        .numbered("service_name")
}

fn proxy_properties(class: Class) -> Class {
    class
        .optional("timeout", Type::Seconds, "How long a call may take. Default: as long as it takes.")
        .optional("connect_timeout", Type::Seconds, "How long connecting may take. Default 10 s.")
        .optional("compression", Type::Boolean, "Whether large calls are compressed. Default false.")
        .optional(
            "methods",
            Type::list(Type::Text),
            "What the object offers, as in get_data or add(a, b?), for gateways to protocols that have to know.",
        )
        .numbered("service_url")
}

const RELEASE: Type = Type::Form("a release of Pyro4 or Pyro5, as in 4.37", |text| {
    Version::of_release(text).map(drop).ok_or_else(|| "there is no such release that Springline knows".to_owned())
});

fn version(settings: &Settings) -> Result<Option<Version>> {
    Ok(settings.get::<String>("version")?.and_then(|release| Version::of_release(&release)))
}

#[cfg(feature = "tls")]
const TLS_FILES: [&str; 3] = ["certfile", "keyfile", "ca_certs"];

// Those of `PYROSSL`, of whose files each generation of our daemon and proxy has the same three.
#[cfg(feature = "tls")]
macro_rules! tls_files {
    ($settings:expr, $builder:expr) => {
        for name in TLS_FILES {
            let Some(path) = $settings.get::<String>(name)? else { continue };
            $builder = match name {
                "certfile" => $builder.certfile(path),
                "keyfile" => $builder.keyfile(path),
                _ => $builder.ca_certs(path),
            };
        }
    };
}

fn secure3(class: Class) -> Class {
    #[cfg(feature = "tls")]
    let class = class
        .optional(
            "certfile",
            Type::Text,
            "The file with our certificate, PEM (PYROSSL_CERT in Python). With one, exporters speak TLS and nothing else.",
        )
        .optional(
            "keyfile",
            Type::Text,
            "The file with its private key, PEM, not encrypted (PYROSSL_KEY). Default: the certificate's file.",
        )
        .optional(
            "ca_certs",
            Type::Text,
            "The file with the authorities that the other side's certificate may come from, PEM (PYROSSL_CA_CERT).",
        );
    class
}

fn exporter3() -> Class {
    let class = Class::new("springpython.remoting.pyro.PyroServiceExporter")
        .also("pyro.ServiceExporter")
        .also("pyro3.ServiceExporter")
        .doc("Serves an object through Pyro 3, at PYROLOC://service_host:service_port/service_name, or PYROLOCSSL.");
    secure3(exporter_properties(class))
        .optional(
            "identification",
            Type::Text,
            "The passphrase that clients have to know. Default: everybody is let in.",
        )
        .optional("checksum", Type::Boolean, "Whether answers have a checksum. Default false.")
        .exporter(|settings| {
            let mut builder = pyro3::Daemon::builder();
            if let Some(passphrase) = settings.get::<String>("identification")? {
                builder = builder.identifications([passphrase.as_str()]);
            }
            if let Some(on) = settings.get("compression")? {
                builder = builder.compression(on);
            }
            if let Some(on) = settings.get("checksum")? {
                builder = builder.checksum(on);
            }
            #[cfg(feature = "tls")]
            tls_files!(settings, builder);
            let names = ["identification", "compression", "checksum", "certfile", "keyfile", "ca_certs"];
            let terms = terms(settings, &names)?;
            Exported::<pyro3::Daemon>::new(settings, terms, || PyroDaemonHolder::new(builder, Daemon::builder()))
        })
}

fn exporter(name: &'static str, short: &'static str, generations: &str) -> Class {
    let class = Class::new(name)
        .also(short)
        .doc(format!("Serves an object through {generations}, at PYRO:service_name@service_host:service_port."));
    exporter_properties(class)
        .optional(
            "serializers",
            Type::list(SERIALIZER),
            "The serializers that clients may use. Default: all but pickle and its relatives.",
        )
        .optional("hmac_key", Type::Text, "The key that Pyro4 clients have to sign with.")
        .optional(
            "version",
            RELEASE,
            "The release of the clients, as in 4.37, for those of Pyro4 before 4.38; others are then not served.",
        )
        .exporter(|settings| {
            let mut builder = Daemon::builder();
            if let Some(names) = settings.get::<Vec<String>>("serializers")? {
                let all = names.iter().map(|name| name.parse()).collect::<Result<Vec<Serializer>>>()?;
                builder = builder.serializers(all);
            }
            if let Some(key) = settings.get::<String>("hmac_key")? {
                builder = builder.hmac_key(key);
            }
            if let Some(on) = settings.get("compression")? {
                builder = builder.compression(on);
            }
            if let Some(version) = version(settings)? {
                builder = builder.version(version);
            }
            let terms = terms(settings, &["serializers", "hmac_key", "compression", "version"])?;
            Exported::<Daemon>::new(settings, terms, || PyroDaemonHolder::new(pyro3::Daemon::builder(), builder))
        })
}

// What exporters on one port have to have alike, in words.
fn terms(settings: &Settings, names: &[&str]) -> Result<String> {
    let mut terms = String::new();
    for name in names {
        if let Some(value) = settings.get::<springline_core::Value>(name)? {
            terms += &format!("{name}={value:?};");
        }
    }
    Ok(terms)
}

/// The daemons of one application, by their settings.
#[derive(Default)]
struct Holders {
    by_terms: Mutex<HashMap<String, PyroDaemonHolder>>,
}

struct Exported<D: Hosted> {
    claims: Vec<String>,
    exporter: tokio::sync::Mutex<ServiceExporter<D>>,
}

impl<D: Hosted> Exported<D> {
    fn new(settings: &Settings, terms: String, holder: impl FnOnce() -> PyroDaemonHolder) -> Result<Self> {
        let holders: Arc<Holders> = settings.shared().of();
        let mut by_terms = holders.by_terms.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = by_terms.entry(terms).or_insert_with(holder).clone();
        drop(by_terms);
        let mut exporter = ServiceExporter::default();
        exporter.service_name = settings.require("service_name")?;
        exporter.service = Some(settings.service("service")?);
        if let Some(host) = settings.get("service_host")? {
            exporter.service_host = host;
        }
        if let Some(port) = settings.get("service_port")? {
            exporter.service_port = port;
        }
        exporter.holder = holder;
        D::check(&exporter.service_name)?;
        let ServiceExporter { service_name, service_host, service_port, .. } = &exporter;
        // A free port is another one each time.
        let shared = (*service_port != 0).then(|| D::uri(service_name, service_host, *service_port));
        Ok(Self { claims: shared.into_iter().collect(), exporter: tokio::sync::Mutex::new(exporter) })
    }

    async fn serve(&self, take_over: bool) -> Result<Vec<String>> {
        let mut exporter = self.exporter.lock().await;
        if take_over || exporter.service_url().is_none() {
            exporter.serve(take_over).await?;
        }
        Ok(exporter.service_url().map(str::to_owned).into_iter().collect())
    }
}

impl<D: Hosted> Exporter for Exported<D> {
    fn start(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.serve(false))
    }

    fn take_over(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.serve(true))
    }

    fn claims(&self) -> Vec<String> {
        self.claims.clone()
    }

    fn stop(&self, drain: Duration) -> BoxFuture<'_, usize> {
        Box::pin(async move { self.exporter.lock().await.destroy_within(drain).await })
    }
}

const URL3: Type = Type::Form("a URI of Pyro 3, as in PYROLOC://host:7766/name", |text| {
    text.parse::<pyro3::Uri>().map(|_| ()).map_err(why)
});

fn proxy3() -> Class {
    let class = Class::new("springpython.remoting.pyro.PyroProxyFactory")
        .also("pyro.ProxyFactory")
        .also("pyro3.ProxyFactory")
        .doc("An object behind a URI of Pyro 3. It connects at its first call.")
        .required("service_url", URL3, "The object's URI: PYROLOC://, PYRO:// or PYRONAME://, over TLS PYROLOCSSL://.");
    let class = secure3(proxy_properties(class));
    #[cfg(feature = "tls")]
    let class = class.optional(
        "verify_hostname",
        Type::Boolean,
        "Whether the certificate has to be for the URI's host. Default true (PYROSSL_POSTCONNCHECK).",
    );
    class
        .optional("identification", Type::Text, "The passphrase that the daemon asks for.")
        .optional("checksum", Type::Boolean, "Whether calls have a checksum. Default false.")
        .proxy(|settings| {
            let mut builder = pyro3::Proxy::builder(&settings.require::<String>("service_url")?)?;
            if let Some(timeout) = settings.seconds("timeout")? {
                builder = builder.timeout(timeout);
            }
            if let Some(timeout) = settings.seconds("connect_timeout")? {
                builder = builder.connect_timeout(timeout);
            }
            if let Some(on) = settings.get("compression")? {
                builder = builder.compression(on);
            }
            if let Some(on) = settings.get("checksum")? {
                builder = builder.checksum(on);
            }
            if let Some(passphrase) = settings.get::<String>("identification")? {
                builder = builder.identification(&passphrase);
            }
            #[cfg(feature = "tls")]
            {
                tls_files!(settings, builder);
                if let Some(verify) = settings.get("verify_hostname")? {
                    builder = builder.verify_hostname(verify);
                }
            }
            Ok(Described::new(builder.build()?, settings.described()?))
        })
}

const URL: Type = Type::Form("a URI of Pyro 4 or 5, as in PYRO:name@host:7766", |text| {
    text.parse::<PyroUri>().map(|_| ()).map_err(why)
});

fn proxy(name: &'static str, short: &'static str, generations: &str) -> Class {
    let class = Class::new(name)
        .also(short)
        .doc(format!("An object behind a URI of {generations}. It connects at its first call."))
        .required("service_url", URL, "The object's URI: PYRO:name@host:port.");
    proxy_properties(class)
        .optional("serializer", SERIALIZER, "How calls are written. Default serpent.")
        .optional("hmac_key", Type::Text, "The key that Pyro4 signs with.")
        .optional("connections", Type::Integer(1, 65535), "Connections at a time. Default 1.")
        .optional(
            "version",
            RELEASE,
            "The release of the daemon, as in 4.37. Default: it is found out, except for those of Pyro4 before 4.38.",
        )
        .proxy(|settings| {
            let mut builder = Proxy::builder(&settings.require::<String>("service_url")?)?;
            if let Some(timeout) = settings.seconds("timeout")? {
                builder = builder.timeout(timeout);
            }
            if let Some(timeout) = settings.seconds("connect_timeout")? {
                builder = builder.connect_timeout(timeout);
            }
            if let Some(on) = settings.get("compression")? {
                builder = builder.compression(on);
            }
            if let Some(name) = settings.get::<String>("serializer")? {
                builder = builder.serializer(name.parse()?);
            }
            if let Some(key) = settings.get::<String>("hmac_key")? {
                builder = builder.hmac_key(key);
            }
            if let Some(most) = settings.get("connections")? {
                builder = builder.connections(most);
            }
            if let Some(version) = version(settings)? {
                builder = builder.version(version);
            }
            let proxy = builder.build().map_err(|e| Error::new(ErrorKind::Config, e.message().to_owned()))?;
            Ok(Described::new(proxy, settings.described()?))
        })
}
