//! Records for people outside the desk: transcripts as text, JSON and mbox, reports as CSV and
//! pictures. Pure: whoever reads the spool hands the lines in, with names instead of numbers.

mod picture;
mod report;
mod statistic;
mod transcript;

pub use picture::{Measure, picture};
pub use report::{Division, Period, Report, Row, day_after, start_of};
pub use statistic::{Kind, Statistic};
pub use transcript::{Form, Line, Transcript};
