//! The limit for one call after the other: frames over a socket and nothing else. The server writes
//! once for all requests that came with one read. Big bodies are copied into the one buffer for
//! writing; `rawv` hands them to the system where they are. `rawlazy` is the limit of memory: an
//! idle connection has no buffer at all, at the price of handling only small whole frames.

use super::frames::{Frame, Input, Op, Sizes, header, split};
use crate::Result;
use crate::control::announce;
use crate::driver::Client;
use bytes::{Buf, Bytes};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn serve(sizes: Sizes, vectored: bool) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, sizes, vectored));
    }
}

async fn connection(mut stream: TcpStream, sizes: Sizes, vectored: bool) -> io::Result<()> {
    let mut input = Input::new(sizes);
    let mut out = Vec::new();
    while input.fill(&mut stream).await? {
        while let Some(frame) = input.next() {
            let header = header(Op::Blob, frame.seq, frame.body.len());
            if frame.op == Op::Text {
                sizes.put_reply(&mut out, &frame);
            } else if vectored {
                stream.write_all(&out).await?;
                out.clear();
                stream.write_all_buf(&mut header[..sizes.header].chain(frame.body)).await?;
            } else {
                out.extend_from_slice(&header[..sizes.header]);
                out.extend_from_slice(frame.body);
            }
        }
        stream.write_all(&out).await?;
        out.clear();
    }
    Ok(())
}

thread_local! {
    static SCRATCH: RefCell<(Vec<u8>, Vec<u8>)> = RefCell::new((vec![0; 64 << 10], Vec::new()));
}

pub(crate) async fn serve_lazily(sizes: Sizes) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            loop {
                stream.readable().await?;
                let more = SCRATCH.with_borrow_mut(|(input, out)| answer_lazily(&stream, sizes, input, out))?;
                if !more {
                    return io::Result::Ok(());
                }
            }
        });
    }
}

fn answer_lazily(stream: &TcpStream, sizes: Sizes, input: &mut [u8], out: &mut Vec<u8>) -> io::Result<bool> {
    let read = match stream.try_read(input) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut rest = &input[..read];
    out.clear();
    while let Some((frame, length)) = split(rest, sizes.header) {
        sizes.put_reply(out, &frame);
        rest = &rest[length..];
    }
    Ok(read > 0 && rest.is_empty() && stream.try_write(out)? == out.len())
}

pub(crate) struct Raw {
    stream: TcpStream,
    input: Input,
    out: Vec<u8>,
    seq: u16,
    sizes: Sizes,
    vectored: bool,
}

pub(crate) async fn client(addr: SocketAddr, sizes: Sizes, vectored: bool) -> Result<Raw> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(Raw { stream, input: Input::new(sizes), out: Vec::new(), seq: 0, sizes, vectored })
}

impl Raw {
    async fn reply<T>(&mut self, read: impl Fn(&Frame<'_>) -> T) -> Result<T> {
        loop {
            if !self.input.fill(&mut self.stream).await? {
                return Err("the server hung up".into());
            }
            if let Some(frame) = self.input.next() {
                if frame.seq != self.seq {
                    return Err("an answer to another call".into());
                }
                return Ok(read(&frame));
            }
        }
    }
}

impl Client for Raw {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        self.seq = self.seq.wrapping_add(1);
        self.out.clear();
        self.sizes.put_request(&mut self.out, self.seq, param);
        self.stream.write_all(&self.out).await?;
        let sizes = self.sizes;
        self.reply(move |frame| sizes.answer(frame)).await?
    }

    async fn blob(&mut self, data: &Bytes) -> Result<usize> {
        self.seq = self.seq.wrapping_add(1);
        let header = header(Op::Blob, self.seq, data.len());
        if self.vectored {
            self.stream.write_all_buf(&mut header[..self.sizes.header].chain(&data[..])).await?;
        } else {
            self.out.clear();
            self.out.extend_from_slice(&header[..self.sizes.header]);
            self.out.extend_from_slice(data);
            self.stream.write_all(&self.out).await?;
        }
        self.reply(|frame| frame.body.len()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::pipe;
    use crate::driver::{ANSWER, PARAM};

    const SIZES: Sizes = Sizes { request_body: 24, reply_body: 29, header: 40 };

    async fn server(vectored: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            connection(stream, SIZES, vectored).await.unwrap();
        });
        addr
    }

    #[tokio::test]
    async fn answers_texts_and_blobs() {
        for vectored in [false, true] {
            let mut client = client(server(vectored).await, SIZES, vectored).await.unwrap();
            assert_eq!(client.get_data(PARAM).await.unwrap(), ANSWER);
            let data = Bytes::from(vec![7; 300_000]);
            assert_eq!(client.blob(&data).await.unwrap(), data.len());
            assert_eq!(client.get_data(PARAM).await.unwrap(), ANSWER);
        }
    }

    #[test]
    fn callers_share_a_pipe() {
        let calls = async {
            let addr = server(false).await;
            let first = pipe::client(addr, SIZES).await.unwrap();
            let mut callers = tokio::task::JoinSet::new();
            for i in 0..64 {
                let mut client = first.share().unwrap();
                callers.spawn_local(async move {
                    let param = format!("{i:05}");
                    let answer = client.get_data(&param).await.unwrap();
                    assert_eq!(answer, format!("You got remote data => {param}"));
                });
            }
            callers.join_all().await;
        };
        let options = tokio::runtime::LocalOptions::default();
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(options).unwrap().block_on(calls);
    }
}
