"""From the clips of a corpus to records to train on."""
