"""How the mannequin is made: fields, figure, remeshing, skinning, shapes. Build time only; the wheel ships the result."""
