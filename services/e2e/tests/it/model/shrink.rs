//! Cuts a run down to the fewest steps that still give a difference (delta debugging).

use super::{Difference, Run};
use wharf_testkit::Stack;

/// Most runs made for it: each takes a moment, and a run of a dozen steps is short enough to be read.
const ATTEMPTS_MAX: usize = 150;

/// The difference that the fewest steps give.
pub(super) async fn shrink(stack: &Stack, mut run: Run, mut difference: Box<Difference>) -> Box<Difference> {
    // What follows a difference has no part in it.
    run.taken.truncate(difference.steps.len());
    let (mut chunk, mut attempts) = (run.taken.len() / 2, 0);
    while chunk > 0 && attempts < ATTEMPTS_MAX {
        let (mut at, mut shorter) = (0, false);
        while at < run.taken.len() && attempts < ATTEMPTS_MAX {
            attempts += 1;
            let mut fewer = run.clone();
            fewer.taken.drain(at..(at + chunk).min(run.taken.len()));
            match fewer.play(stack).await {
                Ok(_) => at += chunk,
                Err(found) => {
                    fewer.taken.truncate(found.steps.len());
                    (run, difference, shorter) = (fewer, found, true);
                }
            }
        }
        if chunk > 1 || !shorter {
            chunk /= 2;
        }
    }
    difference
}
