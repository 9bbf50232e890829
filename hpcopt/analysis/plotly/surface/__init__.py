"""Figures of the model's mean along parameters: slices and contours."""
