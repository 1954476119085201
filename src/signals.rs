//! SIGTERM, Ctrl-C and SIGHUP.
//!
//! Invariant: a service stops by a future that it is given, a long computation by a flag that it looks at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;

use crate::cancel::CancelToken;

/// Resolves at the first SIGTERM or Ctrl-C from now on.
pub fn signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Each SIGHUP from now on, which asks a service to load anew what it serves.
pub fn hangups() -> std::io::Result<mpsc::Receiver<()>> {
    let (tell, told) = mpsc::channel(1);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() && !tell.is_closed() {
                // One that waits already stands for this one too.
                let _ = tell.try_send(());
            }
        });
    }
    #[cfg(not(unix))]
    drop(tell);
    Ok(told)
}

/// Ends the process with `code` and runs no exit handlers: those of ONNX Runtime would tear it down under threads that are still
/// inside it, which is a crash.
#[expect(unsafe_code, reason = "the standard library has no way to leave without exit handlers")]
pub fn exit_at_once(code: i32) -> ! {
    // SAFETY: the call has no preconditions; standard error is not buffered, so that nothing is lost.
    unsafe { libc::_exit(code) }
}

/// A token that the first SIGTERM or Ctrl-C cancels. The second signal ends the process.
pub fn cancel_token() -> std::io::Result<CancelToken> {
    let raised = Arc::new(AtomicBool::new(false));
    let flag = raised.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for first in [true, false] {
                let Ok(signal) = signal() else { return };
                signal.await;
                if !first {
                    exit_at_once(130);
                }
                flag.store(true, Ordering::Relaxed);
            }
        });
    })?;
    Ok(CancelToken::on(raised))
}
