"""The programs: the only room of the package with flags and prints. `niki-tf solve`, or `python tools/solve.py`."""
