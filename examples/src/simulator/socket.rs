//! Connections that can be broken from within a request, in order or by a reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const WHOLE: u8 = 0;
const CLOSED: u8 = 1;
const RESET: u8 = 2;

/// Breaks the connection that a request came on.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker(Arc<AtomicU8>);

impl Breaker {
    /// From now on nothing is written, and the connection ends in order.
    pub fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// From now on nothing is written, and the connection ends by a reset.
    pub fn reset(&self) {
        self.0.store(RESET, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) == WHOLE {
            return Ok(());
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Self {
        stream.io().breaker.clone()
    }
}

/// Accepts such connections.
pub(super) struct Sockets(TcpListener);

impl Sockets {
    pub fn new(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for Sockets {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Without it small writes wait for company; that it fails means that the client is gone already.
        drop(stream.set_nodelay(true));
        let breaker = Breaker::default();
        (Socket { stream, breaker }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

pub(super) struct Socket {
    stream: TcpStream,
    breaker: Breaker,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.breaker.0.load(Ordering::Acquire) == RESET {
            // Closed with what is unsent thrown away: the other side sees a reset.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.breaker.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.breaker.check()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
