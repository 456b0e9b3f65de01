use std::time::{Duration, Instant};

/// What each side took in each round.
pub struct Rounds {
    pub ours: Vec<f64>,
    pub limit: Vec<f64>,
}

impl Rounds {
    /// Lets both sides do the same work so many times, each side first in every other round. Each returns what it
    /// took: seconds, for one piece of work.
    pub fn alternate(
        rounds: usize,
        mut ours: impl FnMut() -> f64,
        mut limit: impl FnMut() -> f64,
    ) -> Self {
        let mut taken = Self { ours: Vec::new(), limit: Vec::new() };
        for round in 0..rounds {
            if round % 2 == 0 {
                taken.ours.push(ours());
                taken.limit.push(limit());
            } else {
                taken.limit.push(limit());
                taken.ours.push(ours());
            }
        }
        taken
    }

    /// What ours took, in what the limit took in the same round.
    pub fn times(&self) -> Spread {
        self.each(|ours, limit| ours / limit)
    }

    /// How much of the limit's rate ours has.
    pub fn rates(&self) -> Spread {
        self.each(|ours, limit| limit / ours)
    }

    /// What ours took more.
    pub fn more(&self) -> Spread {
        self.each(|ours, limit| ours - limit)
    }

    fn each(&self, compare: impl Fn(f64, f64) -> f64) -> Spread {
        Spread::of(self.ours.iter().zip(&self.limit).map(|(ours, limit)| compare(*ours, *limit)))
    }
}

/// The middle and the ends of what was measured.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of those that are numbers.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values = values.into_iter().filter(|value| !value.is_nan()).collect::<Vec<_>>();
        assert!(!values.is_empty(), "no round was finished: the machine is too busy");
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median: (low + high) / 2.0, min: values[0], max: values[values.len() - 1] }
    }
}

/// The seconds that something takes.
pub fn seconds(act: impl FnOnce()) -> f64 {
    time(act).as_secs_f64()
}

pub fn time(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}
