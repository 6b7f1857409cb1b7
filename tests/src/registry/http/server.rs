use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::message::{Answer, Head, Request, invalid};
use super::tls::{Stream, Tls};

/// The time after which a silent client is dropped.
const IDLE: Duration = Duration::from_secs(60);

/// One connection with a client.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
}

/// Whether the connection serves another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next request may follow.
    Continue,
    /// The connection ends.
    Close,
}

/// Answers requests. Called from many threads at once.
pub trait Handler: Send + Sync + 'static {
    /// Reads the body if there is one, and answers.
    ///
    /// # Errors
    ///
    /// The connection broke; it is closed.
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow>;
}

impl Connection {
    /// Calls `sink` with each part of the body, after `100 Continue` if the client waits for it.
    ///
    /// # Errors
    ///
    /// The connection broke, or `sink` refused.
    pub fn read_body(
        &mut self,
        request: &Request,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let has_body = request.headers.is_chunked() || request.headers.body_length().is_some_and(|n| n > 0);
        if has_body && request.headers.get("Expect").is_some() {
            self.writer().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.writer().flush()?;
        }
        if request.headers.is_chunked() {
            return read_chunks(&mut self.stream, sink);
        }
        read_exactly(&mut self.stream, request.headers.body_length().unwrap_or(0), sink)
    }

    /// Reads the whole body.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn whole_body(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        let length = request.headers.body_length().unwrap_or(0).min(1 << 30);
        let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        self.read_body(request, &mut |part| {
            body.extend_from_slice(part);
            Ok(())
        })?;
        Ok(body)
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Returns the side to which answers are written.
    pub fn writer(&mut self) -> &mut dyn Write {
        self.stream.get_mut()
    }

    /// Tells the client that no more answers come, and lets it go on sending.
    pub fn end_of_answers(&self) {
        let _gone = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends the connection at once. A client that is still sending gets a reset.
    pub fn abort(&self) {
        // A connection that is already gone needs no end.
        let _gone = self.socket.shutdown(Shutdown::Both);
    }
}

fn read_exactly(
    from: &mut impl Read,
    mut left: u64,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sink(&buffer[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Reads a body in chunks (RFC 9112 § 7.1).
pub(super) fn read_chunks(
    from: &mut impl BufRead,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let mut line = String::new();
        from.take(1 << 10).read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("not the size of a chunk"))?;
        read_exactly(from, size, sink)?;
        if size == 0 {
            while from.take(1 << 10).read_line(&mut line)? > 2 {}
            return Ok(());
        }
        from.take(2).read_line(&mut line)?;
    }
}

/// A server on a free port of the loopback interface, which ends when it is dropped.
pub struct HttpServer {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpServer({})", self.port)
    }
}

impl HttpServer {
    /// Starts a server.
    pub fn start(handler: impl Handler) -> Self {
        Self::start_with(handler, None)
    }

    /// Starts a server that speaks TLS with its clients if `tls` is given.
    pub fn start_with(handler: impl Handler, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (handler, shared) = (Arc::new(handler), Arc::new(Shared::default()));
        let ours = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if ours.ended.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, ours, tls) = (Arc::clone(&handler), Arc::clone(&ours), tls.clone());
                // A client that breaks off is as good an end as any.
                std::thread::spawn(move || drop(connection(&ours, socket, tls.as_ref(), &*handler)));
            }
        });
        Self { port, shared }
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // The listener's thread sees the end at the next connection, which is this one.
        let _woken = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
        let connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.iter() {
            let _gone = connection.shutdown(Shutdown::Both);
        }
    }
}

fn connection(
    shared: &Shared,
    socket: TcpStream,
    tls: Option<&Tls>,
    handler: &dyn Handler,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(IDLE))?;
    let stream = match tls {
        Some(tls) => tls.accept(socket.try_clone()?)?,
        None => Box::new(socket.try_clone()?),
    };
    {
        let mut connections = shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that ended have no peer; keeping them would run out of file descriptors.
        connections.retain(|connection| connection.peer_addr().is_ok());
        connections.push(socket.try_clone()?);
    }
    let mut connection = Connection { stream: BufReader::with_capacity(128 << 10, stream), socket };
    let served = serve(&mut connection, handler);
    connection.abort();
    served
}

fn serve(connection: &mut Connection, handler: &dyn Handler) -> io::Result<()> {
    loop {
        let head = match Head::read(&mut connection.stream) {
            Ok(Some(head)) => Request::from_head(head),
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        let request = match head {
            // The start of a TLS handshake, for one. Servers of plain HTTP answer it so.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Answer::new(400).with("Connection", "close").write(connection.writer());
            }
            head => head?,
        };
        let flow = handler.serve(connection, &request)?;
        if flow == Flow::Close || request.headers.closes() {
            return Ok(());
        }
    }
}
