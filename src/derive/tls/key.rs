//! Keys that are no secret: because a package ships them, or because the public half gives the private one away.

use std::sync::LazyLock;

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey};
use num_bigint::BigUint;
use serde::Deserialize;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

/// The largest modulus that is worked on: larger ones cost more than they can tell.
const LARGEST_BITS: u64 = 16_384;
/// Small factors are looked for up to here.
const SMALL: u32 = 4096;
/// Steps of Fermat's way to factors that lie close together; more is for primes that were not chosen at random.
const FERMAT_STEPS: u32 = 100;
/// Private keys of elliptic curves that somebody would count up to.
const COUNTED: u8 = 16;

#[derive(Deserialize)]
struct Table {
    package: Vec<Package>,
}

/// A package and the SHA-256 digests of the public halves of its keys, in hex with spaces between.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    keys: String,
}

static PUBLISHED: LazyLock<Vec<Package>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/reference-published-keys.json"));
    let table: Result<Table, _> = serde_json::from_str(text);
    table.map(|table| table.package).unwrap_or_default()
});

/// The packages in which the private key of this digest (`sha256:…` of a SubjectPublicKeyInfo) lies.
pub(super) fn published_in(digest: &str) -> Vec<String> {
    let Some(hex) = digest.strip_prefix("sha256:") else { return Vec::new() };
    let holding = PUBLISHED.iter().filter(|package| package.keys.split_ascii_whitespace().any(|key| key == hex));
    holding.map(|package| format!("{} {}", package.name, package.version)).collect()
}

/// What lets anybody compute the private key, in words.
pub(super) fn flaws(info: &SubjectPublicKeyInfo<'_>) -> Vec<String> {
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => rsa_flaws(&rsa),
        Ok(PublicKey::EC(point)) => counted(point.data()).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn rsa_flaws(rsa: &RSAPublicKey<'_>) -> Vec<String> {
    let (modulus, exponent) = (BigUint::from_bytes_be(rsa.modulus), BigUint::from_bytes_be(rsa.exponent));
    if modulus.bits() > LARGEST_BITS || modulus.bits() < 8 {
        return Vec::new();
    }
    [of_exponent(&exponent), small_factor(&modulus), close_primes(&modulus), roca(&modulus)]
        .into_iter()
        .flatten()
        .collect()
}

/// RFC 8017 §3.1: odd, and at least 3.
fn of_exponent(exponent: &BigUint) -> Option<String> {
    let bad = !exponent.bit(0) || exponent < &BigUint::from(3_u8);
    bad.then(|| "the public exponent is even or less than 3".into())
}

fn small_factor(modulus: &BigUint) -> Option<String> {
    let factor = SMALL_PRIMES.iter().find(|prime| residue(modulus, **prime) == 0)?;
    Some(format!("the modulus can be divided by {factor}"))
}

/// Fermat: n = a² − b² with a just above the root of n, if the primes lie close together (CVE-2022-26320).
fn close_primes(modulus: &BigUint) -> Option<String> {
    if !modulus.bit(0) {
        return None;
    }
    let root = modulus.sqrt();
    let first = if &root * &root == *modulus { root } else { root + 1_u8 };
    let mut rest = &first * &first - modulus;
    for step in 0..FERMAT_STEPS {
        if is_square(&rest) {
            return Some("its two primes lie so close together that they are found at once (Fermat)".into());
        }
        // (a + 1)² − a² = 2a + 1.
        rest += (&first + step) * 2_u8 + 1_u8;
    }
    None
}

fn is_square(number: &BigUint) -> bool {
    // Squares leave few remainders: of a hundred numbers the root is drawn of one.
    let possible = |modulus: u32| {
        let remainder = residue(number, modulus);
        (0..modulus).any(|x| x * x % modulus == remainder)
    };
    [64, 63, 65, 11].into_iter().all(possible) && {
        let root = number.sqrt();
        &root * &root == *number
    }
}

/// CVE-2017-15361: primes of the form k·M + 65537^a mod M, M being a product of the first primes. Then the modulus is a power of
/// 65537 for every one of these primes, with one common exponent (Nemec et al., CCS 2017, §2). The primes up to 167 divide
/// every M that was used; a modulus of random primes passes with a chance below 2^-150.
fn roca(modulus: &BigUint) -> Option<String> {
    let mut known: Vec<(u32, u32)> = Vec::new();
    for prime in SMALL_PRIMES.iter().copied().take_while(|prime| *prime <= 167).filter(|prime| *prime > 2) {
        let (exponent, order) = logarithm(65_537 % prime, residue(modulus, prime), prime)?;
        if known.iter().any(|(e, o)| e % gcd(*o, order) != exponent % gcd(*o, order)) {
            return None;
        }
        known.push((exponent, order));
    }
    Some("it was made by a faulty library of Infineon and can be factored (ROCA, CVE-2017-15361)".into())
}

/// The exponent that takes `base` to `power` modulo a small prime, and the order of `base`.
fn logarithm(base: u32, power: u32, prime: u32) -> Option<(u32, u32)> {
    let mut found = None;
    let mut at = 1;
    for exponent in 0..prime {
        if at == power && found.is_none() {
            found = Some(exponent);
        }
        at = at * base % prime;
        if at == 1 {
            return found.map(|found| (found, exponent + 1));
        }
    }
    None
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn residue(number: &BigUint, prime: u32) -> u32 {
    (number % prime).iter_u32_digits().next().unwrap_or(0)
}

static SMALL_PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut primes: Vec<u32> = Vec::new();
    for candidate in 2..SMALL {
        if primes.iter().take_while(|prime| *prime * *prime <= candidate).all(|prime| candidate % prime != 0) {
            primes.push(candidate);
        }
    }
    primes
});

