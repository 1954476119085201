//! SIGTERM, Ctrl-C, SIGHUP and SIGBUS.
//!
//! The service awaits [`stop_signal`] and [`reload_signals`]; commands check the token of
//! [`cancel_token`] between units of work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;

use crate::cancel::CancelToken;

/// Resolves at the next SIGTERM or Ctrl-C. Signals count from this call on, not from the first
/// poll.
///
/// # Errors
/// The system refuses the signal handler.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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

/// Receives an item for every SIGHUP, which asks a service to reload. Signals that arrive while an
/// item waits are merged with it.
///
/// # Errors
/// The system refuses the signal handler.
pub fn reload_signals() -> std::io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() && !sender.is_closed() {
                let _ = sender.try_send(());
            }
        });
    }
    #[cfg(not(unix))]
    drop(sender);
    Ok(receiver)
}

/// Ends the process with `code` without exit handlers.
///
/// The exit handlers of ONNX Runtime would free it while other threads still use it, and crash.
#[expect(unsafe_code, reason = "the standard library cannot exit without exit handlers")]
pub fn exit_without_handlers(code: i32) -> ! {
    // SAFETY: the call has no preconditions. Standard error is not buffered, so no output is lost.
    unsafe { libc::_exit(code) }
}

/// From now on, reading a part of a mapped file that no longer exists ends the process with a
/// message instead of a bare signal. It happens when a file becomes shorter while it is mapped.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no signal handlers")]
pub fn explain_bus_errors() {
    extern "C" fn explain(_: libc::c_int) {
        const MESSAGE: &[u8] = b"saplink: a file of an index or model became shorter while it was in use, or its disk \
            failed; replace an index as a whole, as `saplink index build --force` does, and start again\n";
        // SAFETY: both calls may be made in a signal handler (signal-safety(7)); the buffer is
        // static.
        unsafe {
            libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(1);
        }
    }
    // SAFETY: the structure is complete, and the handler calls nothing that is unsafe in a handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = explain as *const () as usize;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}

/// Mapped files are explained on Linux only.
#[cfg(not(target_os = "linux"))]
pub fn explain_bus_errors() {}

/// A token that the first SIGTERM or Ctrl-C cancels. The second signal ends the process.
///
/// # Errors
/// The thread that waits for signals cannot be started.
pub fn cancel_token() -> std::io::Result<CancelToken> {
    let canceled = Arc::new(AtomicBool::new(false));
    let flag = canceled.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for is_first in [true, false] {
                let Ok(signal) = stop_signal() else { return };
                signal.await;
                if !is_first {
                    exit_without_handlers(130);
                }
                flag.store(true, Ordering::Relaxed);
            }
        });
    })?;
    Ok(CancelToken::on(canceled))
}
