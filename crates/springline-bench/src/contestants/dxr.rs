//! dxr as a codec over hyper: its own client stands on reqwest and its own server on axum, which cost more.

use super::http::{Answer, Codec};
use crate::memory::BLOCK;
use crate::records::Record;
use bytes::Bytes;
use dxr::{Error, MethodCall, MethodResponse, TryFromParams, TryFromValue, TryToValue, Value};
use std::borrow::Cow;

/// A record as dxr has it: without its feature for `i8`, integers have 32 bits.
#[derive(Clone, Debug, PartialEq, TryFromValue, TryToValue)]
pub(crate) struct DxrRecord {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) score: f64,
    pub(crate) active: bool,
    pub(crate) tags: Vec<String>,
}

impl From<&Record> for DxrRecord {
    fn from(record: &Record) -> Self {
        let Record { id, name, email, score, active, tags } = record.clone();
        Self { id: id as i32, name, email, score, active, tags }
    }
}

pub(crate) const CODEC: Codec = Codec {
    request: |param| {
        let call = MethodCall { name: Cow::Borrowed("get_data"), params: vec![param.try_to_value()?] };
        Ok(Bytes::from(call.to_xml()?))
    },
    response: |document| {
        let response = MethodResponse::from_xml(std::str::from_utf8(document)?)?;
        Ok(String::try_from_value(&response.value)?)
    },
};

pub(crate) const ANSWER: Answer = |document| {
    let call = MethodCall::from_xml(std::str::from_utf8(document)?)?;
    let value = dispatch(&call.name, &call.params)?;
    Ok(Bytes::from(MethodResponse { value }.to_xml()?))
};

fn dispatch(method: &str, params: &[Value]) -> crate::Result<Value> {
    let result: Result<Value, Error> = match method {
        "get_data" => {
            let (param,) = <(String,)>::try_from_params(params)?;
            format!("You got remote data => {param}").try_to_value()
        }
        "count" => {
            let (records,) = <(Vec<DxrRecord>,)>::try_from_params(params)?;
            (records.len() as i32).try_to_value()
        }
        "records" => {
            let (count,) = <(i32,)>::try_from_params(params)?;
            let some = crate::records::records(BLOCK);
            let records: Vec<_> = some.iter().cycle().take(count as usize).map(DxrRecord::from).collect();
            records.try_to_value()
        }
        _ => return Err(format!("no method {method}").into()),
    };
    Ok(result?)
}
