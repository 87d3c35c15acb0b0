//! A guide: a page for each task.
//!
//! | | |
//! | --- | --- |
//! | calling | [a Pyro object](call_pyro), [a Java Hessian service, with typed structs](call_java) |
//! | serving | [through Pyro](serve_pyro), [to Java](serve_hessian), [let in only this certificate](secure_xmlrpc) |
//! | by configuration | [load an old Spring Python context](spring_python), [bridge Hessian to Pyro](gateway), [replicas and failover](replicas) |
//! | running it | [errors and retries](errors), [logging], [expose it safely](limits) |
//! | from Python 2 | [move a system step by step](migration) |
//!
//! What stands here is compiled, and run where nobody else is needed for it. Whole programs, with files and what they print, are the
//! packages in the project's `examples/`.

pub mod call_java {
    #![doc = include_str!("call_java.md")]
}
pub mod call_pyro {
    #![doc = include_str!("call_pyro.md")]
}
pub mod errors {
    #![doc = include_str!("errors.md")]
}
pub mod gateway {
    #![doc = include_str!("gateway.md")]
}
pub mod limits {
    #![doc = include_str!("limits.md")]
}
pub mod logging {
    #![doc = include_str!("logging.md")]
}
pub mod migration {
    #![doc = include_str!("migration.md")]
}
pub mod replicas {
    #![doc = include_str!("replicas.md")]
}
pub mod secure_xmlrpc {
    #![doc = include_str!("secure_xmlrpc.md")]
}
pub mod serve_hessian {
    #![doc = include_str!("serve_hessian.md")]
}
pub mod serve_pyro {
    #![doc = include_str!("serve_pyro.md")]
}
pub mod spring_python {
    #![doc = include_str!("spring_python.md")]
}
