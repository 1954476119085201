//! What changes the service.

use axum::{Json, extract::State};
use tokio::sync::oneshot;

use crate::http::{
    App,
    answer::Reloaded,
    problem::{Kind, Problem},
};

/// Load index, tokens and certificate anew
///
/// As SIGHUP does. Requests that have begun are finished with what they began with. What cannot be loaded is refused, and what was served is
/// served on. A request that is out of time before all is loaded is answered 503; loading goes on.
#[utoipa::path(
    post,
    path = "/admin/reload",
    tag = "operation",
    responses(
        (status = 200, description = "What is served now", body = Reloaded, example = json!({
            "model": "saplink-mini@167c812a", "index": "starter@378052a3"})),
        (status = 409, description = "Something was refused, or is being loaded already", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Starting, stopping or out of time", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reload(State(app): State<App>) -> Result<Json<Reloaded>, Problem> {
    app.linker()?;
    let (tell, told) = oneshot::channel();
    app.reload.try_send(tell).map_err(|_| Problem::new(Kind::NotReloaded, "it is being loaded already"))?;
    let reloaded = told.await.map_err(|_| Problem::new(Kind::NotReady, "the service is stopping"))?;
    reloaded.map_err(|reason| Problem::new(Kind::NotReloaded, reason))?;
    Ok(Json(Reloaded::new(&*app.linker()?)))
}
