"""The warnings of Verilator that are not errors here, each by name and with its reason.

They hold for lint and for simulation. Every other warning fails.
"""

WAIVERS: dict[str, str] = {}
