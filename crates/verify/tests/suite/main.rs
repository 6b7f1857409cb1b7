//! Verifies real programs, which the tests compile: with Go, gcc for two machines, musl-gcc, rustc and zig.

mod against_the_kernel;
mod applets;
mod budgets;
mod catalogue;
mod configurations;
mod entries;
mod host;
mod images;
mod launchers;
mod loaders;
mod long_files;
mod nodes;
mod odd_images;
mod real_programs;
mod robustness;
mod scripts;
mod standard_input;
mod startups;
mod steps;
mod support;
mod symbols;
mod tails;
