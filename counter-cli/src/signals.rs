use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::{Exit, Failure};

/// The signals that stop the command. The first is a request; the second stops it at once, which
/// loses nothing either.
pub(crate) struct Signals {
    control: Arc<Control>,
}

#[derive(Default)]
struct Control {
    first: Mutex<Option<Exit>>,
    arrived: Condvar,
}

impl Signals {
    /// Catches SIGINT and SIGTERM, which from then on no longer end the process by themselves.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let failure = |error| Failure::failed("signals cannot be caught").because(&error);
        Self::listen().map_err(failure)
    }

    fn listen() -> io::Result<Self> {
        let control = Arc::<Control>::default();
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        let of_thread = Arc::clone(&control);
        thread::Builder::new().name("counter-signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                let exit = Exit::Signal(signal.try_into().unwrap_or_default());
                if of_thread.lock().replace(exit).is_some() {
                    signal_hook::low_level::exit(exit.code().into());
                }
                of_thread.arrived.notify_all();
            }
        })?;
        Ok(Self { control })
    }

    /// Returns the exit code of the signal that has arrived, if any.
    pub(crate) fn arrived(&self) -> Option<Exit> {
        *self.control.lock()
    }

    /// Waits until a signal arrives, at most for this long.
    pub(crate) fn wait(&self, at_most: Duration) -> Option<Exit> {
        let end = Instant::now().checked_add(at_most);
        let mut first = self.control.lock();
        loop {
            let left =
                end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if first.is_some() || left.is_zero() {
                return *first;
            }
            let arrived = &self.control.arrived;
            first = arrived.wait_timeout(first, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Option<Exit>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
