//! `POST /admin/reload`.

use axum::{Json, extract::State};

use crate::http::{app::App, problem::Problem, response::Reloaded};

/// Reload index, tokens and certificate
///
/// Does what SIGHUP does. Everything is loaded and then becomes active together; if one part cannot
/// be loaded, nothing changes. Requests that have begun finish with the previous index. A request
/// whose time ends before everything is loaded is answered 503; the reload continues.
#[utoipa::path(
    post,
    path = "/admin/reload",
    tag = "operation",
    responses(
        (status = 200, description = "The active model and index", body = Reloaded, example = json!({
            "model": "saplink-mini@167c812a", "index": "starter@af90d365"})),
        (status = 409, description = "A part cannot be loaded, so nothing changed; or another reload is running", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Starting, stopping or out of time", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reload(State(app): State<App>) -> Result<Json<Reloaded>, Problem> {
    // Before the first index is loaded there is nothing to load again.
    app.service()?;
    app.reload().await?;
    Ok(Json(Reloaded::new(app.service()?.linker())))
}
