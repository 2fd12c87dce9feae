"""Reads PyTorch checkpoints as NumPy arrays, without running any code that they name."""

import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import archives
from niki_tf.convert import torch_pickles
from niki_tf.convert.torch_pickles import CURE

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which a checkpoint may hold the dictionary of tensors."""
_PARALLEL = "module."
"""What torch's DataParallel puts before all names."""
_DEEPEST = 3
"""Most dictionaries around that of the tensors."""


def load_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The tensors of a `.pth` file, name -> NumPy array; see `state_dict`.

    Read with `weights_only=True`: a file that names anything but tensors and plain containers is refused.

    Raises:
        ImportError: torch is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the file is broken, or is no checkpoint of tensors.
    """
    torch = _torch()
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"`path`: no checkpoint {path!r}.")
    torch_pickles.check(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # its text advises to run the code that the file names
        raise ValueError(f"{path}: no PyTorch file of tensors, or one that names other things; {CURE}") from None
    except Exception as error:  # a damaged file shows in a dozen kinds of error
        reason = f"{type(error).__name__}: {archives.in_a_line(error)}"
        raise ValueError(f"{path}: no whole PyTorch file ({reason}); {CURE}") from None
    try:
        return state_dict(content)
    except ValueError as error:
        raise ValueError(f"{path}: {archives.in_a_line(error)}") from None


def state_dict(content: Any) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint, name -> NumPy array; floats as float32.

    The dictionary of tensors may be an entry of another one, under "state_dict", "model_state_dict" or "model", and
    all names may start with "module." (torch's DataParallel).

    Args:
        content: dictionary of tensors (torch or NumPy), or one that holds it.

    Raises:
        ValueError: `content` is not such a dictionary.

    Example:
        >>> import numpy as np
        >>> from niki_tf import convert
        >>> convert.state_dict({"epoch": 3, "model": {"module.bias": np.zeros(2)}})
        {'bias': array([0., 0.], dtype=float32)}
    """
    content = _unwrapped(content)
    if not isinstance(content, dict) or not content:
        raise ValueError(f"`content` must be a dictionary of tensors; got {type(content).__name__}, or an empty one.")
    arrays = {str(name): _to_array(name, value) for name, value in content.items()}
    if all(name.startswith(_PARALLEL) for name in arrays):
        arrays = {name.removeprefix(_PARALLEL): array for name, array in arrays.items()}
    return arrays


def _unwrapped(content: Any) -> Any:
    """What is inside the dictionaries around that of the tensors; ValueError if there are too many."""
    for _ in range(_DEEPEST + 1):
        if not isinstance(content, Mapping):
            return content
        inside = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), None)
        if inside is None:
            return content
        content = inside
    raise ValueError(f"`content` must hold the tensors in at most {_DEEPEST} dictionaries; got more, or one in itself.")


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(
            'Reading a PyTorch checkpoint needs torch: pip install -e ".[convert]". The converted model does not.'
        ) from None
    return torch


def _to_array(name: Any, value: Any) -> np.ndarray:
    """A tensor or array as a NumPy array."""
    if hasattr(value, "is_floating_point"):
        try:
            value = _numbers(value)
        except (RuntimeError, TypeError, NotImplementedError, AttributeError) as error:
            reason = archives.in_a_line(error)
            raise ValueError(f"`{name}` must be a plain tensor of numbers; got another kind ({reason}).") from None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must be a tensor of numbers; got {type(value).__name__}.")
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def _numbers(tensor: Any) -> np.ndarray:
    """The array of a torch tensor; ValueError if it is larger than what is stored of it."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"a tensor of shape {tuple(tensor.shape)} of which less is stored; {CURE}")
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
