//! A cluster of a test's own that runs pods: from images without a registry, by the strictest rules, with services, names
//! and the way out to this machine; and of which nothing stays.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    time::Duration,
};

use sendry_servers::{
    image::{Entry, Image, Layer},
    kube::Options,
    machine,
    node::Node,
    postgres::{self, Postgres},
    process,
};

const PATIENCE: Duration = Duration::from_secs(90);
const IMAGE: &str = "sendry.test/tools:1";

/// A shell with what a small Debian has.
fn tools(folder: &Path) -> std::path::PathBuf {
    let programs = ["bash", "cat", "perl"].map(|name| machine::find(name).unwrap());
    let mut entries = vec![Entry::folder("/tmp", 0o1777)];
    for program in &programs {
        let path = format!("/bin/{}", program.file_name().unwrap().to_str().unwrap());
        entries.push(Entry::program(&path, program).unwrap());
        for library in sendry_servers::image::libraries(program).unwrap() {
            entries.push(Entry::program(library.to_str().unwrap(), &library).unwrap());
        }
    }
    let archive = folder.join("tools.tar");
    Image {
        name: IMAGE.to_owned(),
        entrypoint: "/bin/bash".to_owned(),
        user: Some("65532:65532".to_owned()),
        labels: Vec::new(),
    }
    .write(&[&Layer::of(&entries).unwrap()], &archive)
    .unwrap();
    archive
}

/// A pod by the rules of `restricted`.
fn pod(name: &str, script: &str) -> String {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "strict", "labels": { "app": name } },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "it",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "args": ["-c", script],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
    .to_string()
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: { name: greeter, namespace: strict }
spec:
  selector: { app: greeter }
  ports: [{ port: 80, targetPort: 8080 }]
";

/// Answers every connection with a line. Perl without any of its modules: TCP over IPv4 by number.
const GREETER: &str = r#"exec perl -e '
    socket(ALL, 2, 1, 6) && bind(ALL, pack("S n x12", 2, 8080)) && listen(ALL, 9) or die $!;
    while (accept(ONE, ALL)) { syswrite(ONE, "welcome\n"); close ONE }'"#;

fn phase(node: &Node, pod: &str) -> String {
    let path = ["--output", "jsonpath={.status.phase}"];
    let get = ["get", "pod", pod, "--namespace", "strict"];
    node.ctl(&[&get[..], &path].concat(), None).unwrap()
}

/// The log of a pod that has ended well.
fn log(node: &Node, pod: &str) -> String {
    process::wait(PATIENCE, &format!("{pod} to succeed"), || {
        let phase = phase(node, pod);
        assert_ne!(phase, "Failed", "{pod}: {}", said(node, pod));
        Ok((phase == "Succeeded").then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}: {}", said(node, pod)));
    said(node, pod)
}

/// What is known of a pod.
fn said(node: &Node, pod: &str) -> String {
    let logs = node.ctl(&["logs", pod, "--namespace", "strict"], None);
    logs.unwrap_or_else(|error| {
        let told = node.ctl(&["describe", "pod", pod, "--namespace", "strict"], None);
        format!("{error:#}\n{}", told.unwrap_or_default())
    })
}

#[test]
fn a_node_runs_pods_that_reach_services_by_name_and_this_machine_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &Options::default()).unwrap();
    node.load_image(&tools(folder.path())).unwrap();
    node.ctl(&["create", "namespace", "strict"], None).unwrap();
    let strict = "pod-security.kubernetes.io/enforce=restricted";
    node.ctl(&["label", "namespace", "strict", strict], None)
        .unwrap();
    let apply = |yaml: &str| node.ctl(&["apply", "-f", "-"], Some(yaml)).unwrap();

    apply(&pod("greeter", GREETER));
    apply(SERVICE);
    let ready = [
        "wait",
        "--for=condition=Ready",
        "--timeout=90s",
        "pod/greeter",
        "--namespace",
        "strict",
    ];
    node.ctl(&ready, None)
        .unwrap_or_else(|error| panic!("{error:#}: {}", said(&node, "greeter")));

    let door = TcpListener::bind((node.host(), 0)).unwrap();
    let address = door.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, from) = door.accept().unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        (heard, from)
    });
    // The name becomes an address when the service has been seen, and the address leads somewhere when the pod has.
    let script = format!(
        "for i in {{1..600}}; do cat < /dev/tcp/greeter.strict.svc.cluster.local/80 && break; read -rt 0.1 <> <(:); done
         cat < /dev/tcp/greeter/80
         : < /dev/tcp/kubernetes.default/443 && echo the API server, too
         echo hello > /dev/tcp/{}/{}",
        address.ip(),
        address.port()
    );
    apply(&pod("guest", &script));
    let log = log(&node, "guest");
    assert!(
        log.ends_with("welcome\nwelcome\nthe API server, too\n"),
        "{log}"
    );
    let (heard, from) = heard.join().unwrap();
    assert_eq!(heard, "hello\n");
    assert_ne!(from.ip(), address.ip(), "it comes as itself");

    // A store for pods lets in whoever comes from the cluster.
    let options = postgres::Options {
        address: node.host(),
        ..postgres::Options::default()
    };
    let mut store = Postgres::start(folder.path(), &options).unwrap();
    assert!(store.query("postgres", "select 1").is_ok());
    store.stop().unwrap();

    // From here, by the address of the service.
    let get = ["get", "service", "greeter", "--namespace", "strict"];
    let path = ["--output", "jsonpath={.spec.clusterIP}"];
    let service = node.ctl(&[&get[..], &path].concat(), None).unwrap();
    let mut greeting = String::new();
    let mut stream = std::net::TcpStream::connect((service.as_str(), 80)).unwrap();
    stream.flush().unwrap();
    stream.read_to_string(&mut greeting).unwrap();
    assert_eq!(greeting, "welcome\n");

    let host = node.host();
    let family = node.ids()[0].family();
    assert!(family.len() > 3, "with what runs inside: {family:?}");
    drop(node);
    assert!(family.iter().all(|id| !id.is_running()), "{family:?}");
    let left = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let routes = left("ip", &["-4", "address"]);
    assert!(!routes.contains(&host.to_string()), "{routes}");
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let data = folder.path().to_str().unwrap();
    assert!(!mounts.contains(data), "{mounts}");
    let groups = left(
        "find",
        &["/sys/fs/cgroup", "-maxdepth", "2", "-name", "sendry-*"],
    );
    let ours = format!("sendry-{}\n", host.octets()[1]);
    assert!(!groups.contains(&ours), "{groups}");
}
