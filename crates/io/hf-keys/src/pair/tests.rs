use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hf_dnssec::OwnedSet;
use hf_dnssec::window::Window;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

use super::*;

const EXAMPLE_COM: &[u8] = b"\x07example\x03com\0";

fn ed25519_of_seed(seed: &str, public: &str) -> KeyPair {
    let (seed, public) = (STANDARD.decode(seed).unwrap(), STANDARD.decode(public).unwrap());
    let (public, private) =
        KeyPair::ed25519(Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap());
    KeyPair::of(DnssecAlgorithm::Ed25519, public, private)
}

#[test]
fn ed25519_signs_as_in_rfc_8080_6_1() {
    for (seed, public, tag, signature) in [
        (
            "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
            "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            3613,
            "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
        ),
        (
            "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
            "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
            35217,
            "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
        ),
    ] {
        let pair = ed25519_of_seed(seed, public);
        assert_eq!(pair.key_tag(), tag);
        let set = OwnedSet::new(EXAMPLE_COM, 15, 3600, [&b"\0\x0a\x04mail\x07Example\x03com\0"[..]]);
        let window = Window { inception_s: 1_438_207_200, expiration_s: 1_440_021_600 };
        let rrsig = set.sign(EXAMPLE_COM, window, &pair).unwrap();
        assert_eq!(STANDARD.encode(&rrsig[18 + EXAMPLE_COM.len()..]), signature);
    }
}

/// Has the public key of another and keeps what it is to sign.
struct Listener(Vec<u8>, Mutex<Vec<u8>>);

impl Signer for Listener {
    fn algorithm(&self) -> DnssecAlgorithm {
        DnssecAlgorithm::EcdsaP256Sha256
    }
    fn public_key(&self) -> &[u8] {
        &self.0
    }
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed> {
        *self.1.lock().unwrap() = message.to_vec();
        Ok([0; SIGNATURE_BYTES])
    }
}

#[test]
fn what_rfc_6605_6_1_signed_is_what_we_would_sign() {
    let public = STANDARD
        .decode("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==")
        .unwrap();
    let listener = Listener(public.clone(), Mutex::default());
    let set = OwnedSet::new(b"\x03www\x07example\x03net\0", 1, 3600, [&[192, 0, 2, 1][..]]);
    let window = Window { inception_s: 1_281_607_479, expiration_s: 1_284_026_679 };
    set.sign(b"\x07example\x03net\0", window, &listener).unwrap();
    let signature = STANDARD
        .decode("qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==")
        .unwrap();
    let point = [&[4], public.as_slice()].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(&listener.1.lock().unwrap(), &signature).expect("the RFC's signature fits");
}

#[test]
fn made_keys_sign_and_come_back_from_their_seal() {
    let folder = tempfile::tempdir().unwrap();
    let seal = SealKey::open_or_make(&folder.path().join("seal.key")).unwrap();
    for algorithm in [DnssecAlgorithm::EcdsaP256Sha256, DnssecAlgorithm::Ed25519] {
        let pkcs8 = generate(algorithm).unwrap();
        let pair = KeyPair::from_pkcs8(algorithm, &pkcs8).unwrap();
        assert_eq!(pair.public_key().len(), rdata::public_key_len(algorithm));
        let sealed = seal_pair(&seal, "Example.test.", pair.key_tag(), &pkcs8);
        let open = |zone, tag| unseal_pair(&seal, zone, tag, algorithm, &sealed);
        let again = open("example.test.", pair.key_tag()).expect("it opens for its zone");
        assert!(open("other.test.", pair.key_tag()).is_none());
        assert!(open("example.test.", pair.key_tag() ^ 1).is_none());
        let signature = again.sign(b"message").unwrap();
        let verified = match algorithm {
            DnssecAlgorithm::EcdsaP256Sha256 => {
                let point = [&[4], pair.public_key()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(b"message", &signature)
            }
            DnssecAlgorithm::Ed25519 => {
                UnparsedPublicKey::new(&ED25519, pair.public_key()).verify(b"message", &signature)
            }
        };
        assert!(verified.is_ok(), "{algorithm}");
        assert!(!format!("{pair:?}").contains("private"));
    }
    let p256 = generate(DnssecAlgorithm::EcdsaP256Sha256).unwrap();
    assert!(KeyPair::from_pkcs8(DnssecAlgorithm::Ed25519, &p256).is_err());
}
