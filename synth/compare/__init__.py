"""What changed between two sets of figures, and what of it is more than noise."""
