//! The interfaces of the host that macvlans and ipvlans hang on. Those that we make ourselves bear a
//! mark, so that a later daemon knows them for its own and an interface of somebody else's never goes.

use rustix::io::Errno;

use crate::error::{NetError, NetErrorKind};
use crate::kinds;
use crate::link;
use crate::plan::check_interface;
use crate::query::{self, Link};
use crate::rules;
use crate::socket::{Failure, Netlink};
use crate::wire::Batch;

const USE: &str = "use parent interface";

pub(crate) fn find(host: &Netlink, name: &str) -> Result<Link, NetError> {
    let link = query::find_link(host, name).map_err(|failure| refused(name, &failure))?;
    link.ok_or_else(|| {
        let detail = "the host has no such interface";
        NetError::new(NetErrorKind::NotFound, USE, name, detail)
    })
}

/// `internal` asks for an interface that leads nowhere. Otherwise one that is absent is made if its name
/// says of what: "eth0.10" is VLAN 10 of eth0.
pub(crate) fn ensure(name: &str, internal: bool) -> Result<(), NetError> {
    check_interface(name)?;
    let told = |failure: Failure| refused(name, &failure);
    let host = Netlink::route().map_err(told)?;
    if let Some(found) = query::find_link(&host, name).map_err(told)? {
        return check(&found);
    }
    let mut batch = Batch::default();
    if internal {
        kinds::create_dummy(&mut batch, name);
    } else {
        let vlan = Vlan::parse(name)?;
        let below = find(&host, vlan.parent)?;
        check(&below)?;
        kinds::create_vlan(&mut batch, name, below.index, vlan.id);
    }
    link::set_alias(&mut batch, name, &mark());
    let made = host.run(batch);
    if let Err(failure) = &made
        && !failure.refused.contains(&1)
    {
        let _first_error_counts = remove_link(&host, name);
    }
    match made {
        // Somebody was faster.
        Err(failure) if failure.fault.errno == Errno::EXIST => Ok(()),
        other => other.map_err(told),
    }
}

/// Takes away what `ensure` made. An interface of somebody else's stays; absence is no error.
pub(crate) fn remove(name: &str) -> Result<(), NetError> {
    check_interface(name)?;
    let told = |failure: Failure| refused(name, &failure);
    let host = Netlink::route().map_err(told)?;
    match query::find_link(&host, name).map_err(told)? {
        Some(link) if link.alias == mark() => remove_link(&host, name).map_err(told),
        _ => Ok(()),
    }
}

fn remove_link(host: &Netlink, name: &str) -> Result<(), Failure> {
    let mut batch = Batch::default();
    link::delete(&mut batch, name);
    match host.run(batch) {
        Err(failure) if failure.fault.errno == Errno::NODEV => Ok(()),
        other => other,
    }
}

fn mark() -> String {
    format!("rt parent of {}", rules::table())
}

fn check(found: &Link) -> Result<(), NetError> {
    if found.index != 1 {
        return Ok(());
    }
    let detail = "the loopback interface cannot be a parent";
    Err(NetError::new(
        NetErrorKind::Invalid,
        USE,
        &found.name,
        detail,
    ))
}

#[derive(Debug, PartialEq, Eq)]
struct Vlan<'a> {
    parent: &'a str,
    id: u16,
}

impl<'a> Vlan<'a> {
    fn parse(name: &'a str) -> Result<Self, NetError> {
        let Some((parent, id)) = name.rsplit_once('.') else {
            let detail = "the host has no such interface, and the name is not that of a VLAN, \
                          such as \"eth0.10\"";
            return Err(NetError::new(NetErrorKind::NotFound, USE, name, detail));
        };
        let id = id.parse().ok().filter(|id| (1..=4094).contains(id));
        let detail = "the number of a VLAN is between 1 and 4094";
        let id = id.ok_or_else(|| NetError::invalid(USE, name, detail))?;
        Ok(Self { parent, id })
    }
}

fn refused(name: &str, failure: &Failure) -> NetError {
    let feature = match failure.op {
        "create VLAN interface" => "the kernel module \"8021q\" is missing",
        "create dummy interface" => "the kernel module \"dummy\" is missing",
        _ => "",
    };
    NetError::kernel(failure.op, name, &failure.fault, feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_vlan_says_what_it_is_of() {
        let vlan = |name| Vlan::parse(name);
        let (parent, id) = ("eth0", 10);
        assert_eq!(vlan("eth0.10").unwrap(), Vlan { parent, id });
        let (parent, id) = ("eth0.10", 4094);
        assert_eq!(vlan("eth0.10.4094").unwrap(), Vlan { parent, id });
        for name in ["eth0.0", "eth0.4095", "eth0.", "eth0.x"] {
            assert_eq!(
                vlan(name).unwrap_err().kind,
                NetErrorKind::Invalid,
                "{name}"
            );
        }
        assert_eq!(vlan("eth9").unwrap_err().kind, NetErrorKind::NotFound);
    }
}
