//! The rules that lead packets from a published port to its container.

use super::PublishedPort;
use crate::error::NetError;
use crate::rules;

pub(super) fn publish(ports: &[PublishedPort]) -> Result<(), NetError> {
    rules::publish(ports)
}

pub(super) fn unpublish(ports: &[PublishedPort]) -> Result<(), NetError> {
    rules::unpublish(ports)
}
