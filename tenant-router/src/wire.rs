//! HTTP on an open connection: hyper with the timers and limits that it does not set by itself.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::stall::Stalling;

/// What the two sides agreed to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// For the head of a request, and the first request of a connection.
    pub(crate) first: Duration,
    /// Between requests of HTTP/2.
    pub(crate) idle: Duration,
    /// In a write that the client does not take.
    pub(crate) stall: Duration,
}

/// The settings of both protocols.
#[derive(Debug)]
pub(crate) struct Wire {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    times: Times,
}

impl Wire {
    pub(crate) fn new(times: Times) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(times.first)
            .max_buf_size(64 * 1024)
            .max_headers(96);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(128)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .max_header_list_size(32 * 1024)
            .max_send_buf_size(256 * 1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(15));
        Self { http1: builder.clone().http1_only(), http2: builder.http2_only(), times }
    }

    /// Serves one connection to its end, or until `stop`, and then what is under way. A client that says nothing is cut:
    /// HTTP/2 has no time limit for the first frame, nor for idling.
    pub(crate) async fn serve<I, F, R>(&self, io: I, protocol: Protocol, stop: CancellationToken, answer: F)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(Request<Body>) -> R,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let begin = Instant::now();
        let heard = Arc::new(Heard::default());
        let ears = heard.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            ears.note(begin);
            let answer = answer(request.map(Body::new));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let builder = match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        };
        let io = TokioIo::new(Stalling::new(io, self.times.stall));
        let mut connection = pin!(builder.serve_connection(io, service));
        let quiet = async {
            tokio::time::sleep_until(begin + self.times.first).await;
            heard.last(begin)?;
            heard.quiet(begin, self.times.idle).await;
            Some(())
        };
        tokio::select! {
            ended = connection.as_mut() => return report(ended),
            () = stop.cancelled() => {}
            idle = quiet => if idle.is_none() {
                return tracing::debug!("a connection without any request");
            },
        }
        // Requests that are under way, streams among them, are served to their end.
        connection.as_mut().graceful_shutdown();
        report(connection.await);
    }
}

fn report<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// When the last request came: milliseconds since the connection began, and one; 0 is never.
#[derive(Debug, Default)]
struct Heard(AtomicU64);

impl Heard {
    fn note(&self, begin: Instant) {
        let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.0.store(milliseconds + 1, Ordering::Relaxed);
    }

    fn last(&self, begin: Instant) -> Option<Instant> {
        let noted = self.0.load(Ordering::Relaxed);
        Some(begin + Duration::from_millis(noted.checked_sub(1)?))
    }

    /// Ends when no request has come for so long.
    async fn quiet(&self, begin: Instant, idle: Duration) {
        while let Some(last) = self.last(begin)
            && last.elapsed() < idle
        {
            tokio::time::sleep_until(last + idle).await;
        }
    }
}
