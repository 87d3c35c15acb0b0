//! The object `Pyro.Daemon`, which every daemon has.

use std::sync::{Arc, LazyLock};

use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, ParamInfo, Reply, Service, ServiceInfo};
use springline_core::{Error, ErrorKind, Result, Value, service};

use super::connection::is_daemon;
use super::{DAEMON_OBJECT, Shared};
use crate::ObjectMetadata;
use crate::fault::told;

/// What the daemon says of an object without asking anybody: `None` if it has none of that id.
pub(super) fn known_metadata(shared: &Shared, object: &str) -> Option<ObjectMetadata> {
    if is_daemon(object) {
        return Some(ObjectMetadata::of(&INFO));
    }
    let service = shared.registry.get(object)?;
    Some(service.describe().map(ObjectMetadata::of).unwrap_or_default())
}

/// What the daemon says of an object to a client, who can call nothing else: of a gateway's what the object behind it
/// offers. `None` if it has none of that id.
pub(super) async fn metadata_of(shared: &Shared, object: &str) -> Result<Option<ObjectMetadata>> {
    let learned = match shared.registry.get(object) {
        Some(service) if !is_daemon(object) && service.describe().is_none() => service.learn().await?,
        _ => None,
    };
    Ok(learned.as_ref().map(ObjectMetadata::of).or_else(|| known_metadata(shared, object)))
}

/// The methods of Pyro4 4.82's and Pyro5 5.17's `DaemonObject`.
static INFO: LazyLock<ServiceInfo> = LazyLock::new(|| {
    let method = |name: &'static str, params: &[(&'static str, bool)]| MethodInfo {
        name: name.into(),
        params: params
            .iter()
            .map(|(name, optional)| ParamInfo { name: (*name).into(), type_name: "".into(), optional: *optional })
            .collect(),
        ..MethodInfo::default()
    };
    ServiceInfo {
        name: DAEMON_OBJECT.into(),
        doc: "".into(),
        methods: vec![
            method("registered", &[]),
            method("ping", &[]),
            method("info", &[]),
            method("get_metadata", &[("objectId", false), ("as_lists", true)]),
            method("get_next_stream_item", &[("streamId", false)]),
            method("close_stream", &[("streamId", false)]),
        ]
        .into(),
    }
});

pub(super) struct DaemonObject {
    shared: Arc<Shared>,
}

impl DaemonObject {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn answer(&self, call: &Call<'_>) -> Result<Value> {
        let info = INFO
            .method(call.method)
            .filter(|_| call.kind == CallKind::Method)
            .ok_or_else(|| service::no_such_method("DaemonObject", call.kind, call.method))?;
        let args = call.bind(info)?;
        match call.method {
            "registered" => {
                args.read::<()>()?;
                let mut names = vec![DAEMON_OBJECT.to_owned()];
                names.extend(self.shared.registry.names());
                Ok(names.into_iter().map(Value::Str).collect())
            }
            "ping" => args.read::<()>().map(|()| Value::Null),
            "info" => {
                args.read::<()>()?;
                Ok(Value::from(format!(
                    "Springline {}, {} objects",
                    env!("CARGO_PKG_VERSION"),
                    self.shared.registry.names().len()
                )))
            }
            "get_metadata" => {
                let (object, as_lists) = args.read::<(String, Option<bool>)>()?;
                match metadata_of(&self.shared, &object).await? {
                    Some(metadata) => Ok(metadata.to_value(!as_lists.unwrap_or(false))),
                    None => Err(Error::remote(told::unknown_object(&object))),
                }
            }
            "get_next_stream_item" => Err(Error::remote(told::no_stream())),
            "close_stream" => Ok(Value::Null),
            other => Err(Error::new(ErrorKind::NotFound, format!("no method '{other}'"))),
        }
    }
}

impl Service for DaemonObject {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move { self.answer(call).await.map(Reply::from) })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        Some(&INFO)
    }
}
