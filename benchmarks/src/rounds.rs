use std::time::{Duration, Instant};

/// The seconds that each side took in each round.
pub struct Rounds {
    pub ours: Vec<f64>,
    pub limit: Vec<f64>,
}

impl Rounds {
    /// Lets both sides do the same work in each round. They take turns in going first. Each returns
    /// the seconds for one piece of work.
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

    /// Returns our time relative to that of the limit in the same round.
    pub fn times(&self) -> Spread {
        self.each(|ours, limit| ours / limit)
    }

    /// Returns our rate relative to that of the limit.
    pub fn rates(&self) -> Spread {
        self.each(|ours, limit| limit / ours)
    }

    /// Returns by how much our time was longer.
    pub fn more(&self) -> Spread {
        self.each(|ours, limit| ours - limit)
    }

    fn each(&self, compare: impl Fn(f64, f64) -> f64) -> Spread {
        Spread::of(self.ours.iter().zip(&self.limit).map(|(ours, limit)| compare(*ours, *limit)))
    }
}

/// The median and the extremes of what was measured.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Ignores what is not a number.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values = values.into_iter().filter(|value| !value.is_nan()).collect::<Vec<_>>();
        assert!(!values.is_empty(), "no round was finished: the machine is too busy");
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median: (low + high) / 2.0, min: values[0], max: values[values.len() - 1] }
    }
}

/// Returns the seconds that `act` takes.
pub fn seconds(act: impl FnOnce()) -> f64 {
    time(act).as_secs_f64()
}

pub fn time(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}
