"""What a design costs: Verilog becomes a netlist, and the netlist figures.

The packages, of which each imports only those above it:

=========  =============================================================================
cache      addresses of what caches hold, folders in which it comes to be
metrics    the schema of results
library    Liberty files, cells, memories and their coefficients
sources    Verilog of the catalog, of a folder, of a git commit
tables     results as a terminal shows them
mapping    recipes, Yosys, the mapped netlist and its modules
timing     OpenSTA, corners, the critical path
power      activity and Liberty tables become watts
gates      the mapped netlist simulated gate by gate
equiv      the mapped netlist proven to be its RTL
flow       from a design to its figures: all of these, cached
fmax       the fastest clock, area against delay
compare    changes, gates for them, noise, ratios in several libraries
fpga       Yosys and nextpnr for an FPGA
report     pages and pictures of all results
sweep      grids over configurations; ``sweeps`` holds some
bench      how fast the flow is; units beside the best open RTL
=========  =============================================================================
"""
