//! HTTP: what requests are like, and what of answers that are no results.

use std::time::Duration;

use springline_core::{ErrorKind, Reached};
use springline_xmlrpc::client::{HttpStatus, XmlRpcProxy};

use crate::call::{Failure, Features, check, failed, works};
use crate::serve::{PASSWORD, USER};
use crate::table::Way;

const OURS: &str = "it is our client's";

pub(crate) fn add(all: &mut Features) {
    all.add("http10", |c| async move {
        let url = c.extra(c.server.http10.as_ref(), "Abyss answers in HTTP/1.1 only")?;
        let proxy = c.at(url).build()?;
        for _ in 0..3 {
            let got: i64 = proxy.call("add", (1, 2)).await?;
            check!(got == 3, "got {got}");
        }
        check!(proxy.idle_connections() == 0, "a connection is kept that the server has closed");
        Ok(())
    });
    all.add("keep_alive", |c| async move {
        let proxy = c.builder().build()?;
        let first = c.request(&proxy).await?;
        let second = c.request(&proxy).await?;
        check!(first.connection == second.connection, "another connection");
        check!(proxy.idle_connections() == 1, "{} connections are kept", proxy.idle_connections());
        Ok(())
    });
    all.add_only_here("closed_between_calls", OURS, |c| async move {
        // A kept connection that has gone away is noticed before anything is lost.
        let proxy = c.builder().build()?;
        for _ in 0..3 {
            let got: i64 = proxy.call("add", (1, 2)).await?;
            check!(got == 3, "got {got}");
            proxy.release();
            check!(proxy.idle_connections() == 0, "connections are left");
        }
        Ok(())
    });
    all.add_only_here("request_headers", OURS, |c| async move {
        let seen = c.request(c.proxy()).await?;
        check!(seen.version == "HTTP/1.1" && seen.path == "/RPC2", "{seen:?}");
        check!(seen.content_type.starts_with("text/xml"), "{seen:?}");
        check!(seen.user_agent.starts_with("springline-xmlrpc/"), "{seen:?}");
        check!(c.server.url.contains(&seen.host) && !seen.host.is_empty(), "{seen:?}");
        check!(seen.transfer_encoding.is_empty() && seen.content_encoding.is_empty(), "{seen:?}");
        let named = c.builder().user_agent("somebody").build()?;
        check!(c.request(&named).await?.user_agent == "somebody", "another user agent");
        Ok(())
    });
    all.add("path_root", |c| async move {
        let proxy = c.at(&c.server.url.replace("/RPC2", "/")).build()?;
        if c.is_python() {
            check!(c.request(&proxy).await?.path == "/", "another path");
            let without = c.at(&c.server.url.replace("/RPC2", "")).build()?;
            check!(c.request(&without).await?.path == "/RPC2", "no path is not /RPC2");
            return Ok(());
        }
        let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::NotFound])?;
        Err(Failure::Peer(format!("Abyss serves /RPC2 only: {}", e.message())))
    });
    all.add("path_unknown", |c| async move {
        let proxy = c.at(&c.server.url.replace("/RPC2", "/nowhere")).build()?;
        let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::NotFound])?;
        check!(HttpStatus::of(&e).is_some_and(|s| s.status.as_u16() == 404), "{e:?}");
        check!(e.reached() == Reached::Answered, "{e:?}");
        works(&c).await
    });
    all.add("path_query", |c| async move {
        let proxy = c.at(&c.server.url.replace("/RPC2", "/RPC2?session-id=5")).build()?;
        match proxy.call::<i64>("add", (1, 2)).await {
            Ok(got) => {
                check!(got == 3, "got {got}");
                Ok(())
            }
            Err(e) => {
                let e = failed(Err::<(), _>(e), &[ErrorKind::NotFound])?;
                Err(Failure::Peer(format!("the peer compares the path with its query: {}", e.message())))
            }
        }
    });
    all.add("gzip_request", |c| async move {
        if !c.is_python() {
            return Err(Failure::Peer("Abyss reads no compressed requests".to_owned()));
        }
        let proxy = c.builder().gzip_request(true).build()?;
        let text = "abc".repeat(2000);
        let got: String = proxy.call("echo", (&text,)).await?;
        check!(got == text, "another text");
        Ok(())
    });
    all.add("gzip_response", |c| async move {
        let got: String = c.proxy().call("big_text", (50_000,)).await?;
        check!(got == crate::thing::big_text(50_000), "another text");
        check!(c.request(c.proxy()).await?.accept_encoding.contains("gzip"), "gzip is not asked for");
        let without = c.builder().accept_gzip(false).build()?;
        check!(!c.request(&without).await?.accept_encoding.contains("gzip"), "gzip is asked for");
        let got: String = without.call("big_text", (50_000,)).await?;
        check!(got.len() == 50_000, "another text");
        Ok(())
    });
    all.add("basic_auth", |c| async move {
        let url = c.extra(c.server.auth.as_ref(), "Abyss has no users")?;
        let by_option = c.at(url).basic_auth(USER, PASSWORD).build()?;
        check!(by_option.call::<i64>("add", (1, 2)).await? == 3, "another sum");
        let in_url = c.at(&url.replace("://", &format!("://{USER}:pa%3Ass%20w%C3%B6rd@"))).build()?;
        check!(in_url.call::<i64>("add", (1, 2)).await? == 3, "another sum");
        check!(!in_url.url().contains("w%C3%B6rd") && !in_url.url().contains("pa%3A"), "{}", in_url.url());
        Ok(())
    });
    all.add("basic_auth_refused", |c| async move {
        let url = c.extra(c.server.auth.as_ref(), "Abyss has no users")?;
        for proxy in [c.at(url).build()?, c.at(url).basic_auth(USER, "sesame").build()?] {
            let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::Denied])?;
            let status = HttpStatus::of(&e).ok_or_else(|| Failure::Wrong(format!("no status: {e:?}")))?;
            check!(status.status.as_u16() == 401 && status.headers.contains_key("www-authenticate"), "{status:?}");
            check!(!format!("{e:?} {}", e.report()).contains("sesame"), "the error tells the password");
        }
        Ok(())
    });
    all.add("unix_socket", |c| async move {
        if c.way != Way::Plain {
            return Err(Failure::Peer("Unix sockets are tried without TLS".to_owned()));
        }
        let path = c.extra(c.server.unix.as_ref(), "our program in C serves TCP only")?;
        let proxy =
            XmlRpcProxy::builder(&format!("unix:{path}")).path("/RPC2").timeout(crate::call::PATIENCE).build()?;
        check!(proxy.call::<i64>("add", (1, 2)).await? == 3, "another sum");
        Ok(())
    });
    all.add_only_here("timeout", OURS, |c| async move {
        let proxy = c.builder().timeout(Duration::from_millis(700)).build()?;
        // It may have been sent or, on a slow machine, not yet be connected.
        let e = failed(proxy.call::<String>("slow", (3.0,)).await, &[ErrorKind::Timeout])?;
        check!(e.reached() != Reached::Answered, "{e:?}");
        works(&c).await
    });
    all.add_only_here("nobody_listens", OURS, |c| async move {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = port.map_err(|e| Failure::Wrong(e.to_string()))?.port();
        let proxy = c.at(&format!("{}://127.0.0.1:{port}/RPC2", c.way.scheme())).build()?;
        let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::Unavailable])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
        Ok(())
    });
}
