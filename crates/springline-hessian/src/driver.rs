//! What configuration can make of this crate: the original's `HessianProxyFactory`, and the exporter that it lacked.

use std::sync::Arc;

use springline_core::Result;
use springline_core::component::{Class, Driver, Settings, Type};
use springline_net::http::configuration::{
    client_extras, client_tls_properties, listening, server_extras, server_properties,
};
use springline_net::http::hub::MountedExporter;
use springline_net::http::{HttpHandler, HttpUrl};

use crate::Dialect;
use crate::client::HessianProxyFactory;
use crate::server::HessianServiceExporter;

/// The classes `HessianProxyFactory` and `HessianServiceExporter`.
pub static DRIVER: Driver = Driver { name: "hessian", classes: || vec![exporter(), proxy()] };

const DIALECT: Type = Type::Choice(&[("mixed", &[]), ("hessian1", &["1"]), ("hessian2", &["2"])]);

const URL: Type = Type::Form("the URL of a Hessian service", |text| match text.parse::<HttpUrl>() {
    Ok(_) => Ok(()),
    Err(e) => Err(e.message().to_owned()),
});

fn exporter() -> Class {
    let class = Class::new("springpython.remoting.hessian.HessianServiceExporter")
        .also("hessian.ServiceExporter")
        .doc(
            "Serves an object to Hessian clients, such as Java's. Several may share host and port, each at its path. As a \
             gateway to a proxy of Hessian it also passes streams on, of the methods in uploads and downloads, piece by piece.",
        );
    server_extras(server_properties(class))
        .required("service", Type::Service, "The object.")
        .optional("path", Type::Text, "Its path. Default /.")
        .optional(
            "uploads",
            Type::list(Type::Text),
            "Methods of which the last parameter is a stream, as in store(name, data). It goes on to the object as it comes; \
             the object has to be a proxy of Hessian.",
        )
        .optional(
            "downloads",
            Type::list(Type::Text),
            "Methods that give a stream, as in fetch(name); likewise. The deadline holds until its end.",
        )
        .optional("api_class", Type::Text, "The Java interface that clients are told of.")
        .optional("deadline", Type::Seconds, "How long a call may take. Default: as long as it likes.")
        .optional("deflate", Type::Boolean, "Whether answers are compressed for those who ask. Default false.")
        .optional("realm", Type::Text, "What basic authentication shows. Default springline.")
        .optional(
            "user",
            Type::Text,
            "The user that is let in, with the password, by basic authentication. Default: everybody.",
        )
        .optional("password", Type::Text, "The user's password.")
        .exporter(service_exporter)
}

fn service_exporter(settings: &Settings) -> Result<MountedExporter> {
    let (mut place, terms) = listening(settings)?;
    // The port of the original's example.
    if settings.setting("port").is_none() {
        place.port = 8080;
    }
    let mut builder = HessianServiceExporter::builder(settings.service("service")?);
    for method in settings.get::<Vec<String>>("uploads")?.unwrap_or_default() {
        builder = builder.pass_upload(&method);
    }
    for method in settings.get::<Vec<String>>("downloads")?.unwrap_or_default() {
        builder = builder.pass_download(&method);
    }
    if let Some(class) = settings.get::<String>("api_class")? {
        builder = builder.api_class(class);
    }
    if let Some(limit) = settings.seconds("deadline")? {
        builder = builder.deadline(limit);
    }
    if let Some(on) = settings.get("deflate")? {
        builder = builder.deflate(on);
    }
    if let Some(bytes) = settings.get("message_size")? {
        builder = builder.message_size(bytes);
    }
    if let Some(on) = settings.get("log_requests")? {
        builder = builder.log_requests(on);
    }
    if let Some(user) = settings.get::<String>("user")? {
        let realm: String = settings.get("realm")?.unwrap_or_else(|| "springline".to_owned());
        builder = builder.basic_auth_user(&realm, user, settings.require::<String>("password")?);
    }
    let path = settings.get::<String>("path")?.unwrap_or_else(|| "/".to_owned());
    let handler = builder.handler()? as Arc<dyn HttpHandler>;
    Ok(MountedExporter::new(settings.shared().of(), (place, terms), vec![path], handler))
}

fn proxy() -> Class {
    let class = Class::new("springpython.remoting.hessian.HessianProxyFactory")
        .also("hessian.ProxyFactory")
        .doc("A service behind a Hessian URL. It connects at its first call.")
        .required("service_url", URL, "Its URL: http://localhost:8080/; https as well.");
    let class = client_tls_properties(class)
        .optional("timeout", Type::Seconds, "How long a call may take. Default: as long as it takes.")
        .optional("verbose", Type::Boolean, "Whether the HTTP traffic is logged. Default false.")
        .optional("dialect", DIALECT, "What calls are written in, and answers asked for in. Default mixed, as in Java.")
        .optional("overload", Type::Boolean, "Whether methods are asked for by their mangled names. Default false.")
        .optional(
            "objects_as_maps",
            Type::Boolean,
            "Whether objects come as dictionaries, as in the original. Default false.",
        );
    client_extras(class).numbered("service_url").proxy(|settings| {
        let mut builder =
            HessianProxyFactory::new(settings.require::<String>("service_url")?).builder().configured(settings)?;
        if let Some(dialect) = settings.get::<String>("dialect")? {
            builder = builder.dialect(match dialect.as_str() {
                "hessian1" => Dialect::Hessian1,
                "hessian2" => Dialect::Hessian2,
                _ => Dialect::Mixed,
            });
        }
        if let Some(on) = settings.get("overload")? {
            builder = builder.overload(on);
        }
        if let Some(on) = settings.get("objects_as_maps")? {
            builder = builder.objects_as_maps(on);
        }
        if let Some(info) = settings.described()? {
            builder = builder.describe(info);
        }
        builder.build()
    })
}
