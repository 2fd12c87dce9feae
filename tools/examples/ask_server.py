"""One question to TensorFlow Serving, by REST, in Python alone: python ask_server.py HOST:PORT MODEL JOINTS.npy."""

import json
import sys
import urllib.request

import numpy as np

address, model, source = sys.argv[1:]
joints = np.load(source)  # (N, 29, 3) metres

question = json.dumps({"signature_name": "ik", "inputs": {"joints": joints.tolist()}}).encode()
url = f"http://{address}/v1/models/{model}:predict"
try:
    with urllib.request.urlopen(url, question, timeout=60) as response:
        answer = json.load(response)["outputs"]
except OSError as error:
    sys.exit(f"{url} does not answer ({error}). Is the server running?")

pose = np.array(answer["body_pose"])  # (N, 23, 3, 3)
print(f"{sum(answer['valid'])} of {len(pose)} frames valid; first knee: {pose[0, 3].round(3).tolist()}")
