//! `holdfast pin`.

use hf_api::{PinTo, SetPin};

use crate::args::{Common, PinArgs, PinCommand, PinSetArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

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
        request_id: Some(hf_api::client::request_id()),
    };
    let done = client(common)?.pin(&pin).await?;
    show(common.output, &done, |done| {
        let direction = if to == PinTo::In { "in" } else { "out" };
        format!("{} is pinned {direction} for {}, at revision {}", args.zone, args.resource, done.revision)
    })
}
