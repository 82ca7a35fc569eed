"""Comparisons with constants, and the search for the greatest of many numbers."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Value

from .arith import named


def at_least(value: Value, constant: int) -> Value:
    """``value >= constant``, as few gates as the trailing zeros and ones of the constant allow."""
    if constant <= 0:
        return Const(1, 1)
    if constant >= 1 << len(value):
        return Const(0, 1)
    zeros = (constant & -constant).bit_length() - 1  # bits below the last one do not matter
    result: Value = value[zeros]
    for bit in range(zeros + 1, len(value)):
        result = value[bit] & result if constant >> bit & 1 else value[bit] | result
    return result


def greatest(m: Module, keys: list[Value], name: str, within: list[Value]) -> Value:
    """The greatest of those ``keys`` that are ``within``, or zero, found bit by bit from the top:
    a lane that lacks a bit which some lane in the running has is out."""
    running = within
    found = []
    for bit in reversed(range(len(keys[0]))):
        ones = [
            named(m, f"{name}_one{bit}_{k}", r & key[bit])
            for k, (r, key) in enumerate(zip(running, keys, strict=True))
        ]
        some = named(m, f"{name}_bit{bit}", Cat(ones).any())
        found.append(some)
        running = [
            named(m, f"{name}_in{bit}_{k}", one | (r & ~some))
            for k, (r, one) in enumerate(zip(running, ones, strict=True))
        ]
    return Cat(reversed(found))


def thermometer(m: Module, reached: list[Value], name: str) -> Value:
    """How many of ``reached`` hold, each of which holds only if all before it do."""
    bits = []
    for place in range(len(reached).bit_length()):
        step = 1 << place
        rows: list[Value] = []
        for k in range(step, len(reached) + 1, 2 * step):
            beyond = k + step
            rows.append(reached[k - 1] & (~reached[beyond - 1] if beyond <= len(reached) else 1))
        bits.append(Cat(rows).any())
    return named(m, name, Cat(bits))
