//! TLS on a real node: whom we trust, what we show, and certificates that are exchanged while we run.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};
use sendry_servers::rabbitmq::{self, RabbitMq};

use super::*;

/// The name in the node's certificate. The node itself is reached by another.
const NAME: &str = "broker.sendry.test";

/// Until a connection is changed while nothing fails; [`source::LOOK_AGAIN`] on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A certificate authority, all of the same name: only their keys tell them apart.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "a CA for one test");
        Self(CertifiedIssuer::self_signed(params, key()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::new(self.0.pem(), "ca-of-the-test.crt")
    }

    /// A certificate for `name` and its key, in PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = key();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn client(&self) -> ClientCertificate {
        let (certificate, key) = self.sign("operator");
        ClientCertificate {
            certificate: Pem::new(certificate, "tls.crt"),
            key: SecretText::new(key),
        }
    }

    /// What the node is given: its own certificate, and whose it accepts.
    fn give(&self, folder: &Path, clients: &Authority) {
        let (certificate, key) = self.sign(NAME);
        for (file, text) in [
            ("ca", clients.pem().text),
            ("crt", certificate),
            ("key", key),
        ] {
            fs::write(folder.join(file), text).unwrap();
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn node(folder: &Path) -> RabbitMq {
    let tls = rabbitmq::Tls {
        authority: folder.join("ca"),
        certificate: folder.join("crt"),
        key: folder.join("key"),
        ask_for_certificate: true,
    };
    let options = rabbitmq::Options {
        tls: Some(tls),
        ..rabbitmq::Options::default()
    };
    RabbitMq::start(folder, &options).unwrap()
}

fn connection(port: u16, tls: Tls) -> ManagementConnection {
    ManagementConnection {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Some(tls),
        ..ManagementConnection::from_url("http://guest:guest@x", "/").unwrap()
    }
}

async fn refused(connection: &ManagementConnection) -> String {
    let api = RabbitManagement::at(connection.clone()).unwrap();
    let error = api.observe(Reading::Queues).await.unwrap_err();
    assert_eq!(error.category, Category::Unreachable, "{error}");
    error.to_string()
}

/// As Kubernetes does it with a mounted Secret: a new folder, and a link that leads to it from one moment to the next.
fn mount(volume: &Path, version: u32, connection: &ManagementConnection) {
    let tls = connection.tls.as_ref().unwrap();
    let client = tls.client.as_ref().unwrap();
    let folder = volume.join(format!("..{version}"));
    fs::create_dir(&folder).unwrap();
    let port = connection.port.to_string();
    let files = [
        ("host", connection.host.as_str()),
        ("port", &port),
        ("vhost", &connection.vhost),
        ("username", &connection.username),
        ("password", connection.password.expose()),
        ("ca.crt", &tls.authority.as_ref().unwrap().text),
        ("tls.crt", &client.certificate.text),
        ("tls.key", client.key.expose()),
        ("server-name", tls.server_name.as_ref().unwrap()),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
        if version == 1 {
            std::os::unix::fs::symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
        }
    }
    let link = volume.join("..data_tmp");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    fs::rename(link, volume.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_ones_trust_each_other_and_a_rotation_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (old, clients) = (Authority::new(), Authority::new());
    old.give(folder.path(), &clients);
    let mut node = node(folder.path());
    let right = connection(
        node.management_tls_port(),
        Tls {
            authority: Some(old.pem()),
            client: Some(clients.client()),
            server_name: Some(NAME.to_owned()),
        },
    );
    let api = RabbitManagement::at(right.clone()).unwrap();
    api.observe(Reading::QueuesAndLogins).await.unwrap();
    let with = |change: &dyn Fn(&mut Tls)| {
        let mut other = right.clone();
        other.tls.as_mut().map(change);
        other
    };

    // A CA of the same name with another key; nobody's CA; another name; no certificate; one of a stranger's.
    let new = Authority::new();
    let text = refused(&with(&|tls| tls.authority = Some(new.pem()))).await;
    let says = "not signed by the CA in ca-of-the-test.crt (SHA-256 ";
    assert!(text.contains(says), "{text}");
    let text = refused(&with(&|tls| tls.authority = None)).await;
    assert!(text.contains("whom this machine trusts"), "{text}");
    let other = || Some("other.sendry.test".to_owned());
    let text = refused(&with(&|tls| tls.server_name = other())).await;
    assert!(text.contains("as server-name"), "{text}");
    let text = refused(&with(&|tls| tls.server_name = None)).await;
    assert!(text.contains("as server-name"), "{text}");
    let text = refused(&with(&|tls| tls.client = None)).await;
    assert!(text.contains("as tls.crt and tls.key"), "{text}");
    let text = refused(&with(&|tls| tls.client = Some(old.client()))).await;
    assert!(text.contains("as tls.crt and tls.key"), "{text}");

    // Another CA signs everything: the node's certificate first, the Secret later.
    let volume = tempfile::tempdir().unwrap();
    mount(volume.path(), 1, &right);
    let api = RabbitManagement::from_folder(volume.path()).unwrap();
    api.observe(Reading::QueuesAndLogins).await.unwrap();
    new.give(folder.path(), &new);
    node.restart().unwrap();
    let error = api.observe(Reading::QueuesAndLogins).await.unwrap_err();
    assert!(error.to_string().contains("ca.crt (SHA-256 "), "{error}");
    let mut rotated = with(&|tls| {
        tls.authority = Some(new.pem());
        tls.client = Some(new.client());
    });
    mount(volume.path(), 2, &rotated);
    // At once: a failure looks at the folder again.
    api.observe(Reading::QueuesAndLogins).await.unwrap();

    // And while nothing fails: within seconds.
    rotated.vhost = "not there".to_owned();
    mount(volume.path(), 3, &rotated);
    let started = Instant::now();
    loop {
        match api.observe(Reading::Queues).await {
            Err(error) if error.category == Category::NotFound => break,
            seen => assert!(
                started.elapsed() < DEADLINE,
                "still the old connection: {seen:?}"
            ),
        }
    }
}
