//! The program against the model: random people ask for random things, and every answer must be the one that
//! `wharf-model` gives.
//!
//! One installation serves all runs, each in orgs of its own. A run is drawn from its seed beforehand, so it can be played
//! again with `WHARF_SEED`. When an answer differs, the run is cut down to the shortest that still differs, and told in lines.
//! Each run ends with a sweep: everyone asks for every crate and version, so that what is listed is what can be downloaded.

mod again;
mod dice;
mod draws;
mod driver;
mod git;
mod legacy;
mod requests;
mod shrink;

use dice::Dice;
use driver::Driver;
use std::collections::BTreeSet;
use wharf_domain::Clock;
use wharf_model::{Expected, Model, Step};
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, runs, seeds};

/// Steps of one run before the sweep.
const STEPS: usize = 120;

/// A run, or what is left of one: the steps that its seed gives, and which of them are taken.
#[derive(Clone, Debug)]
struct Run {
    seed: u64,
    taken: Vec<usize>,
}

/// An answer that is not what the model says, to the last of some steps.
#[derive(Debug)]
struct Difference {
    steps: Vec<Step>,
    expected: Expected,
    observed: Expected,
}

/// The steps of a seed for orgs that begin now.
fn steps(stack: &Stack, seed: u64) -> Vec<Step> {
    Dice::new(Chance::new(seed), stack.clock.now().unix()).run(STEPS)
}

impl Run {
    /// Plays in new orgs; the statuses met, or the first difference.
    async fn play(&self, stack: &Stack) -> Result<BTreeSet<u16>, Box<Difference>> {
        let mut driver = Driver::new(stack).await;
        let all = steps(stack, self.seed);
        let mut model = Model::new("acme", driver.now());
        let (mut met, mut done) = (BTreeSet::new(), Vec::new());
        for step in self.taken.iter().map(|at| &all[*at]) {
            done.push(step.clone());
            match step {
                Step::Pass(seconds) => {
                    model.pass(*seconds);
                    driver.pass(*seconds).await;
                }
                Step::Ask(request) => {
                    let expected = driver::settled(model.answer(request));
                    let observed = driver.ask(request).await;
                    if expected != observed {
                        return Err(Box::new(Difference { steps: done, expected, observed }));
                    }
                    met.insert(observed.status);
                }
            }
        }
        Ok(met)
    }
}

impl Difference {
    fn told(&self) -> String {
        let lines: Vec<String> = self.steps.iter().map(|step| format!("  {step}")).collect();
        format!(
            "{}\n--- the model says {} {:#}\n--- the program says {} {:#}",
            lines.join("\n"),
            self.expected.status,
            self.expected.body,
            self.observed.status,
            self.observed.body,
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_the_one_the_model_gives() {
    let stack = Stack::builder().behind_proxies().start().await;
    let mut met = BTreeSet::new();
    for seed in seeds("model", runs(6, 600)) {
        let run = Run { seed, taken: (0..steps(&stack, seed).len()).collect() };
        match run.play(&stack).await {
            Ok(statuses) => met.extend(statuses),
            Err(first) => {
                let shortest = shrink::shrink(&stack, run, first).await;
                panic!("WHARF_SEED={seed}: {} steps suffice\n{}", shortest.steps.len(), shortest.told());
            }
        }
    }
    for status in [200, 201, 204, 302, 400, 401, 403, 404, 409] {
        assert!(met.contains(&status), "nobody was answered {status}: the runs ask too little");
    }
    stack.stop().await;
}
