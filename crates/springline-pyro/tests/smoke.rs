//! A daemon and proxies in one process, in every version and serializer.

use springline_core::service::*;
use springline_core::{Error, Exception, Result, Value};
use springline_pyro::{Daemon, Proxy, Serializer, Version};

struct Echo;

impl Service for Echo {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            match call.method {
                "get_data" => {
                    let (p,): (String,) = call.args.decode()?;
                    Ok(Reply::typed(format!("You got remote data => {p}")))
                }
                "fail" => Err(Error::remote(Exception::new("ValueError", "no good"))),
                "boom" => panic!("boom"),
                _ => Ok(Reply::from(call.args.to_value()?)),
            }
        })
    }
}

#[tokio::test]
async fn every_version_and_serializer() {
    for bind in ["127.0.0.1:0", "[::1]:0", "unix:/tmp/springline-smoke.sock"] {
        let daemon = Daemon::bind(bind).await.unwrap();
        let uri = daemon.register("thing", Echo).unwrap().to_string();
        for version in [None, Some(Version::V48), Some(Version::V501), Some(Version::V502)] {
            for serializer in Serializer::ALL {
                let mut b = Proxy::builder(&uri).unwrap().serializer(serializer);
                if let Some(v) = version {
                    b = b.version(v);
                }
                let p = b.build().unwrap();
                let text: String = p.call("get_data", ("Hello",)).await.unwrap();
                assert_eq!(text, "You got remote data => Hello");
                let e = p.call::<Value>("fail", ()).await.unwrap_err();
                assert_eq!(e.exception().unwrap().message, "no good", "{e:?}");
                let e = p.call::<Value>("boom", ()).await.unwrap_err();
                assert!(e.exception().unwrap().is("RuntimeError"));
                p.ping().await.unwrap();
                let (a, b) = tokio::join!(p.call::<Value>("x", (1,)), p.call::<Value>("x", (2,)));
                assert_eq!(a.unwrap().get(0).unwrap().as_i64(), Some(1));
                assert_eq!(b.unwrap().get(0).unwrap().as_i64(), Some(2));
            }
        }
        assert_eq!(daemon.shutdown(std::time::Duration::from_secs(1)).await, 0);
    }
}
