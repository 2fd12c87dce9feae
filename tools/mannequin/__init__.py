"""Builds the mannequin: fields, figure, remeshing, skinning, shapes. The wheel contains only the resulting arrays."""
