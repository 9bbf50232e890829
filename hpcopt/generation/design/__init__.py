"""The initial design: the centre, then feasible scrambled Sobol points."""
