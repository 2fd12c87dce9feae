"""Anchors, the detector's numbers, suppression of doubles, and the way between picture and detector: made arrays."""

import numpy as np
import pytest

from niki_tf.vision import detection
from niki_tf.vision.detection import Detections


def test_anchors_lie_in_the_middle_of_cells():
    wanted = [
        ((x + 0.5) * stride / 224, (y + 0.5) * stride / 224)
        for stride, repeats in ((8, 2), (16, 2), (32, 6))
        for y in range(224 // stride)
        for x in range(224 // stride)
        for _ in range(repeats)
    ]
    np.testing.assert_allclose(detection.anchors(), wanted)
    assert len(wanted) == 2254


def test_numbers_are_relative_to_the_anchor_but_for_the_size():
    numbers, logits = np.zeros([2254, 12], np.float32), np.full(2254, -50.0)
    anchor = 2253  # the last of the coarsest grid: in the middle of a cell of 32 pixels
    numbers[anchor] = [1, 2, 20, 40, 3, 4, 5, 6, 7, 8, 9, 10]
    logits[anchor] = np.log(3)
    found = detection.decode(numbers, logits, least=0.5)
    middle = 224 - 16
    assert len(found) == 1
    np.testing.assert_allclose(found.scores, [0.75])
    np.testing.assert_allclose(found.boxes, [[middle + 1 - 10, middle + 2 - 20, middle + 1 + 10, middle + 2 + 20]])
    np.testing.assert_allclose(found.points[0], middle + np.array([[3, 4], [5, 6], [7, 8], [9, 10]]))
    assert len(detection.decode(numbers, logits, least=0.76)) == 0


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(detection.sigmoid(np.array([-1e9, 0.0, np.log(3), 1e9])), [0, 0.5, 0.75, 1], atol=1e-12)


def test_overlap_is_intersection_over_union():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[1.0, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6], [0, 0, 4, 1], [1, 1, 1, 1]])
    np.testing.assert_allclose(detection.overlap(box, others), [1 / 7, 1, 0, 2 / 6, 0])


def _detections(scores, lefts):
    boxes = np.array([[left, 0.0, left + 10.0, 10.0] for left in lefts])
    return Detections(np.array(scores), boxes, np.repeat(boxes[:, None, :2], 4, 1))


def test_one_detection_is_kept_for_each_person_the_best_first():
    found = _detections([0.6, 0.9, 0.3, 0.8], [0.0, 1.0, 2.0, 50.0])
    best = detection.suppress(found, most_overlap=0.3, blend=False)
    np.testing.assert_allclose(best.scores, [0.9, 0.8])
    np.testing.assert_allclose(best.boxes[:, 0], [1.0, 50.0])
    mean = detection.suppress(found, most_overlap=0.3, blend=True)
    np.testing.assert_allclose(mean.scores, [0.9, 0.8])
    np.testing.assert_allclose(mean.points[0, :, 0], (0.6 * 0 + 0.9 * 1 + 0.3 * 2) / 1.8)
    assert len(detection.suppress(found, most_overlap=0.9, blend=True)) == 4


def test_no_detections_stay_none():
    nothing = detection.joined([])
    assert len(detection.suppress(nothing, most_overlap=0.3, blend=True)) == 0
    assert nothing.points.shape == (0, 4, 2)


def test_a_box_without_area_is_still_one_person():
    point = Detections(np.array([0.9]), np.zeros([1, 4]), np.zeros([1, 4, 2]))
    assert len(detection.suppress(point, most_overlap=0.3, blend=False)) == 1


@pytest.mark.parametrize(("height", "width"), [(100, 300), (300, 100), (1, 1), (1, 2000), (224, 224)])
def test_the_detectors_picture_holds_the_tile_and_leads_back(height, width):
    picture = np.full([height + 7, width + 5, 3], 255, np.uint8)
    box = detection.letterbox(picture, np.array([5, 7, 5 + width, 7 + height]))
    assert box.image.shape == (224, 224, 3)
    lit = np.argwhere(box.image[..., 0] > 0.99)
    assert box.image.min() >= -1
    assert len(lit)
    corners = Detections(
        np.ones(1),
        np.array([[*lit.min(0)[::-1], *(lit.max(0)[::-1] + 1)]], float),
        np.repeat(box.margin[None, None].astype(float), 4, 1),
    )
    back = box.in_picture(corners)
    np.testing.assert_allclose(back.boxes, [[5, 7, 5 + width, 7 + height]], atol=1e-6)
    np.testing.assert_allclose(back.points[0], [[5, 7]] * 4)
