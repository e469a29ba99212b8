"""Link to an interpreter that cannot be copied (layout ``venv``, PEP 405)."""

from __future__ import annotations

import os

from minicon.machine.host_packages.portable import ISOLATION, SITE_PACKAGES_README
from minicon.machine.host_packages.python_paths import command_name, site_packages
from minicon.machine.host_packages.self_check import check_venv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.machine.host_packages.package_writer import PackageWriter
    from minicon.machine.interpreters.facts import InterpreterFacts


def write_venv(facts: InterpreterFacts, writer: PackageWriter) -> None:
    """Fill a folder with links to an interpreter, as ``python -m venv --without-pip`` does.

    Nothing in it depends on the prefix, so that the package is as good as any environment.

    Raises:
        SelfCheckError: The linked interpreter does not work.
        FileError: The file system refused.
    """
    full = command_name(facts)
    writer.add_link(f"bin/{full}", facts.executable)
    for name in dict.fromkeys((f"python{facts.minor}", "python3", "python")):
        if name != full:
            writer.add_link(f"bin/{name}", full)
    writer.add_file(f"{site_packages(facts)}/README.txt", SITE_PACKAGES_README)
    if "/lib64/" in facts.platstdlib:  # Fedora's platlibdir: compiled packages are sought there
        writer.add_link("lib64", "lib")
    home = f"home = {os.path.dirname(facts.executable)}\nversion = {facts.version}\n"
    writer.add_file("pyvenv.cfg", os.fsencode(home) + ISOLATION)
    check_venv(writer.folder, facts)
