//! Who trusts whom in a cluster of ours: an authority of its own, and what it signed.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// Longer than any of it lives.
const DAYS: &str = "3650";
const CURVE: [&str; 2] = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
/// The names by which clients come to the API server.
const API_SERVER: &str = "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
    DNS:kubernetes.default.svc.cluster.local";
const CLIENT: &str = "extendedKeyUsage=clientAuth\n";

/// A folder with keys and certificates.
#[derive(Debug)]
pub(super) struct Pki(PathBuf);

impl Pki {
    /// `addresses` are the API server's: its own, and that of the service `kubernetes`.
    pub(super) fn make(folder: &Path, addresses: &[Ipv4Addr]) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let this = Self(folder.to_owned());
        this.openssl(
            &[
                &["req", "-x509", "-newkey", "ec", "-nodes", "-days", DAYS][..],
                &CURVE,
                &[
                    "-subj",
                    "/CN=sendry-tests",
                    "-keyout",
                    "ca.key",
                    "-out",
                    "ca.crt",
                ],
            ]
            .concat(),
        )?;
        let names = addresses.iter().fold(API_SERVER.to_owned(), |names, ip| {
            format!("{names},IP:{ip}")
        });
        this.sign("api-server", "/CN=kube-apiserver", &server(&names))?;
        this.sign("admin", "/O=system:masters/CN=sendry-tests", CLIENT)?;
        // Signs the tokens of service accounts.
        let tokens = ["genpkey", "-algorithm", "EC", "-out", "tokens.key"];
        this.openssl(&[&tokens[..], &CURVE].concat())?;
        this.openssl(&["pkey", "-in", "tokens.key", "-pubout", "-out", "tokens.pub"])?;
        Ok(this)
    }

    /// What a node shows to the API server, and is known by to it.
    pub(super) fn node(&self, name: &str, address: Ipv4Addr) -> anyhow::Result<()> {
        let names = format!("subjectAltName=DNS:{name},IP:{address}\n");
        let extensions = format!("{names}extendedKeyUsage=serverAuth,clientAuth\n");
        self.sign(
            "node",
            &format!("/O=system:nodes/CN=system:node:{name}"),
            &extensions,
        )
    }

    /// A key and its certificate.
    fn sign(&self, name: &str, subject: &str, extensions: &str) -> anyhow::Result<()> {
        let file = |ending: &str| format!("{name}.{ending}");
        let (key, request) = (file("key"), file("csr"));
        let (extension_file, certificate) = (file("ext"), file("crt"));
        fs::write(self.path(&extension_file), extensions)?;
        let new = ["req", "-new", "-newkey", "ec", "-nodes", "-subj", subject];
        let out = ["-keyout", &key, "-out", &request];
        self.openssl(&[&new[..], &CURVE, &out].concat())?;
        self.openssl(&[
            "x509",
            "-req",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            DAYS,
            "-extfile",
            &extension_file,
            "-in",
            &request,
            "-out",
            &certificate,
        ])
        .map(drop)
    }

    pub(super) fn api_server_flags(&self) -> Vec<String> {
        vec![
            self.flag("tls-cert-file", "api-server.crt"),
            self.flag("tls-private-key-file", "api-server.key"),
            self.flag("client-ca-file", "ca.crt"),
            self.flag("service-account-key-file", "tokens.pub"),
            self.flag("service-account-signing-key-file", "tokens.key"),
        ]
    }

    /// By which the API server asks nodes for logs.
    pub(super) fn towards_nodes_flags(&self) -> Vec<String> {
        vec![
            self.flag("kubelet-client-certificate", "admin.crt"),
            self.flag("kubelet-client-key", "admin.key"),
            self.flag("kubelet-certificate-authority", "ca.crt"),
        ]
    }

    pub(super) fn manager_flags(&self) -> Vec<String> {
        vec![
            self.flag("service-account-private-key-file", "tokens.key"),
            self.flag("root-ca-file", "ca.crt"),
        ]
    }

    /// A file of it, as clients' files carry it.
    pub(super) fn base64(&self, name: &str) -> anyhow::Result<String> {
        self.openssl(&["base64", "-A", "-in", name])
    }

    fn flag(&self, name: &str, file: &str) -> String {
        format!("--{name}={}", self.path(file).display())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn openssl(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("openssl")
            .args(args)
            .current_dir(&self.0)
            .output()
            .context("failed to start `openssl`, which makes the certificates of a cluster")?;
        ensure!(
            output.status.success(),
            "openssl {} failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn server(names: &str) -> String {
    format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_has_signed_what_the_api_server_shows() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::make(folder.path(), &[Ipv4Addr::LOCALHOST]).unwrap();
        let verify = ["verify", "-CAfile", "ca.crt", "-verify_ip", "127.0.0.1"];
        let purpose = ["-purpose", "sslserver", "api-server.crt"];
        pki.openssl(&[&verify[..], &purpose].concat()).unwrap();
        let purpose = ["-purpose", "sslserver", "admin.crt"];
        assert!(pki.openssl(&[&verify[..], &purpose].concat()).is_err());
    }
}
