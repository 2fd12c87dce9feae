"""The viewer: motion, what it was solved from and how sure each joint is, as a page from a file or live."""
