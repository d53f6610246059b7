"""The watching side: the live view of a run and what is left of it afterwards."""
