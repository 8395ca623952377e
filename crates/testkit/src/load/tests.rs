use super::*;
use crate::journal::{End, Fate};

fn options() -> Options {
    let tenants = ["a", "b"].map(|name| Tenant {
        name: name.to_owned(),
        api_key: "key".to_owned(),
    });
    Options {
        storms: 0.5,
        conflicts: 0.5,
        unnamed: 0.2,
        ..Options::new(tenants.into(), 3, 7, 1_800_000_000_000)
    }
}

fn texts(seed: u64) -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut texts = Vec::new();
    for number in 0..40 {
        let copies = request::make(&mut rng, &options(), number);
        texts.push(format!("{:?}", copies.pick(&mut rng)));
        texts.extend(copies.all.iter().map(|sending| sending.text().to_owned()));
    }
    texts
}

#[test]
fn the_seed_decides_every_byte() {
    assert_eq!(texts(1), texts(1));
    assert_ne!(texts(1), texts(2));
}

#[test]
fn two_contents_have_the_same_ids_and_no_other_value_of_content() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut contested = 0;
    for number in 0..200 {
        let copies = request::make(&mut rng, &options(), number);
        let [one, other] = copies.all.as_slice() else {
            continue;
        };
        contested += 1;
        assert_ne!(one.text(), other.text());
        let id = |text: &str| {
            let body: serde_json::Value = serde_json::from_str(text).unwrap();
            [
                body["batchId"].clone(),
                body["eventId"].clone(),
                body["events"][0]["eventId"].clone(),
            ]
        };
        assert_eq!(id(one.text()), id(other.text()));
    }
    assert!(contested > 20, "{contested}");
}

#[test]
fn lines_without_a_name_are_retried_only_under_the_ids_of_the_answer() {
    let mut rng = StdRng::seed_from_u64(1);
    let only_unnamed = Options {
        unnamed: 1.0,
        events: 3,
        ..options()
    };
    let unknown = |retry_as: Vec<(u32, Option<String>)>| Answered {
        end: End::Unknown,
        refused: Vec::new(),
        retry_as,
        for_good: false,
    };
    let mut journal = Journal::default();
    let mut sending = request::make(&mut rng, &only_unnamed, 1).all.remove(0);
    sending.declare(&mut journal);
    sending.begin(&mut journal);
    let before = sending.text().to_owned();
    assert_eq!(sending.end(&mut journal, unknown(Vec::new())), Next::Done);
    assert_eq!(sending.text(), before);

    let ids = (0..3).map(|n| (n, Some(format!("m.{n}")))).collect();
    assert_eq!(sending.end(&mut journal, unknown(ids)), Next::Again);
    assert!(
        sending.text().contains("\"eventId\":\"m.0\""),
        "{}",
        sending.text()
    );
    // Now it is named, and may be retried whatever becomes of it.
    assert_eq!(sending.end(&mut journal, unknown(Vec::new())), Next::Again);
    let tenant = journal.tenants().first().copied().unwrap().to_owned();
    let known = journal.events(&tenant).unwrap().values().next().unwrap();
    assert_eq!(known.fate(), Fate::Indeterminate);
}

#[tokio::test]
async fn a_client_goes_to_another_ingest_and_gives_up_when_patience_ends() {
    let away: SocketAddr = ([127, 0, 0, 1], 1).into();
    let targets = Targets::at([away]);
    let stop = Stop::default();
    let options = Options {
        patience: Duration::from_millis(50),
        unnamed: 0.0,
        ..options()
    };
    let running = tokio::spawn(run(targets, options, stop.clone(), Journal::default()));
    stop.stop();
    let journal = running.await.unwrap().unwrap();
    let fates = journal.tenants().into_iter().flat_map(|tenant| {
        let events = journal.events(tenant).unwrap();
        events.values().map(|known| known.fate())
    });
    assert!(
        fates.into_iter().all(|fate| fate == Fate::Refused),
        "nothing was sent"
    );
}
