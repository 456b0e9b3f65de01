use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use counter_diesel::{Counters, HasCounters};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::posts::{Post, PostCounter, Posts};

/// The state that all requests share. Clones are the same state.
#[derive(Clone)]
pub struct App {
    pub counters: Counters,
    pub posts: Posts,
}

pub fn router(app: App) -> Router {
    Router::new()
        .route("/posts/{id}/view", post(view))
        .route("/posts/{id}", get(show))
        .route("/top", get(top))
        .with_state(app)
}

/// Counts a view. Does not check that the post exists, because that would cost what counting saves.
async fn view(State(app): State<App>, Path(id): Path<i64>) -> Response {
    let counted = blocking(move || {
        Ok(app.counters.increment(Post::counter_owner(id)?, PostCounter::Views, 1))
    });
    match counted.await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        // An error would make the client retry, which would count some views twice.
        Ok(Err(error)) if error.is_outcome_unknown() => {
            (StatusCode::ACCEPTED, "it is unknown whether the view was counted\n").into_response()
        }
        Ok(Err(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the view was not counted\n").into_response()
        }
        Err(failed) => failed.into_response(),
    }
}

async fn show(State(app): State<App>, Path(id): Path<i64>) -> Result<Response, Failed> {
    blocking(move || {
        let Some(post) = app.posts.find(id)? else {
            return Ok((StatusCode::NOT_FOUND, "no such post\n").into_response());
        };
        // Exact while Redis is reachable. Otherwise the page shows what the last sync wrote.
        let (views, is_exact) = match post.counter(&app.counters, PostCounter::Views) {
            Ok(views) => (views, true),
            Err(_) => (app.counters.baseline(&post, PostCounter::Views)?, false),
        };
        let body = json!({ "id": post.id, "title": post.title, "views": views, "exact": is_exact });
        Ok(Json(body).into_response())
    })
    .await
}

async fn top(State(app): State<App>) -> Result<Response, Failed> {
    blocking(move || {
        let rows = app.posts.most_viewed(10)?;
        let posts = rows.into_iter().map(|(id, views)| json!({ "id": id, "views": views }));
        Ok(Json(posts.collect::<Vec<_>>()).into_response())
    })
    .await
}

/// Runs `work` on a thread that may block, because counters and Diesel do.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, Failed> {
    let result = spawn_blocking(work).await;
    result.map_err(|panicked| Failed(panicked.into()))?.map_err(Failed)
}

/// An error that the client can do nothing about.
struct Failed(anyhow::Error);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        eprintln!("error: {:#}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, "something failed; see the log\n").into_response()
    }
}
