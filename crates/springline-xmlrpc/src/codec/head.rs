//! The elements around the values of a call or response.

use springline_core::Result;

use super::element::{Element, Tag};
use super::problem::{Problem, excerpt};
use super::tokens::{Token, Tokens};

/// How a document begins, as far as its first value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// A call; its method's name, if that stands before its parameters.
    Call(Option<String>),
    /// A call without any parameters, read to its end.
    BareCall(String),
    /// A response; `<param>` was taken.
    Response,
    /// A response without any parameters, read to its end.
    BareResponse,
    /// A fault; `<fault>` was taken.
    Fault,
}

const PARAMS: Tag = Tag::plain(Element::Params);
const METHOD_NAME: Tag = Tag::plain(Element::MethodName);

pub(super) fn call(tokens: &mut Tokens<'_>, root: Token<'_>) -> Result<Head> {
    match root {
        Token::Start(Tag { name: Element::MethodCall, .. }) => {}
        Token::Empty(Tag { name: Element::MethodCall, .. }) => return Err(no_method(tokens)),
        other => return Err(tokens.unexpected(other, "<methodCall>")),
    }
    let mut method = None;
    let mut params = false;
    tokens.skip_blanks();
    if let Some(plain) = tokens.filled(b"<methodName>", b"</methodName>") {
        method = Some(plain.to_owned());
        tokens.skip_blanks();
        if tokens.start(b"<params>") {
            return Ok(Head::Call(method));
        }
    }
    loop {
        match tokens.markup()? {
            Token::Start(METHOD_NAME) if method.is_none() => method = Some(name(tokens)?),
            Token::Empty(METHOD_NAME) if method.is_none() => return Err(empty_method(tokens)),
            Token::Start(PARAMS) if !params => return Ok(Head::Call(method)),
            Token::Empty(PARAMS) if !params => params = true,
            Token::End(Tag { name: Element::MethodCall, .. }) => {
                let Some(method) = method else { return Err(no_method(tokens)) };
                tokens.finish()?;
                return Ok(Head::BareCall(method));
            }
            other => return Err(tokens.unexpected(other, "one <methodName> and then <params>")),
        }
    }
}

/// What is left of a call after its `</params>`: perhaps the method's name, which is given back.
pub(super) fn call_tail(tokens: &mut Tokens<'_>, mut named: bool) -> Result<Option<String>> {
    tokens.skip_blanks();
    if named && tokens.end(b"</methodCall>") {
        return tokens.finish().map(|()| None);
    }
    let mut method = None;
    loop {
        match tokens.markup()? {
            Token::Start(METHOD_NAME) if !named => {
                named = true;
                method = Some(name(tokens)?);
            }
            Token::Empty(METHOD_NAME) if !named => return Err(empty_method(tokens)),
            Token::End(Tag { name: Element::MethodCall, .. }) if named => {
                tokens.finish()?;
                return Ok(method);
            }
            Token::End(Tag { name: Element::MethodCall, .. }) => return Err(no_method(tokens)),
            other => return Err(tokens.unexpected(other, "</methodCall>")),
        }
    }
}

// The text of `<methodName>`, to its end tag.
fn name(tokens: &mut Tokens<'_>) -> Result<String> {
    let mut name = String::new();
    loop {
        match tokens.next()? {
            Token::Text(text) => name.push_str(text),
            Token::Char(c) => name.push(c),
            Token::End(METHOD_NAME) if name.is_empty() => return Err(empty_method(tokens)),
            Token::End(METHOD_NAME) => return Ok(name),
            other => return Err(tokens.unexpected(other, "a method's name and </methodName>")),
        }
    }
}

pub(super) fn response(tokens: &mut Tokens<'_>, root: Token<'_>) -> Result<Head> {
    match root {
        Token::Start(Tag { name: Element::MethodResponse, .. }) => {}
        other => return Err(tokens.unexpected(other, "<methodResponse>")),
    }
    tokens.skip_blanks();
    if tokens.start(b"<params>") {
        return params(tokens);
    }
    match tokens.markup()? {
        Token::Start(PARAMS) => params(tokens),
        Token::Empty(PARAMS) => bare_response(tokens),
        Token::Start(Tag { name: Element::Fault, .. }) => Ok(Head::Fault),
        other => Err(tokens.unexpected(other, "<params> or <fault>")),
    }
}

fn params(tokens: &mut Tokens<'_>) -> Result<Head> {
    tokens.skip_blanks();
    if tokens.start(b"<param>") {
        return Ok(Head::Response);
    }
    match tokens.markup()? {
        Token::Start(Tag { name: Element::Param, .. }) => Ok(Head::Response),
        Token::End(PARAMS) => bare_response(tokens),
        other => Err(tokens.unexpected(other, "<param>")),
    }
}

fn bare_response(tokens: &mut Tokens<'_>) -> Result<Head> {
    response_tail(tokens)?;
    Ok(Head::BareResponse)
}

/// What is left of a response after its `</params>` or `</fault>`.
pub(super) fn response_tail(tokens: &mut Tokens<'_>) -> Result<()> {
    tokens.skip_blanks();
    if !tokens.end(b"</methodResponse>") {
        tokens.expect_end(Element::MethodResponse)?;
    }
    tokens.finish()
}

#[cold]
fn no_method(tokens: &Tokens<'_>) -> springline_core::Error {
    Problem::NotXmlRpc.at(tokens.at(), "the call has no <methodName>")
}

#[cold]
fn empty_method(tokens: &Tokens<'_>) -> springline_core::Error {
    Problem::NotXmlRpc.at(tokens.at(), "the method's name is empty")
}

/// Refuses a method's name that cannot be written.
pub(crate) fn check_method(name: &str) -> Result<()> {
    use springline_core::{Error, ErrorKind};
    if name.is_empty() {
        return Err(Error::new(ErrorKind::Encode, "the method's name is empty"));
    }
    match name.chars().find(|c| !super::chars::is_legal(*c)) {
        None => Ok(()),
        Some(c) => Err(Error::new(
            ErrorKind::Encode,
            format!("the method's name {} has {}, which cannot be in XML", excerpt(name), super::chars::name(c.into())),
        )),
    }
}
