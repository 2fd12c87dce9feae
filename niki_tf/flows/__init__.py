"""Conditional normalizing flows: masks, conditioners, coupling bijectors, flow layers."""

from niki_tf.flows.conditioner import Conditioner
from niki_tf.flows.coupling import AffineCoupling
from niki_tf.flows.embedding_flow import EmbeddingFlow
from niki_tf.flows.flow import Flow
from niki_tf.flows.temporal_conditioner import TemporalConditioner
from niki_tf.flows.temporal_coupling import SPLITS, TemporalCoupling
from niki_tf.flows.temporal_flow import TemporalFlow
from niki_tf.flows.twist_composition import TwistComposition

__all__ = [
    "SPLITS",
    "AffineCoupling",
    "Conditioner",
    "EmbeddingFlow",
    "Flow",
    "TemporalConditioner",
    "TemporalCoupling",
    "TemporalFlow",
    "TwistComposition",
]
