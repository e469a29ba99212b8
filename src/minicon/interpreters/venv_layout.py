"""Link to an interpreter that cannot be copied (layout ``venv``, PEP 405)."""

from __future__ import annotations

import os

from minicon.interpreters.host_index import site_packages
from minicon.interpreters.portable import SITE_PACKAGES_README, pyvenv_cfg
from minicon.interpreters.self_check import check_venv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.detect.interpreter_facts import InterpreterFacts
    from minicon.interpreters.package_writer import PackageWriter


def write_venv(facts: InterpreterFacts, writer: PackageWriter) -> None:
    """Fill a folder with links to an interpreter, as ``python -m venv --without-pip`` does.

    Nothing in it depends on the prefix, so that the package is as good as any environment.

    Raises:
        SelfCheckError: The linked interpreter does not work.
        FileError: The file system refused.
    """
    full = f"python{facts.minor}{'t' if facts.is_free_threaded else ''}"
    writer.add_link(f"bin/{full}", facts.executable)
    for name in dict.fromkeys((f"python{facts.minor}", "python3", "python")):
        if name != full:
            writer.add_link(f"bin/{name}", full)
    writer.add_file(f"{site_packages(facts)}/README.txt", SITE_PACKAGES_README)
    if "/lib64/" in facts.platstdlib:  # Fedora's platlibdir: compiled packages are sought there
        writer.add_link("lib64", "lib")
    text = pyvenv_cfg(os.path.dirname(facts.executable), facts.version)
    writer.add_file("pyvenv.cfg", text.encode())
    check_venv(writer.folder, facts)
