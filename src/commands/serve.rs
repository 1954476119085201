//! Runs `saplink serve`: starts the service and reloads it.
//!
//! Invariant: a reload that fails changes nothing that works: the previous index, tokens or
//! certificate stay active.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::commands::common::{default_model_dir, load_encoder, read_lexicon};
use crate::{
    cancel::CancelToken,
    cli::{InferenceArgs, ServeArgs},
    concepts::{Filter, FilterRequest},
    encoder::{Encoder, ModelManifest, Runtime},
    http::{self, Access, App, AppOptions, ConnectionLimits, ReloadRequest, Tls, Tokens},
    index::Index,
    linker::{LinkLimits, LinkOptions, Linker, Query},
    signals, telemetry,
};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: &ServeArgs) -> Result<()> {
    telemetry::init(args.log_level, args.log_format);
    ensure!(
        args.listen.ip().is_loopback() || args.tokens.is_some() || args.insecure,
        "other machines can reach {}: give --tokens FILE, or --insecure if a proxy before saplink authenticates clients",
        args.listen
    );
    #[cfg(feature = "otlp")]
    if let Some(collector) = &args.otlp_endpoint {
        telemetry::otlp::start(collector).context("cannot export spans")?;
    }
    let onnxruntime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        // Before the port is open: a client that can connect can also stop the service.
        let stop = signals::stop_signal()?;
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
        serve(args, onnxruntime, listener, stop).await
    });
    runtime.shutdown_background();
    #[cfg(feature = "otlp")]
    telemetry::otlp::finish();
    outcome?;
    // Canceled work may still be inside ONNX Runtime.
    signals::exit_without_handlers(0)
}

