//! A veth pair made ahead of need: its inner end in a namespace that waits for a container, the host's end
//! down and in no bridge. To make a pair is half of the time of an attachment; IPv6 is off already,
//! which takes a good part of the rest.

use std::os::fd::BorrowedFd;

use crate::attach::visit;
use crate::error::{NetError, NetErrorKind};
use crate::kinds::{self, Inner};
use crate::plan::{EndpointPlan, LinkPlan};
use crate::query;
use crate::socket::{Failure, Netlink};
use crate::switch::{self, Switch};
use crate::wire::Batch;

/// The kernel puts a number in place of "%d". Programs of the host know by the first letters that it is not
/// theirs to configure.
const NAME: &str = "vethrt%d";
/// What a container's first interface is called.
const INNER: &str = "eth0";

/// The indices of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spare {
    pub(crate) host: u32,
    pub(crate) inner: u32,
}

/// An endpoint that can use one.
pub(crate) fn fits(plan: &EndpointPlan) -> bool {
    matches!(plan.link, LinkPlan::Bridge { .. }) && plan.interface == INNER
}

pub(crate) fn prepare(netns: BorrowedFd<'_>) -> Result<Spare, NetError> {
    let refused = |failure: Failure| NetError::kernel(failure.op, NAME, &failure.fault, "");
    let host = Netlink::route().map_err(refused)?;
    let inner = Inner {
        name: INNER,
        mac: None,
        mtu: None,
        netns,
    };
    let mut batch = Batch::default();
    kinds::create_veth(&mut batch, NAME, 0, &inner);
    host.run(batch).map_err(refused)?;
    let inside = visit(netns, NAME, || {
        let off = switch::for_family(INNER, false, true);
        off.iter().try_for_each(Switch::write)?;
        Netlink::route().map_err(refused)
    })?;
    let found = query::find_link(&inside, INNER).map_err(refused)?;
    found.map_or_else(
        || {
            let detail = "it vanished at once";
            Err(NetError::new(
                NetErrorKind::NotFound,
                "create veth pair",
                NAME,
                detail,
            ))
        },
        |link| {
            let (host, inner) = (link.lower, link.index);
            Ok(Spare { host, inner })
        },
    )
}
