"""How the mannequin is made: fields, figure, remeshing, skinning, shapes. Build time only; the wheel has the result."""
