//! This node's checker, as its API tells it results: `hf-checker` on one side, `hf-control-plane` on the other, who do not know each other.

use hf_checker::{NotTaken, Push, Pushed, Told};
use hf_control_plane::{PushRefused, PushTaken, PushTold, PushedHere, PushedResult};
use hf_model::CheckName;

/// The checker's side.
pub struct Here(pub Pushed);

impl PushedHere for Here {
    fn push(&self, result: PushedResult) -> Result<PushTaken, PushRefused> {
        let PushedResult { check, endpoint, is_good, text, valid_for, by } = result;
        let push = Push { check, endpoint, is_good, text, valid_for, by };
        let taken = self.0.push(push).map_err(|why| refused(&why))?;
        Ok(PushTaken { healthy: taken.healthy, valid_for: taken.valid_for })
    }

    fn room(&self, check: &CheckName) -> Result<(), PushRefused> {
        self.0.room(check).map_err(|why| refused(&why))
    }

    fn told(&self, check: &CheckName, limit: usize) -> (Vec<PushTold>, usize) {
        let told = |told: Told| PushTold {
            endpoint: told.endpoint,
            is_good: told.is_good,
            text: told.text,
            by: told.by,
            ago: told.ago,
            left: told.left,
            healthy: told.healthy,
        };
        let (shown, left_out) = self.0.told(check, limit);
        (shown.into_iter().map(told).collect(), left_out)
    }
}

fn refused(why: &NotTaken) -> PushRefused {
    match why {
        NotTaken::TooFast { .. } => PushRefused::TooFast(why.to_string()),
        NotTaken::Unknown => PushRefused::NotYet(why.to_string()),
        _ => PushRefused::Bad(why.to_string()),
    }
}
