"""Other brokers on which the public events are told too: one file for each, behind one port."""
