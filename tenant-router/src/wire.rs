//! HTTP on an open connection: hyper with the timers and limits that it does not set by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

/// What the two sides agreed to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// The settings of both protocols.
#[derive(Debug)]
pub(crate) struct Wire {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    first_request: Duration,
}

impl Wire {
    pub(crate) fn new(header_read: Duration) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read)
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
        Self { http1: builder.clone().http1_only(), http2: builder.http2_only(), first_request: header_read }
    }

    /// Serves one connection to its end. A client that says nothing is cut: HTTP/2 has no time limit for the first frame.
    pub(crate) async fn serve<I, F, R>(&self, io: I, protocol: Protocol, watcher: Watcher, answer: F)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(Request<Body>) -> R,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let spoken = Arc::new(AtomicBool::new(false));
        let heard = spoken.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            heard.store(true, Ordering::Relaxed);
            let answer = answer(request.map(Body::new));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let builder = match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        };
        let connection = watcher.watch(builder.serve_connection(TokioIo::new(io), service));
        let silence = async {
            tokio::time::sleep(self.first_request).await;
            if spoken.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            },
            () = silence => tracing::debug!("a connection without any request"),
        }
    }
}
