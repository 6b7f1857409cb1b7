//! The commands, one file each.

pub(crate) mod cache;
pub(crate) mod config;
pub(crate) mod describe;
pub(crate) mod dist;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod index;
pub(crate) mod init;
pub(crate) mod lint;
pub(crate) mod login;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod push;
pub(crate) mod rebase;
pub(crate) mod registry;
pub(crate) mod render;
pub(crate) mod resolve;
pub(crate) mod run;
mod shell;
pub(crate) mod update;
pub(crate) mod verify;
pub(crate) mod version;
