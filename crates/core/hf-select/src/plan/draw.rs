//! Draws without replacement.

use crate::chance::Chance;

/// Moves up to `wanted` candidates to the front, each drawn by weight from those not drawn yet; with all weights 0, by even chance.
pub fn draw(left: &mut [u16], wanted: usize, chance: &mut Chance, weight: impl Fn(u16) -> u64) {
    let mut total: u64 = left.iter().map(|at| weight(*at)).sum();
    for front in 0..left.len().min(wanted) {
        let rest = &left[front..];
        let drawn = if total == 0 {
            chance.below(rest.len() as u64) as usize
        } else {
            let mut ticket = chance.below(total);
            rest.iter()
                .position(|at| {
                    let share = weight(*at);
                    let hit = ticket < share;
                    ticket = ticket.saturating_sub(share);
                    hit
                })
                .unwrap_or(0)
        };
        left.swap(front, front + drawn);
        total -= weight(left[front]);
    }
}
