//! `saplink serve`.

use std::{future::Future, io, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, sync::watch};

use super::{load_encoder, model_of};
use crate::{
    cli::ServeArgs,
    encoder::Runtime,
    http::{self, App, Limits},
    index::{FilterRequest, Index},
    linker::{Linker, Query},
    shutdown, telemetry,
};

/// Serves until SIGTERM or Ctrl-C.
pub fn run(args: &ServeArgs) -> Result<()> {
    telemetry::init(args.log_level, args.log_format);
    let onnxruntime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
        serve(args, onnxruntime, listener, shutdown::signal()).await
    });
    runtime.shutdown_background();
    outcome?;
    // Work that nobody waits for any more may still be inside ONNX Runtime.
    shutdown::exit_at_once(0)
}

async fn serve(
    args: &ServeArgs,
    onnxruntime: Runtime,
    listener: TcpListener,
    stop: impl Future<Output = io::Result<()>>,
) -> Result<()> {
    let limits = Limits {
        body_bytes: args.max_body_bytes,
        mentions: args.max_mentions,
        mention_bytes: args.max_mention_bytes,
        top_k: args.max_top_k,
        candidates: args.max_candidates,
    };
    let app = App::new(limits, args.queue, onnxruntime.build_info());
    let router = http::router(app.clone(), seconds(args.request_timeout));
    tracing::info!(library = %onnxruntime.path().display(), "ONNX Runtime");
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let (drain, mut draining) = watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = draining.changed().await;
    });
    let mut server = tokio::spawn(server.into_future());

    let load = Load {
        onnxruntime,
        index: args.index.clone(),
        // Lists that compose files put together may have gaps.
        hide_sources: args.hide_sources.iter().filter(|source| !source.is_empty()).cloned().collect(),
        max_restriction_level: args.max_restriction_level,
        exact: args.exact,
        model: args.model.clone(),
        run: args.run.clone(),
    };
    let mut loading = tokio::task::spawn_blocking(move || load.linker());
    tokio::pin!(stop);
    tokio::select! {
        loaded = &mut loading => {
            let linker = loaded??;
            let index = linker.index();
            tracing::info!(
                model = linker.encoder().manifest().label(),
                index = index.manifest().label(),
                hidden_sources = index.manifest().sources.len() - index.concepts().sources().count(),
                device = %linker.encoder().device(),
                "ready"
            );
            app.ready(linker);
            tokio::select! {
                stopped = &mut stop => stopped?,
                ended = &mut server => return Ok(ended??),
            }
        }
        stopped = &mut stop => stopped?,
    }
    app.stop();
    tracing::info!("stopping; accepted requests are being finished");
    let _ = drain.send(true);
    match tokio::time::timeout(seconds(args.drain_timeout), server).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!("some requests were not finished in time"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn seconds(n: usize) -> Duration {
    Duration::from_secs(n as u64)
}

/// What is loaded while the service already answers its probes.
struct Load {
    onnxruntime: Runtime,
    index: PathBuf,
    hide_sources: Vec<String>,
    max_restriction_level: Option<u8>,
    exact: bool,
    model: Option<PathBuf>,
    run: crate::cli::RunArgs,
}

impl Load {
    fn linker(self) -> Result<Linker> {
        let hint = if self.index.exists() { "" } else { " (`saplink index build` makes one, --index names another)" };
        let mut index = Index::open(&self.index)
            .with_context(|| format!("cannot open the index {}{hint}", self.index.display()))?;
        index.hide(&self.hide_sources, self.max_restriction_level).context("cannot hide sources")?;
        let unknown = index.concepts().sources().filter(|source| source.restriction_level.is_none());
        let unknown: Vec<&str> = unknown.map(|source| source.source.as_str()).collect();
        if self.max_restriction_level.is_some() && !unknown.is_empty() {
            tracing::warn!(sources = unknown.join(", "), "of unknown restriction level, and therefore shown");
        }
        if self.exact {
            index.search_exactly();
        }
        let model = self.model.unwrap_or_else(|| model_of(&index));
        let encoder = load_encoder(&self.onnxruntime, &model, &self.run)?;
        let linker = Linker::new(encoder, index)?;
        // The first inference allocates: no client should wait for that.
        let filter = FilterRequest::default();
        linker.link(&[Query { text: "warm-up".into(), top_k: 1, min_score: None, filter }])?;
        Ok(linker)
    }
}
