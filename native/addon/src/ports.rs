//! Published ports. They change while no monitor is being started, so that a port that was given back can be
//! taken at once.

use std::collections::BTreeMap;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use net::ports::{PortChange, PublishedPort};
use sandbox::while_nothing_starts;

use crate::background::run;

/// Takes a `PortChange`, answers the `PublishedPort`s that the container has then, as JSON.
#[napi]
pub fn publish(env: &Env, change: String) -> Result<Object<'_>> {
    run(env, move || {
        let change: PortChange = serde_json::from_str(&change)?;
        Ok(serde_json::to_string(&while_nothing_starts(|| {
            net::ports::publish(&change)
        })?)?)
    })
}

#[napi]
pub fn unpublish(env: &Env, container: String) -> Result<Object<'_>> {
    run(env, move || {
        Ok(while_nothing_starts(|| net::ports::unpublish(&container))?)
    })
}

/// Takes `PublishedPort`s by container, answers what could not be held, a sentence each.
#[napi]
pub fn hold_ports(env: &Env, published: String) -> Result<Object<'_>> {
    run(env, move || {
        let published: BTreeMap<String, Vec<PublishedPort>> = serde_json::from_str(&published)?;
        Ok(while_nothing_starts(|| net::ports::adopt(&published)))
    })
}
