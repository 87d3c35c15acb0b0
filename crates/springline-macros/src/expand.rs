//! What `#[remote]` makes of a trait.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Ident, Lifetime, parse_quote};

use crate::attributes::bound;
use crate::trait_model::{Argument, Kind, Method, RemoteTrait};
use crate::types;

/// Names that several parts of the expansion use.
struct Names {
    erased: Ident,
    reference: Ident,
    proxy: Ident,
    server: Ident,
    /// Lifetime of a call's borrows where one must be named.
    lifetime: Lifetime,
}

pub(crate) fn expand(model: &RemoteTrait) -> TokenStream {
    let plain = model.ident.unraw();
    let names = Names {
        erased: format_ident!("__{plain}Erased", span = model.ident.span()),
        reference: format_ident!("{plain}Ref", span = model.ident.span()),
        proxy: format_ident!("{plain}Proxy", span = model.ident.span()),
        server: format_ident!("{plain}Server", span = model.ident.span()),
        lifetime: parse_quote!('__springline),
    };
    let trait_itself = trait_itself(model);
    let types = types_of(model, &names);
    let tables = tables(model);
    let erased_impl = erased_impl(model, &names);
    let reference = reference_impl(model, &names);
    let shared = shared_impl(model);
    let proxy = proxy_impl(model, &names);
    let server = server_impl(model, &names);
    let cfgs = &model.cfgs;
    // The unnamed constant keeps the tables out of the user's way.
    quote! {
        #trait_itself
        #types

        #(#cfgs)*
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        const _: () = {
            #tables
            #erased_impl
            #reference
            #shared
            #proxy
            #server
        };
    }
}

/// The trait that users implement. Its futures are `Send`, which a native `async fn` would not promise to callers.
fn trait_itself(model: &RemoteTrait) -> TokenStream {
    let RemoteTrait { attrs, vis, ident, .. } = model;
    let methods = model.methods.iter().map(|m| {
        let Method { attrs, fn_token, semi_token, ident, receiver, output, .. } = m;
        let arguments = m.arguments.iter().map(|a| {
            let Argument { ident, ty, .. } = a;
            let mutable = a.mutable.then(|| quote!(mut));
            quote!(#mutable #ident: #ty)
        });
        let body = match &m.default {
            Some(block) => quote!({ async move #block }),
            None => quote!(#semi_token),
        };
        let future = future(output);
        quote! {
            #(#attrs)*
            #fn_token #ident(#receiver, #(#arguments),*) -> #future #body
        }
    });
    quote! {
        #(#attrs)*
        #vis trait #ident: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

fn future(output: &syn::Type) -> TokenStream {
    let at = output.span();
    quote_spanned!(at=> impl ::core::future::Future<Output = #output> + ::core::marker::Send)
}

/// The public types and the hidden object-safe twin. Its methods have names of their own: with equal ones a call on a
/// type that has both traits would be ambiguous.
fn types_of(model: &RemoteTrait, names: &Names) -> TokenStream {
    let RemoteTrait { private, cfgs, vis, ident, .. } = model;
    let Names { erased, reference, proxy, server, lifetime } = names;
    let erased_methods = model.methods.iter().map(|m| {
        let signature = erased_signature(m, private, lifetime);
        let cfgs = &m.cfgs;
        quote!(#(#cfgs)* #signature;)
    });
    let reference_doc = format!("Some [`{ident}`], in this process or elsewhere. Cheap to clone.");
    let proxy_doc = format!("A [`{ident}`] behind a service, which may be a proxy of an object elsewhere.");
    let server_doc = format!("The service that calls a [`{ident}`].");
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(clippy::all, clippy::pedantic)]
        #vis trait #erased: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#erased_methods)*
        }

        #(#cfgs)*
        #[doc = #reference_doc]
        #vis struct #reference {
            handle: #private::Handle<dyn #erased>,
        }

        #(#cfgs)*
        #[doc = #proxy_doc]
        #[derive(::core::clone::Clone)]
        #vis struct #proxy<S> {
            service: S,
        }

        #(#cfgs)*
        #[doc = #server_doc]
        #[derive(::core::clone::Clone)]
        #vis struct #server<T> {
            object: T,
        }
    }
}

fn erased_name(m: &Method) -> Ident {
    format_ident!("__springline_{}", m.ident.unraw(), span = m.ident.span())
}

fn erased_signature(m: &Method, private: &TokenStream, lifetime: &Lifetime) -> TokenStream {
    let name = erased_name(m);
    let output = &m.output;
    let arguments = m.arguments.iter().map(|a| {
        let ident = &a.ident;
        let ty = types::with_lifetime(&a.ty, &a.shape, lifetime);
        quote!(#ident: #ty)
    });
    quote!(fn #name<#lifetime>(&#lifetime self, #(#arguments),*) -> #private::BoxFuture<#lifetime, #output>)
}

/// One static description per method, and one of the object that lists them.
fn tables(model: &RemoteTrait) -> TokenStream {
    let RemoteTrait { private, name, doc, .. } = model;
    let statics = model.methods.iter().enumerate().map(|(i, m)| {
        let Method { cfgs, name, oneway, idempotent, doc, .. } = m;
        let (constant, table, params_name) = (constant_name(i), table_name(i), format_ident!("__PARAMS_{i}"));
        let (kind, returns) = (kind(m, private), types::text(&m.output));
        let params = m.arguments.iter().map(|a| {
            let (name, type_name, optional) = (a.name(), types::text(&a.ty), a.shape.is_optional(&a.ty));
            quote! {
                #private::ParamInfo {
                    name: #private::Cow::Borrowed(#name),
                    type_name: #private::Cow::Borrowed(#type_name),
                    optional: #optional,
                }
            }
        });
        quote! {
            #(#cfgs)*
            const #params_name: &[#private::ParamInfo] = &[#(#params),*];
            #(#cfgs)*
            const #constant: #private::MethodInfo = #private::MethodInfo {
                name: #private::Cow::Borrowed(#name),
                kind: #kind,
                params: #private::Cow::Borrowed(#params_name),
                returns: #private::Cow::Borrowed(#returns),
                oneway: #oneway,
                idempotent: #idempotent,
                doc: #private::Cow::Borrowed(#doc),
            };
            #(#cfgs)*
            static #table: #private::MethodInfo = #constant;
        }
    });
    let list = model.methods.iter().enumerate().map(|(i, m)| {
        let (cfgs, constant) = (&m.cfgs, constant_name(i));
        quote!(#(#cfgs)* #constant)
    });
    quote! {
        #(#statics)*
        const __METHODS: &[#private::MethodInfo] = &[#(#list),*];
        static __SERVICE: #private::ServiceInfo = #private::ServiceInfo {
            name: #private::Cow::Borrowed(#name),
            doc: #private::Cow::Borrowed(#doc),
            methods: #private::Cow::Borrowed(__METHODS),
        };
    }
}

// By position: two methods of one name may stand under conditions that exclude each other.
fn constant_name(index: usize) -> Ident {
    format_ident!("__INFO_{index}")
}

fn table_name(index: usize) -> Ident {
    format_ident!("__TABLE_{index}")
}

fn kind(m: &Method, private: &TokenStream) -> TokenStream {
    match m.kind {
        Kind::Method => quote!(#private::CallKind::Method),
        Kind::Get => quote!(#private::CallKind::GetAttr),
        Kind::Set => quote!(#private::CallKind::SetAttr),
    }
}

/// Every implementation of the trait has the object-safe twin.
fn erased_impl(model: &RemoteTrait, names: &Names) -> TokenStream {
    let RemoteTrait { private, ident, .. } = model;
    let Names { erased, lifetime, .. } = names;
    let methods = model.methods.iter().map(|m| {
        let signature = erased_signature(m, private, lifetime);
        let (cfgs, method, arguments) = (&m.cfgs, &m.ident, idents(m));
        quote! {
            #(#cfgs)*
            #[inline]
            #signature {
                #private::Box::pin(<__T as #ident>::#method(self, #(#arguments),*))
            }
        }
    });
    quote! {
        impl<__T: #ident> #erased for __T {
            #(#methods)*
        }
    }
}

fn idents(m: &Method) -> Vec<&Ident> {
    m.arguments.iter().map(|a| &a.ident).collect()
}

/// The methods of an `impl` of the trait, each with the body that `body` gives for it and its position.
fn methods(model: &RemoteTrait, body: impl Fn(usize, &Method) -> TokenStream) -> TokenStream {
    let methods = model.methods.iter().enumerate().map(|(i, m)| {
        let Method { cfgs, ident, receiver, .. } = m;
        let future = future(&m.output);
        let arguments = m.arguments.iter().map(|a| {
            let Argument { ident, ty, .. } = a;
            quote!(#ident: #ty)
        });
        let body = body(i, m);
        quote! {
            #(#cfgs)*
            #[inline]
            fn #ident(#receiver, #(#arguments),*) -> #future {
                #body
            }
        }
    });
    quote!(#(#methods)*)
}

/// The call of a service: the same for a proxy and for a remote `...Ref`.
fn invoke(index: usize, m: &Method, service: &TokenStream, private: &TokenStream) -> TokenStream {
    let table = table_name(index);
    let arguments = m.arguments.iter().map(|a| {
        let ident = &a.ident;
        a.shape.written(&quote!(#ident), private)
    });
    quote!(#private::invoke(#service, &#table, (#(#arguments,)*)))
}

/// What must hold for the types of arguments and results. Where one does not, the compiler tells so once, at the
/// type, and takes it for granted in the code below.
fn bounds(model: &RemoteTrait) -> TokenStream {
    let private = &model.private;
    // There are no conditions in `where` clauses: what depends on one is checked by its use.
    let methods = model.methods.iter().filter(|m| m.cfgs.is_empty());
    let bounds = methods.flat_map(|m| {
        let result = bound(&m.output, private, if m.oneway { "OnewayResult" } else { "RemoteResult" });
        let arguments = m.arguments.iter().filter_map(|a| a.shape.owned(&a.ty));
        let arguments = arguments.map(|ty| bound(ty, private, "Argument"));
        arguments.chain([result]).collect::<Vec<_>>()
    });
    quote!(where #(#bounds)*)
}

fn reference_impl(model: &RemoteTrait, names: &Names) -> TokenStream {
    let RemoteTrait { private, ident, .. } = model;
    let Names { erased, reference, server, .. } = names;
    let methods = methods(model, |i, m| {
        let (erased_method, arguments) = (erased_name(m), idents(m));
        let remote = invoke(i, m, &quote!(__service), private);
        // Inside of an async block, because the twin's future lives as long as all borrows at once.
        quote! {
            async move {
                match &self.handle {
                    #private::Handle::Local(__object) => {
                        <dyn #erased as #erased>::#erased_method(&**__object, #(#arguments),*).await
                    }
                    #private::Handle::Remote(__service) => #remote.await,
                }
            }
        }
    });
    let name = reference.to_string();
    let bounds = bounds(model);
    quote! {
        impl #reference {
            /// An object in this process.
            pub fn local(object: impl #ident) -> Self {
                Self { handle: #private::Handle::Local(#private::Arc::new(object)) }
            }

            /// An object behind a service: a proxy, a pool, a recorder.
            pub fn remote(service: impl #private::Service + 'static) -> Self {
                Self { handle: #private::Handle::Remote(#private::Arc::new(service)) }
            }

            /// Whether the object was given as one of this process.
            #[must_use]
            pub fn is_local(&self) -> bool {
                ::core::matches!(self.handle, #private::Handle::Local(_))
            }
        }

        impl #reference #bounds {
            /// As a service: of a remote object its own service, with all methods that it has.
            #[must_use]
            pub fn into_service(self) -> #private::Arc<dyn #private::Service> {
                match self.handle {
                    #private::Handle::Remote(service) => service,
                    local => #private::Arc::new(#server::new(Self { handle: local })),
                }
            }
        }

        impl ::core::clone::Clone for #reference {
            #[inline]
            fn clone(&self) -> Self {
                Self { handle: ::core::clone::Clone::clone(&self.handle) }
            }
        }

        impl ::core::fmt::Debug for #reference {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(#name).field(&self.handle).finish()
            }
        }

        impl<__T: #ident> ::core::convert::From<#private::Arc<__T>> for #reference {
            fn from(object: #private::Arc<__T>) -> Self {
                Self { handle: #private::Handle::Local(object) }
            }
        }

        impl ::core::convert::From<#private::Arc<dyn #private::Service>> for #reference {
            fn from(service: #private::Arc<dyn #private::Service>) -> Self {
                Self { handle: #private::Handle::Remote(service) }
            }
        }

        impl #private::RemoteHandle for #reference #bounds {
            fn from_service(service: #private::Arc<dyn #private::Service>) -> Self {
                Self { handle: #private::Handle::Remote(service) }
            }

            fn into_service(self) -> #private::Arc<dyn #private::Service> {
                #reference::into_service(self)
            }
        }

        impl #ident for #reference #bounds {
            #methods
        }
    }
}

/// A shared object is one too, so that it can be served and kept.
fn shared_impl(model: &RemoteTrait) -> TokenStream {
    let RemoteTrait { private, ident, .. } = model;
    let methods = methods(model, |_, m| {
        let (method, arguments) = (&m.ident, idents(m));
        quote!(<__T as #ident>::#method(&**self, #(#arguments),*))
    });
    quote! {
        impl<__T: #ident> #ident for #private::Arc<__T> {
            #methods
        }
    }
}

fn proxy_impl(model: &RemoteTrait, names: &Names) -> TokenStream {
    let RemoteTrait { private, ident, .. } = model;
    let proxy = &names.proxy;
    let methods = methods(model, |i, m| invoke(i, m, &quote!(&self.service), private));
    let name = proxy.to_string();
    let bounds = bounds(model);
    quote! {
        impl<S: #private::Service> #proxy<S> {
            /// Calls methods of `service`.
            #[must_use]
            pub fn new(service: S) -> Self {
                Self { service }
            }

            /// The service.
            #[must_use]
            pub fn service(&self) -> &S {
                &self.service
            }

            /// The service itself.
            #[must_use]
            pub fn into_inner(self) -> S {
                self.service
            }
        }

        impl<S> ::core::fmt::Debug for #proxy<S> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        impl<S: #private::Service + 'static> #ident for #proxy<S> #bounds {
            #methods
        }
    }
}

fn server_impl(model: &RemoteTrait, names: &Names) -> TokenStream {
    let RemoteTrait { private, ident, name, .. } = model;
    let server = &names.server;
    let served = model.methods.iter().enumerate().map(|(i, m)| serve(i, m, ident, private));
    let arms = |body: &dyn Fn(Ident) -> TokenStream| -> Vec<TokenStream> {
        let arm = |(i, m): (usize, &Method)| {
            let Method { cfgs, name, .. } = m;
            let (kind, body) = (kind(m, private), body(served_name(i)));
            quote!(#(#cfgs)* (#kind, #name) => #body,)
        };
        model.methods.iter().enumerate().map(arm).collect()
    };
    let called = arms(&|served| quote!(#private::reply(self.#served(__call.view()).await)));
    let answered = arms(&|served| {
        quote!({
            let __responded = self.#served(__next.view()).await;
            ::core::mem::drop(__next);
            #private::answer(__calls, __responded)
        })
    });
    let unknown = |kind: TokenStream, method: TokenStream| quote!(::core::result::Result::Err(#private::no_such_method(#name, #kind, #method)));
    let (unknown_called, unknown_answered) = (
        unknown(quote!(__call.kind), quote!(__call.method)),
        unknown(quote!(#private::CallKind::Method), quote!(__next.method)),
    );
    let debug_name = server.to_string();
    let bounds = bounds(model);
    quote! {
        impl<T: #ident> #server<T> {
            /// Calls methods of `object`.
            #[must_use]
            pub fn new(object: T) -> Self {
                Self { object }
            }

            /// The object.
            #[must_use]
            pub fn object(&self) -> &T {
                &self.object
            }

            /// The object itself.
            #[must_use]
            pub fn into_inner(self) -> T {
                self.object
            }
        }

        impl<T> ::core::fmt::Debug for #server<T> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#debug_name).finish_non_exhaustive()
            }
        }

        impl<T: #ident> #server<T> #bounds {
            #(#served)*
        }

        impl<T: #ident> #private::Service for #server<T> #bounds {
            fn call<'a>(
                &'a self,
                __call: &'a #private::Call<'a>,
            ) -> #private::BoxFuture<'a, #private::Result<#private::Reply>> {
                #private::Box::pin(#private::Service::call_unboxed(self, __call))
            }

            #[inline]
            fn call_unboxed<'a>(
                &'a self,
                __call: &'a #private::Call<'a>,
            ) -> impl ::core::future::Future<Output = #private::Result<#private::Reply>> + ::core::marker::Send + 'a {
                async move {
                    match (__call.kind, __call.method) {
                        #(#called)*
                        _ => #unknown_called,
                    }
                }
            }

            fn serve<'a>(&'a self, __calls: &'a mut dyn #private::Calls) -> #private::BoxFuture<'a, ()> {
                #private::Box::pin(async move {
                    loop {
                        let ::core::option::Option::Some(__next) = __calls.next() else { return };
                        match (#private::CallKind::Method, __next.method) {
                            #(#answered)*
                            _ => {
                                let __unknown = #unknown_answered;
                                ::core::mem::drop(__next);
                                __calls.done(__unknown);
                            }
                        }
                    }
                })
            }

            fn describe(&self) -> ::core::option::Option<&#private::ServiceInfo> {
                ::core::option::Option::Some(&__SERVICE)
            }
        }
    }
}

