#!/usr/bin/env python3
"""``make doctor``: every tool, the version found, the version needed, the command that mends it.

Runs with any Python 3 and the standard library alone, because it is there for the moment when
nothing else works. Exit status 1 when something needed is missing or of another version. With
``--install`` it installs the missing Debian packages, where it may; with ``--install-tests`` those
that only tests need.
"""

import ctypes.util
import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
OSU018 = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
#: Commands: name, Debian package, arguments that print the version, least version, and why.
COMMANDS = (
    ("g++", "g++", ("--version",), (9,), "compiles simulations"),
    ("make", "make", ("--version",), (4,), "runs everything"),
    ("perl", "perl", ("-e", "printf '%vd', $^V"), (5,), "Verilator's driver is a Perl script"),
    ("iverilog", "iverilog", ("-V",), (11,), "runs the test bench of the worked example"),
    ("sta", "opensta", ("-version",), (2, 0, 17), "OpenSTA: timing"),
    ("dot", "graphviz", ("-V",), (2, 40), "draws the block diagrams of the report"),
)
#: The same of what only tests need.
TEST_COMMANDS = (("chromium", "chromium", ("--version",), (100,), "opens the report in a test"),)


def output(*command):
    """What a command prints, or else what it says on stderr; "" when it cannot be run."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        said = (text.decode(errors="replace").strip() for text in (result.stdout, result.stderr))
        return next(filter(None, said), "")
    except (OSError, subprocess.SubprocessError):
        return ""


def version(text):
    """The first dotted number in ``text`` as a tuple, () when there is none."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def dotted(numbers):
    return ".".join(str(number) for number in numbers)


def apt(package):
    sudo = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install {package}"


def commands(mends):
    """The commands without repetition, those of apt-get as one."""
    install, mends = apt(""), list(dict.fromkeys(mends))
    packages = [mend[len(install) :] for mend in mends if mend.startswith(install)]
    rest = [mend for mend in mends if not mend.startswith(install)]
    return ([install + " ".join(packages)] if packages else []) + rest


def python_rows():
    """The Python that runs this and its venv module."""
    need = (3, 11)
    found = sys.version_info[:3]
    yield "python", dotted(found), dotted(need) + " or newer", found >= need, apt("python3")
    try:
        import ensurepip  # noqa: F401  (Debian splits it off, and venv fails without it)
        import venv  # noqa: F401

        yield "python venv", "present", "present", True, ""
    except ImportError:
        yield "python venv", "-", "present", False, apt("python3-venv")
    # cocotb loads the interpreter into the simulator, which takes the shared library.
    library = libpython()
    yield "libpython", library or "-", "shared library", bool(library), apt("libpython3-dev")


