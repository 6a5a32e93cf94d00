//! `holdfast pin`.

use std::time::Duration;

use hf_api::{Client, Effect, PinTo, SetPin, WriteDone};
use serde::Serialize;

use crate::args::{Common, PinArgs, PinCommand, PinSetArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

use super::shift::words;

/// How long a pin waits to be told what came of it.
const WAIT: Duration = Duration::from_secs(5);

/// What `-o json` prints.
#[derive(Serialize)]
struct Pinned {
    #[serde(flatten)]
    done: WriteDone,
    /// What came of it; null when the node has not told in time.
    effect: Option<Effect>,
}

/// Sets or takes away a pin.
pub async fn run(args: &PinArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        PinCommand::In(pin) => set(pin, PinTo::In, common).await,
        PinCommand::Out(pin) => set(pin, PinTo::Out, common).await,
        PinCommand::Clear { zone, resource } => {
            let done = client(common)?.unpin(zone, resource).await?;
            show(common.output, &done, |done| {
                format!("{zone} is no longer pinned for {resource}, at revision {}", done.revision)
            })
        }
    }
}

async fn set(args: &PinSetArgs, to: PinTo, common: &Common) -> Result<(), Failure> {
    let pin = SetPin {
        zone: args.zone.clone(),
        resource: args.resource.clone(),
        to,
        length: args.length.clone(),
        reason: args.reason.clone(),
        override_floor: args.override_floor.clone(),
        request_id: Some(hf_api::client::request_id()),
    };
    let client = client(common)?;
    let done = client.pin(&pin).await?;
    let revision = done.revision;
    let effect = effect(&client, revision).await;
    for line in words::not_applied(effect.as_ref()) {
        eprintln!("{line}");
    }
    let is_nothing = effect.as_ref().is_some_and(Effect::is_nothing);
    let (zone, resource) = (&args.zone, &args.resource);
    show(common.output, &Pinned { done, effect }, |pinned| {
        let direction = if to == PinTo::In { "in" } else { "out" };
        let mut text = format!("{zone} is pinned {direction} for {resource}, at revision {revision}\n");
        for line in words::not_applied(pinned.effect.as_ref()) {
            text.push_str(&format!("{line}\n"));
        }
        text
    })?;
    if is_nothing {
        return Err(Failure::Refused(format!(
            "the pin is in the ledger, and it is applied nowhere; \
             end what stands against it, or the pin with `holdfast pin clear {zone} --resource {resource}`"
        )));
    }
    Ok(())
}

/// What came of the pin of this revision, as soon as the node that took it tells.
async fn effect(client: &Client, revision: u64) -> Option<Effect> {
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    while tokio::time::Instant::now() < deadline {
        pace.tick().await;
        // What cannot be read is asked for again: the pin stands.
        let Ok(status) = client.status().await else { continue };
        match status.pins.into_iter().find(|pin| pin.revision == revision) {
            Some(pin) if pin.effect.is_some() => return pin.effect,
            None if status.revision > revision => return None, // it was replaced or taken away
            _ => {}
        }
    }
    eprintln!(
        "the pin stands; what came of it was not told within {}s, `holdfast status` goes on telling",
        WAIT.as_secs()
    );
    None
}
