//! The page and the table, as text and in a browser.

mod browser;
mod chromium;
mod common;
mod contrast;
mod page;
mod terminal;
