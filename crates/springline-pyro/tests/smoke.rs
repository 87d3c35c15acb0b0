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

/// The versions before 4.38: what they have, and clear words for what they have not.
#[tokio::test]
async fn every_old_version() {
    for version in Version::OLD {
        for serializer in [Serializer::Serpent, Serializer::Json, Serializer::Marshal, Serializer::Pickle] {
            let builder = Daemon::builder().version(version).serializers([serializer]);
            if !version.has_serializer(serializer) {
                let e =
                    Proxy::builder("PYRO:x@h:1").unwrap().version(version).serializer(serializer).build().unwrap_err();
                assert!(e.to_string().contains(&format!("has no {serializer}")), "{e}");
                continue;
            }
            let keyed = version.has_signatures();
            let builder = if keyed { builder.hmac_key("key") } else { builder };
            let daemon = builder.bind("127.0.0.1:0").await.unwrap();
            let uri = daemon.register("thing", Echo).unwrap().to_string();
            let mut b = Proxy::builder(&uri).unwrap().serializer(serializer).version(version).oneway(["quiet"]);
            if keyed {
                b = b.hmac_key("key");
            }
            let p = b.clone().compression(true).build().unwrap();
            for _ in 0..3 {
                let text: String = p.call("get_data", ("Hello",)).await.unwrap();
                assert_eq!(text, "You got remote data => Hello");
            }
            let e = p.call::<Value>("fail", ()).await.unwrap_err();
            assert!(e.exception().unwrap().is("ValueError"), "{e:?}");
            assert_eq!(e.exception().unwrap().message, "no good", "{version} {serializer}");
            let e = p.call::<Value>("boom", ()).await.unwrap_err();
            assert!(e.exception().unwrap().is("RuntimeError"));
            assert_eq!(p.call::<Value>("quiet", ()).await.unwrap(), Value::Null);
            p.ping().await.unwrap();
            let (one, two) = tokio::join!(p.call::<Value>("x", (1,)), p.call::<Value>("x", (2,)));
            assert_eq!(one.unwrap().get(0).unwrap().as_i64(), Some(1));
            assert_eq!(two.unwrap().get(0).unwrap().as_i64(), Some(2));
            let long = "long ".repeat(1000);
            assert_eq!(p.call::<Value>("x", (&long,)).await.unwrap().get(0).unwrap().as_str(), Some(&*long));
            let batch = p.batch().call("x", (1,)).call("x", (2,)).send().await;
            match version.has_batches() {
                true => assert_eq!(batch.unwrap().len(), 2),
                false => assert!(batch.unwrap_err().to_string().contains("has no batches")),
            }
            if !version.has_attributes() {
                let e = p.get_attr::<Value>("value").await.unwrap_err();
                assert!(e.to_string().contains("has no access to attributes"), "{e}");
            }
            if !version.has_annotations() {
                let e = p.request("x").annotation("ABCD", "x").send::<Value>().await.unwrap_err();
                assert!(e.to_string().contains("has no annotations"), "{e}");
            }
            // Nobody else's version.
            for other in [Version::V40, Version::V48, Version::V502] {
                let other = Proxy::builder(&uri).unwrap().version(other).build().unwrap();
                if version != Version::V40 {
                    other.call::<Value>("x", ()).await.unwrap_err();
                }
            }
            assert_eq!(daemon.shutdown(std::time::Duration::from_secs(1)).await, 0);
        }
    }
}

/// 40 and 43 are told by their first bytes, as 48 is; but they are pickle, which has to be allowed.
#[tokio::test]
async fn the_oldest_versions_on_the_common_port() {
    for (allowed, pickle) in [(true, Some(Serializer::Pickle)), (false, None)] {
        let accepted = Serializer::ALL.into_iter().chain(pickle);
        let daemon = Daemon::builder().serializers(accepted).bind("127.0.0.1:0").await.unwrap();
        let uri = daemon.register("thing", Echo).unwrap().to_string();
        for version in [Version::V40, Version::V43] {
            let p = Proxy::builder(&uri).unwrap().version(version).python(3).build().unwrap();
            match p.call::<String>("get_data", ("x",)).await {
                Ok(text) => assert!(allowed && text.ends_with("=> x")),
                Err(e) => assert!(!allowed && e.to_string().contains("does not accept"), "{e}"),
            }
        }
        let p = Proxy::new(&uri).unwrap();
        p.call::<String>("get_data", ("x",)).await.unwrap();
        assert_eq!(p.version(), Some(Version::V502));
    }
}

/// Daemons of 44 to 47 speak first, so their version is known without being asked for.
#[tokio::test]
async fn a_daemon_that_speaks_first_is_recognised() {
    for version in [Version::V45, Version::V46, Version::V47] {
        let daemon = Daemon::builder().version(version).bind("127.0.0.1:0").await.unwrap();
        let uri = daemon.register("thing", Echo).unwrap().to_string();
        let p = Proxy::new(&uri).unwrap();
        p.call::<String>("get_data", ("x",)).await.unwrap();
        assert_eq!(p.version(), Some(version));
        let nobody = Proxy::new(&daemon.uri("nobody").to_string()).unwrap();
        let e = nobody.call::<Value>("x", ()).await.unwrap_err();
        assert!(e.to_string().contains("unknown object"), "{e}");
    }
    let daemon = Daemon::builder().version(Version::V44).bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("thing", Echo).unwrap().to_string();
    let e = Proxy::new(&uri).unwrap().call::<Value>("x", ()).await.unwrap_err();
    assert!(e.to_string().contains("44 (Pyro4 4.4 to 4.18), which has no serpent"), "{e}");
    let p = Proxy::builder(&uri).unwrap().serializer(Serializer::Pickle).build().unwrap();
    p.call::<String>("get_data", ("x",)).await.unwrap();
    assert_eq!(p.version(), Some(Version::V44));
}
