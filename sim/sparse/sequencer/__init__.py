"""The sequencer with software, memory and units around it that do what they like."""
