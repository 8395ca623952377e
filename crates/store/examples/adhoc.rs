use sendry_domain::{
    counting::Arrival, fingerprint::Fingerprint, id::*, ledger::OldestHead, message::*, query::*,
    rollup::*, series::SeriesKind, time::*, window::Window,
};
use sendry_store::{MetricStore, RawEvent, RawEventStore, adapters::sqlite::*};
use serde_json::value::RawValue;
use std::time::Instant;
use uuid::Uuid;
const NOW: i64 = 1_800_000_000_000 + 15*3600*1000 + 1800*1000;
fn msg(t: &TenantId, id: u128, at: i64, scope: Scope, batch: bool, bodies: Vec<String>) -> Message {
    let fp = Fingerprint::of_batch(bodies.iter().map(|b| b.as_bytes()));
    Message {
        v: VERSION,
        id: MessageId(Uuid::from_u128(id)),
        tenant: t.clone(),
        pipeline: PipelineName::fallback(),
        accepted_at: UnixMillis(at),
        scope,
        requests: vec![RequestRef {
            request_id: "r".into(),
            key_id: KeyId::new("k").unwrap(),
            batch: batch.then(|| BatchRef {
                id: Uuid::from_u128(id + (1 << 90)),
                fingerprint: fp,
            }),
        }],
        events: bodies
            .into_iter()
            .enumerate()
            .map(|(i, b)| MessageEvent {
                request: 0,
                index: i as u32,
                fingerprint: Some(Fingerprint::of_event(b.as_bytes())),
                body: RawValue::from_string(b).unwrap(),
            })
            .collect(),
    }
}
fn rng(s: &mut u64) -> u64 {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    *s
}
fn ev(s: &mut u64, time: i64, endpoints: u64, id: Option<u64>) -> String {
    let r = rng(s);
    let ep = r % endpoints;
    let st = [200, 200, 404, 500][(r >> 20) as usize % 4];
    let lat = ((r >> 30) % 1000) as f64 * ((r >> 44) % 50) as f64 / 7.0 + 1.0;
    let id = id
        .map(|i| format!("\"eventId\":\"ev-{i}\","))
        .unwrap_or_default();
    format!(
        "{{{id}\"timestamp\":{time},\"serviceName\":\"shop-{}\",\"endpoint\":\"/e/{ep}\",\"method\":\"GET\",\"statusCode\":{st},\"latencyMs\":{lat:.3}}}",
        ep % 4
    )
}
#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let p = std::path::Path::new(&dir).join("store.db");
    for x in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{x}", p.display()));
    }
    let store = SqliteStore::open(&p, Options::default()).unwrap();
    let mut s = 88172645463325252u64;
    let mut n = 1u128;
    for (name, eps, ids, per) in [
        ("mixa", 25u64, false, 500usize),
        ("mixaid", 25, true, 500),
        ("mixb", 1000, false, 500),
        ("mixbid", 1000, true, 500),
        ("small", 25, false, 100),
    ] {
        let t = TenantId::new(name).unwrap();
        let rounds = 20;
        let mut all = vec![];
        let mut id = 0;
        for r in 0..rounds {
            let mut arr = vec![];
            for _ in 0..10000 / per {
                let bodies = (0..per)
                    .map(|_| {
                        id += 1;
                        ev(&mut s, NOW + r * 1000, eps, ids.then_some(id))
                    })
                    .collect();
                n += 1;
                arr.push(Arrival::read(
                    msg(
                        &t,
                        n + ((NOW as u128) << 80),
                        NOW,
                        Scope::Live,
                        !ids,
                        bodies,
                    ),
                    Window::default(),
                ));
            }
            all.push(arr);
        }
        let t0 = Instant::now();
        let mut worst = 0f64;
        for a in &all {
            let t1 = Instant::now();
            MetricStore::count(&store, a, UnixMillis(NOW))
                .await
                .unwrap();
            worst = worst.max(t1.elapsed().as_secs_f64());
        }
        let e = t0.elapsed().as_secs_f64();
        println!(
            "{name}: {:.0} ev/s  call mean {:.1} ms worst {:.1} ms",
            (rounds as f64 * 10000.0) / e,
            e / rounds as f64 * 1e3,
            worst * 1e3
        );
    }
    // small commits
    {
        let t = TenantId::new("tiny").unwrap();
        let mut times = vec![];
        for r in 0..2000 {
            n += 1;
            let a = Arrival::read(
                msg(
                    &t,
                    n + ((NOW as u128) << 80),
                    NOW,
                    Scope::Live,
                    true,
                    (0..10)
                        .map(|_| ev(&mut s, NOW + r * 10, 25, None))
                        .collect(),
                ),
                Window::default(),
            );
            let t1 = Instant::now();
            MetricStore::count(&store, std::slice::from_ref(&a), UnixMillis(NOW))
                .await
                .unwrap();
            times.push(t1.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(|a, b| a.total_cmp(b));
        println!(
            "tiny 10-event commits: p50 {:.2} p99 {:.2} max {:.2} ms",
            times[1000], times[1980], times[1999]
        );
    }
    
    // history: 31 days x 1000 endpoints + 25 months
    let t = TenantId::new("hist").unwrap();
    let t0 = Instant::now();
    let mut total = 0u64;
    let months = 25 * 31;
    for d in 0..months {
        let day = NOW - (months - 1 - d) * DAY;
        let hours: &[i64] = if d >= months - 31 {
            &[
                0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                23,
            ]
        } else if d % 10 == 0 {
            &[3]
        } else {
            &[]
        };
        for h in hours {
            let at = Level::Day.floor(UnixMillis(day)).0 + h * HOUR;
            if at > NOW {
                continue;
            }
            let mut arr = vec![];
            for c in 0..4 {
                let bodies=(0..1000).map(|i|{ let x=rng(&mut s); let lat=((x>>30)%1000) as f64*((x>>44)%50) as f64/7.0+1.0; format!("{{\"timestamp\":{},\"serviceName\":\"shop-{}\",\"endpoint\":\"/e/{i}\",\"method\":\"GET\",\"statusCode\":{},\"latencyMs\":{lat:.3}}}",at+c*60000,i%4,[200,404,500][(x%3) as usize])}).collect();
                n += 1;
                arr.push(Arrival::read(
                    msg(
                        &t,
                        n + ((NOW as u128) << 80),
                        NOW,
                        Scope::Backfill,
                        true,
                        bodies,
                    ),
                    Window::default(),
                ));
                total += 1000;
            }
            MetricStore::count(&store, &arr, UnixMillis(NOW))
                .await
                .unwrap();
        }
    }
    println!(
        "history {total} events in {:.1}s = {:.0} ev/s",
        t0.elapsed().as_secs_f64(),
        total as f64 / t0.elapsed().as_secs_f64()
    );
    let q =
        |kind, from: i64, fin, coarse, group, detail, points: Vec<UnixMillis>, filter: Filter| {
            FoldSpec {
                kind,
                filter,
                slices: cover(UnixMillis(from), UnixMillis(NOW + DAY), fin, coarse),
                group,
                points: points.into(),
                detail,
            }
        };
    let m31 = Level::Day.floor(UnixMillis(NOW - 30 * DAY)).0;
    let y25 = Level::Month.floor(UnixMillis(NOW - 25 * 31 * DAY)).0;
    let runq = async |label: &str, spec: FoldSpec| {
        let mut best = f64::MAX;
        let mut worst = 0f64;
        let mut g = 0;
        for _ in 0..7 {
            let t1 = Instant::now();
            g = store.fold(&t, spec.clone()).await.unwrap().len();
            let e = t1.elapsed().as_secs_f64() * 1e3;
            best = best.min(e);
            worst = worst.max(e);
        }
        println!("{label}: {g} groups best {best:.1} worst {worst:.1} ms");
    };
    runq(
        "before derive 31d x1000 (all hours)",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Day,
            Level::Day,
            GroupBy::Series,
            Detail::None,
            vec![],
            Filter::default(),
        ),
    )
    .await;
    let t1 = Instant::now();
    let w = store.derive_levels().await.unwrap();
    println!("derive: {w} rows in {:.2}s", t1.elapsed().as_secs_f64());
    runq(
        "31d x1000 days",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Day,
            Level::Day,
            GroupBy::Series,
            Detail::None,
            vec![],
            Filter::default(),
        ),
    )
    .await;
    runq(
        "31d x1000 days + counts 31 points",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Day,
            Level::Day,
            GroupBy::Series,
            Detail::Counts,
            (0..31).map(|d| UnixMillis(m31 + d * DAY)).collect(),
            Filter::default(),
        ),
    )
    .await;
    runq(
        "31d chart tenant hours cells",
        q(
            SeriesKind::Tenant,
            m31,
            Level::Hour,
            Level::Hour,
            GroupBy::Status,
            Detail::Cells,
            (0..31 * 24).map(|d| UnixMillis(m31 + d * HOUR)).collect(),
            Filter::default(),
        ),
    )
    .await;
    runq(
        "25mo x1000",
        q(
            SeriesKind::Endpoint,
            y25,
            Level::Day,
            Level::Month,
            GroupBy::Series,
            Detail::None,
            vec![],
            Filter::default(),
        ),
    )
    .await;
    runq(
        "one endpoint 31d hours cells",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Hour,
            Level::Hour,
            GroupBy::Total,
            Detail::Cells,
            (0..31 * 24).map(|d| UnixMillis(m31 + d * HOUR)).collect(),
            Filter {
                endpoint: Some("/e/77".into()),
                ..Filter::default()
            },
        ),
    )
    .await;
    runq(
        "one service 31d hours cells",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Hour,
            Level::Hour,
            GroupBy::Total,
            Detail::Cells,
            (0..31 * 24).map(|d| UnixMillis(m31 + d * HOUR)).collect(),
            Filter {
                service: Some("shop-1".into()),
                ..Filter::default()
            },
        ),
    )
    .await;
    // today dirty
    n += 1;
    let a = Arrival::read(
        msg(
            &t,
            n + ((NOW as u128) << 80),
            NOW,
            Scope::Live,
            true,
            (0..10).map(|_| ev(&mut s, NOW, 25, None)).collect(),
        ),
        Window::default(),
    );
    MetricStore::count(&store, &[a], UnixMillis(NOW))
        .await
        .unwrap();
    runq(
        "31d x1000, today dirty",
        q(
            SeriesKind::Endpoint,
            m31,
            Level::Day,
            Level::Day,
            GroupBy::Series,
            Detail::None,
            vec![],
            Filter::default(),
        ),
    )
    .await;
    runq(
        "25mo x1000, today dirty",
        q(
            SeriesKind::Endpoint,
            y25,
            Level::Day,
            Level::Month,
            GroupBy::Series,
            Detail::None,
            vec![],
            Filter::default(),
        ),
    )
    .await;
    let t1 = Instant::now();
    let w = store.derive_levels().await.unwrap();
    println!(
        "derive one dirty day: {w} rows in {:.3}s",
        t1.elapsed().as_secs_f64()
    );
    // raw
    let mut evs = vec![];
    for i in 0..50000u64 {
        evs.push(RawEvent {
            id: sendry_domain::dead_letter::DeadLetterId {
                message: MessageId(Uuid::from_u128(((NOW as u128) << 80) + (i / 500) as u128)),
                position: (i % 500) as u32,
            },
            tenant: t.clone(),
            timestamp: UnixMillis(NOW + (i as i64)),
            service: "s".into(),
            endpoint: "/e".into(),
            method: "GET".into(),
            status: 200,
            latency_us: i,
            request_id: "r".into(),
            body: "x".repeat(350),
        });
    }
    let t1 = Instant::now();
    for c in evs.chunks(10000) {
        RawEventStore::insert(&store, c).await.unwrap();
    }
    println!(
        "raw insert {:.0} ev/s",
        50000.0 / t1.elapsed().as_secs_f64()
    );
    let t1 = Instant::now();
    let d = RawEventStore::purge(&store, &t, UnixMillis(NOW + 40000))
        .await
        .unwrap();
    println!("raw purge {d} in {:.2}s", t1.elapsed().as_secs_f64());
    let t1 = Instant::now();
    let d = MetricStore::purge(
        &store,
        &TenantId::new("mixbid").unwrap(),
        UnixMillis(NOW + 5 * DAY),
        Window::default(),
        OldestHead::Empty,
    )
    .await
    .unwrap();
    println!("ledger purge {d} in {:.2}s", t1.elapsed().as_secs_f64());
    let wal = std::fs::metadata(format!("{}-wal", p.display()))
        .unwrap()
        .len();
    println!("wal {} MiB", wal >> 20);
    let t1 = Instant::now();
    drop(store);
    println!(
        "close {:.2}s; db {} MiB; wal left: {}",
        t1.elapsed().as_secs_f64(),
        std::fs::metadata(&p).unwrap().len() >> 20,
        std::path::Path::new(&format!("{}-wal", p.display())).exists()
    );
}
