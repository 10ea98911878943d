//! The way of packets from a published port to its container: rules for what begins, and no memory
//! of what went another way.

use super::{PublishedPort, flows};
use crate::error::NetError;
use crate::rules;

pub(super) fn publish(ports: &[PublishedPort]) -> Result<(), NetError> {
    rules::publish(ports)?;
    flows::turn_to(ports);
    Ok(())
}

pub(super) fn unpublish(ports: &[PublishedPort]) -> Result<(), NetError> {
    rules::unpublish(ports)?;
    flows::turn_from(ports);
    Ok(())
}
