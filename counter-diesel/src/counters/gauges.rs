//! Gauges, which are recorded and not added to.

use chrono::FixedOffset;
use counter_core::{CounterKey, Grain, Period, Span, Zone};

use super::counters::Counters;
use super::counting::Counting;
use super::readings::Readings;
use crate::engine::buckets::Steps;
use crate::engine::calendar::Counted;
use crate::engine::counting::{Declared, NoZone, declared, named_gauge, zone_of};
use crate::engine::gauges::{newest, not_recorded, readings};
use crate::engine::kept;
use crate::error::{Error, GaugeProblem};
use crate::owner::counter_owner::CounterOwner;
use crate::owner::gauge_of::GaugeOf;
use crate::sync::record::record;

impl Counters {
    /// Records a reading of a gauge, such as a stock, now. The last reading of a period stays. The
    /// call may be repeated, because it sets a value and adds nothing.
    ///
    /// The reading is kept for the running period of each grain that the model declares. It is also
    /// the value of the gauge's total, which [`get`](Self::get) and
    /// [`counter_value`](crate::HasCounters::counter_value) return for the key's text. Use
    /// [`at`](Self::at) for [an earlier reading](Counting::record).
    ///
    /// One script in Redis and one transaction. If no reading of the gauge was recorded for 8 days,
    /// this also looks for the period of the newest reading, which takes two queries and a look for
    /// each grain.
    ///
    /// If the clock of this process is ahead of the store's by more than
    /// [`newest_event`](crate::CountersBuilder::newest_event), the reading is recorded in the
    /// periods of its clock, and the next reading of another process replaces the total.
    ///
    /// ```
    /// # use chrono::{TimeDelta, Utc};
    /// # use counter_diesel::{Counters, Error, HasCounters};
    /// # use counter_diesel::query::{Grain, Span};
    /// #[derive(HasCounters)]
    /// #[counters(gauges(stock(every(day))))]
    /// struct Shop {
    ///     id: i64,
    /// }
    ///
    /// # fn show(counters: &Counters, shop: &Shop) -> Result<(), Error> {
    /// counters.record(shop, ShopGauge::Stock, 812)?;
    /// counters.at(Utc::now() - TimeDelta::days(1)).record(shop, ShopGauge::Stock, 790)?;
    /// if let Some((day, stock)) = counters.latest(shop, ShopGauge::Stock)? {
    ///     println!("{stock} in stock, as of {day}");
    /// }
    /// let days = counters.readings(shop, ShopGauge::Stock, Span::last(30, Grain::Day))?;
    /// for (day, stock) in days.carried() {
    ///     println!("{} {stock:?}", day.start().date());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), [`Error::ZoneNeeded`] as [`increment`](Self::increment), and
    /// [`Error::Gauge`] for a text that the model declares as a key that is counted.
    pub fn record<O: CounterOwner>(
        &self,
        owner: O,
        gauge: impl GaugeOf<O::Model>,
        value: i64,
    ) -> Result<(), Error> {
        Counting::new(self).record(owner, gauge, value)
    }

    /// Returns the newest reading of a gauge with its period, which has the shortest of the
    /// declared grains that have it. `None` if there is no reading in a period that has begun.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] if the model declares no grain for the gauge, and the errors of
    /// [`get`](Self::get).
    pub fn latest<O: CounterOwner>(
        &self,
        owner: O,
        gauge: impl GaugeOf<O::Model>,
    ) -> Result<Option<(Period, i64)>, Error> {
        let calendar = self.calendar();
        let (Counted { id, grains, zone }, no_zone) = named_gauge(calendar, &owner, &gauge, None)?;
        let zone = match no_zone {
            None => zone,
            // No other zone begins the period earlier.
            Some(NoZone::ById) => {
                FixedOffset::east_opt(14 * 3600).map(Zone::from).unwrap_or_default()
            }
            Some(NoZone::Invalid(invalid)) => return Err(invalid.into()),
        };
        let (of, key) = (owner.owner()?, CounterKey::new(id.key().into_owned())?);
        if grains.is_empty() {
            return Err(Error::NotKept { key, grain: Grain::Day, stored: Vec::new(), since: None });
        }
        let mut grains = grains.to_vec();
        grains.sort();
        let recent = calendar.recent();
        let mut latest = None::<(Period, i64)>;
        for grain in grains {
            let until = Period::at(grain, recent.now, zone);
            let found = newest(self.engine(), &id, until, recent)?;
            let floor = kept::floor(self.engine(), of.owner_type(), &key, grain)?;
            let since = calendar.raised(floor, grain, recent.now, Some(zone)).since;
            let is_kept = |period: Period| since.is_none_or(|at| period.start() >= at);
            // A shorter grain that was declared later may lack newer readings.
            let is_newer = |period: Period| {
                let begun = period.instants(zone).start;
                latest.is_none_or(|(before, _)| begun >= before.instants(zone).end)
            };
            latest = found.filter(|(at, _)| is_kept(*at) && is_newer(*at)).or(latest);
        }
        Ok(latest)
    }

