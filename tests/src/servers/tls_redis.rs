use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::RedisServer;
use super::port::Port;
use super::setup::{self, Durability};

/// A Redis server that speaks TLS too, with a certificate that it has signed itself.
pub struct TlsRedis {
    server: RedisServer,
    certificates: TempDir,
    port: Port,
}

impl TlsRedis {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let certificates = setup::folder("counter-certificates-", Durability::On);
        make_certificate(certificates.path());
        let path = |file| certificates.path().join(file).display().to_string();
        let (key, certificate, port) = (path("key"), path("certificate"), Port::claim());
        let options = [
            ["--tls-port", &port.number().to_string()],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &certificate],
            ["--tls-auth-clients", "no"],
        ];
        Self { server: RedisServer::start_with(options.as_flattened()), certificates, port }
    }

    /// Where it speaks TLS.
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}/", self.port.number())
    }

    /// The certificate that has to be trusted.
    pub fn certificate(&self) -> PathBuf {
        self.certificates.path().join("certificate")
    }

    /// The key of that certificate.
    pub fn key(&self) -> PathBuf {
        self.certificates.path().join("key")
    }

    /// The port where it speaks TLS.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The server itself, reached without TLS.
    pub fn plain(&self) -> &RedisServer {
        &self.server
    }
}

fn make_certificate(folder: &Path) {
    let made = Command::new(setup::find_program("openssl", &[], "openssl"))
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-keyout", "key", "-out", "certificate", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes no certificate");
}
