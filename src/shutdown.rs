//! SIGTERM and Ctrl-C.
//!
//! Invariant: a service stops by a future that it is given, a long computation by a flag that it looks at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Resolves at the first SIGTERM or Ctrl-C.
pub async fn signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A flag that the first SIGTERM or Ctrl-C raises; the second ends the process.
pub fn flag() -> std::io::Result<Arc<AtomicBool>> {
    let raised = Arc::new(AtomicBool::new(false));
    let flag = raised.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            if signal().await.is_ok() {
                flag.store(true, Ordering::Relaxed);
                let _ = signal().await;
                std::process::exit(130);
            }
        });
    })?;
    Ok(raised)
}
