"""From Verilog to a mapped netlist: recipes, Yosys, and what it leaves."""
