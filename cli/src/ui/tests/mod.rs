//! The model by its events, and the view by its frames.

mod fixture;
mod frames;
mod model;
