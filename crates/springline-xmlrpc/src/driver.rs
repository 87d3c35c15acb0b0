//! What configuration can make of this crate: the original's `SSLServer` and `SSLClient`.

use std::sync::Arc;

use springline_core::component::{Class, Driver, Settings, Type};
use springline_core::{Error, ErrorKind, Result};
use springline_net::http::configuration::{
    client_extras, client_tls_properties, listening, server_extras, server_properties,
};
use springline_net::http::hub::MountedExporter;
use springline_net::http::{HttpHandler, HttpUrl};

use crate::client::{SSLClient, XmlRpcProxy};
use crate::server::XmlRpcServer;

/// The classes `SSLServer` and `SSLClient`.
pub static DRIVER: Driver = Driver { name: "xmlrpc", classes: || vec![server(), client()] };

/// The paths that are answered, where nobody says otherwise. The last one is told to others.
const PATHS: [&str; 2] = ["/", "/RPC2"];

fn server() -> Class {
    let class = Class::new("springpython.remoting.xmlrpc.SSLServer")
        .also("xmlrpc.SSLServer")
        .also("xmlrpc.ServiceExporter")
        .doc(
            "Serves objects through XML-RPC, over HTTPS where there is a certificate. Several may share host and port.",
        );
    server_extras(server_properties(class))
        .optional("service", Type::Service, "The object whose methods are served by their own names.")
        .optional("services", Type::dict(Type::Service), "Objects whose methods are served behind a name and a dot.")
        .optional("paths", Type::list(Type::Text), "The paths that are answered. Default / and /RPC2.")
        .optional("allow_none", Type::Boolean, "Whether results may be null. Default false.")
        .optional("introspection", Type::Boolean, "Whether there is system.listMethods and the like. Default true.")
        .optional("multicall", Type::Integer(0, 1_000_000), "Calls in one system.multicall. Default 1000.")
        .optional("deadline", Type::Seconds, "How long a call may take. Default: as long as it likes.")
        .optional("gzip", Type::Boolean, "Whether answers are compressed for those who ask. Default true.")
        .optional("realm", Type::Text, "What basic authentication shows. Default springline.")
        .optional(
            "user",
            Type::Text,
            "The user that is let in, with the password, by basic authentication. Default: everybody.",
        )
        .optional("password", Type::Text, "The user's password.")
        .exporter(ssl_server)
}

fn ssl_server(settings: &Settings) -> Result<MountedExporter> {
    let place = listening(settings)?;
    let mut builder = XmlRpcServer::builder();
    let services = settings.services_by_name("services")?;
    if settings.setting("service").is_none() && services.is_empty() {
        return Err(Error::new(ErrorKind::Config, "there is nothing to serve: set 'service' or 'services'"));
    }
    if settings.setting("service").is_some() {
        builder = builder.register_service("", settings.service("service")?);
    }
    for (prefix, service) in services {
        builder = builder.register_service(prefix, service);
    }
    if let Some(bytes) = settings.get("message_size")? {
        builder = builder.message_size(bytes);
    }
    if let Some(on) = settings.get("log_requests")? {
        builder = builder.log_requests(on);
    }
    if let Some(on) = settings.get("allow_none")? {
        builder = builder.allow_none(on);
    }
    if let Some(on) = settings.get("introspection")? {
        builder = builder.introspection(on);
    }
    if let Some(calls) = settings.get("multicall")? {
        builder = builder.multicall(calls);
    }
    if let Some(limit) = settings.seconds("deadline")? {
        builder = builder.deadline(limit);
    }
    if let Some(on) = settings.get("gzip")? {
        builder = builder.gzip(on);
    }
    if let Some(user) = settings.get::<String>("user")? {
        let realm: String = settings.get("realm")?.unwrap_or_else(|| "springline".to_owned());
        builder = builder.basic_auth_user(&realm, user, settings.require::<String>("password")?);
    }
    let paths = settings.get::<Vec<String>>("paths")?.unwrap_or_else(|| PATHS.map(str::to_owned).to_vec());
    if paths.is_empty() {
        return Err(Error::new(ErrorKind::Config, "there is no path to serve: see 'paths'"));
    }
    let handler = builder.handler()? as Arc<dyn HttpHandler>;
    Ok(MountedExporter::new(settings.shared().of(), place, paths, handler))
}

const URL: Type = Type::Form("the URL of an XML-RPC server", |text| match text.parse::<HttpUrl>() {
    Ok(_) => Ok(()),
    Err(e) => Err(e.message().to_owned()),
});

fn client() -> Class {
    let class = Class::new("springpython.remoting.xmlrpc.SSLClient")
        .also("xmlrpc.SSLClient")
        .also("xmlrpc.ProxyFactory")
        .doc("An XML-RPC server: its methods, or those behind a name and a dot.")
        .required("uri", URL, "Its URL: https://localhost:8000/RPC2; http and unix as well.");
    let class = client_tls_properties(class)
        .optional("transport", Type::Any, "Without effect: TCP and Unix sockets are built in.")
        .optional("encoding", Type::Text, "The encoding of calls. Default UTF-8.")
        .optional("verbose", Type::Boolean, "Whether the HTTP traffic is logged. Default false.")
        .optional("allow_none", Type::Boolean, "Whether null may be sent. Default false.")
        .optional("use_datetime", Type::Boolean, "Whether every date has to be one. Default false.")
        .optional("timeout", Type::Seconds, "How long a call may take. Default: as long as it takes.")
        .optional("strict", Type::Any, "Without effect: HTTP/0.9 is never spoken.")
        .optional("prefix", Type::Text, "What stands before each method's name, and a dot.")
        .optional("gzip_request", Type::Boolean, "Whether large calls are sent compressed. Default false.");
    client_extras(class).numbered("uri").proxy(ssl_client)
}

fn ssl_client(settings: &Settings) -> Result<XmlRpcProxy> {
    let mut builder = SSLClient::builder(&settings.require::<String>("uri")?).configured(settings)?;
    if let Some(label) = settings.get::<String>("encoding")? {
        builder = builder.encoding(&label);
    }
    if let Some(allow) = settings.get("allow_none")? {
        builder = builder.allow_none(allow);
    }
    if let Some(use_datetime) = settings.get("use_datetime")? {
        builder = builder.use_datetime(use_datetime);
    }
    if let Some(prefix) = settings.get::<String>("prefix")? {
        builder = builder.prefix(prefix);
    }
    if let Some(gzip) = settings.get("gzip_request")? {
        builder = builder.gzip_request(gzip);
    }
    if let Some(info) = settings.described()? {
        builder = builder.describe(info);
    }
    builder.build()
}
