//! XML-RPC servers, over HTTP, HTTPS and Unix sockets.

use springline::xmlrpc::client::{Signature, XmlRpcProxy};
use springline::{MethodInfo, ParamInfo, Result, ServiceInfo};

use super::tls;
use crate::cli::Connection;
use crate::failure::Failure;

/// What a socket's URL has no room for.
const PATH: &str = "/RPC2";

/// The server at `url`.
pub(super) fn proxy(url: &str, connection: &Connection) -> Result<XmlRpcProxy, Failure> {
    let options = &connection.xmlrpc;
    let (scheme, _) = springline::split_scheme(url)?;
    let mut builder = XmlRpcProxy::builder(url).allow_none(options.allow_none).gzip_request(connection.compress);
    builder = builder.user_agent(concat!("springline/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = connection.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    let tls = tls::given(connection);
    match scheme.as_str() {
        "https" => builder = builder.tls(tls::client(connection, |tls| tls)?),
        other if !tls.is_empty() => {
            return Err(Failure::Usage(format!("{} is for https URLs, and this one is {other}", tls.join(", "))));
        }
        _ => {}
    }
    match (scheme.as_str(), &options.path) {
        ("unix", path) => builder = builder.path(path.as_deref().unwrap_or(PATH)),
        (other, Some(_)) => {
            return Err(Failure::Usage(format!("--path is for unix URLs; one of {other} has its path in it")));
        }
        (_, None) => {}
    }
    Ok(builder.build()?)
}

/// The options that were given and that only XML-RPC has.
pub(super) fn given(connection: &Connection) -> Vec<&'static str> {
    let options = &connection.xmlrpc;
    super::named([("--allow-none", options.allow_none), ("--path", options.path.is_some())])
}

/// What the server offers: names by `system.listMethods`, parameters and documentation where it tells them.
pub(super) async fn describe(proxy: &XmlRpcProxy) -> Result<ServiceInfo> {
    let names = proxy.list_methods().await?;
    let mut methods = Vec::with_capacity(names.len());
    for name in names {
        let signatures = proxy.method_signature(&name).await;
        let signature = match signatures {
            Ok(signatures) => signatures.into_iter().flatten().next(),
            // A server without signatures says so with a fault.
            Err(e) if e.exception().is_some() => None,
            Err(e) => return Err(e),
        };
        methods.push(method(name, signature));
    }
    Ok(ServiceInfo { methods: methods.into(), ..ServiceInfo::default() })
}

// XML-RPC names no parameters: their types are what can be shown.
fn method(name: String, signature: Option<Signature>) -> MethodInfo {
    let (params, returns) = signature.map(|s| (s.params, s.result)).unwrap_or_default();
    let param = |kind: String| ParamInfo { name: kind.clone().into(), type_name: kind.into(), optional: false };
    let params: Vec<ParamInfo> = params.into_iter().map(param).collect();
    MethodInfo { name: name.into(), params: params.into(), returns: returns.into(), ..MethodInfo::default() }
}
