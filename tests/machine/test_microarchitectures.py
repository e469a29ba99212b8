from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.machine.microarchitectures import (
    best_match,
    known_microarchitectures,
    microarchitecture_from_apple_brand,
    microarchitecture_from_cpuinfo,
)

KNOWN = known_microarchitectures()
X86 = sorted(name for name, row in KNOWN.items() if "x86_64" in row.ancestors)

V2 = "cx16 lahf_lm mmx popcnt sse sse2 sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"


def cpuinfo(vendor: str, flags: str) -> str:
    processor = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: X\nflags\t\t: {flags}\n"
    return f"{processor}\n{processor.replace(flags, 'other')}"


def test_levels_of_an_unknown_vendor() -> None:
    assert microarchitecture_from_cpuinfo(cpuinfo("HygonGenuine", V3), "x86_64") == "x86_64_v3"
    assert microarchitecture_from_cpuinfo(cpuinfo("X", "sse sse2"), "x86_64") == "x86_64"


def test_known_vendors() -> None:
    zen = "aes clflushopt clzero fsgsbase pclmulqdq rdseed sse4a xsavec xsaveopt"
    assert microarchitecture_from_cpuinfo(cpuinfo("AuthenticAMD", f"{V3} {zen}"), "x86_64") == "zen"
    haswell = "aes pclmulqdq rdrand"
    text = cpuinfo("GenuineIntel", f"{V3} {haswell}")
    assert microarchitecture_from_cpuinfo(text, "x86_64") == "haswell"


def test_arm_goes_by_part_number() -> None:
    features = (
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc"
    )
    text = (
        f"processor\t: 0\nFeatures\t: {features} dcpop asimddp ssbs\nCPU implementer\t: 0x41\n"
        "CPU part\t: 0xd0c\n"
    )
    assert microarchitecture_from_cpuinfo(text, "aarch64") == "neoverse_n1"
    assert microarchitecture_from_cpuinfo("Features : fp\n", "aarch64") == "aarch64"


def test_other_machines() -> None:
    assert microarchitecture_from_cpuinfo("cpu : POWER9, altivec\n", "ppc64le") == "power9le"
    assert microarchitecture_from_cpuinfo("", "ppc64le") == "ppc64le"
    assert microarchitecture_from_cpuinfo("", "riscv64") == "riscv64"
    assert microarchitecture_from_cpuinfo("", "x86_64") == "x86_64"


@pytest.mark.parametrize(
    ("brand", "name"),
    [("Apple M1 Pro", "m1"), ("Apple M9", "m4"), ("Apple processor", "m1"), ("Apple?", "aarch64")],
)
def test_apple(brand: str, name: str) -> None:
    assert microarchitecture_from_apple_brand(brand) == name


@given(st.sampled_from(X86))
def test_a_processor_with_exactly_its_features_is_itself_or_better(name: str) -> None:
    row = KNOWN[name]
    found = KNOWN[best_match("x86_64", row.vendor, row.features)]
    assert found.rank >= row.rank
    assert found.features <= row.features


@given(st.sets(st.sampled_from(sorted(KNOWN["zen5"].features | KNOWN["icelake"].features))))
def test_never_more_than_the_flags_say(flags: set[str]) -> None:
    for vendor in ("GenuineIntel", "AuthenticAMD", "other"):
        assert KNOWN[best_match("x86_64", vendor, frozenset(flags))].features <= flags
