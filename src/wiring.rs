//! Every channel, task and the order of shutdown, on one screen.
//!
//! ```text
//! listener   task            places                 when full     holds
//! a stream   accept loop     connections_max        kernel queue  ingest, Q1 sender
//! ingest     accept loop     connections_max        kernel queue  ingest, Q1 sender, store
//! query      accept loop     connections_max        kernel queue  engine, store
//! each connection            one task, ended by its loop
//!
//! queue      bound                    full means              made in
//! Q1         memory.batches bytes     TCP waits, HTTP 429     here (model::handoff)
//! Q2         index_queue_batches      the WAL thread waits    Store::open
//! live       64 batches a reader      the reader misses some  Store::open
//!
//! thread     ends when
//! wal        Q1 has no sender and is empty; syncs a last time
//! indexer    the WAL thread dropped Q2; commits a last time
//! maintenance told by Store::close
//! upkeep     task, `stop`
//! reload     task, `stop`; holds ingest, as connections do
//! ```
//!
//! Shutdown (SIGTERM, SIGINT): `stop`, and a seal under way is left -> loops stop accepting ->
//! connections drain -> the loops drop ingest and with it every Q1 sender -> the WAL thread
//! writes and syncs what Q1 holds -> the indexer commits -> exit 0. All of it has
//! `server.drain_timeout`, of which a fifth is kept for the store. What is not done by then waits
//! in the WAL for the next start. A second signal exits at once: what was acked is in the WAL.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::Request;
use metrics_exporter_prometheus::PrometheusHandle;
use tierlog_ingest::Ingest;
use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tierlog_model::{Clock, HandoffReceiver, Identities, Pseudonyms, SystemClock, handoff};
use tierlog_problem::{method_not_allowed, not_found};
use tierlog_query::QueryState;
use tierlog_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::health::{HealthState, health_router};
use crate::keys;
use crate::live::Live;
use crate::maintenance::dead_letters::finish_pending;
use crate::maintenance::dead_letters::http::{LettersState, letters_router};
use crate::maintenance::http::{MaintenanceState, maintenance_router};
use crate::metrics_http::{DiskRoom, MetricsState, metrics_router};
use crate::redaction_http::{RedactionState, redaction_router};
use crate::reload::http::reload_router;
use crate::reload::{Reloader, Startup, reload_on_signal};
use crate::server::{Addresses, Drain, Listeners, ReloadSignal, Services, StopSignals, uncharged};
use crate::{lost_map, openapi, settings};

/// How often recorded histogram values are folded into buckets: bounds their memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the server until a signal asks it to stop. `ready` is told the bound addresses.
pub(crate) async fn serve(
    startup: Startup,
    recorder: PrometheusHandle,
    ready: impl FnOnce(&Addresses) -> Result<()>,
) -> Result<()> {
    let config = startup.config.clone();
    let mut signals = StopSignals::new()?;
    let hangup = ReloadSignal::new()?;
    let listeners = Listeners::bind(&config).await?;
    let addresses = listeners.addresses()?;
    keys::make_private_directory(&config.server.data_dir).context("make the data directory")?;

    let memory = config.memory.budget();
    let (sender, receiver) = handoff(memory.part(MemoryUse::Batches).clone());
    let metrics = |store: &Store| MetricsState {
        recorder: recorder.clone(),
        store: store.clone(),
        memory: memory.clone(),
        disk: DiskRoom {
            directory: config.server.data_dir.clone(),
            low_bytes: config.store.free_bytes_low,
            reserve_bytes: config.store.free_bytes_min,
        },
    };
    let store = tokio::select! {
        opened = open_store(&config, receiver, &memory) => opened?,
        // Replay may take long; left half way it begins anew, as after a crash.
        () = signals.next() => {
            tracing::info!("stopped before the store was open");
            return Ok(());
        }
    };
    // One notion of the present for all that date, judge and delete: the store has made it of the
    // machine's clock and of what it remembers.
    let clock = store.clock();
    // ORDER: after the store has found the directory to be of a format that we know.
    lost_map::watch(&config.server.data_dir)?;
    let pseudonyms = open_keys(&config, &store)?;
    let metrics = Arc::new(metrics(&store));
    let redactor = settings::redactor(&config, &pseudonyms)?;
    let bodies = memory.part(MemoryUse::Bodies).clone();
    let ingest = Arc::new(Live::new(Ingest::new(
        config.ingest.clone(),
        Arc::new(redactor),
        sender,
        bodies,
        Arc::clone(&clock),
    )));
    let reloader = Reloader::new(startup, pseudonyms.clone(), Arc::clone(&ingest));
    let reloader = Arc::new(reloader);
    let operations = Router::new()
        .merge(health_router(Arc::new(HealthState::new(store.clone(), Arc::clone(&ingest)))))
        .merge(metrics_router(metrics));
    let query = query_state(&config, &store, pseudonyms, Arc::clone(&clock), &memory)?;
    let query_stop = query.stop_token();
    let query_routes = tierlog_query::http_router(Arc::new(query));
    let letters = dead_letter_routes(&store, &ingest, &clock, &query_stop, &memory).await;
    let redaction = RedactionState::new(Arc::clone(&ingest), clock.now());
    let services = Services {
        ingest_routes: ingest_routes(&ingest, operations.clone()),
        query_routes: query_routes
            .merge(maintenance_router(Arc::new(MaintenanceState::new(store.clone()))))
            .merge(letters)
            .merge(reload_router(Arc::clone(&reloader)))
            .merge(redaction_router(Arc::new(redaction)))
            .merge(uncharged(operations)),
        answers: memory.part(MemoryUse::Answers).clone(),
        ingest,
    };

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    listeners.start(&services, &stop, &mut tasks);
    // Each accept loop holds its services until the loop ends.
    drop(services);
    tasks.spawn(upkeep(recorder, stop.clone()));
    tasks.spawn(reload_on_signal(reloader, hangup, stop.clone()));
    ready(&addresses)?;

    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        // Never alive but deaf: a supervisor starts it anew.
        _ = tasks.join_next() => Err(anyhow::anyhow!("a listener has ended by itself")),
    };
    tracing::info!("stop accepting, drain connections; a second signal exits at once");
    signals.exit_on_next();
    let drain = Drain::starting_now(config.server.drain_timeout);
    store.prepare_close();
    // ORDER: connections before Q1 before the store, see the top of this file.
    stop.cancel();
    query_stop.cancel();
    while tasks.join_next().await.is_some() {}
    let closed = store.clone();
    drain.close(store).await?;
    if let Some(reason) = closed.poisoned() {
        // The exit code tells the supervisor that some received lines were not taken.
        anyhow::bail!("stopped after writes were refused: {reason}");
    }
    outcome
}

