//! What Cloudflare asks for what was counted: the paid plan's prices beyond what it includes, by Cloudflare's documentation of
//! 2026, in dollars.

use crate::local::Counted;

const MILLION: f64 = 1e6;
/// For a million requests to a Worker.
const REQUESTS: f64 = 0.30;
/// For a million milliseconds of a Worker's processor.
const PROCESSOR: f64 = 0.02;
/// For a million operations of R2 that write or list.
const CLASS_A: f64 = 4.50;
/// For a million operations of R2 that read.
const CLASS_B: f64 = 0.36;
/// For a million rows of D1 that are read.
const ROWS_READ: f64 = 0.001;
/// For a million rows of D1 that are written.
const ROWS_WRITTEN: f64 = 1.00;
/// For a gigabyte in R2 for a month.
pub(crate) const STORED: f64 = 0.015;

/// The parts of a price, in dollars.
pub(crate) struct Price {
    pub(crate) requests: f64,
    pub(crate) processor: f64,
    pub(crate) r2: f64,
    pub(crate) d1: f64,
}

impl Price {
    /// Of what was counted, done so many times, at `processor` milliseconds each.
    pub(crate) fn of(counted: &Counted, processor: f64, times: f64) -> Self {
        let price = |count: u64, dollars: f64| count as f64 * times * dollars / MILLION;
        Self {
            requests: price(counted.all(), REQUESTS),
            processor: processor * times * PROCESSOR / MILLION,
            r2: price(counted.class_a, CLASS_A) + price(counted.class_b, CLASS_B),
            d1: price(counted.rows_read, ROWS_READ) + price(counted.rows_written, ROWS_WRITTEN),
        }
    }

    /// Everything.
    pub(crate) fn sum(&self) -> f64 {
        self.requests + self.processor + self.r2 + self.d1
    }
}
