"""Records, wire codecs, topics, the terminal, replay and simulation: the left end of the flow."""
