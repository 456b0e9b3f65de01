//! How a pass goes through everything that matches, without claiming it.

use std::ops::ControlFlow;

use counter_core::{CounterId, Foreign};

use crate::error::Error;
use crate::sync::passes::folding::Pass;
use crate::sync::report::observer::SyncEvent;
use crate::sync::sweep::Sweep;

impl Pass<'_, '_> {
    /// Finds everything that matches and hands it on batch by batch, unless the observer ends the
    /// pass.
    pub(crate) fn sweep(
        &mut self,
        mut visit: impl FnMut(&mut Self, Vec<CounterId>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let engine = self.engine;
        let mut sweep = Sweep::new(engine.store(), self.pattern.clone(), self.batch_size);
        while !sweep.is_over() && !self.log.should_stop() {
            let batch = sweep.next_batch(|foreign| {
                self.note_page(foreign);
                if self.log.observer.should_stop() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            self.log.report.times.scan += sweep.take_spent();
            let batch = batch?;
            if !batch.is_empty() {
                self.log.found(batch.len() as u64);
                visit(self, batch)?;
            }
        }
        Ok(())
    }

    pub(crate) fn note_page(&mut self, foreign: Vec<Foreign>) {
        foreign.into_iter().for_each(|foreign| self.report_foreign(foreign));
        self.log.observer.notify(SyncEvent::Scanned);
    }
}
