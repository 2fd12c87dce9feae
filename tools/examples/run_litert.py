"""One frame after another on LiteRT, without TensorFlow: python run_litert.py MODEL.tflite JOINTS.npy."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

path, source = sys.argv[1:]
ik = Interpreter(path, num_threads=1).get_signature_runner("ik")

for frame in np.load(source).astype(np.float32):  # (29, 3) metres
    answer = ik(joints=frame[None])
    knee = answer["body_pose"][0, 3]
    print(knee.round(3).tolist() if answer["valid"][0] else "not valid")
