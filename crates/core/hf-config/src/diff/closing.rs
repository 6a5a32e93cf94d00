//! What changes of closing sources.

use std::collections::BTreeMap;

use hf_model::format_duration;

use super::{Fact, Facts, Side, Things, part, value};
use crate::estate::{ClosingResource, ClosingSource, StorePlace};

pub(super) fn closing_sources(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let facts = |source: &ClosingSource| {
        let mut facts = Facts::new();
        match source.resource {
            ClosingResource::Everything => value(&mut facts, "resource", "everything"),
            ClosingResource::Pool(pool) => {
                value(&mut facts, "resource", format_args!("pool/{}", estate.pool(pool).name));
            }
        }
        value(&mut facts, "every", format_duration(source.every));
        value(&mut facts, "within", format_duration(source.within));
        value(&mut facts, "quorum", source.quorum);
        value(&mut facts, "inverted", source.inverted);
        for zone in &source.zones {
            let id = &estate.zone(zone.zone).id;
            for store in &zone.stores {
                // Two pages may differ in nothing but what is behind the question mark.
                let mut key = format!("{store} for {id}");
                for number in 2.. {
                    if !facts.contains_key(&key) {
                        break;
                    }
                    key = format!("{store} for {id} ({number})");
                }
                if let Some(query) = query(store) {
                    let masked = Fact::Masked { shown: masked(query), compared: query.to_owned() };
                    facts.insert(format!("{key} query"), masked);
                }
                part(&mut facts, key, details(store));
            }
        }
        (format!("closing source {}", source.name), facts)
    };
    estate.closing_sources.iter().map(facts).collect()
}

/// What is behind the question mark of a page's address.
fn query(store: &StorePlace) -> Option<&str> {
    match store {
        StorePlace::Http { url } => url.path.split_once('?').map(|(_, query)| query),
        StorePlace::Object { .. } | StorePlace::File { .. } | StorePlace::Table { .. } => None,
    }
}

/// The names of parameters; their values, and what has no name, may be tokens.
fn masked(query: &str) -> String {
    let parameters = query.split('&').map(|one| match one.split_once('=') {
        Some((name, _)) => format!("{name}=…"),
        None => "…".to_owned(),
    });
    format!("?{}", parameters.collect::<Vec<_>>().join("&"))
}

fn details(store: &StorePlace) -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    if let StorePlace::Object { service, .. } | StorePlace::Table { service, .. } = store {
        facts.insert("region", service.region.clone());
        facts.insert("scheme", if service.endpoint.secure { "https" } else { "http" }.to_owned());
        let credentials = service.credentials.as_ref();
        facts.insert("credentials", credentials.map_or("none".to_owned(), ToString::to_string));
    }
    match store {
        StorePlace::Object { path_style, .. } => drop(facts.insert("path_style", path_style.to_string())),
        StorePlace::Table { attribute, .. } => drop(facts.insert("attribute", attribute.clone())),
        StorePlace::Http { .. } | StorePlace::File { .. } => {}
    }
    facts
}
