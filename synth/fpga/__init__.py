"""Designs on FPGAs: what they use of a device, and how fast they are on it after routing."""
