//! Connections: every character, every refusal, and no password in anything that is shown.

use std::{collections::HashSet, error::Error as _, fs, path::Path};

use proptest::{prelude::*, strategy::ValueTree};
use reqwest::Method;
use sendry_servers::{Server, url};

use super::{calls::encoded, *};
use crate::topology::{Logins, TopologyError};

/// The shared broker, in parts.
fn shared() -> ManagementConnection {
    ManagementConnection::from_url(&url(Server::RabbitManagement), "/").unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn describe(folder: &Path, connection: &ManagementConnection) {
    write(folder, "host", &connection.host);
    write(folder, "port", &connection.port.to_string());
    write(folder, "vhost", &connection.vhost);
    write(folder, "username", &connection.username);
    write(folder, "password", connection.password.expose());
}

/// Everything that is ever shown of an error.
fn shown(error: &TopologyError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(" {cause} {cause:?}"));
        next = cause.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_category_and_says_what_to_do_and_no_password() {
    let vhost = Vhost::create().await;
    let tenant = vhost.tenant();
    let right = ManagementConnection {
        vhost: vhost.name.clone(),
        ..shared()
    };
    let seen = async |connection: ManagementConnection| {
        let api = RabbitManagement::at(connection).unwrap();
        let error = api.observe(Reading::QueuesAndLogins).await.unwrap_err();
        let text = format!("{} {api:?}", shown(&error));
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("failed to list"), "{text}");
        (error.category, text)
    };
    let mut wrong = right.clone();
    wrong.password = SecretText::new("hunter2");
    let (category, text) = seen(wrong).await;
    assert_eq!(category, Category::Unauthorized);
    assert!(text.contains("check the user and the password"), "{text}");

    let mut astray = right.clone();
    astray.vhost = "not/there".to_owned();
    let (category, text) = seen(astray).await;
    assert_eq!(category, Category::NotFound);
    assert!(text.contains("create the virtual host"), "{text}");

    let nobody = RabbitManagement::new("http://guest:hunter2@127.0.0.1:9", "/").unwrap();
    let error = nobody.observe(Reading::Queues).await.unwrap_err();
    assert_eq!(error.category, Category::Unreachable);
    let text = format!("{} {nobody:?}", shown(&error));
    assert!(text.contains("is the management plugin enabled"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    // A user that may declare, but not list users: everything but users is there.
    let name = format!("sendry.{tenant}.operator");
    let form = json!({"password": "hunter2", "tags": "policymaker"});
    vhost.call(Method::PUT, &["users", &name], Some(form)).await;
    let mut own = right;
    own.username = name.clone();
    own.password = SecretText::new("hunter2");
    let (category, text) = seen(own.clone()).await;
    assert_eq!(category, Category::Forbidden);
    assert!(text.contains("`policymaker`, or `administrator`"), "{text}");
    let may = json!({"configure": "^sendry", "write": "^sendry", "read": "^sendry"});
    let path = ["permissions", &vhost.name, &name];
    vhost.call(Method::PUT, &path, Some(may)).await;
    let api = RabbitManagement::at(own).unwrap();
    let observed = api.observe(Reading::QueuesAndLogins).await.unwrap();
    assert!(
        matches!(&observed.logins, Logins::Forbidden(why) if why.contains("Not administrator")),
        "{observed:?}"
    );
    let topology = desired(
        "c1",
        &[TenantQueues::new(tenant, Vec::new(), Limits::default())],
    );
    reconcile_all(&api, &topology).await.unwrap();
    assert!(reconcile_all(&api, &topology).await.unwrap().is_at_rest());
}

#[test]
fn credentials_are_taken_out_of_the_address() {
    let url = "https://us%40er:p%2Fw%25@broker/prefix/";
    let connection = ManagementConnection::from_url(url, "/").unwrap();
    assert_eq!(connection.username, "us@er");
    assert_eq!(connection.password.expose(), "p/w%");
    assert_eq!(connection.base().unwrap().as_str(), "https://broker/prefix");
    let plain = ManagementConnection::from_url("http://[::1]:1", "a").unwrap();
    assert_eq!(
        (plain.host.as_str(), plain.username.as_str()),
        ("::1", "guest")
    );
    assert_eq!(plain.base().unwrap().as_str(), "http://[::1]:1/");
    assert_eq!(plain.address(), "http://[::1]:1");
    for bad in ["amqp://broker", "broker", "", "data:text/plain,x"] {
        let error = RabbitManagement::new(bad, "/").unwrap_err();
        assert!(matches!(error, BadConnection::Url), "{error}");
    }
}

#[test]
fn what_an_address_cannot_say_is_refused_with_its_rule() {
    let refused = |connection: ManagementConnection, rule: &str| {
        let error = RabbitManagement::at(connection).unwrap_err().to_string();
        assert!(error.contains(rule), "{error}");
    };
    for vhost in ["", ".", ".."] {
        let vhost = vhost.to_owned();
        refused(ManagementConnection { vhost, ..shared() }, "the vhost");
    }
    for username in ["", "a:b"] {
        let username = username.to_owned();
        refused(
            ManagementConnection {
                username,
                ..shared()
            },
            "the username",
        );
    }
    for host in ["", "a b", "a/b", "http://a"] {
        let host = host.to_owned();
        refused(ManagementConnection { host, ..shared() }, "the host");
    }
    for name in ["", "127.0.0.1", "a/b"] {
        let tls = Some(Tls {
            server_name: Some(name.to_owned()),
            ..Tls::default()
        });
        refused(ManagementConnection { tls, ..shared() }, "the server-name");
    }
    let tls = Some(Tls {
        authority: Some(Pem::new("no certificate", "/etc/ca.crt")),
        ..Tls::default()
    });
    refused(ManagementConnection { tls, ..shared() }, "/etc/ca.crt");
}

#[test]
fn a_folder_says_the_same_as_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let connection = ManagementConnection {
        vhost: "/a/b%2F ü".to_owned(),
        password: SecretText::new(" p:w@#%/ "),
        ..shared()
    };
    describe(folder.path(), &connection);
    assert_eq!(folder::read(folder.path()).unwrap(), connection);
    // One line break at the end is an editor's, a second one is meant.
    write(folder.path(), "password", "p\n\r\n");
    write(folder.path(), "host", "broker\n");
    let read = folder::read(folder.path()).unwrap();
    assert_eq!(
        (read.host.as_str(), read.password.expose()),
        ("broker", "p\n")
    );
    fs::remove_file(folder.path().join("vhost")).unwrap();
    fs::remove_file(folder.path().join("port")).unwrap();
    let read = folder::read(folder.path()).unwrap();
    assert_eq!((read.vhost.as_str(), read.port), ("/", 15672));
    write(folder.path(), "server-name", "broker.example");
    let read = folder::read(folder.path()).unwrap();
    assert_eq!((read.tls.is_some(), read.port), (true, 15671));

    let refused = |name: &str, text: &str, says: &str| {
        let path = folder.path().join(name);
        let before = fs::read_to_string(&path).ok();
        write(folder.path(), name, text);
        let error = folder::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        match before {
            Some(before) => write(folder.path(), name, &before),
            None => fs::remove_file(&path).unwrap(),
        }
    };
    refused("port", "many", "the port");
    refused("port", "0x10", "the port");
    refused("password", "", "password");
    refused("username", "a:b", "colon");
    refused("tls.crt", "certificate", "tls.key");
    refused("tls.key", "key", "tls.crt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_exchanged_in_the_folder_is_used_at_once() {
    let vhost = Vhost::create().await;
    let name = format!("sendry.{}", vhost.tenant());
    let set = async |password: &str| {
        let form = json!({"password": password, "tags": "administrator"});
        vhost.call(Method::PUT, &["users", &name], Some(form)).await;
    };
    set("one").await;
    let folder = tempfile::tempdir().unwrap();
    let connection = ManagementConnection {
        vhost: vhost.name.clone(),
        username: name.clone(),
        password: SecretText::new("one"),
        ..shared()
    };
    describe(folder.path(), &connection);
    let api = RabbitManagement::from_folder(folder.path()).unwrap();
    let may = json!({"configure": "", "write": "", "read": ""});
    let path = ["permissions", &vhost.name, &name];
    vhost.call(Method::PUT, &path, Some(may)).await;
    api.observe(Reading::QueuesAndLogins).await.unwrap();

    set("two").await;
    let error = api.observe(Reading::QueuesAndLogins).await.unwrap_err();
    assert_eq!(error.category, Category::Unauthorized, "{error}");
    write(folder.path(), "password", "two");
    api.observe(Reading::QueuesAndLogins).await.unwrap();
    // A folder that cannot be used leaves what we have.
    write(folder.path(), "host", "");
    api.observe(Reading::QueuesAndLogins).await.unwrap();
}

/// Any text that a broker lets a user or a virtual host be called.
fn text() -> impl Strategy<Value = String> {
    let special = proptest::sample::select(vec![
        "/", "%", "%2F", "@", "#", "?", "&", " ", "+", ".", "\\", "\"", "ü", "漢", "🐇",
    ]);
    let any = "\\PC{0,6}";
    proptest::collection::vec(prop_oneof![special.prop_map(str::to_owned), any], 1..5)
        .prop_map(|parts| parts.concat())
        .prop_filter("a broker lets nobody in without a password", |text| {
            !text.is_empty()
        })
}

/// Whatever they are called: a virtual host and a user that were made by one client are found by another, through parts,
/// through a folder, and through an address.
#[tokio::test(flavor = "multi_thread")]
async fn any_vhost_user_and_password_work() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let cases = (text(), text(), text());
    let mut fixed = vec![(
        "/ %2F|^[]\\'`{}<>\"?&=+;,:!$*()~".to_owned(),
        "u/%@#| u^[]\\'`{}<>\"?&=+;,!$*()".to_owned(),
        "p:w@#%/ ü|\\%41".to_owned(),
    )];
    fixed.extend((0..12).map(|_| cases.new_tree(&mut runner).unwrap().current()));
    let mut names = HashSet::new();
    for (vhost, user, password) in fixed {
        let stage = Vhost::create().await;
        let tenant = stage.tenant();
        // Distinct, and without what only a colon could mean.
        let user = format!("sendry.{tenant}.{}", user.replace(':', ";"));
        let named = Vhost::named(format!("{}{vhost}", stage.name)).await;
        assert!(names.insert(named.name.clone()));
        let form = json!({"password": password, "tags": "administrator"});
        stage.call(Method::PUT, &["users", &user], Some(form)).await;
        let may = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let path = ["permissions", &named.name, &user];
        stage.call(Method::PUT, &path, Some(may)).await;

        let connection = ManagementConnection {
            vhost: named.name.clone(),
            username: user.clone(),
            password: SecretText::new(password.as_str()),
            ..shared()
        };
        let folder = tempfile::tempdir().unwrap();
        describe(folder.path(), &connection);
        let userinfo = format!("://{}:{}@", encoded(&user), encoded(&password));
        let address = connection.address().replace("://", &userinfo);
        let apis = [
            RabbitManagement::at(connection).unwrap(),
            RabbitManagement::from_folder(folder.path()).unwrap(),
            RabbitManagement::new(&address, &named.name).unwrap(),
        ];
        for (api, way) in apis.into_iter().zip(["parts", "folder", "address"]) {
            let seen = api.observe(Reading::QueuesAndLogins).await;
            let Ok(Logins::Read { users, permissions }) = seen.as_ref().map(|o| &o.logins) else {
                panic!("by {way}: {vhost:?} {user:?} {password:?}: {seen:?}")
            };
            let found = users.iter().find(|u| u.name == user).unwrap();
            assert!(SecretText::new(password.as_str()).is_hashed_as(&found.password_hash));
            assert!(permissions.iter().any(|(name, _)| *name == user));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Neither what we log in with nor what users of ours do is in anything that is shown.
    #[test]
    fn no_secret_is_shown(secret in "[!-~]{8,20}", status in prop_oneof![Just(401u16), Just(403), Just(404), Just(400), Just(500), Just(302), Just(200)]) {
        let secret_text = SecretText::new(secret.as_str());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let texts = runtime.block_on(async {
            let port = answering(status).await;
            let connection = ManagementConnection {
                host: "127.0.0.1".to_owned(),
                port,
                password: secret_text.clone(),
                ..ManagementConnection::from_url("http://x", "/").unwrap()
            };
            let api = RabbitManagement::at(connection.clone()).unwrap();
            let mut texts = vec![format!("{connection:?} {api:?}")];
            texts.extend(api.observe(Reading::QueuesAndLogins).await.err().map(|e| shown(&e)));
            let tenant = TenantId::new("acme").unwrap();
            let mut wanted = TenantQueues::new(tenant, Vec::new(), Limits::default());
            wanted.parked_reader = Some(secret_text.clone());
            let topology = desired("c1", &[wanted.clone()]);
            let repair = Repair::PutUser(topology.users[0].clone());
            texts.extend(api.apply(&repair).await.err().map(|e| shown(&e)));
            texts.push(format!("{repair} {repair:?} {wanted:?} {topology:?}"));
            texts
        });
        for text in texts {
            prop_assert!(!text.contains(&secret), "{}", text);
        }
    }
}

/// A server that answers everything with one status, and what it was sent.
async fn answering(status: u16) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = socket.read(&mut request).await.unwrap_or(0);
                let body = json!({"reason": String::from_utf8_lossy(&request[..read])}).to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\nlocation: http://y\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    port
}
