//! How instants become periods: zones, and the steps of a span.

mod retention;
mod span;
mod step;
mod to_zone;
mod zone;

pub use retention::Retention;
pub use span::Span;
pub use step::Step;
pub use to_zone::ToZone;
pub use zone::Zone;
