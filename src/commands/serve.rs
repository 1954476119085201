//! `saplink serve`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{net::TcpListener, sync::watch};

use crate::commands::common::{default_model_dir, load_encoder};
use crate::{
    cli::ServeArgs,
    concepts::FilterRequest,
    encoder::{Encoder, ModelManifest, Runtime},
    http::{self, Access, App, ConnectionLimits, Limits, Tls, Tokens},
    index::Index,
    linker::{Linker, Query},
    signals, telemetry,
};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: &ServeArgs) -> Result<()> {
    telemetry::init(args.log_level, args.log_format);
    ensure!(
        args.listen.ip().is_loopback() || args.tokens.is_some() || args.insecure,
        "{} can be reached from other machines: give --tokens FILE, or --insecure if something before saplink knows who asks",
        args.listen
    );
    #[cfg(feature = "otlp")]
    if let Some(collector) = &args.otlp_endpoint {
        telemetry::otlp::start(collector).context("cannot export spans")?;
    }
    let onnxruntime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        // Before anybody can know that it is there.
        let stop = signals::stop_signal()?;
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
        serve(args, onnxruntime, listener, stop).await
    });
    runtime.shutdown_background();
    #[cfg(feature = "otlp")]
    telemetry::otlp::finish();
    outcome?;
    // Work that nobody waits for any more may still be inside ONNX Runtime.
    signals::exit_without_handlers(0)
}

async fn serve(
    args: &ServeArgs,
    onnxruntime: Runtime,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let limits = Limits {
        body_bytes: args.max_body_bytes,
        mentions: args.max_mentions,
        mention_bytes: args.max_mention_bytes,
        top_k: args.max_top_k,
        candidates: args.max_candidates,
    };
    let (app, mut asked) = App::new(limits, args.queue, seconds(args.request_timeout), onnxruntime.build_info());
    let tokens = args.tokens.as_deref().map(|path| Tokens::read(path, args.rate_limit)).transpose();
    let tokens = tokens.context("cannot read the tokens")?.map(Arc::new);
    let tls = args.tls_cert.as_deref().zip(args.tls_key.as_deref()).map(|(cert, key)| Tls::read(cert, key)).transpose();
    let tls = tls.context("cannot serve HTTPS")?.map(Arc::new);
    let access = match &tokens {
        Some(tokens) => Access::Tokens(tokens.clone()),
        None if args.listen.ip().is_loopback() => Access::Local,
        None => Access::Everybody,
    };
    let router = http::router(app.clone(), access);
    tracing::info!(library = %onnxruntime.path().display(), "ONNX Runtime");
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
    let (drain, mut draining) = watch::channel(false);
    let connections = ConnectionLimits { connections: args.max_connections, idle: seconds(args.idle_timeout) };
    let server = tokio::spawn(http::serve(listener, router, connections, tls.clone(), async move {
        let _ = draining.changed().await;
    }));

    let load = Arc::new(Load {
        onnxruntime,
        index: args.index.clone(),
        // Lists that compose files put together may have gaps.
        hide_sources: args.hide_sources.iter().filter(|source| !source.is_empty()).cloned().collect(),
        max_restriction_level: args.max_restriction_level,
        exact: args.exact,
        model: args.model.clone(),
        cache: args.cache.as_u64() as usize,
        run: args.run.clone(),
    });
    let mut hangups = signals::reload_signals()?;
    tokio::pin!(stop);
    tokio::select! {
        loaded = load.clone().linker(None) => app.ready(loaded?),
        () = &mut stop => {}
    }
    // What is loaded anew takes its time: stopping does not wait for that.
    let reloading = async {
        loop {
            let asked = tokio::select! {
                Some(()) = hangups.recv() => None,
                Some(asked) = asked.recv() => Some(asked),
                else => std::future::pending().await,
            };
            let mut refused = vec![];
            refused.extend(tokens.as_ref().and_then(|tokens| tokens.reload().err()).map(|e| format!("tokens: {e}")));
            refused.extend(tls.as_ref().and_then(|tls| tls.reload().err()).map(|e| format!("certificate: {e}")));
            match load.clone().linker(app.served().map(|linker| linker.encoder().clone())).await {
                Ok(linker) => app.ready(linker),
                Err(e) => refused.push(format!("{e:#}")),
            }
            for error in &refused {
                tracing::error!(error, "not reloaded; what was served is served on");
            }
            // Who asked may have gone.
            let outcome = if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) };
            let _ = asked.map(|asked| asked.send(outcome));
        }
    };
    if app.served().is_some() {
        tokio::select! {
            () = &mut stop => {}
            () = reloading => {}
        }
    }
    app.stop();
    tracing::info!("stopping; accepted requests are being finished");
    let _ = drain.send(true);
    match tokio::time::timeout(seconds(args.drain_timeout), server).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!("some requests were not finished in time"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn seconds(n: usize) -> Duration {
    Duration::from_secs(n as u64)
}

/// What is loaded while the service already answers its probes, and again when it is told to.
struct Load {
    onnxruntime: Runtime,
    index: PathBuf,
    hide_sources: Vec<String>,
    max_restriction_level: Option<u8>,
    exact: bool,
    model: Option<PathBuf>,
    cache: usize,
    run: crate::cli::InferenceArgs,
}

impl Load {
    /// Loads on a thread of its own; `served` is an encoder that is kept if the model is still the same.
    async fn linker(self: Arc<Self>, served: Option<Arc<Encoder>>) -> Result<Linker> {
        let linker = tokio::task::spawn_blocking(move || self.load(served)).await??;
        let (index, encoder) = (linker.index(), linker.encoder());
        tracing::info!(
            model = encoder.manifest().label(),
            index = index.manifest().label(),
            hidden_sources = index.manifest().sources.len() - index.concepts().sources().count(),
            device = %encoder.device(),
            "ready"
        );
        Ok(linker)
    }

    fn load(&self, served: Option<Arc<Encoder>>) -> Result<Linker> {
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
        let model = self.model.clone().unwrap_or_else(|| default_model_dir(&index));
        let kept = match served {
            Some(encoder) if ModelManifest::read(&model)?.fingerprint() == encoder.manifest().fingerprint() => {
                Some(encoder)
            }
            _ => None,
        };
        let encoder = match kept {
            Some(encoder) => encoder,
            None => {
                let mut encoder = load_encoder(&self.onnxruntime, &model, &self.run)?;
                encoder.enable_cache(self.cache);
                Arc::new(encoder)
            }
        };
        let linker = Linker::new(encoder, index)?;
        // The first inference allocates, and the first search reads from disk: no client should wait for that.
        let filter = FilterRequest::default();
        linker.link(&[Query { text: "warm-up".into(), top_k: 1, min_score: None, filter }])?;
        Ok(linker)
    }
}
