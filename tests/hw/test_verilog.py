"""Emitted Verilog and manifests."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from golden.errors import BadInput
from hw.catalog import CATALOG, select
from hw.verilog import emit, plain_names

ROOT = Path(__file__).parents[2]
SOME = ["int8_mac", "mxfp4_dot32", "mxfp8_e5m2_decoder"]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verilog")
    for design in select(*SOME):
        emit(design, folder)
    return folder


def test_names_are_unique_and_plain():
    names = [design.name for design in CATALOG]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_select():
    assert [d.name for d in select("int8_*")] == ["int8_mac", "int8_dot32"]
    assert [d.name for d in select("int8_mac", "int?_dot32")] == [
        "int8_mac", "int8_dot32", "int4_dot32",
    ]  # fmt: skip
    assert select() == list(CATALOG)
    with pytest.raises(BadInput, match="^design 'nope\\*' is not in the catalog; allowed: int8_m"):
        select("int8_mac", "nope*")


@pytest.mark.parametrize("name", SOME)
def test_the_manifest_describes_the_verilog(emitted, name):
    text = (emitted / f"{name}.v").read_text()
    manifest = json.loads((emitted / f"{name}.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    top = re.search(rf"^module {name}\((.*?)\);(.*?)^endmodule", text, re.S | re.M)
    ports = {port["name"]: port for port in manifest["ports"]}
    assert sorted(ports) == sorted(re.split(r",\s*", top[1]))
    for direction, width, port in re.findall(
        r"^  (input|output) (?:\[(\d+):0\] )?(\w+);$", top[2], re.M
    ):
        assert ports[port]["direction"] == direction.removesuffix("put")
        assert ports[port]["width"] == int(width or 0) + 1
    for stream in manifest["streams"]:
        offset = 0
        for field in stream["fields"]:
            assert field["offset"] == offset
            assert field["width"] == field["lanes"] * field["lane_width"]
            assert field["meaning"] and field["format"]["bits"] == field["lane_width"]
            offset += field["width"]
        assert offset == stream["width"] == ports[stream["payload"]]["width"]


def test_same_bytes_in_another_process_folder_and_hash_order(emitted, tmp_path):
    environment = dict(os.environ, PYTHONHASHSEED="4711", PYTHONPATH=str(ROOT), LANG="C")
    command = [sys.executable, "-m", "hw", "verilog", *reversed(SOME), "--output", "elsewhere"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    for name in SOME:
        for suffix in (".v", ".json"):
            file = f"{name}{suffix}"
            assert (tmp_path / "elsewhere" / file).read_bytes() == (emitted / file).read_bytes()


def test_an_unchanged_file_is_not_written_again(emitted):
    path = emitted / "int8_mac.v"
    before = path.stat().st_mtime_ns
    emit(select("int8_mac")[0], emitted)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", SOME)
def test_identifiers_need_no_escaping_and_no_path_shows(emitted, name):
    text = (emitted / f"{name}.v").read_text()
    assert "\\" not in text
    code = re.sub(r"^//.*$", "", text, flags=re.M)
    assert "/" not in code
    modules = re.findall(r"^module (\w+)", text, re.M)
    assert all(module.startswith(name) for module in modules)
    # The hierarchy is the block diagram: every stage is a module under its own name.
    stages = json.loads((emitted / f"{name}.json").read_text())["stages"]
    assert {f"{name}_{stage}" for stage in stages} <= set(modules)


def test_plain_names_keep_apart_what_was_apart():
    text = "\n".join(
        [
            r"module \top.a", r"  wire width 2 \x.y", r"  wire width 2 \x_y", r"  wire \x$y",
            r"  cell \top.b \c.d", "  end", "end", r"module \top.b", r"  wire \x.y", "end", "",
        ]
    )  # fmt: skip
    plain = plain_names(text)
    assert r"module \top_a" in plain and r"cell \top_b \c_d" in plain
    names = re.findall(r"wire .*?(\\\w+)$", plain, re.M)
    assert names == [r"\x_y_3", r"\x_y", r"\x_y_2", r"\x_y"]


def test_plain_names_of_ports_are_the_same_inside_and_outside():
    """Amaranth names a port by number where no signal of the module carries the value."""
    text = "\n".join(
        [
            r"module \top", r"  wire \x", r"  cell \top.b \c", r"    connect \port$3$0 \x", "  end",
            "end", r"module \top.b", r"  wire output 1 \port$3$0", "end", "",
        ]
    )  # fmt: skip
    plain = plain_names(text)
    assert r"connect \port_3_0 \x" in plain and r"wire output 1 \port_3_0" in plain
    assert "$" not in plain