async fn serve(
    args: &ServeArgs,
    onnxruntime: Runtime,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let (app, reload_requests) = App::new(app_options(args, &onnxruntime), &http::route_paths());
    let credentials = Credentials::read(args)?;
    let router = http::router(app.clone(), credentials.access(args));
    tracing::info!(library = %onnxruntime.path().display(), "ONNX Runtime");
    let scheme = if credentials.tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
    let (drain, mut draining) = watch::channel(false);
    let connections = ConnectionLimits { connections: args.max_connections, idle_timeout: seconds(args.idle_timeout) };
    let server = tokio::spawn(http::serve(listener, router, connections, credentials.tls.clone(), async move {
        let _ = draining.changed().await;
    }));

    let loader = Arc::new(LinkerLoader::new(args, onnxruntime));
    let hangups = signals::reload_signals()?;
    tokio::pin!(stop);
    tokio::select! {
        loaded = loader.clone().load(None) => app.activate(loaded?),
        () = &mut stop => {}
    }
    if app.active().is_some() {
        // Stopping does not wait for a reload.
        tokio::select! {
            () = &mut stop => {}
            () = serve_reloads(&app, reload_requests, hangups, &credentials, &loader) => {}
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

fn app_options(args: &ServeArgs, onnxruntime: &Runtime) -> AppOptions {
    AppOptions {
        limits: LinkLimits {
            mentions: args.max_mentions,
            mention_bytes: args.max_mention_bytes,
            top_k: args.max_top_k,
            candidates: args.max_candidates,
        },
        body_bytes: args.max_body_bytes,
        queue: args.queue,
        request_timeout: seconds(args.request_timeout),
        onnxruntime: onnxruntime.build_info().into(),
    }
}

fn seconds(count: usize) -> Duration {
    Duration::from_secs(count as u64)
}

/// Reloads at every SIGHUP and every reload request, one after another, until the service stops.
async fn serve_reloads(
    app: &App,
    mut requests: mpsc::Receiver<ReloadRequest>,
    mut hangups: mpsc::Receiver<()>,
    credentials: &Credentials,
    loader: &Arc<LinkerLoader>,
) {
    loop {
        let request = tokio::select! {
            Some(()) = hangups.recv() => None,
            Some(request) = requests.recv() => Some(request),
            else => std::future::pending().await,
        };
        let mut errors = credentials.reload();
        let active = app.active().map(|service| service.linker().encoder().clone());
        match loader.clone().load(active).await {
            Ok(linker) => app.activate(linker),
            Err(error) => errors.push(format!("{error:#}")),
        }
        for error in &errors {
            tracing::error!(error, "not reloaded; this part stays as it was");
        }
        if let Some(request) = request {
            let outcome = if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) };
            // The client may have left.
            let _ = request.send(outcome);
        }
    }
}

/// The tokens of clients and the certificate of the service.
struct Credentials {
    tokens: Option<Arc<Tokens>>,
    tls: Option<Arc<Tls>>,
}

impl Credentials {
    fn read(args: &ServeArgs) -> Result<Self> {
        let tokens = args.tokens.as_deref().map(|path| Tokens::read(path, args.rate_limit)).transpose();
        let files = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
        let tls = files.map(|(certificate, key)| Tls::read(certificate, key)).transpose();
        Ok(Self {
            tokens: tokens.context("cannot read the tokens")?.map(Arc::new),
            tls: tls.context("cannot serve HTTPS")?.map(Arc::new),
        })
    }

    fn access(&self, args: &ServeArgs) -> Access {
        match &self.tokens {
            Some(tokens) => Access::Tokens(tokens.clone()),
            None if args.listen.ip().is_loopback() => Access::Local,
            None => Access::Public,
        }
    }

    /// Reads both again and gives the errors.
    fn reload(&self) -> Vec<String> {
        let tokens = self.tokens.as_ref().and_then(|tokens| tokens.reload().err());
        let tls = self.tls.as_ref().and_then(|tls| tls.reload().err());
        let tokens = tokens.map(|error| format!("tokens: {error}"));
        tokens.into_iter().chain(tls.map(|error| format!("certificate: {error}"))).collect()
    }
}

/// Loads index, model and lexicon, at the start and at each reload.
struct LinkerLoader {
    onnxruntime: Runtime,
    index: PathBuf,
    hide_sources: Vec<String>,
    max_restriction_level: Option<u8>,
    exact: bool,
    model: Option<PathBuf>,
    lexicon: Option<PathBuf>,
    /// Bytes of the cache of vectors.
    cache: usize,
    run: InferenceArgs,
}

impl LinkerLoader {
    fn new(args: &ServeArgs, onnxruntime: Runtime) -> Self {
        Self {
            onnxruntime,
            index: args.index.clone(),
            // Compose files may assemble a list with empty entries.
            hide_sources: args.hide_sources.iter().filter(|source| !source.is_empty()).cloned().collect(),
            max_restriction_level: args.max_restriction_level,
            exact: args.exact,
            model: args.model.clone(),
            lexicon: args.lexicon.clone(),
            cache: args.cache.as_u64() as usize,
            run: args.run.clone(),
        }
    }

    /// Loads on a thread of its own. Keeps the encoder `active` if the model is the same.
    async fn load(self: Arc<Self>, active: Option<Arc<Encoder>>) -> Result<Linker> {
        let linker = tokio::task::spawn_blocking(move || self.load_blocking(active)).await??;
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

    fn load_blocking(&self, active: Option<Arc<Encoder>>) -> Result<Linker> {
        let lexicon = read_lexicon(self.lexicon.as_deref())?;
        let index = self.open_index()?;
        let model = self.model.clone().unwrap_or_else(|| default_model_dir(&index));
        let encoder = match active {
            Some(encoder) if ModelManifest::read(&model)?.fingerprint() == encoder.manifest().fingerprint() => encoder,
            _ => {
                let mut encoder = load_encoder(&self.onnxruntime, &model, &self.run)?;
                encoder.enable_cache(self.cache);
                Arc::new(encoder)
            }
        };
        let linker = Linker::new(encoder, index)?.with_lexicon(lexicon);
        // The first inference allocates, and the first search reads from disk: no client waits for
        // that.
        let filter = Filter::new(&FilterRequest::default(), linker.index().concepts());
        let query =
            Query { text: "warm-up", top_k: 1, min_score: None, filter: &filter, options: LinkOptions::default() };
        linker.link(&[query], &CancelToken::never())?;
        Ok(linker)
    }

    /// Opens the index and hides sources.
    fn open_index(&self) -> Result<Index> {
        let hint = if self.index.exists() { "" } else { " (`saplink index build` makes one, --index names another)" };
        let mut index = Index::open(&self.index)
            .with_context(|| format!("cannot open the index {}{hint}", self.index.display()))?;
        index.hide(&self.hide_sources, self.max_restriction_level).context("cannot hide sources")?;
        let unknown = index.concepts().sources().filter(|source| source.restriction_level.is_none());
        let unknown: Vec<&str> = unknown.map(|source| source.source.as_str()).collect();
        if self.max_restriction_level.is_some() && !unknown.is_empty() {
            tracing::warn!(sources = unknown.join(", "), "the restriction level of sources is unknown; they are shown");
        }
        if self.exact {
            index.search_exactly();
        }
        Ok(index)
    }
}
