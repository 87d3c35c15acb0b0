//! What an object offers, where configuration tells it.

use std::any::Any;
use std::sync::Arc;

use crate::service::{BoxFuture, Call, Calls, MethodInfo, ParamInfo, Reply, Service, ServiceInfo};
use crate::{Error, ErrorKind, Result};

/// A service of which it is known what it offers, though it cannot tell itself.
#[derive(Clone, Debug)]
pub struct Described<S> {
    service: S,
    info: Option<ServiceInfo>,
}

impl<S: Service> Described<S> {
    /// With what is told, or as it is.
    pub fn new(service: S, info: Option<ServiceInfo>) -> Self {
        Self { service, info }
    }
}

impl<S: Service> Service for Described<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.service.call(call)
    }

    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        self.service.serve(calls)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.info.as_ref().or_else(|| self.service.describe())
    }

    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        match &self.info {
            Some(info) => Box::pin(std::future::ready(Ok(Some(info.clone())))),
            None => self.service.learn(),
        }
    }

    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.service.beside()
    }
}

/// Methods as configuration lists them: `get_data`, or with parameters `add(a, b?)`, where those with a `?` may be left
/// out.
///
/// ```
/// let info = springline_core::component::methods("calc", ["add(a, b?)", "reset"])?;
/// assert_eq!(info.method("add").map(|m| m.params.len()), Some(2));
/// # Ok::<(), springline_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for a text of another form.
pub fn methods<'m>(name: &str, list: impl IntoIterator<Item = &'m str>) -> Result<ServiceInfo> {
    let methods = list.into_iter().map(method).collect::<Result<Vec<_>>>()?;
    Ok(ServiceInfo { name: name.to_owned().into(), methods: methods.into(), ..ServiceInfo::default() })
}

fn method(text: &str) -> Result<MethodInfo> {
    let wrong =
        || Error::new(ErrorKind::Config, format!("expected a method as in name or name(a, b?), found '{text}'"));
    let plain = |name: &str| {
        let letters = |c: char| c.is_alphanumeric() || "_.$".contains(c);
        !name.is_empty() && name.chars().all(letters)
    };
    let (name, params) = match text.trim().split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(wrong)?.trim()),
        None => (text.trim(), ""),
    };
    if !plain(name) {
        return Err(wrong());
    }
    let mut infos = Vec::new();
    for param in params.split(',').map(str::trim).filter(|_| !params.is_empty()) {
        let (param, optional) = param.strip_suffix('?').map_or((param, false), |param| (param, true));
        if !plain(param) {
            return Err(wrong());
        }
        infos.push(ParamInfo { name: param.to_owned().into(), type_name: "".into(), optional });
    }
    Ok(MethodInfo { name: name.to_owned().into(), params: infos.into(), ..MethodInfo::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_methods() {
        let info = methods("x", ["get_data", " add( a , b? ) ", "none()"]).unwrap();
        let shown: Vec<String> = info
            .methods
            .iter()
            .map(|m| {
                format!(
                    "{}:{}",
                    m.name,
                    m.params.iter().map(|p| format!("{}{}", p.name, p.optional)).collect::<String>()
                )
            })
            .collect();
        assert_eq!(shown, ["get_data:", "add:afalsebtrue", "none:"]);
        for text in ["", "a b", "a(", "a(b c)", "a(,)", "(x)"] {
            assert_eq!(methods("x", [text]).unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
    }
}
