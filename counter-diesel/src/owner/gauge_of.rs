use counter_core::{CounterKey, Invalid};

/// A gauge of the model `M`: any text, or a variant of the enum of gauges that
/// `#[derive(HasCounters)]` makes for that model.
///
/// ```
/// # use counter_diesel::{Counters, Error, HasCounters};
/// # use counter_diesel::query::GaugeOf;
/// #[derive(HasCounters)]
/// #[counters(gauges(stock(every(day))))]
/// struct Shop {
///     id: i64,
/// }
///
/// fn record(counters: &Counters, shop: &Shop, gauge: impl GaugeOf<Shop>) -> Result<(), Error> {
///     counters.record(shop, gauge, 812)
/// }
///
/// # fn calls(counters: &Counters, shop: &Shop) -> Result<(), Error> {
/// record(counters, shop, ShopGauge::Stock)?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gauge of `{M}`",
    label = "not a gauge of `{M}`",
    note = "a gauge is a text, or a variant of the enum that `#[derive(HasCounters)]` makes of \
         `gauges(...)` for this very model; what is counted is incremented, and not recorded"
)]
pub trait GaugeOf<M: ?Sized> {
    /// The key of its total.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a text is empty, too long or contains NUL.
    fn gauge_key(&self) -> Result<CounterKey, Invalid>;
}

impl<M: ?Sized> GaugeOf<M> for &str {
    fn gauge_key(&self) -> Result<CounterKey, Invalid> {
        self.parse()
    }
}

impl<M: ?Sized> GaugeOf<M> for String {
    fn gauge_key(&self) -> Result<CounterKey, Invalid> {
        self.parse()
    }
}

impl<M: ?Sized> GaugeOf<M> for CounterKey {
    fn gauge_key(&self) -> Result<CounterKey, Invalid> {
        Ok(self.clone())
    }
}

impl<M: ?Sized, G: GaugeOf<M>> GaugeOf<M> for &G {
    fn gauge_key(&self) -> Result<CounterKey, Invalid> {
        G::gauge_key(self)
    }
}
