//! A proxy that leads every host to one server of this machine.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

/// A proxy whose CONNECT leads to one port of this machine, whatever host it names. With it, a registry of a test has the name
/// of a hosted one. It ends with the test's process.
#[derive(Debug)]
pub struct Tunnel {
    port: u16,
}

impl Tunnel {
    /// Starts a proxy to a port.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that breaks off is as good an end as any.
                thread::spawn(move || drop(connect(client, target)));
            }
        });
        Self { port }
    }

    /// Returns the address for `HTTPS_PROXY`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn connect(mut client: TcpStream, target: u16) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let back = thread::spawn(move || {
        let copied = io::copy(&mut from_server, &mut to_client);
        // The client must not wait for more.
        let _closed = to_client.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    back.join().expect("copying does not panic")?;
    Ok(())
}
