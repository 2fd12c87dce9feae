"""The player of moving bodies in a browser: what it plays, its scripts, and a page of its own."""
