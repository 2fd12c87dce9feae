"""What is measured, one protocol a module: clips and solvers in, rows of figures out."""
