//! Facts about this host.

use sandbox::HostFacts;
use serde::Serialize;

use crate::failure::Failure;

#[derive(Serialize)]
struct Facts {
    #[serde(flatten)]
    host: HostFacts,
    #[serde(rename = "appArmor")]
    app_armor: bool,
}

/// `HostFacts` of `src/native-types/`, as JSON.
pub(crate) fn host_facts() -> Result<String, Failure> {
    let facts = Facts {
        host: sandbox::host_facts(),
        app_armor: apparmor::is_enabled(),
    };
    Ok(serde_json::to_string(&facts)?)
}
