"""How fast the flow is, and units beside the best open RTL."""
