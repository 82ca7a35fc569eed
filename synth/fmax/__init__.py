"""The fastest clock of a design, and its area against delay."""
