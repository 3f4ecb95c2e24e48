//! The console and the API against the real desk: spool on disk, router, router's owner.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod aids;
mod api;
mod book;
mod browser;
mod calls;
mod description;
mod entry;
mod events;
mod examples;
mod gallery;
mod guide;
mod house;
mod icons;
mod keys;
mod letters;
mod lines;
mod links;
mod metrics;
mod packing;
#[path = "../support/post_office.rs"]
mod post_office;
mod presence;
mod process;
mod records;
mod roles;
mod settings;
mod site;
mod tabs;
mod tls;
#[allow(dead_code)] // The demonstration's test has frames.
mod webdriver;
mod widget;
