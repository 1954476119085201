//! Runs `saplink serve`: starts the service and reloads it.
//!
//! Invariant: a reload changes index, tokens and certificate together, or nothing. It logs one line
//! that says which.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_rustls::TlsAcceptor;

use crate::commands::common::{default_model_dir, load_encoder, open_index, read_lexicon};
use crate::{
    cancel::CancelToken,
    cli::{InferenceArgs, ServeArgs},
    concepts::{Filter, FilterRequest},
    encoder::{Encoder, ModelManifest, Runtime},
    files::is_open_for_writing,
    http::{self, Access, App, AppOptions, ConnectionLimits, Hosts, ReloadRequest, Tls, TokenSet, Tokens},
    index::Index,
    linker::{LinkLimits, LinkOptions, Linker, Query},
    signals, telemetry,
};

/// Time before the end of `--drain-timeout` at which streams are ended.
const STREAM_END: Duration = Duration::from_secs(1);

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
    let router = http::router(
        app.clone(),
        credentials.access(args),
        Hosts::new(&args.allowed_hosts, args.listen.ip().is_loopback()),
    );
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
        loaded = loader.clone().load(None) => activate(&app, loaded?, "ready"),
        () = &mut stop => {}
    }
    if app.active().is_some() {
        // Stopping does not wait for a reload.
        tokio::select! {
            () = &mut stop => {}
            () = serve_reloads(&app, reload_requests, hangups, &credentials, &loader) => {}
        }
    }
    // So that a stream can still say that it ends.
    app.stop(seconds(args.drain_timeout).saturating_sub(STREAM_END));
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
            mention_bytes: args.max_mention_bytes.as_u64() as usize,
            top_k: args.max_top_k,
            candidates: args.max_candidates,
        },
        body_bytes: args.max_body_bytes.as_u64() as usize,
        queue: args.queue,
        request_timeout: seconds(args.request_timeout),
        idle_timeout: seconds(args.idle_timeout),
        base_path: args.base_path.clone(),
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
        app.set_reloading(true);
        let outcome = reload(app, credentials, loader).await;
        if let Err(error) = &outcome {
            tracing::error!(error, "nothing was reloaded: index, lexicon, tokens and certificate stay as they were");
        }
        app.set_reloading(false);
        if let Some(request) = request {
            // The client may have left.
            let _ = request.send(outcome);
        }
    }
}

/// Loads every part, and makes them active only if all of them can be loaded.
async fn reload(app: &App, credentials: &Credentials, loader: &Arc<LinkerLoader>) -> Result<(), String> {
    let active = app.active().map(|service| service.linker().encoder().clone());
    let (loaded, linker) = (credentials.read_again(), loader.clone().load(active).await);
    let linker = linker.map_err(|error| format!("{error:#}"));
    let (loaded, linker) = match (loaded, linker) {
        (Ok(loaded), Ok(linker)) => (loaded, linker),
        (loaded, linker) => {
            return Err([loaded.err(), linker.err()].into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
    };
    credentials.replace(loaded);
    activate(app, linker, "reloaded");
    Ok(())
}

/// Makes `linker` the active one, and logs what is served now.
fn activate(app: &App, linker: Linker, message: &str) {
    let (index, encoder) = (linker.index(), linker.encoder());
    tracing::info!(
        model = encoder.manifest().label(),
        index = index.manifest().label(),
        hidden_sources = index.manifest().sources.len() - index.concepts().sources().count(),
        device = %encoder.device(),
        "{message}"
    );
    app.activate(linker);
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

    /// Reads both again, without using them; gives the errors of both.
    fn read_again(&self) -> Result<LoadedCredentials, String> {
        let tokens = self.tokens.as_ref().map(|tokens| tokens.read_again()).transpose();
        let tls = self.tls.as_ref().map(|tls| tls.read_again()).transpose();
        match (tokens, tls) {
            (Ok(tokens), Ok(tls)) => Ok(LoadedCredentials { tokens, tls }),
            (tokens, tls) => {
                let tokens = tokens.err().map(|error| format!("tokens: {error}"));
                let tls = tls.err().map(|error| format!("certificate: {error}"));
                Err([tokens, tls].into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
        }
    }

    /// Uses what was loaded.
    fn replace(&self, loaded: LoadedCredentials) {
        if let Some((tokens, loaded)) = self.tokens.as_ref().zip(loaded.tokens) {
            tokens.replace(loaded);
        }
        if let Some((tls, loaded)) = self.tls.as_ref().zip(loaded.tls) {
            tls.replace(loaded);
        }
    }
}

/// Tokens and certificate that were read and are not in use yet.
struct LoadedCredentials {
    tokens: Option<TokenSet>,
    tls: Option<TlsAcceptor>,
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
        tokio::task::spawn_blocking(move || self.load_blocking(active)).await?
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
        for entry in self.index.read_dir().into_iter().flatten().flatten() {
            ensure!(
                !is_open_for_writing(&entry.path()),
                "{}: another process is writing this file, and a mapped file must not change; wait for its end, and \
                 replace an index as a whole, as `saplink index build --force` does",
                entry.path().display()
            );
        }
        let mut index = open_index(&self.index)?;
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
