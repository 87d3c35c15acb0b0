//! `springline get URI ATTR`

use springline::{Call, CallKind};

use super::{print, send};
use crate::cli::Get;
use crate::failure::Failure;
use crate::target::Target;

pub(super) fn run(command: &Get) -> Result<(), Failure> {
    let target = Target::open(&command.object.uri, &command.connection)?.with_attributes()?;
    let mut call = Call::new(&command.attribute, &());
    call.kind = CallKind::GetAttr;
    print(send(&target, call)?, command.print.compact)
}
