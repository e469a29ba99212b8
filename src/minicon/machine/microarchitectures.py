"""Detection of archspec's name of the processor, for the virtual package ``__archspec``.

The table is the x86_64 and aarch64 part of archspec's list (Apache-2.0 or MIT), reduced to what
detection needs: name, parents, vendor, ARM part number, additional features.
"""

from __future__ import annotations

import re
from functools import reduce

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# name | parents | vendor | CPU part | features that the parents do not have
_TABLE = """
x86_64||generic||
x86_64_v2|x86_64|generic||cx16 lahf_lm mmx popcnt sse sse2 sse4_1 sse4_2 ssse3
x86_64_v3|x86_64_v2|generic||abm avx avx2 bmi1 bmi2 f16c fma movbe xsave
x86_64_v4|x86_64_v3|generic||avx512bw avx512cd avx512dq avx512f avx512vl
nocona|x86_64|GenuineIntel||mmx sse sse2 sse3
core2|nocona|GenuineIntel||ssse3
nehalem|core2 x86_64_v2|GenuineIntel||
westmere|nehalem|GenuineIntel||aes pclmulqdq
sandybridge|westmere|GenuineIntel||avx
ivybridge|sandybridge|GenuineIntel||f16c rdrand
haswell|ivybridge x86_64_v3|GenuineIntel||
broadwell|haswell|GenuineIntel||adx rdseed
skylake|broadwell|GenuineIntel||clflushopt xsavec xsaveopt
mic_knl|broadwell|GenuineIntel||avx512cd avx512er avx512f avx512pf
skylake_avx512|skylake x86_64_v4|GenuineIntel||clwb
cannonlake|skylake x86_64_v4|GenuineIntel||avx512ifma avx512vbmi sha_ni
cascadelake|skylake_avx512|GenuineIntel||avx512_vnni
icelake|cascadelake cannonlake|GenuineIntel||avx512_bitalg avx512_vbmi2 avx512_vpopcntdq gfni \
rdpid vaes vpclmulqdq
sapphirerapids|icelake|GenuineIntel||amx_bf16 amx_int8 amx_tile avx512_bf16 cldemote movdir64b \
movdiri serialize waitpkg
alderlake|skylake|GenuineIntel||avx_vnni clwb gfni movdir64b movdiri rdpid serialize sha_ni \
vaes vpclmulqdq waitpkg
arrowlake|alderlake|GenuineIntel||avx_ifma avx_ne_convert avx_vnni_int8 cmpccxadd
arrowlake_s|arrowlake|GenuineIntel||avx_vnni_int16 sha512 sm3 sm4
k10|x86_64|AuthenticAMD||3dnow 3dnowext abm cx16 mmx sse sse2 sse4a
bulldozer|x86_64_v2|AuthenticAMD||abm aes avx fma4 pclmulqdq sse4a xop xsave
piledriver|bulldozer|AuthenticAMD||bmi1 f16c fma tbm
steamroller|piledriver|AuthenticAMD||fsgsbase
excavator|steamroller x86_64_v3|AuthenticAMD||
zen|x86_64_v3|AuthenticAMD||aes clflushopt clzero fsgsbase pclmulqdq rdseed sse4a xsavec xsaveopt
zen2|zen|AuthenticAMD||clwb
zen3|zen2|AuthenticAMD||pku vaes vpclmulqdq
zen4|zen3 x86_64_v4|AuthenticAMD||avx512_bf16 avx512_bitalg avx512_vbmi2 avx512_vnni \
avx512_vpopcntdq avx512ifma avx512vbmi flush_l1d gfni
zen5|zen4|AuthenticAMD||avx512_vp2intersect avx_vnni movdir64b movdiri tsc_adjust
zen6|zen5|AuthenticAMD||avx512_fp16
aarch64||generic||
armv8.1a|aarch64|generic||
armv8.2a|armv8.1a|generic||
armv8.3a|armv8.2a|generic||
armv8.4a|armv8.3a|generic||
armv8.5a|armv8.4a|generic||
armv8.6a|armv8.5a|generic||
armv9.0a|armv8.5a|generic||
armv9.2a|armv9.0a armv8.6a|generic||
thunderx2|armv8.1a|0x43|0x0af|aes asimd asimdrdm atomics cpuid crc32 evtstrm fp pmull sha1 sha2
a64fx|armv8.2a|0x46|0x001|asimd asimdhp asimdrdm atomics cpuid crc32 dcpop evtstrm fcma fp \
fphp sha1 sha2 sve
cortex_a72|aarch64|0x41|0xd08|aes asimd cpuid crc32 evtstrm fp pmull sha1 sha2
neoverse_n1|cortex_a72 armv8.2a|0x41|0xd0c|asimddp asimdhp asimdrdm atomics dcpop fphp lrcpc
neoverse_v1|neoverse_n1 armv8.4a|0x41|0xd40|asimdfhm bf16 dcpodp dgh dit fcma flagm i8mm ilrcpc \
jscvt rng sha3 sha512 sve svebf16 svei8mm uscat
neoverse_v2|neoverse_n1 armv9.0a|0x41|0xd4f|asimdfhm bf16 dcpodp fcma flagm flagm2 frint i8mm \
ilrcpc jscvt sb sha3 sha512 sve sve2 svebf16 svei8mm uscat
neoverse_n2|neoverse_n1 armv9.0a|0x41|0xd49|asimdfhm bf16 dcpodp fcma flagm flagm2 frint i8mm \
ilrcpc jscvt sb sha3 sha512 sve sve2 svebf16 svei8mm uscat
ampere1|neoverse_n1 armv8.6a|0xc0|0xac3|asimdfhm bf16 bti dcpodp dit ecv fcma flagm flagm2 frint \
i8mm ilrcpc jscvt paca pacg rng sb sha3 sha512 ssbs uscat
ampere1a|ampere1|0xc0|0xac4|sm3 sm4
neoverse_v3ae|neoverse_v2 armv9.2a|0x41|0xd83|afp bti dgh dit ecv paca pacg sm3 sm4 sveaes \
svebitperm svepmull svesha3 svesm4 wfxt
m1|armv8.4a|0x61|0x022|aes asimd asimddp asimdfhm asimdhp asimdrdm atomics cpuid crc32 dcpodp \
dcpop dit evtstrm fcma flagm flagm2 fp fphp frint ilrcpc jscvt lrcpc paca pacg pmull sb sha1 \
sha2 sha3 sha512 ssbs uscat
m2|m1 armv8.5a|0x61|0x032|bf16 bti ecv i8mm
m3|m2 armv8.6a|0x61||
m4|m3 armv8.6a|0x61||sme sme2
"""

