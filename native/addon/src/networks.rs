//! Networks of the host, and places of running containers in them.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use sandbox::Code;
use sandbox::plan::Donor;
use serde::Deserialize;

use crate::background::run;
use crate::failure::Failure;

/// `EndpointRequest` of `src/native-types/`.
#[derive(Deserialize)]
struct EndpointRequest {
    container: Donor,
    endpoint: net::EndpointPlan,
}

impl EndpointRequest {
    /// What is asked for, and the network that it is asked of.
    fn open(request: &str) -> std::result::Result<(net::EndpointPlan, OwnedFd), Failure> {
        let request: Self = serde_json::from_str(request)?;
        let netns = sandbox::open_network(&request.container)?;
        Ok((request.endpoint, netns))
    }
}

/// # Errors
/// If the settings are malformed.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn configure_rules(settings: String) -> Result<()> {
    net::configure_rules(serde_json::from_str(&settings).map_err(Failure::from)?);
    Ok(())
}

/// What an earlier daemon left standing: `RulesReset` of `src/native-types/`.
#[derive(Deserialize)]
struct RulesReset {
    bridges: Vec<net::BridgePlan>,
    published: BTreeMap<String, Vec<net::ports::PublishedPort>>,
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn reset_rules(env: &Env, reset: String) -> Result<Object<'_>> {
    run(env, move || {
        let reset: RulesReset = serde_json::from_str(&reset)?;
        let ports: Vec<_> = reset.published.into_values().flatten().collect();
        Ok(net::reset_rules(&reset.bridges, &ports)?)
    })
}

/// Takes names of bridges, none for all; answers `ForeignDrop`s as JSON.
///
/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn find_foreign_drops(env: &Env, bridges: Vec<String>) -> Result<Object<'_>> {
    run(env, move || {
        let found = net::find_foreign_drops(&bridges)?;
        Ok(serde_json::to_string(&found)?)
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn ensure_bridge(env: &Env, plan: String) -> Result<Object<'_>> {
    run(env, move || {
        let plan: net::BridgePlan = serde_json::from_str(&plan)?;
        Ok(net::ensure_bridge(&plan)?)
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn remove_bridge(env: &Env, name: String) -> Result<Object<'_>> {
    run(env, move || Ok(net::remove_bridge(&name)?))
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn list_routes(env: &Env) -> Result<Object<'_>> {
    run(env, || Ok(net::list_routes()?))
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn connect(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let (endpoint, netns) = EndpointRequest::open(&request)?;
        Ok(net::attach(&[endpoint], netns.as_fd())?)
    })
}

/// A namespace that is gone has taken its interfaces along.
///
/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn disconnect(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let request: EndpointRequest = serde_json::from_str(&request)?;
        match sandbox::open_network(&request.container) {
            Ok(netns) => Ok(net::detach(&request.endpoint, netns.as_fd())?),
            Err(gone) if gone.code == Code::Conflict => Ok(()),
            Err(error) => Err(error.into()),
        }
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn set_gateways(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let (endpoint, netns) = EndpointRequest::open(&request)?;
        Ok(net::set_gateways(&endpoint, netns.as_fd())?)
    })
}

#[derive(Deserialize)]
struct Parent {
    name: String,
    internal: bool,
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn ensure_parent(env: &Env, parent: String) -> Result<Object<'_>> {
    run(env, move || {
        let Parent { name, internal } = serde_json::from_str(&parent)?;
        Ok(net::ensure_parent(&name, internal)?)
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn remove_parent(env: &Env, name: String) -> Result<Object<'_>> {
    run(env, move || Ok(net::remove_parent(&name)?))
}
