//! The clock.

use sci_service::Clock;
use sci_store_api::UnixMillis;

/// The platform's clock, which stands still between two requests to something outside.
#[derive(Debug)]
pub(crate) struct DateClock;

impl Clock for DateClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(worker::Date::now().as_millis())
    }
}