async fn open_store(
    config: &Config,
    receiver: HandoffReceiver,
    memory: &MemoryBudget,
) -> Result<Store> {
    let settings = settings::store_settings(config, &config.server.data_dir, memory);
    let machine = Arc::new(SystemClock);
    let opening = tokio::task::spawn_blocking(move || Store::open(settings, machine, receiver));
    opening.await.context("open the store")?.context("open the store")
}

fn query_state(
    config: &Config,
    store: &Store,
    pseudonyms: Pseudonyms,
    clock: Arc<dyn Clock>,
    memory: &MemoryBudget,
) -> Result<QueryState> {
    let query_config = settings::query_config(config, memory);
    let state = QueryState::new(store.clone(), Arc::new(pseudonyms), clock, query_config);
    Ok(state.with_contract(openapi::contract()))
}

/// Returns the routes of dead letters, after a replay that was cut short is finished: nobody is to
/// see letters that are records already.
async fn dead_letter_routes(
    store: &Store,
    ingest: &Arc<Live<Ingest>>,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
    memory: &MemoryBudget,
) -> Router {
    if let Err(error) = finish_pending(store, &ingest.current(), clock.as_ref()).await {
        tracing::warn!(%error, "leave a replay of dead letters for the next start");
    }
    let (ingest, clock) = (Arc::clone(ingest), Arc::clone(clock));
    let hits = memory.part(MemoryUse::Hits).clone();
    letters_router(Arc::new(LettersState::new(store.clone(), ingest, clock, stop.clone(), hits)))
}

/// Returns the routes that take lines. Each request is routed by the configuration of the moment.
fn ingest_routes(ingest: &Arc<Live<Ingest>>, operations: Router) -> Router {
    let routes = |ingest: &Arc<Ingest>| {
        tierlog_ingest::http_router(Arc::clone(ingest))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
    };
    let ingest = Arc::clone(ingest);
    let first = ingest.current();
    let built = Live::new((routes(&first), first));
    let current = Arc::new(move || {
        let current = ingest.current();
        let made = built.current();
        // Fast path: nothing was reloaded since the routes were built.
        if Arc::ptr_eq(&made.1, &current) {
            return made.0.clone();
        }
        let routes = routes(&current);
        built.replace((routes.clone(), current));
        routes
    });
    operations.fallback(move |request: Request| {
        let routes = current();
        async move {
            match routes.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        }
    })
}

fn open_keys(config: &Config, store: &Store) -> Result<Pseudonyms> {
    let section = &config.redaction;
    let (fields, places) = (&section.pseudonym_fields, &section.pseudonym_places);
    let identities = Identities::new(fields, places)?;
    let file = &section.pseudonym_key_file;
    let pseudonyms = keys::open(file, &config.server.data_dir, identities, store)?;
    Ok(pseudonyms)
}

async fn upkeep(recorder: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => recorder.run_upkeep(),
        }
    }
}
