"""Installs niki-tf: pip install -e . (add [test], [docs] or [benchmark] for the tools of development)."""

from setuptools import find_packages, setup

_EXPORT = ["tensorflow-serving-api>=2.20,<2.22", "ai-edge-litert>=2.3,<3"]
_SHIPPED = ("one_stage", "twist_swing", "temporal", "temporal_prior", "mlp", "joint_completion", "image_backbone")
"""The models whose weights a wheel carries, out of the top-level saved_models/."""

setup(
    name="niki-tf",
    version="0.2.0",
    description="Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras",
    python_requires=">=3.10",
    packages=[*find_packages(include=["niki_tf", "niki_tf.*"]), "niki_tf.saved_models"],
    package_dir={"niki_tf.saved_models": "saved_models"},
    package_data={
        "niki_tf": ["py.typed"],
        "niki_tf.body": ["mannequin.npz"],
        "niki_tf.fitting": ["expected_error.npz"],
        "niki_tf.player": ["*.js", "page.css"],
        "niki_tf.report": ["style.css"],
        "niki_tf.web": ["page/*"],
        "niki_tf.saved_models": ["SHA256SUMS", *(f"{name}/model.keras" for name in _SHIPPED)],
    },
    entry_points={"console_scripts": ["niki-tf = niki_tf.cli.main:main"]},
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "tensorflow-probability==0.25.*",
        "tf-keras>=2.20,<2.22",
        "keras>=3.12,<4",
        "numpy>=2.2,<3",
        "h5py>=3.11,<4",
        "absl-py>=2.1,<3",
        "opencv-python-headless>=4.10.0.84,<6",  # the first that goes with numpy 2
        "tqdm>=4.66,<5",
        "matplotlib>=3.9,<4",
        "tensorboard>=2.20,<2.22",
        "setuptools",  # tensorflow-probability imports distutils, which Python itself dropped in 3.12
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.6.1",
            "hypothesis>=6.112",
            "scipy>=1.14",
            "ruff>=0.6",
            "mypy>=1.11",
            "ezc3d>=1.6",
            "av>=14",
            "pillow>=10",
            *_EXPORT,
        ],
        "docs": ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.26"],
        "export": _EXPORT,
        "beam": ["apache-beam>=2.77,<3"],  # with protobuf below 7
        "benchmark": ["scipy>=1.14", "torch>=2.2"],
        "c3d": ["ezc3d>=1.6"],
        "convert": ["torch>=2.2"],
        "video": ["av>=14"],
        "image": [_EXPORT[1], "av>=14", "pillow>=10", "pillow-heif>=0.16"],
        "render": ["moderngl>=5.12"],
        "prior": ["scikit-learn>=1.4"],
        "view": ["viser>=1.0,<2"],
        "browser": ["playwright>=1.49"],  # tests of pages, in the Chromium that is installed
        "mannequin": ["scikit-image>=0.22", "scipy>=1.14"],
    },
)
