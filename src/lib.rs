//! callnumber: a library's phone number as a staffed desk.
pub mod at;
pub mod cli;
pub mod desk;
pub mod modem;
pub mod routing;
pub mod simulator;
pub mod sms;
pub mod spool;
pub mod web;
