"""A photograph to MLServer, by REST, in Python alone: python send_picture.py HOST:PORT PHOTO.jpg [FOCAL_PIXELS]."""

import base64
import json
import pathlib
import sys
import urllib.error
import urllib.request

import numpy as np

address, photo, *focal = sys.argv[1:]
content = base64.b64encode(pathlib.Path(photo).read_bytes()).decode()

inputs = [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [content]}]
inputs += [{"name": "focal", "datatype": "FP32", "shape": [1], "data": [float(pixels)]} for pixels in focal]
url = f"http://{address}/v2/models/pictures/infer"
request = urllib.request.Request(url, json.dumps({"inputs": inputs}).encode(), {"Content-Type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=60) as response:
        outputs = json.load(response)["outputs"]
except urllib.error.HTTPError as error:
    sys.exit(f"{url}: {json.load(error)['error']}")
except OSError as error:
    sys.exit(f"{url} does not answer ({error}). Is the server running?")

people = {one["name"]: np.reshape(one["data"], one["shape"]) for one in outputs}
for number, place in enumerate(people["transl"]):
    print(f"person {number}: {place.round(2).tolist()} m; knee: {people['body_pose'][number, 3].round(3).tolist()}")