    /// Returns the readings of a gauge in each step of a span, oldest first. A step of an
    /// undeclared grain has the last reading of the shortest declared grain that divides it: a
    /// month has the last one of its days. Hours are used only if no other grain divides it.
    ///
    /// # Errors
    ///
    /// As [`During::get`](crate::During::get).
    pub fn readings<O: CounterOwner>(
        &self,
        owner: O,
        gauge: impl GaugeOf<O::Model>,
        span: impl Into<Span>,
    ) -> Result<Readings, Error> {
        let (engine, calendar) = (self.engine(), self.calendar());
        let (Counted { id, grains, .. }, _) =
            named_gauge(calendar, &owner, &gauge, Some(Zone::UTC))?;
        let steps = Steps::at(calendar.now(), span.into(), zone_of(calendar, &owner)?);
        let mut steps = steps.ok_or_else(|| Error::ZoneNeeded { counter: id.clone() })??;
        let (of, key) = (owner.owner()?, CounterKey::new(id.key().into_owned())?);
        let parts = steps.parts_of(&key, grains)?;
        let floor = kept::floor(engine, of.owner_type(), &key, parts)?;
        let floor = calendar.raised(floor, parts, calendar.now(), steps.zone).without_longer();
        steps.cut(&key, grains, &floor, parts)?;
        let periods = steps.periods(&id, grains)?;
        let buckets = periods.iter().flatten().map(|period| id.within(*period));
        let mut found = readings(engine, &buckets.collect::<Result<Vec<_>, _>>()?)?.into_iter();
        let last_of = |periods: &Vec<Period>| {
            found.by_ref().take(periods.len()).fold(None, |last, reading| reading.or(last))
        };
        let of_steps = periods.iter().map(last_of).collect::<Vec<_>>();
        let first = periods.iter().flatten().next().copied();
        let before = match (first, of_steps.first()) {
            (Some(first), Some(None)) => {
                let before = newest(engine, &id, first.previous(), calendar.recent())?;
                let is_kept = |period: Period| floor.since.is_none_or(|at| period.start() >= at);
                before.filter(|(period, _)| is_kept(*period)).map(|(_, reading)| reading)
            }
            _ => None,
        };
        let begun = steps.begun();
        Ok(Readings::new(steps.steps.into_iter().zip(of_steps).collect(), before, begun))
    }
}

impl Counting<'_> {
    /// Records a reading of a gauge that was made at this instant, or in this zone: see
    /// [`Counters::record`]. A reading older than the newest one changes neither the total nor the
    /// bucket of the newest one's period. In earlier periods the reading that is recorded last
    /// stays.
    ///
    /// # Errors
    ///
    /// As [`Counters::record`], and [`Error::TooLate`] or [`Error::TooEarly`], after which nothing
    /// was recorded.
    pub fn record<O: CounterOwner>(
        self,
        owner: O,
        gauge: impl GaugeOf<O::Model>,
        value: i64,
    ) -> Result<(), Error> {
        let Self { counters, event, zone } = self;
        let calendar = counters.calendar();
        let (counted, no_zone) = named_gauge(calendar, &owner, &gauge, zone)?;
        no_zone.map_or(Ok(()), |why| Err(why.of_write(&counted.id, not_recorded)))?;
        let declared = declared::<O>(calendar, owner.owner()?.owner_type(), &gauge.gauge_key()?);
        if declared == Declared::Counted {
            return Err(Error::Gauge(GaugeProblem::IsCounted { counter: counted.id }));
        }
        let recent = calendar.recent();
        let at = if event.is_some() { calendar.instant(event)? } else { recent.now };
        record(counters.engine(), &counted, at, value, recent)
    }
}
