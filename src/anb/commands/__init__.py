"""What the command `anb` does, one file a subject; `cli.py` is its face."""
