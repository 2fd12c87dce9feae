"""A million frames in constant memory by Keras's predict: python predict.py MODEL JOINTS.npy POSES.npy.

JOINTS.npy holds (N, 29, 3) metres and is read piece by piece, POSES.npy gets (N, 24, 3, 3) and is written so.
"""

import sys

import numpy as np

import niki_tf

PIECE = 65_536

folder, source, target = sys.argv[1:]
solver = niki_tf.load(folder)
joints = np.load(source, mmap_mode="r")
poses = np.lib.format.open_memmap(target, "w+", np.float32, (len(joints), 24, 3, 3))

for start in range(0, len(joints), PIECE):
    piece = joints[start : start + PIECE]
    answer = solver.predict({"joints": np.asarray(piece, np.float32)}, batch_size=1024, verbose=0)
    poses[start : start + PIECE, :1] = answer["global_orient"]
    poses[start : start + PIECE, 1:] = answer["body_pose"]
poses.flush()
print(f"{len(poses)} frames")
