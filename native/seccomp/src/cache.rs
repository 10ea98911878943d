//! Programs that were compiled before: starts are many, profiles few.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Filter, Host, ProfileError, compile};

/// The text itself is the key: no two profiles can be taken for each other.
type Key = (Option<String>, u64, Host);

/// Profiles come from users; beyond this many the cache begins anew.
const MAX_PROGRAMS: usize = 64;

static PROGRAMS: Mutex<Option<HashMap<Key, Option<Arc<Filter>>>>> = Mutex::new(None);

/// As [`compile`]; errors are not kept.
pub fn compiled(
    text: Option<&str>,
    capabilities: u64,
    host: &Host,
) -> Result<Option<Arc<Filter>>, ProfileError> {
    let key = (text.map(str::to_owned), capabilities, *host);
    let known = |programs: &mut Option<HashMap<_, _>>| programs.as_ref()?.get(&key).cloned();
    if let Some(filter) = known(&mut PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(filter);
    }
    let filter = compile(text, capabilities, host)?.map(Arc::new);
    let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    let programs = programs.get_or_insert_default();
    if programs.len() >= MAX_PROGRAMS {
        programs.clear();
    }
    programs.insert(key, filter.clone());
    Ok(filter)
}
