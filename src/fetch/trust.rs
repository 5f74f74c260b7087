//! Whose certificates are believed?

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::client::SetupError;

/// The authorities of the system, and those of a file of the user.
///
/// Reading those of the system takes ten milliseconds, so it is done when the first
/// server shows its certificate, and once.
#[derive(Debug)]
pub(super) struct Authorities {
    of_user: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Verifier, Error>>,
}

impl Authorities {
    /// Those of the system and of the PEM file `cacert`.
    ///
    /// # Errors
    /// [`SetupError::Cacert`] if that file cannot be read, or holds no certificate.
    pub(super) fn new(cacert: Option<&Path>) -> Result<Arc<Self>, SetupError> {
        Ok(Arc::new(Self {
            of_user: cacert.map_or(Ok(Vec::new()), certificates)?,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            verifier: OnceLock::new(),
        }))
    }

    /// How TLS is spoken with servers that these authorities vouch for.
    pub(super) fn tls(self: Arc<Self>) -> Result<ClientConfig, SetupError> {
        let mut tls = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| SetupError::Client(error.to_string()))?
            .dangerous() // what rustls calls every verifier that is not its own
            .with_custom_certificate_verifier(self)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(tls)
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    fn verifier(&self) -> Result<&Verifier, Error> {
        let read = || {
            let provider = Arc::clone(&self.provider);
            Verifier::new_with_extra_roots(self.of_user.iter().cloned(), provider)
        };
        self.verifier.get_or_init(read).as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let failed = |error: String| SetupError::Cacert(path.display().to_string(), error);
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for certificate in &found {
        store.add(certificate.clone()).map_err(|error| failed(error.to_string()))?;
    }
    Ok(found)
}
