//! What the daemon says of its rules at its start.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct RulesSettings {
    /// Name of the nftables table that holds all our rules.
    pub table: String,
}

static SETTINGS: Mutex<Option<RulesSettings>> = Mutex::new(None);

/// To be called before any bridge is made; touches nothing of the host.
pub fn configure_rules(settings: RulesSettings) {
    *SETTINGS.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
}

pub(crate) fn table() -> String {
    let settings = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    settings
        .as_ref()
        .map_or_else(|| "rt".into(), |settings| settings.table.clone())
}