def libpython():
    """The shared library of the Python that the simulator embeds, "" when there is none."""
    code = "import sysconfig as s; print(s.get_config_var('LIBDIR'), s.get_config_var('LDLIBRARY'))"
    python = venv_python()
    said = output(python, "-c", code).split() if python else []
    folder, name = (
        said
        if len(said) == 2
        else map(str, (sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDLIBRARY")))
    )
    if ".so" in name or ".dylib" in name:
        multiarch = str(sysconfig.get_config_var("MULTIARCH") or "")
        for place in (folder, os.path.join(folder, multiarch)):
            if glob.glob(os.path.join(place, name) + "*"):
                return name
    major, minor = sys.version_info[:2]
    return ctypes.util.find_library(f"python{major}.{minor}") or ""


def command_rows(wanted=COMMANDS):
    for name, package, arguments, need, why in wanted:
        path = shutil.which(name)
        found = version(output(path, *arguments)) if path else ()
        good = path is not None and found >= need
        needed = f"{dotted(need)} or newer ({why})"
        yield name, dotted(found) if path else "-", needed, good, apt(package)


def file_rows():
    present = os.path.isfile(OSU018)
    yield (
        "osu018 library",
        "present" if present else "-",
        "present (standard cells, 0.18 um)",
        present,
        apt("qflow-tech-osu018"),
    )
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    folder = output(venv_python(), "-c", code) if venv_python() else sysconfig.get_path("include")
    good = os.path.isfile(os.path.join(folder, "Python.h"))
    needed = "present (compiles SoftPosit)"
    yield "Python.h", "present" if good else "-", needed, good, apt("libpython3-dev")
    # Verilator's writer of FST waves compiles against these.
    for header, package in (("lz4.h", "liblz4-dev"), ("zlib.h", "zlib1g-dev")):
        good = os.path.isfile("/usr/include/" + header)
        needed = "present (waves of simulations)"
        yield header, "present" if good else "-", needed, good, apt(package)


def venv_python():
    path = os.path.join(VENV, "bin", "python")
    return path if os.access(path, os.X_OK) else ""


def pins():
    """(package, version) of every pin that `make` installs: the core and the extras of ``all``.

    Read by pattern and not by a TOML parser: tomllib needs Python 3.11, which may be what is amiss.
    """
    with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as file:
        text = re.sub(r"(?m)#.*$", "", file.read())
    extras = re.search(r'(?m)^all = \["[\w-]+\[([^\]]*)\]"\]', text).group(1).split(",")
    found = []
    for name in ["dependencies", *extras]:
        listed = re.search(r"(?ms)^" + name.strip() + r" = \[(.*?)\]", text).group(1)
        found += re.findall(r'"([A-Za-z0-9._-]+)==([^"]+)"', listed)
    return list(dict(found).items())


def package_rows():
    """What the project's .venv holds, against pyproject.toml."""
    python = venv_python()
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.metadata['Name'], d.version)"
    )
    lines = output(python, "-c", code).splitlines() if python else []
    normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()  # noqa: E731
    found = {normal(line.split()[0]): line.split()[1] for line in lines if len(line.split()) == 2}
    for name, need in pins():
        have = found.get(normal(name), "-")
        yield "  " + name, have, need, have == need, "make setup"


def install(rows):
    """Install the Debian packages that are missing, or say the line that would.

    The exit status is 0 either way: what does not need them goes on without.
    """
    mends = [mend for _, _, _, good, mend in rows if not good]
    if not mends:
        return 0
    (line,) = commands(mends)
    packages = line.split(" install ", 1)[1].split()
    root = os.geteuid() == 0
    sudo = shutil.which("sudo")
    allowed = root or (
        sudo and subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL) == 0
    )
    if not (shutil.which("apt-get") and allowed):
        print("not installed yet, and what needs them will fail; type:\n  " + line, flush=True)
        return 0
    print("installing " + " ".join(packages), flush=True)
    apt_get = [] if root else ["sudo", "-n"]
    apt_get += ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    log = subprocess.DEVNULL
    if subprocess.call([*apt_get, "update"], stdout=log) == 0:
        subprocess.call(
            [*apt_get, "install", "-y", "--no-install-recommends", *packages], stdout=log
        )
    return 0


def main():
    if sys.argv[1:] == ["--install"]:
        return install([*python_rows(), *command_rows(), *file_rows()])
    if sys.argv[1:] == ["--install-tests"]:
        return install([*command_rows(TEST_COMMANDS)])
    rows = [*python_rows(), *command_rows(), *command_rows(TEST_COMMANDS), *file_rows()]
    rows += package_rows()
    table = [("tool", "found", "needed", "")]
    for name, found, needed, good, mend in rows:
        table.append((name, found, needed, "ok" if good else "mend: " + mend))
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for row in table:
        cells = [row[column].ljust(widths[column]) for column in range(3)]
        print("  ".join([*cells, row[3]]).rstrip())
    missing = [row for row in rows if not row[3]]
    if missing:
        names = ", ".join(row[0].strip() for row in missing)
        print(f"\n{len(missing)} of {len(rows)} not as needed: {names}")
        for mend in commands(row[4] for row in missing):
            print("  " + mend)
        return 1
    print(f"\nall {len(rows)} as needed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
