//! The rules that lead packets from a published port to its container.

use super::PublishedPort;
use crate::error::NetError;

#[allow(clippy::unnecessary_wraps)]
pub(super) fn publish(_ports: &[PublishedPort]) -> Result<(), NetError> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps)]
pub(super) fn unpublish(_ports: &[PublishedPort]) -> Result<(), NetError> {
    Ok(())
}
