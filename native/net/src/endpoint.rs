//! A plan of an endpoint whose words have been understood, and what the kernel is told of it.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::address::{Cidr, parse_address, parse_mac};
use crate::error::{NetError, NetErrorKind};
use crate::kinds::{self, Inner};
use crate::link::{self, Port};
use crate::plan::{EndpointPlan, LinkPlan, check_interface};
use crate::query::{self, Link};
use crate::socket::{Failure, Netlink};
use crate::spare::Spare;
use crate::switch::{self, Switch};
use crate::wire::Batch;
use crate::{bridge, parent, route};

/// Below it the kernel keeps IPv6 off an interface altogether (RFC 8200).
const IPV6_MIN_MTU: u32 = 1280;

pub(crate) struct Endpoint<'a> {
    pub(crate) link: &'a LinkPlan,
    /// In the container.
    pub(crate) name: &'a str,
    pub(crate) mac: Option<[u8; 6]>,
    addresses: Vec<Cidr>,
    gateways: Vec<IpAddr>,
    switches: Vec<Switch>,
}

impl<'a> Endpoint<'a> {
    pub(crate) fn read(plan: &'a EndpointPlan) -> Result<Self, NetError> {
        check_interface(&plan.interface)?;
        if let LinkPlan::Bridge { host_interface, .. } = &plan.link {
            check_interface(host_interface)?;
        }
        let addresses = plan.addresses.iter().map(|text| Cidr::parse(text));
        let gateways = plan.gateways.iter().map(|text| parse_address(text));
        let hangs_on_bridge = matches!(plan.link, LinkPlan::Bridge { .. });
        let mut switches = switch::for_family(&plan.interface, plan.ipv6, hangs_on_bridge);
        for (name, value) in &plan.sysctls {
            switches.push(Switch::parse(&plan.interface, name, value)?);
        }
        Ok(Self {
            link: &plan.link,
            name: &plan.interface,
            mac: match plan.mac.as_str() {
                "" => None,
                text => Some(parse_mac(text)?),
            },
            addresses: addresses.collect::<Result<_, _>>()?,
            gateways: gateways.collect::<Result<_, _>>()?,
            switches,
        })
    }

    /// The interface of the host that this one hangs on.
    pub(crate) fn find_lower(&self, host: &Netlink) -> Result<Link, NetError> {
        match self.link {
            LinkPlan::Bridge { bridge, .. } => bridge::find(host, bridge)?.ok_or_else(|| {
                let detail = "no such bridge";
                NetError::new(NetErrorKind::NotFound, "use bridge", bridge, detail)
            }),
            LinkPlan::Macvlan { parent, .. } | LinkPlan::Ipvlan { parent, .. } => {
                parent::find(host, parent)
            }
        }
    }

    /// The first message makes the interface.
    pub(crate) fn create(&self, batch: &mut Batch, lower: &Link, netns: BorrowedFd<'_>) {
        let mut inner = Inner {
            name: self.name,
            mac: self.mac,
            mtu: None,
            netns,
        };
        match self.link {
            LinkPlan::Bridge {
                host_interface,
                isolated,
                ..
            } => {
                inner.mtu = Some(lower.mtu);
                kinds::create_veth(batch, host_interface, lower.index, &inner);
                change_port(batch, host_interface, *isolated, lower);
            }
            LinkPlan::Macvlan { mode, mtu, .. } => {
                inner.mtu = (*mtu != 0).then_some(*mtu);
                kinds::create_macvlan(batch, lower.index, *mode, &inner);
            }
            LinkPlan::Ipvlan {
                mode, flag, mtu, ..
            } => {
                // It has the hardware address of its parent.
                inner.mac = None;
                inner.mtu = (*mtu != 0).then_some(*mtu);
                kinds::create_ipvlan(batch, lower.index, (*mode, *flag), &inner);
            }
        }
    }

    /// Takes a pair that was prepared, in place of [`Self::create`].
    pub(crate) fn take(&self, batch: &mut Batch, lower: &Link, spare: Spare) {
        if let LinkPlan::Bridge {
            host_interface,
            isolated,
            ..
        } = self.link
        {
            kinds::take_veth(batch, spare.host, host_interface, lower.index, lower.mtu);
            change_port(batch, host_interface, *isolated, lower);
        }
    }

    /// To be called in the container's namespace, before the interface comes up.
    pub(crate) fn switch(&self) -> Result<(), NetError> {
        self.switches.iter().try_for_each(Switch::write)
    }

    /// `taken` is what it hangs on, if it was prepared and knows nothing of that yet.
    ///
    /// IPv6 addresses come after the interface is up: the kernel makes their routes only then.
    pub(crate) fn configure(&self, batch: &mut Batch, index: u32, taken: Option<&Link>) {
        let of = |ipv4| self.addresses.iter().filter(move |a| a.is_ipv4() == ipv4);
        for address in of(true) {
            route::add_address(batch, index, *address);
        }
        // One that is made is made so.
        let mac = self.mac.filter(|_| taken.is_some());
        link::set_up_as(batch, index, mac, taken.map(|lower| lower.mtu));
        for address in of(false) {
            route::add_address(batch, index, *address);
        }
        self.route(batch, index);
    }

