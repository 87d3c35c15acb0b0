//! TLS: who is let in, whom we trust.

use springline_core::{ErrorKind, Reached};

use crate::call::{Ctx, Failure, Features, Outcome, Who, check, failed, works};
use crate::table::{Peer, Way};

pub(crate) fn add(all: &mut Features) {
    use Way::{Cert, Fields, Tls};
    for (name, who, ways) in [
        ("right_certificate", Who::Named("client"), &[Tls, Cert, Fields][..]),
        ("no_certificate", Who::Nobody, &[Tls]),
        ("unknown_ca", Who::Named("stranger"), &[Tls]),
        ("wrong_field", Who::Named("other"), &[Tls, Cert]),
        ("missing_field", Who::Named("lacking"), &[Tls, Cert]),
    ] {
        all.add(format!("tls:{name}"), move |c| async move { let_in(&c, who, ways).await });
    }
    all.add("tls:certificate_in_handler", |c| async move {
        needs_tls(&c)?;
        let got: String = c.proxy().call("whoami", ()).await?;
        check!(got == if c.way == Tls { "" } else { "My Client" }, "got {got:?}");
        Ok(())
    });
    for (name, version, told) in [("1.2", "TLSv1_2", "TLSv1.2"), ("1.3", "TLSv1_3", "TLSv1.3")] {
        all.add(format!("tls:version_{name}"), move |c| async move {
            needs_tls(&c)?;
            let proxy = c.builder().ssl_version(version).build()?;
            let seen = c.request(&proxy).await?;
            check!(seen.tls == told, "it is {}", seen.tls);
            Ok(())
        });
    }
    all.add("tls:server_of_unknown_ca", |c| async move {
        needs_tls(&c)?;
        let proxy = c.trusting("stranger-ca.pem").build()?;
        let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::Denied])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
        works(&c).await
    });
    all.add("tls:server_name", |c| async move {
        needs_tls(&c)?;
        let proxy = c.builder().server_name("elsewhere.example").build()?;
        let e = failed(proxy.call::<i64>("add", (1, 2)).await, &[ErrorKind::Denied])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
        let as_original = c.builder().server_name("elsewhere.example").verify_hostname(false).build()?;
        check!(as_original.call::<i64>("add", (1, 2)).await? == 3, "another sum");
        // The other name in the certificate.
        let by_address = c.builder().server_name("127.0.0.1").build()?;
        check!(by_address.call::<i64>("add", (1, 2)).await? == 3, "another sum");
        Ok(())
    });
    all.add("tls:resumed_session", |c| async move {
        needs_tls(&c)?;
        if c.peer == Peer::Python2 {
            return Err(Failure::Peer("Python 2.7 does not tell whether a session was resumed".to_owned()));
        }
        let proxy = c.builder().build()?;
        check!(!c.request(&proxy).await?.resumed, "the first one is resumed");
        proxy.release();
        check!(c.request(&proxy).await?.resumed, "the second one is not resumed");
        Ok(())
    });
}

fn needs_tls(c: &Ctx) -> Outcome {
    if c.way == Way::Plain { Err(Failure::Peer("there is no TLS in this column".to_owned())) } else { Ok(()) }
}

/// A client with these certificates gets its answer in these ways; in the others it is told nothing.
async fn let_in(c: &Ctx, who: Who, ways: &[Way]) -> Outcome {
    needs_tls(c)?;
    let result = c.as_who(who).build()?.call::<i64>("add", (1, 2)).await;
    if ways.contains(&c.way) {
        let got = result?;
        check!(got == 3, "got {got}");
        return Ok(());
    }
    let e = failed(result, &[ErrorKind::Denied, ErrorKind::Closed])?;
    check!(e.reached() != Reached::Answered, "{e:?}");
    works(c).await
}
