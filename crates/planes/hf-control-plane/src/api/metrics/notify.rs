//! How notices arrive, by receiver.

use super::Page;
use crate::notify::Notifications;

pub(super) fn notify(page: &mut Page, notifications: &Notifications) {
    for (receiver, counts) in notifications.counts() {
        for (what, count) in
            [("delivered", counts.delivered), ("failed", counts.failed), ("dropped", counts.dropped)]
        {
            let labels = [("receiver", receiver.clone()), ("what", what.to_owned())];
            let help = "Notices that a receiver took, tries that failed, and notices that were given up";
            page.counter("notices", help, &labels, count);
        }
        let labels = [("receiver", receiver)];
        let help = "Lines of the journal that a receiver has not been told of yet";
        page.gauge("notices_behind_lines", help, &labels, counts.behind());
        if let Some(at) = counts.delivered_at {
            page.instant(
                "notice_delivered_timestamp_seconds",
                "When a receiver last took a notice",
                &labels,
                at,
            );
        }
    }
}
