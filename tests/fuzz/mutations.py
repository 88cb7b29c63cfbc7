"""Damaged and hostile variants of files and texts, as a strategy of Hypothesis."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

MAX_BYTES = 2**20
"""Largest size of a mutant."""

NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
"""Numbers at which lengths, sizes and offsets go wrong."""

WORDS = [
    *(b"0", b"-1", b"1e999", b"nan", b"inf", b"0.5", b"65536", b"2147483648", b"1/0", b"9" * 5000, b"0x1p4"),
    *(b"null", b"true", b"[]", b"{}", b'""', b"[[1],[2]]", b"None", b"all", b"none"),
    *(b"../x", b"/dev/zero", b"~nouser/x", b"a" * 100_000, b"http://127.0.0.1:9/x", b"CON"),
    *(b"\0", b"\x1b[31m", b"\r\n\n", b"\xed\xa0\x80", b"\\ud800", "é\u202e\u2028".encode(), b"\xff\xfe", b"%s{0}"),
    *(b"[" * 50_000, b"{" * 50_000, b"(" * 50_000, b"a." * 50_000, b'"', b"'", b"#", b"=", b",", b":", b"*-+"),
]
"""Hostile words for texts and for names in files."""

WORD = re.compile(rb"-?[\w.]+")
"""A name or a number in a text."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def flip_bit(content: bytearray, at: int, random: Random) -> None:
    content[at] ^= 1 << random.randrange(8)


def write_number(content: bytearray, at: int, random: Random) -> None:
    """Replace bytes by a number of 1, 2, 4 or 8 bytes, in either byte order."""
    size, order = random.choice([1, 2, 4, 8]), random.choice(["big", "little"])
    content[at : at + size] = (random.choice(NUMBERS) % 256**size).to_bytes(size, order)


def cut(content: bytearray, at: int, random: Random) -> None:
    del content[at : at + random.randint(1, 64)]


def cut_end(content: bytearray, at: int, _random: Random) -> None:
    del content[at:]


def repeat(content: bytearray, at: int, random: Random) -> None:
    content[at:at] = content[at : at + random.randint(1, 64)] * random.choice([1, 2, 100, 10_000])


def insert_word(content: bytearray, at: int, random: Random) -> None:
    content[at:at] = random.choice(WORDS)


def replace_word(content: bytearray, at: int, random: Random) -> None:
    """Replace the next name or number of a text by a hostile word, or by another word of the same text."""
    word = WORD.search(content, at)
    if word:
        others = WORD.findall(content, 0, 10_000)
        content[word.start() : word.end()] = random.choice(random.choice([WORDS, others or WORDS]))


def replace_end(content: bytearray, at: int, random: Random, seeds: Sequence[bytes]) -> None:
    """Continue with the end of another seed."""
    other = random.choice(seeds)
    content[at:] = other[random.randrange(len(other)) :]


MUTATIONS = (flip_bit, write_number, cut, cut_end, repeat, insert_word, replace_word, replace_word)


def mutants(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy for seeds with one to five mutations.

    Each number in the list stands for one mutation, so Hypothesis finds out which of them a fault needs.
    """
    numbers = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5)
    return st.builds(lambda seed, numbers: mutated(seed, numbers, seeds), st.sampled_from(seeds), numbers)


def mutated(seed: bytes, numbers: Sequence[int], seeds: Sequence[bytes]) -> bytes:
    """Return a seed with the mutations that the numbers stand for.

    Half of the PNGs get right checksums again, so that the program reads on behind the check of the checksums.
    """
    content = bytearray(seed)
    for random in map(Random, numbers):
        if not content:
            break
        at = random.randrange(len(content))
        if random.random() < 0.05:
            replace_end(content, at, random, seeds)
        else:
            random.choice(MUTATIONS)(content, at, random)
        del content[MAX_BYTES:]
    return repaired_png(content) if content.startswith(PNG_SIGNATURE) and numbers[0] % 2 else bytes(content)


def repaired_png(content: bytearray) -> bytes:
    """Return a PNG with the right checksum of each chunk."""
    start = len(PNG_SIGNATURE)
    while start + 12 <= len(content):
        end = start + 8 + struct.unpack_from(">I", content, start)[0]
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[start + 4 : end]))
        start = end + 4
    return bytes(content)
