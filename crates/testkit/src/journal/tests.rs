use super::*;

fn request(tenant: &str, names: &[&str], variant: u32) -> Request {
    Request {
        tenant: tenant.to_owned(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        variant,
        ..Request::default()
    }
}

fn attempt(journal: &mut Journal, id: RequestId, end: Option<End>) {
    journal.sending(id);
    if let Some(end) = end {
        journal.ended(id, end, Vec::new());
    }
}

fn fate(journal: &Journal, tenant: &str, name: &str) -> Fate {
    journal.events(tenant).unwrap()[name].fate()
}

#[test]
fn a_fate_is_the_best_of_what_is_known() {
    let mut journal = Journal::default();
    let mut sent = |name: &str, ends: &[Option<End>]| {
        let id = journal.declare(request("t", &[name], 0));
        for end in ends {
            attempt(&mut journal, id, *end);
        }
        fate(&journal, "t", name)
    };
    use End::{Accepted, Refused, Unknown};
    assert_eq!(sent("a", &[Some(Unknown), Some(Accepted)]), Fate::Confirmed);
    assert_eq!(sent("b", &[Some(Refused)]), Fate::Refused);
    assert_eq!(
        sent("c", &[Some(Refused), None]),
        Fate::Indeterminate,
        "its second attempt has no end"
    );
    assert_eq!(sent("d", &[None]), Fate::Indeterminate);
    assert_eq!(sent("e", &[None, Some(Accepted)]), Fate::Confirmed);
}

#[test]
fn events_refused_within_an_accepted_batch_are_refused() {
    let mut journal = Journal::default();
    let id = journal.declare(request("t", &["a", "b", "c"], 0));
    journal.sending(id);
    journal.ended(id, End::Accepted, vec![1]);
    assert_eq!(fate(&journal, "t", "a"), Fate::Confirmed);
    assert_eq!(fate(&journal, "t", "b"), Fate::Refused);
}

#[test]
fn two_contents_of_one_event_have_fates_of_their_own() {
    let mut journal = Journal::default();
    for (variant, end) in [(0, Some(End::Accepted)), (1, None)] {
        let id = journal.declare(request("t", &["a"], variant));
        attempt(&mut journal, id, end);
    }
    let known = &journal.events("t").unwrap()["a"];
    assert!(known.is_contested());
    assert_eq!(known.fate(), Fate::Confirmed);
    assert_eq!(known.fate_of(1), Fate::Indeterminate);
}

#[test]
fn what_is_in_the_file_is_what_was_known_even_when_the_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.journal");
    let mut journal = Journal::create(&path).unwrap();
    let poison = Request {
        kind: Kind::Poison,
        bodies: vec!["{}".to_owned()],
        ..request("u", &["p"], 3)
    };
    let ids = [
        journal.declare(request("t", &["a", "b"], 0)),
        journal.declare(poison),
    ];
    attempt(&mut journal, ids[0], Some(End::Accepted));
    attempt(&mut journal, ids[1], None);
    // Nothing is closed: the client is killed here, in the middle of a line.
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(b"{\"ended\":[1,\"acc").unwrap();
    let read = Journal::read_all(folder.path()).unwrap();
    assert_eq!(read.events, journal.events);
    assert_eq!(fate(&read, "u", "p"), Fate::Indeterminate);
    assert_eq!(read.events("u").unwrap()["p"].kind, Kind::Poison);
    assert_eq!((read.len(), read.tenants().len()), (3, 2));
}

#[test]
fn journals_of_two_clients_add_up() {
    let (mut one, mut two) = (Journal::default(), Journal::default());
    let id = one.declare(request("t", &["a"], 0));
    attempt(&mut one, id, None);
    let id = two.declare(request("t", &["a"], 0));
    attempt(&mut two, id, Some(End::Refused));
    one.merge(two);
    assert_eq!(fate(&one, "t", "a"), Fate::Indeterminate);
    assert_eq!(one.len(), 1);
}