/// Points of the first private keys that one would count, as their x coordinates: the negative of a key has the same. Each curve is
/// worked out when the first key on it is seen.
static COUNTED_POINTS: [(usize, LazyLock<Vec<Vec<u8>>>); 3] = [
    (32, LazyLock::new(|| points(&ECDH_P256, 32))),
    (48, LazyLock::new(|| points(&ECDH_P384, 48))),
    (66, LazyLock::new(|| points(&ECDH_P521, 66))),
];

fn points(curve: &'static Algorithm, size: usize) -> Vec<Vec<u8>> {
    (1..=COUNTED).filter_map(|scalar| x_of(curve, size, scalar)).collect()
}

fn x_of(curve: &'static Algorithm, size: usize, scalar: u8) -> Option<Vec<u8>> {
    let mut private = vec![0; size];
    *private.last_mut()? = scalar;
    let public = PrivateKey::from_private_key(curve, &private).ok()?.compute_public_key().ok()?;
    public.as_ref().get(1..=size).map(<[u8]>::to_vec)
}

/// An uncompressed or compressed point (SEC 1 §2.3.3) of a key that is a small number.
fn counted(point: &[u8]) -> Option<String> {
    let x = match point.first()? {
        4 => point.get(1..)?.get(..(point.len() - 1) / 2)?,
        2 | 3 => point.get(1..)?,
        _ => return None,
    };
    let (_, points) = COUNTED_POINTS.iter().find(|(size, _)| *size == x.len())?;
    let at = points.iter().position(|known| known == x)?;
    Some(format!("the private key is the number {}", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> BigUint {
        text.parse().expect("a number")
    }

    /// Two primes of 512 bits that were drawn at random.
    const P: &str = "12131072439211271897323671531612440428472427633701410925634549312301964373042085619324197365322416866541017057361365214171711713797974299334871062829803541";
    const Q: &str = "12027524255478748885956220793734512128733387803682075433653899983955179850988797899869146900809131611153346817050832096022160146366346391812470987105415233";

    #[test]
    fn a_modulus_of_random_primes_has_no_flaw() {
        let modulus = number(P) * number(Q);
        for flaw in [small_factor(&modulus), close_primes(&modulus), roca(&modulus)] {
            assert_eq!(flaw, None);
        }
        assert_eq!(of_exponent(&number("65537")), None);
        assert_eq!(of_exponent(&number("3")), None);
    }

    #[test]
    fn exponents_that_hide_nothing_are_told() {
        for exponent in ["0", "1", "2", "65536"] {
            assert!(of_exponent(&number(exponent)).is_some(), "{exponent}");
        }
    }

    #[test]
    fn a_small_factor_is_named() {
        assert_eq!(small_factor(&(number(P) * 4093_u32)).as_deref(), Some("the modulus can be divided by 4093"));
        assert_eq!(small_factor(&(number(P) * 2_u32)).as_deref(), Some("the modulus can be divided by 2"));
    }

    #[test]
    fn primes_that_lie_close_together_are_told_and_others_are_not() {
        // What counts is their distance, not whether they are prime.
        let p = number(P);
        assert!(close_primes(&(&p * &p)).is_some());
        assert!(close_primes(&(&p * (&p + (BigUint::from(1_u8) << 200_u32)))).is_some());
        assert!(close_primes(&(&p * (&p + (BigUint::from(1_u8) << 400_u32)))).is_none());
    }

    #[test]
    fn a_modulus_of_the_faulty_library_is_told_from_one_that_is_off_by_two() {
        let primorial: BigUint =
            SMALL_PRIMES.iter().take_while(|prime| **prime <= 167).fold(BigUint::from(1_u8), |m, p| m * *p);
        let of =
            |exponent: u32, k: u32| &primorial * k + BigUint::from(65_537_u32).modpow(&exponent.into(), &primorial);
        let modulus = of(123_456, 77_777) * of(987_654, 88_888);
        assert!(roca(&modulus).is_some());
        assert_eq!(roca(&(&modulus + 2_u8)), None);
        // For every prime by itself a power of 65537, and not for all of them the same.
        assert_eq!(roca(&(of(123_456, 77_777) * 5_u8)), None);
    }

    #[test]
    fn a_private_key_that_is_a_small_number_is_told() {
        for (curve, size) in [(&ECDH_P256, 32), (&ECDH_P384, 48)] {
            let mut private = vec![0; size];
            private[size - 1] = 7;
            let public =
                PrivateKey::from_private_key(curve, &private).expect("a key").compute_public_key().expect("a point");
            assert_eq!(counted(public.as_ref()).as_deref(), Some("the private key is the number 7"));
            private[size - 2] = 1;
            let public =
                PrivateKey::from_private_key(curve, &private).expect("a key").compute_public_key().expect("a point");
            assert_eq!(counted(public.as_ref()), None);
        }
    }

    #[test]
    fn the_table_of_published_keys_can_be_read_and_has_digests_only() {
        let lines = include_str!("../../../checks/reference/published-keys.toml").matches("[[package]]").count();
        assert!(lines > 5);
        assert_eq!(PUBLISHED.len(), lines);
        let keys: Vec<&str> = PUBLISHED.iter().flat_map(|package| package.keys.split_ascii_whitespace()).collect();
        assert!(keys.len() > 100, "{}", keys.len());
        assert!(keys.iter().all(|key| key.len() == 64 && key.bytes().all(|c| c.is_ascii_hexdigit())));
        assert_eq!(published_in(&format!("sha256:{}", keys[0])).len(), 1);
        assert!(published_in("sha256:00").is_empty());
    }
}
