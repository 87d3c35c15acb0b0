//! The client's side of a measurement: one loop for all contestants.

use crate::control::{allocations, hear, process_cpu_ns, say};
use crate::{Result, load::Workload};
use bytes::Bytes;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub(crate) const PARAM: &str = "Hello";
pub(crate) const ANSWER: &str = "You got remote data => Hello";
const BLOB: usize = 1 << 20;

/// One connection, as a contestant's user sees it.
pub(crate) trait Client: Sized + 'static {
    fn get_data(&mut self, param: &str) -> impl Future<Output = Result<String>>;

    /// Sends `data`, receives it back and returns how much came: a client may keep the answer in a
    /// buffer of its own.
    fn blob(&mut self, _data: &Bytes) -> impl Future<Output = Result<usize>> {
        async { Err("this contestant has no blobs".into()) }
    }

    /// Another caller on the same connection; `None` where a connection has only one.
    fn share(&self) -> Option<Self> {
        None
    }
}

/// What the driver process was asked to do.
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    /// Zero measures from the second call on: for counting instructions.
    pub(crate) warm: Duration,
    /// For the idle workload.
    pub(crate) connections: usize,
}

pub(crate) async fn drive<C: Client>(connect: impl AsyncFn() -> Result<C>, plan: &Plan) -> Result<()> {
    let mut clients = Vec::new();
    let connections = match plan.workload {
        Workload::Conn16 => 16,
        idle if idle.is_idle() => plan.connections,
        _ => 1,
    };
    for _ in 0..connections {
        let mut client = connect().await?;
        // Also for idle connections: one that was used once is the one a daemon holds.
        let answer = client.get_data(PARAM).await?;
        if answer != ANSWER {
            return Err(format!("wrong answer: {answer:?}").into());
        }
        clients.push(client);
    }
    if plan.workload.is_idle() {
        say("idle")?;
        hear()?;
        return Ok(());
    }
    if plan.workload == Workload::Mux64 {
        while clients.len() < 64 {
            let shared = clients[0].share();
            clients.push(shared.ok_or("this contestant has one caller on a connection")?);
        }
    }
    let mut run = Run { workload: plan.workload, blob: (0..BLOB).map(|i| i as u8).collect::<Vec<_>>().into(), clients };
    run.warm_up(plan.warm).await?;
    while let Some(line) = hear()? {
        let calls: u64 = line.strip_prefix("go ").unwrap_or("").parse()?;
        let before = (process_cpu_ns(), allocations(), Instant::now());
        let done = run.calls(calls).await?;
        let wall = before.2.elapsed().as_nanos();
        let cpu = process_cpu_ns() - before.0;
        let allocated = allocations() - before.1;
        say(format_args!("done {done} {wall} {cpu} {allocated}"))?;
    }
    Ok(())
}

struct Run<C> {
    workload: Workload,
    blob: Bytes,
    clients: Vec<C>,
}

impl<C: Client> Run<C> {
    /// Doubles the batch until the time is over, then tells the parent the rate of the last one.
    async fn warm_up(&mut self, warm: Duration) -> Result<()> {
        let start = Instant::now();
        let mut calls = self.clients.len() as u64;
        loop {
            let batch = Instant::now();
            let done = self.calls(calls).await?;
            if start.elapsed() >= warm {
                let rate = done as f64 / batch.elapsed().as_secs_f64();
                return say(format_args!("warm {rate:.0}"));
            }
            calls *= 2;
        }
    }

    /// Divides `calls` among the callers and returns how many were made.
    async fn calls(&mut self, calls: u64) -> Result<u64> {
        let each = calls.div_ceil(self.clients.len() as u64);
        let blob = (self.workload == Workload::Blob1m).then(|| self.blob.clone());
        if let [client] = self.clients.as_mut_slice() {
            // Not as a task: the same loop is slower behind a scheduler.
            caller(client, each, blob.as_ref()).await?;
            return Ok(each);
        }
        let mut callers: JoinSet<Result<C>> = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let blob = blob.clone();
            callers.spawn_local(async move {
                caller(&mut client, each, blob.as_ref()).await?;
                Ok(client)
            });
        }
        while let Some(client) = callers.join_next().await {
            self.clients.push(client??);
        }
        Ok(each * self.clients.len() as u64)
    }
}

async fn caller<C: Client>(client: &mut C, calls: u64, blob: Option<&Bytes>) -> Result<()> {
    for _ in 0..calls {
        let (received, expected) = match blob {
            Some(blob) => (client.blob(blob).await?, blob.len()),
            None => (client.get_data(PARAM).await?.len(), ANSWER.len()),
        };
        if received != expected {
            return Err(format!("{received} bytes came back instead of {expected}").into());
        }
    }
    Ok(())
}
