"""Installs niki-tf: pip install -e . (add [test] or [benchmark] for the tools of development)."""

from setuptools import find_packages, setup

_EXPORT = ["tensorflow-serving-api>=2.20,<2.22", "ai-edge-litert>=2.3,<3"]

setup(
    name="niki-tf",
    version="0.1.0",
    description="Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras",
    python_requires=">=3.10",
    packages=find_packages(include=["niki_tf", "niki_tf.*"]),
    package_data={"niki_tf.body": ["mannequin.npz"]},
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "tensorflow-probability==0.25.*",
        "tf-keras>=2.20,<2.22",
        "keras>=3.12,<4",
        "numpy>=2.2",
        "h5py>=3.11",
        "absl-py>=2.1",
        "opencv-python-headless>=4.10",
        "tqdm>=4.66",
        "matplotlib>=3.8",
        "tensorboard>=2.20,<2.22",
        "setuptools",  # tensorflow-probability imports distutils, which Python itself dropped in 3.12
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "scipy>=1.11",
            "ruff>=0.6",
            *_EXPORT,
        ],
        "export": _EXPORT,
        "benchmark": ["scipy>=1.11"],
        "convert": ["torch>=2.2"],
        "prior": ["scikit-learn>=1.4"],
        "mannequin": ["scikit-image>=0.22", "scipy>=1.11"],
    },
)
