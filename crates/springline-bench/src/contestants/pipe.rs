//! The limit for many callers on one connection: a buffer that all callers append to, a task that
//! writes it in one go, a task that reads, and a oneshot for each call. The server is `raw`'s.

use super::frames::{Input, Sizes};
use crate::Result;
use crate::driver::Client;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot};

struct Shared {
    out: RefCell<Vec<u8>>,
    waiting: RefCell<VecDeque<oneshot::Sender<String>>>,
    written: Notify,
    seq: Cell<u16>,
    sizes: Sizes,
}

#[derive(Clone)]
pub(crate) struct Pipe(Rc<Shared>);

pub(crate) async fn client(addr: SocketAddr, sizes: Sizes) -> Result<Pipe> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let shared = Rc::new(Shared {
        out: RefCell::default(),
        waiting: RefCell::default(),
        written: Notify::new(),
        seq: Cell::new(0),
        sizes,
    });
    tokio::task::spawn_local(reader(Rc::clone(&shared), read));
    tokio::task::spawn_local(writer(Rc::clone(&shared), write));
    Ok(Pipe(shared))
}

async fn writer(shared: Rc<Shared>, mut stream: OwnedWriteHalf) -> Result<()> {
    let mut batch = Vec::new();
    loop {
        std::mem::swap(&mut batch, &mut *shared.out.borrow_mut());
        if batch.is_empty() {
            shared.written.notified().await;
            continue;
        }
        stream.write_all(&batch).await?;
        batch.clear();
    }
}

async fn reader(shared: Rc<Shared>, mut stream: OwnedReadHalf) -> Result<()> {
    let mut input = Input::new(shared.sizes);
    while input.fill(&mut stream).await? {
        let mut waiting = shared.waiting.borrow_mut();
        while let Some(frame) = input.next() {
            if let Some(caller) = waiting.pop_front() {
                let _ = caller.send(shared.sizes.answer(&frame)?);
            }
        }
    }
    shared.waiting.borrow_mut().clear();
    Ok(())
}

impl Client for Pipe {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        let shared = &self.0;
        let (answer, answered) = oneshot::channel();
        shared.waiting.borrow_mut().push_back(answer);
        shared.seq.set(shared.seq.get().wrapping_add(1));
        let idle = {
            let mut out = shared.out.borrow_mut();
            let idle = out.is_empty();
            shared.sizes.put_request(&mut out, shared.seq.get(), param);
            idle
        };
        if idle {
            shared.written.notify_one();
        }
        Ok(answered.await?)
    }

    async fn blob(&mut self, _data: &Bytes) -> Result<usize> {
        Err("the pipe carries small calls only".into())
    }

    fn share(&self) -> Option<Self> {
        Some(self.clone())
    }
}
