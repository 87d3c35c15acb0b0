//! Another client, who must not notice anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use springline_core::Value;
use springline_net::Address;
use springline_xmlrpc::server::XmlRpcServer;
use tokio::task::JoinHandle;

use crate::raw::Raw;

/// A client that calls `echo` over and over on one connection. Any answer but the right one fails the test.
pub(crate) struct Meanwhile {
    calls: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Meanwhile {
    pub(crate) async fn start(server: &XmlRpcServer) -> Self {
        Self::at(server.address()).await
    }

    pub(crate) async fn at(address: &Address) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, mut raw) = (calls.clone(), Raw::at(address).await);
        let task = tokio::spawn(async move {
            loop {
                assert_eq!(raw.call("echo", &["hi"]).await.value(), Value::from("hi"));
                counted.fetch_add(1, SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut this = Self { calls, task };
        this.go_on().await;
        this
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Waits for an answer beyond that many.
    pub(crate) async fn more_than(&mut self, calls: usize) {
        for _ in 0..6_000 {
            if self.calls() > calls {
                return;
            }
            if self.task.is_finished() {
                (&mut self.task).await.expect("the other client's answers");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the other client is not served");
    }

    /// Waits until it has got more answers.
    pub(crate) async fn go_on(&mut self) {
        self.more_than(self.calls() + 1).await;
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        self.task.abort();
    }
}
