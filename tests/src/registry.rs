//! Registries and the network between them and a client: real registries on the loopback interface, one of ours with the
//! habits of hosted services, and a proxy that injects faults.

pub mod certificates;
mod distribution;
pub mod encoding;
pub mod http;
pub mod memory;
mod moto;
mod ocimem;
pub mod peers;
mod proxy;
pub mod random;
mod sample;
pub mod schedule;
pub mod tokens;
mod tunnel;

pub use distribution::{Access, Distribution, Program};
pub use memory::{Habits, MemoryRegistry};
pub use moto::Moto;
pub use ocimem::{OciMemory, TagRule};
pub use peers::{Peer, Way};
pub use proxy::Proxy;
pub use sample::Sample;
pub use schedule::Schedule;
pub use tunnel::Tunnel;
