//! The original's name.

use springline_core::Result;

use super::{HessianProxy, HessianProxyBuilder};

/// Spring Python's `springpython.remoting.hessian.HessianProxyFactory`: what has a URL, and makes a proxy.
///
/// ```
/// use springline_hessian::client::HessianProxyFactory;
///
/// let service_url = "http://localhost:8080/".to_owned();
/// let person_service = HessianProxyFactory { service_url }.create()?;
/// # assert_eq!(person_service.url(), "http://localhost:8080/");
/// # Ok::<(), springline_core::Error>(())
/// ```
///
/// The original called Hessian 1 servers alone. A proxy of this factory asks as Java's `HessianProxyFactory` does by
/// default, which every server of Caucho's since 3.2.1 and of Spring's understands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HessianProxyFactory {
    /// Where the service is.
    pub service_url: String,
}

impl HessianProxyFactory {
    /// A factory for the service at a URL.
    pub fn new(service_url: impl Into<String>) -> Self {
        Self { service_url: service_url.into() }
    }

    /// The proxy, with default options. Nothing is connected yet.
    ///
    /// # Errors
    /// As [`HessianProxy::new`].
    pub fn create(&self) -> Result<HessianProxy> {
        self.builder().build()
    }

    /// Options for the proxy.
    pub fn builder(&self) -> HessianProxyBuilder {
        HessianProxy::builder(&self.service_url)
    }
}
