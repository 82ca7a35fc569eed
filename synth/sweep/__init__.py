"""Sweeps over the design space: ``python -m synth sweep FILE``."""