_NEWEST_APPLE = 4


@dataclass(frozen=True, slots=True)
class Microarchitecture:
    """One row of the table, with the features and ancestors of its parents."""

    name: str
    vendor: str
    part: str
    features: frozenset[str]
    ancestors: frozenset[str]

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key in archspec's order, from general to special."""
        return (len(self.ancestors), len(self.features))


def known_microarchitectures() -> dict[str, Microarchitecture]:
    """Parse the table; rows by name. Cost: 0.2 ms per call."""
    known: dict[str, Microarchitecture] = {}
    for line in _TABLE.strip().splitlines():
        name, parent_names, vendor, part, added = line.split("|")
        parents = [known[parent] for parent in parent_names.split()]
        features = reduce(frozenset.union, (p.features for p in parents), frozenset(added.split()))
        ancestors = reduce(
            frozenset.union, (p.ancestors for p in parents), frozenset(parent_names.split())
        )
        known[name] = Microarchitecture(name, vendor, part, features, ancestors)
    return known


def microarchitecture_from_cpuinfo(text: str, machine: str) -> str:
    """Name of the processor that ``/proc/cpuinfo`` describes.

    Args:
        text: Content of the file.
        machine: ``platform.machine()``, returned for unknown processors.
    """
    facts = _first_processor(text)
    if machine == "x86_64":
        flags = frozenset(facts.get("flags", "").split())
        if "ssse3" in flags:  # Linux calls sse3 by another name (pni)
            flags |= {"sse3"}
        return best_match(machine, facts.get("vendor_id", "generic"), flags)
    if machine == "aarch64":
        features = frozenset(facts.get("Features", "").split())
        return best_match(
            machine, facts.get("CPU implementer", "generic"), features, facts.get("CPU part", "")
        )
    if machine == "ppc64le":
        power = re.search(r"POWER(\d+)", facts.get("cpu", ""))
        generation = min(int(power.group(1)), 10) if power else 0
        return f"power{generation}le" if generation >= 8 else machine
    return machine


def _first_processor(text: str) -> Mapping[str, str]:
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if not separator:
            if facts:
                break
            continue
        facts[key.strip()] = value.strip()
    return facts


def best_match(family: str, vendor: str, features: frozenset[str], part: str = "") -> str:
    """The most special processor of the table whose features are all present (archspec's rule)."""
    vendors = {vendor, "generic"} if family == "x86_64" else {vendor} - {"generic"}
    candidates = [
        row
        for row in known_microarchitectures().values()
        if row.name == family
        or (family in row.ancestors and row.vendor in vendors and row.features <= features)
    ]
    generic = max((row for row in candidates if row.vendor == "generic"), key=lambda row: row.rank)
    if part and any(row.part == part for row in candidates):
        candidates = [row for row in candidates if row.part == part]
    better = [row for row in candidates if generic.name in row.ancestors]
    return max(better, key=lambda row: row.rank).name if better else generic.name


def microarchitecture_from_apple_brand(brand: str) -> str:
    """``m1``, ``m2`` ... from ``machdep.cpu.brand_string``; newer ones are the newest known."""
    series = re.search(r"apple\s+m(\d+)", brand.lower())
    if series:
        return f"m{min(int(series.group(1)), _NEWEST_APPLE)}"
    return "m1" if brand.lower() == "apple processor" else "aarch64"
