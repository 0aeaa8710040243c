"""An RSA key whose two primes lie next to each other: the modulus falls to Fermat's method in one step.

Use: close_primes.py > KEY
"""
import base64
import random


def is_prime(number):
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13))


def next_prime(number):
    number |= 1
    while not is_prime(number):
        number += 2
    return number


def der(tag, body):
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([0x82]) + length.to_bytes(2, "big")
    return bytes([tag]) + size + body


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


p = next_prime(random.getrandbits(1024) | 3 << 1022)
q = next_prime(p + 2)
e = 65537
d = pow(e, -1, (p - 1) * (q - 1))
numbers = [0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
text = base64.encodebytes(der(0x30, b"".join(map(integer, numbers)))).decode()
print(f"-----BEGIN RSA PRIVATE KEY-----\n{text}-----END RSA PRIVATE KEY-----")
