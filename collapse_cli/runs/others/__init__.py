"""How other people's checkpoints are read: from the bytes of a file to a network that fits them."""
