#![allow(clippy::all, missing_docs)]
use sendry_domain::{id::*, routing::QueueName, time::UnixMillis};
use sendry_queue::{adapters::sqlite::*, *};
use std::{
    os::unix::fs::FileExt,
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

fn msg(q: &QueueName, size: usize) -> Sealed {
    Sealed {
        queue: q.clone(),
        id: MessageId(Uuid::now_v7()),
        events: 1,
        accepted_at: UnixMillis(1),
        body: vec![7; size],
    }
}
fn pct(t: &mut Vec<Duration>) -> String {
    t.sort();
    let p = |f: f64| t[((t.len() - 1) as f64 * f) as usize].as_micros();
    format!(
        "p50 {} us  p90 {}  p99 {}  p99.9 {}  max {}",
        p(0.5),
        p(0.9),
        p(0.99),
        p(0.999),
        t[t.len() - 1].as_micros()
    )
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn wal(dir: &std::path::Path) -> u64 {
    std::fs::metadata(dir.join("queue.db-wal"))
        .map(|m| m.len())
        .unwrap_or(0)
}

async fn parallel(
    q: &Arc<SqliteQueue>,
    name: &QueueName,
    tasks: usize,
    each: usize,
    size: usize,
) -> (f64, Vec<Duration>) {
    let start = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (q, name) = (q.clone(), name.clone());
        set.spawn(async move {
            let mut t = vec![];
            for _ in 0..each {
                let a = Instant::now();
                q.publish(msg(&name, size)).await.unwrap();
                t.push(a.elapsed());
            }
            t
        });
    }
    let mut all = vec![];
    while let Some(t) = set.join_next().await {
        all.extend(t.unwrap());
    }
    (start.elapsed().as_secs_f64(), all)
}
async fn serial(q: &Arc<SqliteQueue>, name: &QueueName, n: usize) -> Vec<Duration> {
    let mut t = vec![];
    for _ in 0..n {
        let m = msg(name, 400);
        let a = Instant::now();
        q.publish(m).await.unwrap();
        t.push(a.elapsed());
    }
    t
}
#[tokio::main]
async fn main() {
    let which: Vec<String> = std::env::args().skip(1).collect();
    let on = |w: &str| which.is_empty() || which.iter().any(|x| x == w);
    let dir = tempfile::tempdir_in("/work/main/target").unwrap();
    let name = QueueName::Pipeline(TenantId::new("acme").unwrap(), PipelineName::fallback());
    if on("sync") {
        let f = std::fs::File::create(dir.path().join("raw")).unwrap();
        f.write_at(&vec![1; 4 << 20], 0).unwrap();
        f.sync_all().unwrap();
        let mut t = vec![];
        for i in 0..3000u64 {
            let a = Instant::now();
            f.write_at(&[3; 4096], (i % 1000) * 4096).unwrap();
            f.sync_data().unwrap();
            t.push(a.elapsed());
        }
        println!("raw write 4K+fdatasync      {}", pct(&mut t));
        let mut t = vec![];
        for i in 0..3000u64 {
            let a = Instant::now();
            f.write_at(&[3; 4096], (i % 1000) * 4096).unwrap();
            f.sync_all().unwrap();
            t.push(a.elapsed());
        }
        println!("raw write 4K+fsync          {}", pct(&mut t));
    }
    let open = |d: &std::path::Path| {
        Arc::new(SqliteQueue::open(d.join("queue.db"), Options::default()).unwrap())
    };
    if on("serial") {
        let q = open(dir.path());
        let mut t = serial(&q, &name, 5000).await;
        println!("serial publish 400B empty   {}", pct(&mut t));
    }
    if on("par") {
        let d = tempfile::tempdir_in("/work/main/target").unwrap();
        let q = open(d.path());
        let c = cpu();
        let (s, mut t) = parallel(&q, &name, 64, 5000, 400).await;
        println!(
            "64 tasks x 400B             {:.0}/s, {:.1} per commit, cpu {:.2} us/msg, wal {} MiB, {}",
            t.len() as f64 / s,
            t.len() as f64 / q.commits() as f64,
            (cpu() - c) * 1e6 / t.len() as f64,
            wal(d.path()) >> 20,
            pct(&mut t)
        );
        let (s, mut t) = parallel(&q, &name, 512, 1000, 400).await;
        println!(
            "512 tasks x 400B            {:.0}/s, wal {} MiB, {}",
            t.len() as f64 / s,
            wal(d.path()) >> 20,
            pct(&mut t)
        );
    }
    if on("big") {
        let d = tempfile::tempdir_in("/work/main/target").unwrap();
        let q = open(d.path());
        for tasks in [1, 4, 16] {
            let (s, mut t) = parallel(&q, &name, tasks, 8000 / tasks, 30_000).await;
            println!(
                "{tasks} tasks x 30KB              {:.0} MB/s, wal {} MiB, {}",
                t.len() as f64 * 0.03 / s,
                wal(d.path()) >> 20,
                pct(&mut t)
            );
        }
    }
    if on("flow") {
        // publishers and a consumer together
        let d = tempfile::tempdir_in("/work/main/target").unwrap();
        let q = open(d.path());
        let mut c = q.consume(&name).await.unwrap();
        let total = 64 * 4000;
        let cons = tokio::spawn(async move {
            let mut n = 0;
            while n < total {
                let b = c.next(1000, Duration::from_secs(5)).await.unwrap();
                n += b.len();
                let tags: Vec<_> = b.iter().map(|d| d.tag).collect();
                c.ack(&tags).await.unwrap();
            }
        });
        let a = Instant::now();
        let c0 = cpu();
        let (s, mut t) = parallel(&q, &name, 64, 4000, 400).await;
        cons.await.unwrap();
        println!(
            "64 tasks x 400B + consumer  pub {:.0}/s, through {:.0}/s, cpu {:.2} us/msg, wal {} MiB, db {} MiB, {}",
            t.len() as f64 / s,
            t.len() as f64 / a.elapsed().as_secs_f64(),
            (cpu() - c0) * 1e6 / t.len() as f64,
            wal(d.path()) >> 20,
            std::fs::metadata(d.path().join("queue.db")).unwrap().len() >> 20,
            pct(&mut t)
        );
        // latency publish -> delivered, idle
        let mut c = q.consume(&name).await.unwrap();
        let mut t = vec![];
        for _ in 0..1000 {
            let a = Instant::now();
            let (_, b) = tokio::join!(
                q.publish(msg(&name, 400)),
                c.next(1, Duration::from_secs(1))
            );
            t.push(a.elapsed());
            let b = b.unwrap();
            c.ack(&[b[0].tag]).await.unwrap();
        }
        println!("publish to delivery, idle   {}", pct(&mut t));
    }
    if on("million") {
        let d = tempfile::tempdir_in("/work/main/target").unwrap();
        let q = open(d.path());
        let mut t = serial(&q, &name, 3000).await;
        println!("serial publish, 0 waiting   {}", pct(&mut t));
        let (s, _) = parallel(&q, &name, 1000, 1000, 400).await;
        println!(
            "filled 10^6 in {s:.1} s, wal {} MiB, db {} MiB",
            wal(d.path()) >> 20,
            std::fs::metadata(d.path().join("queue.db")).unwrap().len() >> 20
        );
        let mut t = serial(&q, &name, 3000).await;
        println!("serial publish, 1e6 waiting {}", pct(&mut t));
        let c0 = cpu();
        let (s, mut t) = parallel(&q, &name, 64, 2000, 400).await;
        println!(
            "64 tasks, 1e6 waiting       {:.0}/s, cpu {:.2} us/msg {}",
            t.len() as f64 / s,
            (cpu() - c0) * 1e6 / t.len() as f64,
            pct(&mut t)
        );
        let a = Instant::now();
        q.depth(&name).await.unwrap();
        println!("depth {} us", a.elapsed().as_micros());
        let a = Instant::now();
        drop(q);
        println!("close {} ms", a.elapsed().as_millis());
        let a = Instant::now();
        let q = open(d.path());
        println!("open with 1.1e6 {} ms", a.elapsed().as_millis());
        let mut c = q.consume(&name).await.unwrap();
        let a = Instant::now();
        let c0 = cpu();
        let mut n = 0;
        let mut t = vec![];
        loop {
            let s = Instant::now();
            let b = c.next(1000, Duration::from_millis(10)).await.unwrap();
            if b.is_empty() {
                break;
            }
            n += b.len();
            let tags: Vec<_> = b.iter().map(|d| d.tag).collect();
            c.ack(&tags).await.unwrap();
            t.push(s.elapsed());
        }
        println!(
            "drained {n} at {:.0}/s, cpu {:.2} us/msg, batch {}",
            n as f64 / a.elapsed().as_secs_f64(),
            (cpu() - c0) * 1e6 / n as f64,
            pct(&mut t)
        );
        println!("{:?} wal {} MiB", q.depth(&name).await, wal(d.path()) >> 20);
        let mut t = serial(&q, &name, 3000).await;
        println!("serial publish, after drain {}", pct(&mut t));
        drop(c);
        drop(q);
        let a = Instant::now();
        let _q = open(d.path());
        println!(
            "reopen (compacts) {} ms, db {} MiB",
            a.elapsed().as_millis(),
            std::fs::metadata(d.path().join("queue.db")).unwrap().len() >> 20
        );
    }
}