fn served_name(index: usize) -> Ident {
    format_ident!("__springline_serve_{index}")
}

/// Binds the arguments and runs the handler.
fn serve(index: usize, m: &Method, ident: &Ident, private: &TokenStream) -> TokenStream {
    let (served, table, method, cfgs, output) = (served_name(index), table_name(index), &m.ident, &m.cfgs, &m.output);
    let variables: Vec<TokenStream> = (0..m.arguments.len())
        .map(|i| {
            let variable = format_ident!("__argument_{i}");
            quote!(#variable)
        })
        .collect();
    let read_as = m.arguments.iter().map(|a| a.shape.read_as(&a.ty, private));
    let read = quote!(__bound.read::<(#(#read_as,)*)>()?);
    let read = if variables.is_empty() { quote!(#read;) } else { quote!(let (#(#variables,)*) = #read;) };
    let handed = m.arguments.iter().zip(&variables).map(|(a, variable)| a.shape.hand_on(variable));
    let result = quote!(#private::Responded<<#output as #private::RemoteResult>::Ok>);
    quote! {
        #(#cfgs)*
        #[inline]
        fn #served<'a>(
            &'a self,
            __call: #private::CallView<'a>,
        ) -> impl ::core::future::Future<Output = #result> + ::core::marker::Send + 'a {
            async move {
                let __bound = __call.bind(&#table)?;
                #read
                #private::run(__call.options, <T as #ident>::#method(&self.object, #(#handed),*)).await
            }
        }
    }
}
