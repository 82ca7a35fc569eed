"""Paths and transition times of a mapped netlist: OpenSTA, corners, the critical path."""
