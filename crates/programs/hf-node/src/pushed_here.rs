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
        match self.0.push(push) {
            Ok(taken) => Ok(PushTaken { healthy: taken.healthy, valid_for: taken.valid_for }),
            Err(why @ NotTaken::TooFast { .. }) => Err(PushRefused::TooFast(why.to_string())),
            Err(why @ NotTaken::Unknown) => Err(PushRefused::NotYet(why.to_string())),
            Err(why) => Err(PushRefused::Bad(why.to_string())),
        }
    }

    fn told(&self, check: &CheckName) -> Vec<PushTold> {
        let told = |told: Told| PushTold {
            endpoint: told.endpoint,
            is_good: told.is_good,
            text: told.text,
            by: told.by,
            ago: told.ago,
            left: told.left,
            healthy: told.healthy,
        };
        self.0.told(check).into_iter().map(told).collect()
    }
}
