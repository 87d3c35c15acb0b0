//! `springline set URI ATTR VALUE`

use springline::{Call, CallKind};

use super::send;
use crate::cli::Set;
use crate::failure::Failure;
use crate::json;
use crate::target::Target;

pub(super) fn run(command: &Set) -> Result<(), Failure> {
    let args = vec![json::argument(&command.value, "the value")?];
    let target = Target::open(&command.object.uri, &command.connection)?.with_attributes()?;
    let mut call = Call::new(&command.attribute, &args);
    call.kind = CallKind::SetAttr;
    send(&target, call).map(|_| ())
}
