"""Estimation from joints without learned weights: trunk frame, smoothing, Gauss-Newton refinement, residuals.

Import the modules themselves: `from niki_tf.fitting import gauss_newton`.
"""
