//! Clients that are slow, silent or too many, and daemons that shut down under them.

#[path = "support_abuse/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use springline_core::{ErrorKind, Limits, Reached, Value};
use springline_pyro::wire::Flags;
use springline_pyro::{Daemon, Proxy, Serializer, Version};
use support::{Raw, Served, Thing, connect, exception, invoke, soon, value};
use tokio::net::{TcpSocket, TcpStream};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn clients_that_send_nothing_or_not_all_of_the_handshake() {
    let served = Served::start(|b| b.handshake_timeout(SHORT)).await;
    let hello = connect(Version::V502, Serializer::Serpent, "thing");
    let mut silent = Vec::new();
    for n in 0..200 {
        let mut raw = Raw::open(&served.address, Version::V502, Serializer::Serpent).await;
        raw.send(&hello[..[0, 1, 5, 20, 45][n % 5]]).await;
        silent.push(raw);
    }
    served.serves_others().await;
    for raw in &mut silent {
        assert!(raw.closed().await.is_empty());
    }
    served.until_connected(0).await;
}

// One byte at a time, each well within any time-out between two bytes: the handshake as a whole has its time.
#[tokio::test]
async fn a_handshake_byte_by_byte() {
    let served = Served::start(|b| b.handshake_timeout(SHORT)).await;
    let mut raw = Raw::open(&served.address, Version::V502, Serializer::Serpent).await;
    let hello = connect(Version::V502, Serializer::Serpent, "thing");
    let sending = async {
        for byte in hello.iter().take(hello.len() - 1) {
            raw.send(&[*byte]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(raw.closed().await.is_empty());
    };
    tokio::join!(sending, served.serves_others());
    served.until_connected(0).await;
}

// The same for a call after the handshake: a message that has begun has its time.
#[tokio::test]
async fn a_call_byte_by_byte() {
    let served = Served::start(|b| b.transfer_timeout(SHORT)).await;
    let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
    let call = invoke(Version::V502, Serializer::Serpent, 0, 1, "echo", vec!["x".repeat(400).into()]);
    let sending = async {
        // 480 bytes, 20 ms apart, would take ten seconds.
        for byte in call.iter().take(call.len() - 1) {
            raw.send(&[*byte]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            if served.daemon.connections() == 0 {
                return true;
            }
        }
        false
    };
    assert!(soon("the end of the slow client", sending).await, "it was waited for to the end");
    served.serves_others().await;
}

// A slow client that keeps within its time is served.
#[tokio::test]
async fn a_call_byte_by_byte_in_time() {
    let served = Served::new().await;
    for version in support::VERSIONS {
        let mut raw = Raw::open(&served.address, version, Serializer::Serpent).await;
        for byte in connect(version, Serializer::Serpent, "thing") {
            raw.send(&[byte]).await;
        }
        raw.next().await.unwrap();
        for seq in 1..4 {
            for byte in invoke(version, Serializer::Serpent, 0, seq, "echo", vec![5.into()]) {
                raw.send(&[byte]).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(5));
        }
    }
}

// An idle client is not a slow one, whatever its last call looked like: one that fills the read buffer to its last byte
// leaves the socket looking readable.
#[tokio::test]
async fn idle_clients_may_stay() {
    let served = Served::start(|b| b.transfer_timeout(SHORT).handshake_timeout(SHORT)).await;
    let version = Version::V502;
    let mut clients = Vec::new();
    for size in [1usize, 4096, 8192, 16384, 32768, 65536] {
        let bare = invoke(version, Serializer::Serpent, 0, 1, "size", vec!["".into()]).len();
        let text = "x".repeat(size.saturating_sub(bare));
        let call = invoke(version, Serializer::Serpent, 0, 1, "size", vec![text.as_str().into()]);
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        for _ in 0..3 {
            raw.send(&call).await;
            assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(text.len() as i64));
        }
        clients.push((size, raw));
    }
    tokio::time::sleep(SHORT * 4).await;
    assert_eq!(served.daemon.connections(), clients.len());
    for (size, mut raw) in clients {
        raw.send(&invoke(version, Serializer::Serpent, 0, 2, "echo", vec![1.into()])).await;
        assert!(raw.next().await.is_some(), "idle after a call of {size} bytes");
    }
}

async fn with_small_window(address: &str) -> Raw<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let mut raw = Raw::on(stream, Version::V502, Serializer::Msgpack);
    raw.send(&connect(raw.version, raw.serializer, "thing")).await;
    raw.next().await.unwrap();
    raw
}

// Clients that ask for much and read nothing: each is closed when it has taken nothing for so long, however much there
// is left, and the others are served meanwhile.
#[tokio::test]
async fn clients_that_stop_reading() {
    let served = Served::start(|b| b.transfer_timeout(SHORT)).await;
    let mut greedy = Vec::new();
    for _ in 0..4 {
        let mut raw = with_small_window(&served.address).await;
        for seq in 0..100 {
            raw.send(&invoke(raw.version, raw.serializer, 0, seq, "blob", vec![(8 << 20).into()])).await;
        }
        greedy.push(raw);
    }
    served.serves_others().await;
    served.until_connected(0).await;
    served.serves_others().await;
}

// One that reads, but slower than 16 KiB a second, is not waited for to the end either.
#[tokio::test]
async fn a_client_that_reads_by_drops() {
    let served = Served::start(|b| b.transfer_timeout(SHORT)).await;
    let mut raw = with_small_window(&served.address).await;
    // As much as the sockets hold by themselves, and 32 KiB: a second and a half, and two seconds more.
    raw.send(&invoke(raw.version, raw.serializer, 0, 1, "blob", vec![(6 << 20).into()])).await;
    let mut drop_of = [0; 16];
    let reading = async {
        while served.daemon.connections() > 0 {
            if !matches!(tokio::io::AsyncReadExt::read(&mut raw.stream, &mut drop_of).await, Ok(n) if n > 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the end of the slow reader", reading).await;
    served.serves_others().await;
}

// A reader that is slow but steady gets everything.
#[tokio::test]
async fn a_steady_reader_gets_all() {
    let served = Served::start(|b| b.transfer_timeout(Duration::from_secs(5))).await;
    let mut raw = with_small_window(&served.address).await;
    raw.send(&invoke(raw.version, raw.serializer, 0, 1, "blob", vec![(6 << 20).into()])).await;
    let reply = raw.next().await.unwrap();
    assert_eq!(value(&reply).as_bytes().map(|b| b.len()), Some(6 << 20));
    raw.works(2).await;
}

#[tokio::test]
async fn more_connections_than_allowed() {
    let mut limits = Limits::default();
    limits.connections = 3;
    let served = Served::start(|b| b.limits(limits)).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(Raw::hello(&served.address, Version::V502, Serializer::Serpent).await);
    }
    let proxies: Vec<_> = (0..5i64)
        .map(|n| {
            let proxy = Proxy::builder(&served.uri).unwrap().build().unwrap();
            tokio::spawn(async move { proxy.call::<i64>("echo", (n,)).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(SHORT).await;
    assert_eq!(served.daemon.connections(), 3);
    for (n, raw) in inside.iter_mut().enumerate() {
        raw.works(n as u16 + 1).await;
    }
    // One goes, and the next is let in, one after the other.
    inside.pop();
    for (n, proxy) in proxies.into_iter().enumerate() {
        assert_eq!(soon("a client that waited", proxy).await.unwrap(), n as i64);
    }
    for raw in &mut inside {
        raw.works(9).await;
    }
}

#[tokio::test]
async fn a_flood_of_oneway_calls() {
    let served = Served::new().await;
    let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
    let flood = async {
        let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Msgpack).await;
        for n in 0..50u16 {
            let calls: Vec<u8> = (0..100)
                .flat_map(|_| invoke(raw.version, raw.serializer, Flags::ONEWAY, n, "fire", vec![0.02.into()]))
                .collect();
            raw.send(&calls).await;
        }
        raw.works(1).await;
    };
    let meanwhile = async {
        for n in 0..20i64 {
            assert_eq!(soon("another client", proxy.call::<i64>("echo", (n,))).await.unwrap(), n);
        }
    };
    tokio::join!(flood, meanwhile);
    soon("all oneway calls", async {
        while served.thing.fired.load(Ordering::SeqCst) < 5000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(served.thing.most.load(Ordering::SeqCst) <= 1024, "so many ran at a time: {:?}", served.thing.most);
}

#[tokio::test]
async fn a_shutdown_lets_calls_finish() {
    let served = Served::new().await;
    let mut idle = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
    let mut fresh = Raw::open(&served.address, Version::V502, Serializer::Serpent).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let proxy = Proxy::builder(&served.uri).unwrap().build().unwrap();
            tokio::spawn(async move { proxy.call::<String>("slow", (0.5,)).await })
        })
        .collect();
    let oneway = Proxy::builder(&served.uri).unwrap().build().unwrap();
    oneway.call::<Value>("fire", (0.5,)).await.unwrap();
    soon("the calls", async {
        while served.thing.running.load(Ordering::SeqCst) < 9 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    let Served { daemon, thing, address, uri } = served;
    assert_eq!(soon("the shutdown", daemon.shutdown(support::PATIENCE)).await, 0);
    assert_eq!(thing.fired.load(Ordering::SeqCst), 1, "a oneway call in progress was not waited for");
    for call in calls {
        assert_eq!(soon("a call in progress", call).await.unwrap().unwrap(), "done");
    }
    assert!(idle.closed().await.is_empty());
    assert!(fresh.closed().await.is_empty());
    // Nobody listens any more, and the address is free.
    assert!(TcpStream::connect(&address).await.is_err());
    let e = Proxy::new(&uri).unwrap().call::<Value>("echo", (1,)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, Reached::NotSent));
    drop(Daemon::bind(&address).await.unwrap());
}

#[tokio::test]
async fn a_shutdown_cuts_what_takes_too_long() {
    let served = Served::new().await;
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let proxy = Proxy::builder(&served.uri).unwrap().build().unwrap();
            tokio::spawn(async move { proxy.call::<String>("slow", (1000.0,)).await })
        })
        .collect();
    // One has only begun to ask.
    let mut begun = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
    begun.send(&invoke(begun.version, begun.serializer, 0, 1, "echo", vec![1.into()])[..30]).await;
    soon("the calls", async {
        while served.thing.running.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(soon("the shutdown", served.daemon.shutdown(SHORT)).await, 4);
    for call in calls {
        let e = soon("a call in progress", call).await.unwrap().unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{e}");
    }
    assert!(begun.closed().await.is_empty());
    assert_eq!(served.thing.finished.load(Ordering::SeqCst), 0);
}

// Callers who go on while the daemon shuts down: each call is answered or fails, and none hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_while_shutting_down() {
    for round in 0..10 {
        let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
        let uri = daemon.register("thing", Arc::new(Thing::default())).unwrap().to_string();
        let address = daemon.address().to_string();
        let proxy = Proxy::builder(&uri).unwrap().serializer(Serializer::Msgpack).connections(2).build().unwrap();
        let calls: Vec<_> = (0..16i64)
            .map(|n| {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    for i in 0.. {
                        match soon("a call", proxy.call::<i64>("echo", (n * 1_000_000 + i,))).await {
                            Ok(own) => assert_eq!(own, n * 1_000_000 + i),
                            Err(e) => {
                                assert!(
                                    matches!(
                                        e.kind(),
                                        ErrorKind::Closed | ErrorKind::Unavailable | ErrorKind::NotFound
                                    ),
                                    "{e}"
                                );
                                return i;
                            }
                        }
                    }
                    0
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20 + round)).await;
        soon("the shutdown", daemon.shutdown(Duration::from_secs(5))).await;
        // The next daemon can have the address at once; it has no such object.
        let next = Daemon::bind(&address).await.unwrap_or_else(|e| panic!("round {round}: {e}"));
        for call in calls {
            soon("a caller", call).await.unwrap();
        }
        drop(next);
    }
}

#[tokio::test]
async fn a_dropped_daemon_closes_everything() {
    let served = Served::new().await;
    let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
    let proxy = Proxy::new(&served.uri).unwrap();
    let call = tokio::spawn(async move { proxy.call::<String>("slow", (1000.0,)).await });
    served.until_connected(2).await;
    soon("the call", async {
        while served.thing.running.load(Ordering::SeqCst) < 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    drop(served);
    assert!(raw.closed().await.is_empty());
    assert_eq!(soon("the call", call).await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

// A client that goes away costs nothing but its own call, which ends when the daemon notices or when it is done.
#[tokio::test]
async fn clients_that_leave_within_a_call() {
    let served = Served::new().await;
    for _ in 0..50 {
        let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
        raw.send(&invoke(raw.version, raw.serializer, 0, 1, "slow", vec![0.05.into()])).await;
    }
    served.serves_others().await;
    served.until_connected(0).await;
    let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Serpent).await;
    assert!(exception(&raw.call(1, "fail", vec![1.into()]).await).contains("no good"));
}
