"""Power of a mapped netlist: activity, Liberty tables, what is said of it."""
