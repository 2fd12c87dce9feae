"""LiteRT files (.tflite): a solver on a phone or in a Web page, by LiteRT's built-in operations alone."""

import tempfile

import tensorflow as tf

from niki_tf.export.signatures import module, signatures

QUANTIZE = ("none", "float16", "int8")
"""What weights can be stored as; all arithmetic but that of int8 matrix products is float32."""


def litert(solver, *, quantize="none", body=None):
    """The solver as the bytes of a .tflite file.

    The signatures are those of `signatures.signatures`, of any batch size, the weights shared among them. A solver with
    the exact finish (`refine`) solves equations by Cholesky's factorisation, which LiteRT does not have.

    Args:
        solver: a solver whose `refine` is 0.
        quantize: "none"; "float16", weights of half the size; or "int8", weights of a quarter of the size with one
            scale each, multiplied with activations whose scale is found as they come (dynamic range).
        body: `Body` for the signature `mesh`; the file then carries its arrays.

    Raises:
        ValueError: the quantisation is unknown, or the solver needs operations that LiteRT does not have.

    Example:
        >>> from niki_tf import body, export, solvers
        >>> solver = solvers.MLP(body.mannequin_skeleton(), hidden=16, layers=1)
        >>> export.litert(solver)[4:8]
        b'TFL3'
    """
    if quantize not in QUANTIZE:
        raise ValueError(f"`quantize` must be one of {', '.join(QUANTIZE)}; got {quantize!r}.")
    if solver.refine:
        raise ValueError(
            f"`solver` must have refine = 0 for LiteRT, which cannot factorise matrices; got {solver.refine}. Export the "
            "solver without its finish, or as a SavedModel."
        )
    found = signatures(solver, body=body)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module(solver, body=body), folder, signatures=found)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(found))
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()
