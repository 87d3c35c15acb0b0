//! What a gateway holds while 100 MB pass through it: the message that comes and the one that goes, and no tree between them.
//! Prints it.

use springline::hessian::client::HessianProxy;
use springline::hessian::server::HessianServiceExporter;
use springline::pyro::{Daemon, Proxy, Serializer, pyro3};
use springline::xmlrpc::client::XmlRpcProxy;
use springline::xmlrpc::server::XmlRpcServer;
use springline::{Blob, Call, FnService, Result, Service};

use crate::{File, Served, serve};

const MB: usize = 1_000_000;
const SIZE: usize = 100 * MB;

/// What is not the messages': buffers, and what an allocator keeps.
const BESIDE: usize = 24 * MB;

#[derive(Clone, Copy, Debug)]
enum Wire {
    Pyro3,
    Pyro5,
    XmlRpc,
    Hessian,
}

impl Wire {
    /// How long 100 MB are on this wire: XML has them in base64.
    fn document(self) -> usize {
        if matches!(self, Self::XmlRpc) { SIZE / 3 * 4 } else { SIZE }
    }

    /// Serves the object; gives what keeps it served, and where it is.
    async fn serve(self, service: FnService) -> Result<(Box<dyn std::any::Any>, String)> {
        Ok(match self {
            Self::Pyro3 => {
                let daemon = pyro3::Daemon::bind("127.0.0.1:0").await?;
                let uri = daemon.register("thing", service)?.to_string();
                (Box::new(daemon), uri)
            }
            Self::Pyro5 => {
                let daemon = Daemon::bind("127.0.0.1:0").await?;
                let uri = daemon.register("thing", service)?.to_string();
                (Box::new(daemon), uri)
            }
            Self::XmlRpc => {
                let server = XmlRpcServer::builder()
                    .port(0)
                    .message_size(2 * SIZE)
                    .register_service("", service)
                    .serve()
                    .await?;
                let url = server.url();
                (Box::new(server), url)
            }
            Self::Hessian => {
                let server = HessianServiceExporter::builder(service).port(0).message_size(2 * SIZE).serve().await?;
                let url = server.url();
                (Box::new(server), url)
            }
        })
    }

    fn proxy(self, uri: &str) -> Result<Box<dyn Service>> {
        Ok(match self {
            Self::Pyro3 => Box::new(pyro3::Proxy::new(uri)?),
            Self::Pyro5 => Box::new(Proxy::builder(uri)?.serializer(Serializer::Msgpack).build()?),
            Self::XmlRpc => Box::new(XmlRpcProxy::new(uri)?),
            Self::Hessian => {
                Box::new(HessianProxy::builder(uri).dialect(springline::hessian::Dialect::Hessian2).build()?)
            }
        })
    }

    fn gateway_to(self, uri: &str) -> String {
        let line = match self {
            Self::Pyro3 => format!("class = 'pyro3.ProxyFactory'\nservice_url = '{uri}'"),
            Self::Pyro5 => format!("class = 'pyro5.ProxyFactory'\nservice_url = '{uri}'\nserializer = 'msgpack'"),
            Self::XmlRpc => format!("class = 'xmlrpc.SSLClient'\nuri = '{uri}'"),
            Self::Hessian => format!("class = 'hessian.ProxyFactory'\nservice_url = '{uri}'\ndialect = 'hessian2'"),
        };
        format!("[objects.backend]\n{line}\nmethods = ['size(data)', 'make(size)']\n")
    }

    fn gateway_at(self) -> String {
        let pyro = "service_name = 'thing'\nservice_host = '127.0.0.1'\nservice_port = 0";
        let line = match self {
            Self::Pyro3 => format!("class = 'pyro3.ServiceExporter'\n{pyro}"),
            Self::Pyro5 => format!("class = 'pyro5.ServiceExporter'\n{pyro}"),
            Self::XmlRpc => "class = 'xmlrpc.SSLServer'\nport = 0\ngzip = false\nmessage_size = 200000000".to_owned(),
            Self::Hessian => "class = 'hessian.ServiceExporter'\nport = 0\nmessage_size = 200000000".to_owned(),
        };
        format!("[objects.gateway]\n{line}\nservice = {{ ref = 'backend' }}\n")
    }
}

/// What the gateway has held at the most so far, and what it holds now, in bytes.
pub(crate) fn held(served: &Served) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.program.child.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

#[test]
fn a_hundred_megabytes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pairs = [
        (Wire::Pyro5, Wire::Hessian),
        (Wire::Hessian, Wire::Pyro5),
        (Wire::XmlRpc, Wire::Pyro5),
        (Wire::Hessian, Wire::XmlRpc),
        (Wire::Hessian, Wire::Hessian),
        (Wire::Pyro3, Wire::Pyro5),
        (Wire::Pyro5, Wire::Pyro3),
    ];
    for (front, back) in pairs {
        let service = FnService::new("thing")
            .method("size", ["data"], |(data,): (Blob,)| std::future::ready(Ok(data.len())))
            .method("make", ["size"], |(size,): (usize,)| std::future::ready(Ok(Blob::from(vec![b'x' | 0x80; size]))));
        let (_server, uri) = runtime.block_on(back.serve(service)).unwrap();
        let file = File::new(&format!("large-{front:?}-{back:?}.toml"), &(back.gateway_to(&uri) + &front.gateway_at()));
        for way in ["there", "back"] {
            let served = serve(&file, &[]);
            let proxy = front.proxy(served.uri("gateway")).unwrap();
            let call = |method: &'static str, args: Box<dyn Fn() -> Blob>, size: usize| {
                runtime.block_on(async {
                    if method == "size" {
                        let args = (args(),);
                        proxy.call(&Call::new(method, &args)).await.unwrap().result.decode::<usize>().unwrap()
                    } else {
                        let args = (size,);
                        proxy.call(&Call::new(method, &args)).await.unwrap().result.decode::<Blob>().unwrap().len()
                    }
                })
            };
            // A first call, so that what is set up once is there.
            assert_eq!(call("size", Box::new(|| Blob::from(vec![0xFF; 10])), 0), 10);
            let (_, before) = held(&served);
            let size = match way {
                "there" => call("size", Box::new(|| Blob::from(vec![0xFF; SIZE])), 0),
                _ => call("make", Box::new(Blob::default), SIZE),
            };
            assert_eq!(size, SIZE);
            let (most, _) = held(&served);
            let (more, both) = (most - before, front.document() + back.document());
            // Hessian's data come in chunks, which are joined before they go on.
            let from = if way == "there" { front } else { back };
            let joined = if matches!(from, Wire::Hessian) { SIZE } else { 0 };
            println!("{front:?} to {back:?}, {way}: {} MB for messages of {} MB", more / MB, both / MB);
            assert!(
                more < both + joined + BESIDE,
                "{front:?} to {back:?}, {way}: {more} bytes were held, for messages of {both}"
            );
        }
    }
}
