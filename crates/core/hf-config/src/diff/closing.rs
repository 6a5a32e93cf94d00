//! What changes of closing sources.

use std::collections::BTreeMap;

use hf_model::format_duration;

use super::{Facts, Side, Things, part, value};
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
                part(&mut facts, format!("{store} for {id}"), details(store));
            }
        }
        (format!("closing source {}", source.name), facts)
    };
    estate.closing_sources.iter().map(facts).collect()
}

fn details(store: &StorePlace) -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    if let StorePlace::Object { service, .. } | StorePlace::Table { service, .. } = store {
        facts.insert("region", service.region.clone());
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
