"""Conditional normalizing flows: masks, conditioners, the coupling bijector, the flow layer."""

from niki_tf.flows.conditioner import Conditioner
from niki_tf.flows.coupling import AffineCoupling
from niki_tf.flows.flow import Flow
from niki_tf.flows.twist_composition import TwistComposition

__all__ = ["AffineCoupling", "Conditioner", "Flow", "TwistComposition"]
