"""The C header: compilers take it, and its structs are the bytes that golden writes."""

import random
import shutil
import subprocess

import numpy as np
import pytest

from golden.sparse import registers
from golden.sparse.cpr import Cpr
from golden.sparse.descriptor import BYTES, FIELDS, encode
from golden.sparse.header import header
from golden.sparse.memory import cpr_bytes, parameter_bytes
from golden.sparse.registers import ERRORS, REGISTERS

COMPILERS = {
    "gcc": ["-xc", "-std=c11"],
    "g++": ["-xc++", "-std=c++11"],
}


@pytest.fixture(params=COMPILERS)
def compiled(request, tmp_path):
    """A function from the body of main() to what the program prints."""
    name = shutil.which(request.param)
    if name is None:
        pytest.skip(f"{request.param} is not installed")

    def run(body):
        (tmp_path / "spade.h").write_text(header())
        source = tmp_path / "main.c"
        source.write_text(
            '#include "spade.h"\n#include "spade.h"\n#include <stdio.h>\n#include <string.h>\n'
            f"int main(void) {{\n{body}\nreturn 0; }}\n"
        )
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        command = [name, *COMPILERS[request.param], *strict, "-o", str(tmp_path / "main")]
        subprocess.run([*command, str(source)], check=True)
        return subprocess.run([tmp_path / "main"], check=True, capture_output=True).stdout

    return run


def test_a_descriptor_in_c_has_the_bytes_of_golden(compiled):
    rng = random.Random(1)
    fields = {f.name: rng.randrange(1 << f.bits) for f in FIELDS}
    lines = [f"d.{name} = {value}ull;" for name, value in fields.items()]
    lines = ["struct spade_descriptor d;", "memset(&d, 0, sizeof d);", *lines]
    got = compiled("\n".join([*lines, "fwrite(&d, sizeof d, 1, stdout);"]))
    assert len(got) == BYTES
    assert got == encode(fields)


def test_the_other_structs_have_the_bytes_of_golden(compiled):
    active = Cpr.from_keys([1, 5, 6], (2, 4))
    head, entries = cpr_bytes(active, np.array([7, 8, 9]), (7, 2))
    parameters = parameter_bytes([-5], [40_000], [33], 1, 1)
    got = compiled(
        """
        struct spade_cpr c;
        struct spade_parameters p = {-5, 40000, 33, 0};
        uint32_t e = (SPADE_ENTRY_VALUE & (8u << 16)) | (SPADE_ENTRY_COLUMN & 1u);
        memset(&c, 0, sizeof c);
        c.count = 3; c.flags = SPADE_CPR_SELECTION; c.threshold = 7; c.ties = 2;
        fwrite(&c, sizeof c, 1, stdout);
        fwrite(&e, sizeof e, 1, stdout);
        fwrite(&p, sizeof p, 1, stdout);
        """
    )
    assert got == head[:64] + entries[4:8] + parameters


def test_registers_and_errors_in_c(compiled):
    words = [f"SPADE_REG_{register.name.upper()}" for register in REGISTERS]
    words += [f"SPADE_ERROR_{error.name.upper()}" for error in ERRORS]
    words += ["SPADE_REG_CONTROL_SOFT_RESET", "SPADE_REG_ERROR_LAYER", "SPADE_MEASURE_MAX_ABS"]
    got = compiled("".join(f'printf("%u ", (unsigned){word});\n' for word in words)).split()
    assert [int(word) for word in got] == [
        *(register.offset for register in REGISTERS),
        *(error.code for error in ERRORS),
        2,
        0xFFFF0000,
        1,
    ]


def test_fields_of_registers_do_not_overlap():
    names = [field.name for register in REGISTERS for field in register.fields]
    assert len(set(names)) == len(names)
    assert [register.offset for register in REGISTERS] == [4 * i for i in range(len(REGISTERS))]
    assert REGISTERS[-1].offset < 1 << registers.ADDRESS_BITS
    for register in REGISTERS:
        end = 0
        for field in register.fields:
            assert field.low >= end and field.access in registers.ACCESSES
            end = field.low + field.bits
        assert end <= 32