    /// Waits until its addresses serve.
    pub(crate) fn settle(&self, inside: &Netlink) {
        for cidr in &self.addresses {
            query::await_local(inside, cidr.address);
        }
    }

    pub(crate) fn route(&self, batch: &mut Batch, index: u32) {
        for gateway in &self.gateways {
            route::set_default_route(batch, index, *gateway);
        }
    }

    /// What errors call it: the name that the host sees, if it sees one.
    pub(crate) fn label(&self) -> &'a str {
        match self.link {
            LinkPlan::Bridge { host_interface, .. } => host_interface,
            _ => self.name,
        }
    }

    pub(crate) fn refused(&self, failure: &Failure) -> NetError {
        let makes = failure.op.starts_with("create") || failure.op == kinds::TAKE;
        let (lower, feature) = match self.link {
            LinkPlan::Bridge { .. } => (self.label(), "the kernel module \"veth\" is missing"),
            LinkPlan::Macvlan { parent, .. } => {
                (parent.as_str(), "the kernel module \"macvlan\" is missing")
            }
            LinkPlan::Ipvlan { parent, .. } => {
                (parent.as_str(), "the kernel module \"ipvlan\" is missing")
            }
        };
        // What cannot be made is due to what it was to hang on.
        let target = if makes { lower } else { self.label() };
        if failure.fault.errno == Errno::EXIST && makes {
            let conflict = NetErrorKind::Conflict;
            return NetError::new(conflict, failure.op, target, self.taken());
        }
        NetError::kernel(failure.op, target, &failure.fault, feature)
    }

    fn taken(&self) -> String {
        let name = self.name;
        match self.link {
            LinkPlan::Bridge { .. } => {
                format!("an interface of that name, or \"{name}\" in the container, exists already")
            }
            _ => format!("the container has an interface \"{name}\" already"),
        }
    }

    /// Takes it away again; what is absent is no error.
    pub(crate) fn remove(&self, host: &Netlink, netns: BorrowedFd<'_>) -> Result<(), NetError> {
        match self.link {
            LinkPlan::Bridge { host_interface, .. } => bridge::remove_link(host, host_interface),
            LinkPlan::Macvlan { parent, .. } => self.remove_inside(host, "macvlan", parent, netns),
            LinkPlan::Ipvlan { parent, .. } => self.remove_inside(host, "ipvlan", parent, netns),
        }
    }

    /// Found by what it hangs on, for the container may have renamed it. One of another kind that has
    /// taken its name is left alone.
    fn remove_inside(
        &self,
        host: &Netlink,
        kind: &str,
        parent: &str,
        netns: BorrowedFd<'_>,
    ) -> Result<(), NetError> {
        let refused = |failure: Failure| self.refused(&failure);
        let Some(lower) = query::find_link(host, parent).map_err(refused)? else {
            return Ok(());
        };
        let inside = crate::attach::visit(netns, self.name, || {
            Netlink::route().map_err(|failure| self.refused(&failure))
        })?;
        let links = query::all_links(&inside).map_err(refused)?;
        let mut ours: Vec<_> = links
            .into_iter()
            .filter(|link| link.kind == kind && link.lower == lower.index)
            .collect();
        if ours.iter().any(|link| link.name == self.name) {
            ours.retain(|link| link.name == self.name);
        }
        let Some(found) = ours.first() else {
            return Ok(());
        };
        let mut batch = Batch::default();
        link::delete_index(&mut batch, found.index);
        match inside.run(batch) {
            Err(failure) if failure.fault.errno == Errno::NODEV => Ok(()),
            other => other.map_err(refused),
        }
    }
}

/// Where bridged frames meet the rules, these keep containers apart: isolation would also cut them from
/// what is published, which is then led to its container within the bridge. But only on a bridge that is told to
/// ask them whatever becomes of the switch for all.
pub(crate) fn change_port(batch: &mut Batch, name: &str, isolated: bool, lower: &Link) {
    let (mtu, filtered) = (lower.mtu, switch::bridges_filter());
    let is_told = lower.filters && switch::can_filter();
    let is_to_be_told = isolated && !is_told && filtered && bridge::is_ours(lower);
    if is_to_be_told {
        kinds::have_bridge_filter(batch, lower.index);
    }
    let port = Port {
        name,
        isolated: isolated && !is_told && !is_to_be_told,
        hairpin: filtered || is_told,
        ipv6: switch::has_ipv6() && mtu >= IPV6_MIN_MTU,
    };
    port.change(batch);
}
