"""Estimates from joints without learned weights: the trunk's frame, smoothing, Gauss-Newton steps, residuals."""
